/**
 * Goal: a group of sinks is taken only when a file of it would be the same whoever lands it; each thing that speaks against it is named
 * where it stands; and no change of groups leaves a backlog that nobody lands.
 * Method: the sample with a second sink and a group, and one thing wrong at a time.
 */
import { describe, expect, test } from 'vitest';
import { compareConfigs } from '../../main/config/config-change.ts';
import type { Holdings } from '../../shared/model/holdings.ts';
import { configOf, load, SAMPLE } from './sample-config.ts';

const FAR = `  far:
    type: hdfs
    channel: disk
    hdfs.namenodes: [http://far1:9870]
    hdfs.path: /logs/%{topic}/%Y-%m-%d/%H
`;
const GROUP = `sinkgroups:
  hadoop:
    sinks: [beijing, far]
    processor.type: failover
`;
const PAIR = `${SAMPLE}${FAR}${GROUP}`;

describe('a group of sinks', () => {
  test('gives its sinks their places, the highest priority first', () => {
    const plain = configOf(PAIR);
    expect(plain.sinks['beijing']?.group).toEqual({
      ...{ name: 'hadoop', processor: 'failover', rank: 0, listedAt: 0, maxPenaltyMs: 30_000 },
    });
    const turned = configOf(`${PAIR}    processor.priority.far: 7\n    processor.maxpenalty: 5000\n`);
    expect(turned.sinks['far']?.group).toMatchObject({ rank: 0, listedAt: 1, maxPenaltyMs: 5_000 });
    expect(turned.sinks['beijing']?.group).toMatchObject({ rank: 1, listedAt: 0 });
  });

  test('takes Flume’s keys that change nothing here, and says so', () => {
    const { config, problems } = load(
      PAIR.replace('failover', 'load_balance') +
        '    processor.selector: random\n    processor.backoff: true\n',
    );
    expect(config?.sinks['far']?.group?.processor).toBe('load_balance');
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('"processor.selector" has no effect'),
      expect.stringContaining('"processor.backoff" has no effect'),
    ]);
  });

  test.each([
    ['a path of its own', FAR.replace('/logs/', '/other/'), GROUP, '"path" is not the same'],
    ['another codec', `${FAR}    hdfs.codeC: gzip\n`, GROUP, '"codeC" is not the same'],
    ['another prefix', `${FAR}    hdfs.filePrefix: x\n`, GROUP, '"filePrefix" is not the same'],
    [
      'no newline',
      `${FAR}    serializer.appendNewline: false\n`,
      GROUP,
      '"serializer.appendNewline" is not the same',
    ],
    [
      'the same cluster',
      FAR.replace('far1', 'nn1').replace('9870]', '9870, http://nn2:9870]'),
      GROUP,
      'the same servers',
    ],
    ['a sink that is not there', FAR, GROUP.replace('far]', 'nowhere]'), 'there is no sink "nowhere"'],
    ['one sink', FAR, GROUP.replace(', far]', ']'), 'a group of one sink'],
    ['a sink twice', FAR, GROUP.replace('far]', 'far, far]'), 'a list that names something twice'],
    ['the name of a sink', FAR, GROUP.replace('hadoop', 'far'), 'a sink has the name'],
    [
      'priority of another',
      FAR,
      `${GROUP}    processor.priority.nobody: 1\n`,
      '"nobody" is not in the group',
    ],
    [
      'the same priority twice',
      FAR,
      `${GROUP}    processor.priority.far: 1\n    processor.priority.beijing: 1\n`,
      'the same priority',
    ],
    [
      'a sink of two groups',
      FAR,
      `${GROUP}  other:\n    sinks: [far, beijing]\n    processor.type: failover\n`,
      'is in the group',
    ],
    ['another processor', FAR, GROUP.replace('failover', 'default'), 'processor.type'],
    ['completeness', `${FAR}    completeness: {}\n`, GROUP, 'completeness in the group'],
  ])('is refused %s', (_, far, group, message) => {
    const { config, problems } = load(`${SAMPLE}${far}${group}`);
    expect(config).toBeUndefined();
    const texts = problems.map((problem) => `${problem.path.join('.')} ${problem.message}`);
    expect(texts.join('\n')).toContain(message);
  });

  test('a second sink on a channel without a group is refused as ever', () => {
    expect(load(`${SAMPLE}${FAR}`).config).toBeUndefined();
  });

  test('is refused with sinks of local directories', () => {
    const sink = (name: string) => `  ${name}: { type: directory, channel: disk, path: /data/%Y }\n`;
    const { config, problems } = load(
      `${SAMPLE.slice(0, SAMPLE.indexOf('  beijing:'))}${sink('beijing')}${sink('far')}${GROUP}`,
    );
    expect(config).toBeUndefined();
    expect(problems.some(({ message }) => message.includes('its path is the place itself'))).toBe(true);
  });
});

describe('a change of groups', () => {
  const held = (sink: string): Holdings => ({
    chunks: [{ channel: 'disk', sink, storedBytes: 5 }],
    claims: [],
  });
  const single = configOf(SAMPLE);
  const pair = configOf(PAIR);

  test('a sink with a backlog may get company, and keep what it has', () => {
    const change = compareConfigs(single, pair, held('beijing'));
    expect(change.refused).toEqual([]);
    expect(change.components.map(({ name, change: kind }) => [name, kind])).toEqual([
      ['beijing', 'changed'],
      ['far', 'added'],
    ]);
  });

  test('a group with a backlog can’t be dissolved, and may shrink', () => {
    expect(compareConfigs(pair, single, held('hadoop')).refused).toMatchObject([{ name: 'hadoop' }]);
    const third = FAR.replace('far:', 'third:').replace('far1', 'third1');
    const three = configOf(`${SAMPLE}${FAR}${third}${GROUP.replace('far]', 'far, third]')}`);
    expect(compareConfigs(three, pair, held('hadoop')).refused).toEqual([]);
    expect(compareConfigs(three, pair, held('third')).refused).toMatchObject([{ name: 'third' }]);
  });
});
