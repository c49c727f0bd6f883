/**
 * Goal: a secret of the configuration is never shown: not by `config show`, not in problems, not in errors or their JSON.
 * Method: secrets by every way into the file (literal, variable, file), in good files and in files broken at every place.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readConfigText, usableConfig } from '../../main/config/config-file.ts';
import type { LoadedConfig } from '../../main/config/config-file.ts';
import {
  blankSecrets,
  plainProblems,
  renderEffective,
  renderProblems,
} from '../../main/config/config-render.ts';
import { toErrorReport } from '../../shared/errors.ts';
import { sampleWith } from './sample-config.ts';

const LITERAL = 'hunter2-literal';
const BY_VARIABLE = 'hunter2-variable';
const BY_FILE = 'hunter2-file';
const folder = mkdtempSync(join(tmpdir(), 'headgate-secret-'));
writeFileSync(join(folder, 'pw'), `${BY_FILE}\n`);
afterAll(() => rmSync(folder, { recursive: true }));

const withSecurity = (security: string): string =>
  sampleWith('    kafka.topics: [www]\n', `    kafka.topics: [www]\n    security: ${security}\n`);
const PLACES = [
  `{ sasl: { mechanism: plain, username: gw, password: ${LITERAL} }, tls: { passphrase: '${LITERAL}' } }`,
  '{ sasl: { mechanism: plain, username: gw, password: ${env:PW} }, tls: {} }',
  '{ sasl: { mechanism: plain, username: gw, password: ${file:pw} }, tls: {} }',
  '{ sasl: { mechanism: plain, username: gw, password: "a${env:PW}b" }, tls: {} }',
  `\n      sasl:\n        mechanism: plain\n        username: gw\n        password: >-\n          ${LITERAL}\n      tls: {}`,
];

function keysOf(text: string): number {
  return [...text.matchAll(/(?<![\w])(?:password|passphrase):/g)].length;
}

function load(text: string): LoadedConfig {
  return readConfigText(text, {
    path: join(folder, 'headgate.yaml'),
    environment: { PW: BY_VARIABLE },
    defaultStateDir: '/state',
  });
}

function everythingShown(loaded: LoadedConfig): string {
  let report = '';
  try {
    usableConfig(loaded);
  } catch (error) {
    report = JSON.stringify(toErrorReport(error)) + String(error);
  }
  const { config: _config, text: _text, ...rest } = loaded;
  return [
    renderEffective(loaded),
    renderProblems(loaded),
    JSON.stringify(plainProblems(loaded.problems)),
    JSON.stringify(rest.effective),
    report,
  ].join('\n');
}

describe('secrets stay inside', () => {
  test.each(PLACES)('of a good file: %s', (security) => {
    const loaded = load(withSecurity(security));
    expect(loaded.config, JSON.stringify(loaded.problems)).toBeDefined();
    expect(JSON.stringify(loaded.config)).toContain('hunter2');
    expect(everythingShown(loaded)).not.toContain('hunter2');
  });

  test('a reference is shown as it is written', () => {
    expect(renderEffective(load(withSecurity(PLACES[2] ?? '')))).toContain('password: ${file:pw}');
    expect(renderEffective(load(withSecurity(PLACES[0] ?? '')))).toContain("password: '***'");
  });

  test.each(PLACES)('of a file broken at any place after the secret, or in it: %s', (security) => {
    const text = withSecurity(security);
    const start = text.indexOf('security:');
    for (let cut = start; cut < text.indexOf('    interceptors'); cut++) {
      for (const broken of [
        text.slice(0, cut) + text.slice(cut + 1),
        `${text.slice(0, cut)}\t"${text.slice(cut)}`,
        `${text.slice(0, cut)}: [${text.slice(cut)}`,
      ]) {
        const shown = everythingShown(load(broken));
        expect(shown.includes(BY_VARIABLE) || shown.includes(BY_FILE), broken).toBe(false);
        // A cut inside the key or its colon makes another key of it: then a literal is no password to anybody.
        const isKeyWhole = keysOf(broken) === keysOf(text);
        if (isKeyWhole) expect(shown, broken).not.toContain('hunter2');
      }
    }
  });

  test('a secret in the wrong place is not repeated by the message about that place', () => {
    for (const reference of ['${env:PW}', '${file:pw}']) {
      for (const place of [
        'gw-1',
        'Asia/Shanghai',
        '[kafka1:9092]',
        '[www]',
        '[disk]',
        '{ type: file }',
        '/logs/%{topic}/%Y-%m-%d/%H',
        '[http://nn1:9870, http://nn2:9870]',
        'hdfs\n',
      ]) {
        const shown = everythingShown(
          load(sampleWith(place, place === 'hdfs\n' ? `${reference}\n` : reference)),
        );
        expect(shown).not.toContain('hunter2');
      }
    }
  });

  test('literal secrets are blanked in the shown lines, with the columns kept', () => {
    const text =
      'a: 1\npassword: topsecret # why\nnested: { sasl_password: "x y", b: 2 }\nreference: { password: ${env:PW} }\n';
    const blanked = blankSecrets(text);
    expect(blanked).not.toContain('topsecret');
    expect(blanked).not.toContain('x y');
    expect(blanked).toContain('${env:PW}');
    expect(blanked.length).toBe(text.length);
  });
});
