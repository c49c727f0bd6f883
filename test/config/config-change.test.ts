/**
 * Goal: what a new configuration touches is told, and what would orphan or misplace held data is refused.
 * Method: pairs of files, with and without a backlog.
 */
import { describe, expect, test } from 'vitest';
import { compareConfigs } from '../../main/config/config-change.ts';
import type { ConfigChange } from '../../main/config/config-change.ts';
import { NOTHING_HELD, type HeldClaims, type Holdings } from '../../shared/model/holdings.ts';
import { configOf, SAMPLE } from './sample-config.ts';

const HELD: Holdings = { chunks: [{ channel: 'disk', sink: 'beijing', storedBytes: 4_096 }], claims: [] };

function change(edit: (text: string) => string, holdings: Holdings = NOTHING_HELD): ConfigChange {
  const edited = edit(SAMPLE);
  if (edited === SAMPLE) throw new Error('the edit changed nothing');
  return compareConfigs(configOf(SAMPLE), configOf(edited), holdings);
}

const renamedSink = (text: string): string => text.replace('  beijing:', '  tianjin:');
const renamedChannel = (text: string): string => text.replaceAll('disk', 'spool');
const renamedSource = (text: string): string => text.replace('  weblogs:', '  www:');
/** Its channel stays, for the sake of another source. */
const otherChannel = (text: string): string =>
  `${text
    .replace('channels: [disk]', 'channels: [more]')
    .replace('  disk: { type: file }', '  disk: { type: file }\n  more: { type: file }')
    .replace(
      '\nchannels:',
      '\n  lines: { type: files, directory: /in, channels: [disk] }\nchannels:',
    )}  second: { type: directory, channel: more, path: /d }\n`;
const claimed = (changes: Partial<HeldClaims>): Holdings => ({
  chunks: [],
  claims: [{ channel: 'disk', source: 'weblogs', events: 7, ...changes }],
});
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
    expect(change(edit).refused).toEqual([]);
  });

  test.each([
    [
      'its channel renamed',
      renamedChannel,
      'channel',
      'disk',
      /7 events of it are still to be pulled again from the source "weblogs"/,
    ],
    ['its source renamed', renamedSource, 'source', 'weblogs', /7 events .* pulled again from it$/],
    ['its source fed into another channel', otherChannel, 'source', 'weblogs', /no longer feed/],
  ])('%s is refused while there are open claims, and done without', (_what, edit, kind, name, reason) => {
    const { refused } = change(edit, claimed({}));
    expect(refused).toHaveLength(1);
    expect(refused[0]).toMatchObject({ kind, name, hint: expect.stringContaining('channel skip') as string });
    expect(refused[0]?.reason).toMatch(reason);
    expect(change(edit).refused).toEqual([]);
  });

  test('claims of a source that was gone before keep nothing from being changed', () => {
    const claims = claimed({ source: 'long-gone' });
    expect(
      change(
        (text) => text.replace('    channels: [disk]\n', '    channels: [disk]\n    batchSize: 5\n'),
        claims,
      ).refused,
    ).toEqual([]);
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
    const found = compareConfigs(before, after, HELD);
    expect(found.refused).toMatchObject([{ kind: 'sink', name: 'beijing' }]);
  });

  test('a NameNode of the same pair replaced is the same cluster', () => {
    expect(change((text) => text.replace('http://nn2:9870', 'http://nn3:9870'), HELD).refused).toEqual([]);
  });

  test('another gateway id is always refused', () => {
    expect(change((text) => text.replace('gw-1', 'gw-2')).refused).toMatchObject([{ kind: 'gateway' }]);
  });

  test('a new path under a backlog is done, and it is said that the backlog keeps the old one', () => {
    const edit = (text: string): string => text.replace('/logs/', '/new/');
    expect(change(edit, HELD)).toMatchObject({
      refused: [],
      notes: [expect.stringMatching(/keeps the directories/)],
    });
    expect(change(edit).notes).toEqual([]);
  });
});
