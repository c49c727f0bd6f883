/**
 * Goal: what a new configuration touches is told, and what would orphan or misplace held data is refused.
 * Method: pairs of files, with and without a backlog.
 */
import { describe, expect, test } from 'vitest';
import { compareConfigs } from '../../main/config/config-change.ts';
import type { ConfigChange } from '../../main/config/config-change.ts';
import { configOf, SAMPLE } from './sample-config.ts';

const HELD = (): number => 4_096;
const EMPTY = (): number => 0;

function change(
  edit: (text: string) => string,
  backlogOf: (channel: string, sink: string) => number = EMPTY,
): ConfigChange {
  const edited = edit(SAMPLE);
  if (edited === SAMPLE) throw new Error('the edit changed nothing');
  return compareConfigs(configOf(SAMPLE), configOf(edited), backlogOf);
}

const renamedSink = (text: string): string => text.replace('  beijing:', '  tianjin:');
const renamedChannel = (text: string): string => text.replaceAll('disk', 'spool');
const otherCluster = (text: string): string =>
  text.replace('http://nn1:9870, http://nn2:9870', 'http://other:9870');
const directoryInstead = (text: string): string =>
  `${text.slice(0, text.indexOf('sinks:'))}sinks: { beijing: { type: directory, channel: disk, path: /data } }\n`;

describe('a change of the configuration', () => {
  test('the same is no change', () => {
    expect(compareConfigs(configOf(SAMPLE), configOf(`# a comment\n${SAMPLE}`), HELD)).toMatchObject({
      isEmpty: true,
      components: [],
      refused: [],
    });
  });

  test.each([
    [
      'a key of a source',
      (text: string) => text.replace('    channels: [disk]\n', '    channels: [disk]\n    batchSize: 5\n'),
      [{ kind: 'source', name: 'weblogs', change: 'changed', keys: ['batchSize'] }],
    ],
    [
      'an interceptor',
      (text: string) => text.replace('name: timestamp', 'name: time'),
      [{ kind: 'source', name: 'weblogs', change: 'changed', keys: ['interceptors'] }],
    ],
    [
      'a channel',
      (text: string) => text.replace('type: file', 'type: file, compression: none'),
      [{ kind: 'channel', name: 'disk', change: 'changed', keys: ['compression'] }],
    ],
    [
      'a name',
      renamedSink,
      [
        { kind: 'sink', name: 'beijing', change: 'removed', keys: [] },
        { kind: 'sink', name: 'tianjin', change: 'added', keys: [] },
      ],
    ],
  ])('%s is named, and nothing else', (_what, edit, expected) => {
    const found = change(edit);
    expect(found.components).toEqual(expected);
    expect(found).toMatchObject({ isEmpty: false, refused: [], sections: [], needsRestart: [] });
  });

  test('the gateway’s zone touches what uses it', () => {
    expect(
      change((text) => text.replace('Asia/Shanghai', 'UTC')).components.map(({ kind, keys }) => [kind, keys]),
    ).toEqual([
      ['source', ['interceptors']],
      ['sink', ['timeZone']],
    ]);
  });

  test('sections beside the flow, and what needs a restart', () => {
    expect(change((text) => `${text}alerts: { linkDown: 1s }\n`)).toMatchObject({
      sections: ['alerts'],
      components: [],
    });
    expect(change((text) => text.replace('id: gw-1', 'id: gw-1\n  stateDir: /elsewhere'))).toMatchObject({
      needsRestart: ['stateDir'],
      isEmpty: false,
    });
  });

  test.each([
    ['a sink renamed', renamedSink, 'sink', /4096 bytes wait/],
    ['a channel renamed', renamedChannel, 'channel', /still holds/],
    ['a sink pointed at another cluster', otherCluster, 'sink', /another sink/],
    ['a sink made a directory', directoryInstead, 'sink', /another sink/],
  ])('%s is refused while there is a backlog, and done without', (_what, edit, kind, reason) => {
    const refused = change(edit, HELD).refused;
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ kind });
    expect(refused[0]?.reason).toMatch(reason);
    expect(change(edit, EMPTY).refused).toEqual([]);
  });

  test('a sink moved to another channel is refused while its old channel holds data for it', () => {
    const two = SAMPLE.replace('channels: [disk]', 'channels: [disk, more]').replace(
      '  disk: { type: file }',
      '  disk: { type: file }\n  more: { type: file }',
    );
    const [before, after] = [
      configOf(`${two}  second: { type: directory, channel: more, path: /d }\n`),
      configOf(
        `${two.replace('channel: disk', 'channel: more')}  second: { type: directory, channel: disk, path: /d }\n`,
      ),
    ];
    const asked: string[] = [];
    const found = compareConfigs(
      before,
      after,
      (channel, sink) => (asked.push(`${channel}/${sink}`), sink === 'beijing' ? 1 : 0),
    );
    expect(asked).toEqual(
      ['disk/beijing', 'more/second', 'disk/beijing', 'more/second'].slice(0, asked.length),
    );
    expect(found.refused).toMatchObject([{ kind: 'sink', name: 'beijing' }]);
  });

  test('a NameNode of the same pair replaced is the same cluster', () => {
    expect(change((text) => text.replace('http://nn2:9870', 'http://nn3:9870'), HELD).refused).toEqual([]);
  });

  test('another gateway id is always refused', () => {
    expect(change((text) => text.replace('gw-1', 'gw-2'), EMPTY).refused).toMatchObject([
      { kind: 'gateway' },
    ]);
  });

  test('a new path under a backlog is done, and it is said that the backlog keeps the old one', () => {
    const edit = (text: string): string => text.replace('/logs/', '/new/');
    expect(change(edit, HELD)).toMatchObject({
      refused: [],
      notes: [expect.stringMatching(/keeps the directories/)],
    });
    expect(change(edit, EMPTY).notes).toEqual([]);
  });
});
