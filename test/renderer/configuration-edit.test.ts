/**
 * Goal: a form's change of a YAML text is that change and nothing else. Method: known texts with the exact result; and properties over a
 * file with every layout: the result reads as what was meant, and no comment and no other line is lost.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  appendItem,
  removeValue,
  setValue,
  swapWithNext,
} from '../../renderer/pages/configuration/yaml-edit.ts';
import { parseText, valueAt, type ConfigPath } from '../../renderer/pages/configuration/yaml-text.ts';

const FILE = `# The gateway of the east.
gateway:
  id: shanghai-east-2   # goes into file names
  timeZone: Asia/Shanghai

sources:
  weblogs:
    type: kafka
    kafka.bootstrap.servers: [kafka1:9092, kafka2:9092]
    kafka.topics:
      - www   # the shop
      - api
    security: { sasl: { mechanism: plain, username: gw, password: \${file:/etc/kafka.pw} } }
    interceptors:
      # The event's own time.
      - type: regex_extractor
        regex: '\\[([^\\]]+)\\]'
        serializers: [{ type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }]
      - { type: host, useIP: false }
      - type: static # where
        key: site
        value: xian
    channels: [disk]

channels:
  disk: { type: file, capacityBytes: 20GiB }

sinks:
  beijing:
    type: hdfs
    channel: disk
    hdfs.path: /logs/%{topic}/%Y
    # Files of this size are good for the NameNode.
    hdfs.rollSize: 128MiB
alerts:
  # none of our own
`;

function lineChanges(after: string): { readonly gone: string[]; readonly come: string[] } {
  const [old, fresh] = [FILE.split('\n'), after.split('\n')];
  return {
    gone: old.filter((line) => !fresh.includes(line)),
    come: fresh.filter((line) => !old.includes(line)),
  };
}

describe('a value is set', () => {
  test('one that is there: its line alone changes, and keeps its comment', () => {
    expect(lineChanges(setValue(FILE, ['gateway', 'id'], 'xian-1'))).toEqual({
      gone: ['  id: shanghai-east-2   # goes into file names'],
      come: ['  id: xian-1   # goes into file names'],
    });
  });

  test('a new key of a block map stands at its end', () => {
    const after = setValue(FILE, ['sinks', 'beijing', 'hdfs.permission'], '644');
    expect(lineChanges(after)).toEqual({ gone: [], come: ["    hdfs.permission: '644'"] });
    expect(after).toContain("    hdfs.rollSize: 128MiB\n    hdfs.permission: '644'\nalerts:");
  });

  test('a new key of a map on one line stays on that line', () => {
    expect(lineChanges(setValue(FILE, ['channels', 'disk', 'compression'], 'zstd')).come).toEqual([
      '  disk: { type: file, capacityBytes: 20GiB, compression: zstd }',
    ]);
  });

  test('a section that says nothing yet, and one that is not there', () => {
    expect(lineChanges(setValue(FILE, ['alerts', 'backlogBytes'], '5GiB'))).toEqual({
      gone: [],
      come: ['  backlogBytes: 5GiB'],
    });
    expect(lineChanges(setValue(FILE, ['console', 'listen'], '127.0.0.1:8642'))).toEqual({
      gone: [],
      come: ['console:', '  listen: 127.0.0.1:8642'],
    });
  });

  test('beside a reference, which stays as it is written', () => {
    const after = setValue(FILE, ['sources', 'weblogs', 'security', 'sasl', 'username'], 'other');
    expect(after).toContain('{ mechanism: plain, username: other, password: ${file:/etc/kafka.pw} }');
    expect(setValue(FILE, ['sources', 'weblogs', 'security', 'sasl', 'password'], '${env:PW}')).toContain(
      'password: ${env:PW} }',
    );
  });

  test('a new component is written as a block', () => {
    expect(lineChanges(setValue(FILE, ['sinks', 'local'], { type: 'directory', channel: 'disk' }))).toEqual({
      gone: [],
      come: ['  local:', '    type: directory'],
    });
  });
});

describe('lists', () => {
  test('an item is added, taken away and moved with its comment', () => {
    const topics: ConfigPath = ['sources', 'weblogs', 'kafka.topics'];
    expect(lineChanges(appendItem(FILE, topics, 'orders'))).toEqual({ gone: [], come: ['      - orders'] });
    expect(lineChanges(removeValue(FILE, [...topics, 0]))).toEqual({
      gone: ['      - www   # the shop'],
      come: [],
    });
    expect(appendItem(FILE, ['sources', 'weblogs', 'channels'], 'mirror')).toContain(
      'channels: [disk, mirror]',
    );
  });

  test('interceptors change places, whatever their layout', () => {
    const path: ConfigPath = ['sources', 'weblogs', 'interceptors'];
    const after = swapWithNext(FILE, path, 0);
    expect(parseText(after).tree).toEqual({
      ...parseText(FILE).tree,
      sources: { weblogs: expect.objectContaining({ interceptors: swapped() }) as unknown },
    });
    expect(after).toContain("      # The event's own time.");
    expect(lineChanges(after)).toEqual({ gone: [], come: [] });

    function swapped(): unknown[] {
      const [first, second, ...rest] = valueAt(parseText(FILE).tree, path) as unknown[];
      return [second, first, ...rest];
    }
  });
});

describe('a key is taken away', () => {
  test('with its line, and with a map that is empty without it', () => {
    expect(lineChanges(removeValue(FILE, ['sinks', 'beijing', 'hdfs.rollSize']))).toEqual({
      gone: ['    hdfs.rollSize: 128MiB'],
      come: [],
    });
    const withAlert = setValue(FILE, ['alerts', 'backlogBytes'], '5GiB');
    expect(parseText(removeValue(withAlert, ['alerts', 'backlogBytes'])).tree).not.toHaveProperty('alerts');
  });
});

describe('any change', () => {
  const paths: readonly ConfigPath[] = [
    ['gateway', 'id'],
    ['gateway', 'stateDir'],
    ['sources', 'weblogs', 'kafka.topics', 0],
    ['sources', 'weblogs', 'startAt'],
    ['sources', 'weblogs', 'kafka.bootstrap.servers', 1],
    ['sources', 'weblogs', 'security', 'sasl', 'password'],
    ['sources', 'weblogs', 'security', 'tls', 'ca'],
    ['sources', 'weblogs', 'interceptors', 0, 'regex'],
    ['sources', 'weblogs', 'interceptors', 0, 'serializers', 0, 'timeZone'],
    ['sources', 'weblogs', 'interceptors', 1, 'preserveExisting'],
    ['sources', 'weblogs', 'interceptors', 2, 'value'],
    ['channels', 'disk', 'compression'],
    ['sinks', 'beijing', 'hdfs.path'],
    ['alerts', 'linkDown'],
    ['metrics', 'listen'],
  ];
  const comments = FILE.match(/#.*/g) ?? [];

  test('of any text reads as what was meant, and keeps every comment', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...paths),
        fc.oneof(fc.string({ maxLength: 30 }), fc.integer(), fc.boolean()),
        (path, value) => {
          const after = setValue(FILE, path, value);
          expect(valueAt(parseText(after).tree, path)).toEqual(value);
          for (const comment of comments) expect(after).toContain(comment);
          const others = paths.filter(
            (other) => other !== path && valueAt(parseText(FILE).tree, other) !== undefined,
          );
          for (const other of others)
            expect(valueAt(parseText(after).tree, other)).toEqual(valueAt(parseText(FILE).tree, other));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('and one that is taken back leaves the file as it was', () => {
    const added = paths.filter(
      (path) => valueAt(parseText(FILE).tree, path) === undefined && path[0] !== 'alerts',
    );
    for (const path of added) expect(removeValue(setValue(FILE, path, 'x'), path)).toBe(FILE);
  });
});
