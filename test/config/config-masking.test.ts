/**
 * Goal: no text that is shown holds a written-out secret, and a shown text that comes back gives every secret back. Method: the
 * ways in which YAML can write a value, in good files and files broken at every place; property tests over secrets, styles and places.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { keptSecrets, maskText, restoreText } from '../../main/config/config-secret.ts';
import { readConfigText } from '../../main/config/config-file.ts';
import { parseConfigText, writtenTree } from '../../main/config/config-text.ts';
import { diffText } from '../../main/config/masked-lines.ts';
import { SECRET_KEPT } from '../../shared/contract/control-config.ts';
import { SAMPLE, sampleWith } from './sample-config.ts';

const seed = Number(process.env['HEADGATE_SEED'] ?? Date.now() % 2 ** 31);
console.log(`config-masking: seed ${seed}`);

const SECRET = 'hunter2-secret';
const withSecurity = (security: string): string =>
  sampleWith('    kafka.topics: [www]\n', `    kafka.topics: [www]\n    security: ${security}\n`);

const STYLES: readonly string[] = [
  `{ sasl: { mechanism: plain, username: gw, password: ${SECRET} } }`,
  `{ sasl: { mechanism: plain, username: gw, password: '${SECRET}' }, tls: { passphrase: "${SECRET}" } }`,
  `\n      sasl:\n        mechanism: plain # of ours\n        password: ${SECRET} # keep this comment\n        username: gw`,
  `\n      sasl:\n        username: gw\n        password: >-\n          ${SECRET}\n          more\n        mechanism: plain`,
  `\n      sasl:\n        username: gw\n        password: |\n          ${SECRET}\n\n        mechanism: plain`,
  `\n      sasl:\n        username: gw\n        password: "${SECRET}\n          folded"\n        mechanism: plain`,
  `{ sasl: { mechanism: plain, username: gw, password: 'a\${env:PW}${SECRET}' } }`,
];

describe('a text that is shown', () => {
  test.each(STYLES)(
    'has no secret, is the same tree otherwise, and comes back byte for byte: %s',
    (security) => {
      const base = withSecurity(security);
      const { text } = maskText(base);
      expect(text).not.toContain('hunter2');
      expect(text).toContain(`'${SECRET_KEPT}'`);
      expect(parseConfigText(text).problems).toEqual([]);
      expect(restoreText(text, base)).toBe(base);
    },
  );

  test('keeps references readable', () => {
    const base = withSecurity('{ sasl: { mechanism: plain, username: gw, password: ${file:pw} } }');
    expect(maskText(base).text).toBe(base);
  });

  test('keeps what only sounds like a secret: component names, patterns', () => {
    const base = SAMPLE.replaceAll('weblogs', 'passwords-and-tokens');
    expect(maskText(base).text).toBe(base);
  });

  test('hides secrets in comments, in addresses and in keys without a space', () => {
    const base = sampleWith(
      'sources:\n',
      `# password: ${SECRET}\n# it was ${SECRET}x before\nsources: # token=${SECRET}\n`,
    )
      .replace('kafka1:9092', `"http://me:${SECRET}@kafka1:9092"`)
      .concat(`extra: { password:${SECRET} }\n`);
    const { text } = maskText(base);
    expect(text.replace('# it was hunter2-secretx before', '')).not.toContain('hunter2');
    expect(text).toContain(`# password: ${SECRET_KEPT}`);
    const back = restoreText(text, base);
    for (const line of base.split('\n').filter((one) => one.startsWith('#'))) expect(back).toContain(line);
  });

  test('a known secret is hidden in a comment too', () => {
    const base = `# the old one was ${SECRET}, ask Li\n${withSecurity(STYLES[0] ?? '')}`;
    expect(maskText(base).text).not.toContain('hunter2');
    expect(restoreText(maskText(base).text, base)).toBe(base);
  });

  test.each(STYLES)('that is broken at any place after the secret’s key shows none: %s', (security) => {
    const text = withSecurity(security);
    const keys = (one: string): number => [...one.matchAll(/(?<!\w)(?:password|passphrase):/g)].length;
    for (let cut = text.indexOf('security:'); cut < text.indexOf('    interceptors'); cut++) {
      for (const broken of [
        text.slice(0, cut) + text.slice(cut + 1),
        `${text.slice(0, cut)}\t"${text.slice(cut)}`,
        `${text.slice(0, cut)}: [${text.slice(cut)}`,
      ])
        // A cut inside the key or its colon makes another key of it: then a literal is no password to anybody.
        if (keys(broken) === keys(text)) expect(maskText(broken).text, broken).not.toContain('hunter2');
    }
  });
});

const anySecret = fc.oneof(
  fc.string({ minLength: 1, maxLength: 30, unit: 'grapheme' }),
  fc.string({ minLength: 1, maxLength: 30, unit: fc.constantFrom(...`'"\\#:{}[],&*!|>%@\` \n-?${'$'}ab1`) }),
);
const isOrdinary = (secret: string): boolean =>
  secret.trim() !== '' && !secret.includes('\r') && !/\$\{(?:env|file):/.test(secret);

describe('whatever the secret is', () => {
  test('it is not shown, it survives an edit around it, and the value that is run is the same', () => {
    fc.assert(
      fc.property(
        anySecret.filter(isOrdinary),
        fc.constantFrom('PLAIN', 'QUOTE_SINGLE', 'QUOTE_DOUBLE', 'BLOCK_LITERAL', 'BLOCK_FOLDED'),
        fc.constantFrom('comment', 'moved', 'flow'),
        (secret, style, edit) => {
          const marked = `Q${secret}Q`;
          const tree = { sasl: { mechanism: 'plain', username: 'gw', password: marked } };
          const yaml = stringify(
            { security: tree },
            { defaultStringType: style as 'PLAIN', defaultKeyType: 'PLAIN' },
          );
          const base = sampleWith(
            '    kafka.topics: [www]\n',
            `    kafka.topics: [www]\n${yaml.replace(/^(?=.)/gm, '    ')}`,
          );
          if (parseConfigText(base).problems.length > 0) return;
          const value = (text: string): unknown => {
            const sources = writtenTree(parseConfigText(text))['sources'] as Record<string, unknown>;
            const { security } = sources['weblogs'] as { security: typeof tree };
            return security.sasl.password;
          };
          const shown = maskText(base).text;
          expect(shown).not.toContain(marked.trim());
          const edited =
            edit === 'comment'
              ? `# edited\n${shown}`
              : edit === 'moved'
                ? shown.replace(/^( +)username:/m, '$1# moved\n$1username:')
                : shown.replace(
                    /\n {4}security:\n(?: {6}.*\n)+/,
                    `\n    security: { sasl: { password: '${SECRET_KEPT}', username: gw, mechanism: plain } }\n`,
                  );
          const restored = restoreText(edited, base);
          expect(value(restored)).toBe(value(base));
          expect(parseConfigText(restored).problems).toEqual([]);
        },
      ),
      { seed, numRuns: 300 },
    );
  });

  test('whatever the text is, masking answers, and again gives the same', () => {
    const pieces = fc.constantFrom(
      ...[
        'password: ',
        SECRET,
        '\n',
        '  ',
        '{ ',
        ' }',
        '"',
        "'",
        '# ',
        '- ',
        ': ',
        '|',
        '>-\n',
        'a',
        '\t',
        '[',
        '*',
        '${env:A}',
      ],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const text = parts.join('');
        const once = maskText(text).text;
        restoreText(once, text);
        expect(maskText(once).text.includes(SECRET) && !once.includes(SECRET)).toBe(false);
      }),
      { seed, numRuns: 1_000 },
    );
  });
});

test.each(['a', 'pass', 'password', 'http', '://', 'token.', '# secret ', '"', "password: '"])(
  'a hostile line of nothing but %s takes no longer than its length',
  (word) => {
    const before = process.threadCpuUsage();
    for (const text of [word.repeat(100_000 / word.length), `# ${word.repeat(100_000 / word.length)}`]) {
      const { text: shown } = maskText(text);
      restoreText(shown, text);
    }
    const { user, system } = process.threadCpuUsage(before);
    // With the square of the length it would be minutes.
    expect((user + system) / 1e6).toBeLessThan(5);
  },
);

test('what is too long for a configuration is not shown at all', () => {
  expect(maskText(`${SAMPLE}# ${'x'.repeat(300_000)}`).text).toBe('');
});

describe('a mark', () => {
  const base = withSecurity(STYLES[0] ?? '');
  const read = (text: string) =>
    readConfigText(text, { path: '/x/headgate.yaml', defaultStateDir: '/state', kept: keptSecrets(base) });

  test('stands for the secret at its path: the configuration is the base’s', () => {
    const plain = readConfigText(base, { path: '/x/headgate.yaml', defaultStateDir: '/state' });
    expect(read(maskText(base).text).config).toEqual(plain.config);
  });

  test('where the base has no secret is an error at its line and column', () => {
    const text = maskText(base).text.replace('username: gw', `username: '${SECRET_KEPT}'`);
    const { config, problems } = read(text);
    expect(config).toBeUndefined();
    const line = text.split('\n').findIndex((one) => one.includes('security:'));
    expect(problems.filter(({ severity }) => severity === 'error')).toMatchObject([
      { severity: 'error', line: line + 1, column: (text.split('\n')[line] ?? '').indexOf("'*") + 1 },
    ]);
    expect(problems.at(-1)?.message).toMatch(/no secret is kept for this place/);
  });

  test('under a renamed source is an error, not somebody else’s secret', () => {
    const { problems } = read(maskText(base).text.replace('weblogs:', 'renamed:'));
    expect(problems.map(({ message }) => message).join()).toMatch(/no secret is kept/);
  });

  test('does not move what else is wrong in the text', () => {
    const text = maskText(base).text.replace('channels: [disk]', 'channells: [disk]');
    const at = text.split('\n').findIndex((one) => one.includes('channells'));
    expect(read(text).problems).toContainEqual(
      expect.objectContaining({ line: at + 1, column: 5, severity: 'error' }),
    );
  });

  test('that is kept is no difference; a secret that is exchanged is one, and is not shown', () => {
    const other = maskText(base).text.replace(`'${SECRET_KEPT}'`, 'another-hunter2');
    const kept = diffText(maskText(base).text, base);
    expect(kept.keys).toEqual(diffText(base, undefined).keys);
    const exchanged = diffText(other, base);
    expect(exchanged.lines).toEqual(kept.lines);
    expect(exchanged.keys.filter((key, at) => key !== kept.keys[at])).toHaveLength(1);
    expect(JSON.stringify(exchanged)).not.toContain('hunter2');
  });
});
