/** Goal: what the configuration page works out by itself. Method: known texts with known answers; properties of the merge. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keysAt, valueFactAt } from '../../renderer/pages/configuration/config-keys.ts';
import { holdsSecret } from '../../renderer/pages/configuration/draft-store.ts';
import { channelNames, completionAt } from '../../renderer/pages/configuration/key-completion.ts';
import { mergeLines } from '../../renderer/pages/configuration/three-way-merge.ts';
import { sampleOf } from '../../renderer/pages/configuration/try-sample.ts';
import { pathOfLine } from '../../renderer/pages/configuration/yaml-place.ts';
import { foldedLines } from '../../renderer/widgets/diff-folds.ts';

const words = { describe: () => '', required: 'required', defaultIs: (value: string) => `default: ${value}` };

/** The text with the cursor at `|`. */
function offered(marked: string): readonly string[] {
  const offset = marked.indexOf('|');
  const found = completionAt(marked.replace('|', ''), offset, words);
  return found?.options.map(({ label }) => label) ?? [];
}

const SOURCES = `sources:
  weblogs:
    type: kafka
    kafka.topics: [www]
    interceptors:
      - type: regex_extractor
        regex: x
      - type: host
`;

describe('the schema as the page reads it', () => {
  test('a type picks the keys, those that must be first; refused and ignored ones are not offered', () => {
    const keys = keysAt(['sinks', 'x'], (path) => (path.at(-1) === 'type' ? 'hdfs' : undefined));
    expect(keys[0]).toMatchObject({ key: 'channel', isRequired: true });
    expect(keys.map(({ key }) => key)).toEqual(expect.arrayContaining(['hdfs.path', 'hdfs.rollSize']));
    expect(keys.map(({ key }) => key)).not.toEqual(expect.arrayContaining(['hdfs.kerberosKeytab']));
    expect(keysAt(['sinks', 'x'], () => undefined)).toEqual([]);
  });

  test('values have kinds and defaults, secrets are marked', () => {
    const kafka = keysAt(['sources', 'x'], (path) => (path.at(-1) === 'type' ? 'kafka' : undefined));
    const kindOf = (name: string) => kafka.find(({ key }) => key === name);
    expect(kindOf('batchDurationMillis')).toMatchObject({
      fallback: '1s',
      value: { of: { kind: 'duration', bareUnit: 'ms' } },
    });
    expect(kindOf('setTopicHeader')).toMatchObject({ value: { of: { kind: 'flag' } } });
    expect(kindOf('kafka.bootstrap.servers')).toMatchObject({ value: { of: { kind: 'texts' } } });
    expect(kindOf('kafka.consumer.isolation.level')).toMatchObject({
      value: { of: { words: ['read_committed'] } },
    });
    const sasl = keysAt(['sources', 'x', 'security', 'sasl'], (path) =>
      path.at(-1) === 'type' ? 'kafka' : undefined,
    );
    expect(sasl.find(({ key }) => key === 'password')?.isSecret).toBe(true);
    expect(valueFactAt(['sources', 'x'], () => undefined)).toEqual({
      kind: 'variants',
      types: ['kafka', 'files'],
    });
  });
});

describe('completion', () => {
  test('sections at the root, keys of the type in a component, without those that are there', () => {
    expect([...offered('gateway:\n  id: a\n|')].sort()).toEqual([
      'alerts',
      'channels',
      'console',
      'metrics',
      'sinkgroups',
      'sinks',
      'sources',
    ]);
    const keys = offered(SOURCES.replace('    interceptors', '    batch|\n    interceptors'));
    expect(keys).toContain('batchSize');
    expect(keys).not.toContain('kafka.topics');
    expect(keys).not.toContain('directory');
  });

  test('keys of a list’s item, and the words of a value', () => {
    expect(offered(`${SOURCES}        use|`)).toEqual(expect.arrayContaining(['useIP', 'hostHeader']));
    expect(offered('channels:\n  disk:\n    type: file\n    compression: |')).toEqual([
      'none',
      'zstd',
      'gzip',
    ]);
    expect(
      offered('channels:\n  disk: { type: file }\n  mirror:\n    type: file\nsinks:\n  a:\n    channel: |'),
    ).toEqual(['disk', 'mirror']);
    expect(offered('# a comment |')).toEqual([]);
  });

  test('names of channels are read off their lines', () => {
    expect(
      channelNames('channels:\n  disk:\n    type: file\n\n  # two\n  b: { type: file }\nsinks:\n  x:\n'),
    ).toEqual(['disk', 'b']);
  });
});

describe('the cursor in the text', () => {
  test('tells the path of its line, list places included', () => {
    const lines = SOURCES.split('\n');
    const at = (text: string) => pathOfLine(SOURCES, lines.findIndex((line) => line.includes(text)) + 1);
    expect(at('kafka.topics')).toEqual(['sources', 'weblogs', 'kafka.topics']);
    expect(at('regex: x')).toEqual(['sources', 'weblogs', 'interceptors', 0, 'regex']);
    expect(at('type: host')).toEqual(['sources', 'weblogs', 'interceptors', 1, 'type']);
  });
});

describe('two edits of one text', () => {
  const line = fc.constantFrom('a', 'b', 'c', 'd: 1', '');
  const text = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));

  test('in different places both stand; in the same place ours does, and is counted', () => {
    expect(mergeLines('a\nb\nc\nd\ne', 'A\nb\nc\nd\ne', 'a\nb\nc\nd\nE')).toEqual({
      text: 'A\nb\nc\nd\nE',
      overlaps: 0,
    });
    expect(mergeLines('a\nb\nc', 'a\nX\nc', 'a\nY\nc')).toEqual({ text: 'a\nY\nc', overlaps: 1 });
    expect(mergeLines('a\nb\nc', 'a\nX\nc', 'a\nX\nc')).toEqual({ text: 'a\nX\nc', overlaps: 0 });
    expect(mergeLines('a\nb', 'a\nb\ntheirs', 'ours\na\nb')).toEqual({
      text: 'ours\na\nb\ntheirs',
      overlaps: 0,
    });
  });

  test('who did not edit loses nothing, whichever side that is', () => {
    fc.assert(
      fc.property(text, text, (base, edited) => {
        expect(mergeLines(base, edited, base)).toEqual({ text: edited, overlaps: 0 });
        expect(mergeLines(base, base, edited)).toEqual({ text: edited, overlaps: 0 });
        expect(mergeLines(base, edited, edited)).toEqual({ text: edited, overlaps: 0 });
      }),
    );
  });
});

describe('what is kept in the browser', () => {
  test('no text with a secret that is written out', () => {
    expect(holdsSecret("    password: '********'")).toBe(false);
    expect(holdsSecret('sasl: { username: gw, password: ${file:/etc/headgate/kafka.pw} }')).toBe(false);
    expect(holdsSecret('sasl: { username: gw, password: "${env:PW}" } # kept')).toBe(false);
    expect(holdsSecret('    password: hunter2')).toBe(true);
    expect(holdsSecret('sasl: { password: hunter2 }')).toBe(true);
    expect(holdsSecret('    passphrase: |\n      secret words')).toBe(true);
    expect(holdsSecret('hdfs.httpfs: http://me:word@gw:14000')).toBe(true);
    expect(holdsSecret('gateway:\n  id: a')).toBe(false);
  });
});

describe('samples and folds', () => {
  test('a sample is asked for only when it is whole', () => {
    const input = {
      source: 's',
      kind: 'topic',
      topic: '',
      last: 10,
      landingKeyId: undefined,
      reason: '',
      linesTopic: '',
      lines: '',
    } as const;
    expect(sampleOf(input)).toEqual({ kind: 'topic', last: 10 });
    expect(sampleOf({ ...input, last: 0 })).toBeUndefined();
    expect(sampleOf({ ...input, kind: 'backlog' })).toBeUndefined();
    expect(sampleOf({ ...input, kind: 'lines', linesTopic: 'www', lines: 'a\n\nb\r\n' })).toEqual({
      kind: 'lines',
      topic: 'www',
      lines: ['a', 'b'],
    });
  });

  test('only long stretches without a change are folded, and open again', () => {
    const same = (text: string) => ({ kind: 'same' as const, text });
    const lines = [
      ...Array.from({ length: 20 }, (_, at) => same(String(at))),
      { kind: 'added' as const, text: 'x' },
    ];
    const [fold, ...shown] = foldedLines(lines, new Set());
    expect(fold).toEqual({ kind: 'fold', from: 0, count: 16 });
    expect(shown).toHaveLength(5);
    expect(foldedLines(lines, new Set([0]))).toHaveLength(21);
  });
});
