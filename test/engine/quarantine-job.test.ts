/**
 * Goal: a retry as a job does what it says when others work on the same events: it passes by what was dropped meanwhile, can be cancelled
 * between any two groups and begun again, leaves held events alone, and counts what it did. And single events come back as their
 * source delivered them, whatever stands in their headers. Method: the real writer, reader, host and packer; only the moment at which
 * somebody else acts is staged.
 */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openForReading, type ChannelDatabase } from '../../main/channel/channel-database.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { quarantineTotal } from '../../main/channel/quarantine-reader.ts';
import { quarantineSlice, quarantineTarget } from '../../main/channel/quarantine-target.ts';
import type { SliceEvent } from '../../main/channel/quarantine-target.ts';
import { replicatingRouter } from '../../main/engine/channel-router.ts';
import type { JobRun } from '../../main/engine/desks/job-desk.ts';
import { RetryBatch, tallyOf } from '../../main/engine/quarantine-batch.ts';
import { retryQuarantined, type QuarantineRetryParts } from '../../main/engine/quarantine-retry.ts';
import { EngineSourceHost, PutBuffers, type SourceRules } from '../../main/engine/source-host.ts';
import type { SourceStore } from '../../main/sources/source.ts';
import {
  CHANNEL,
  landingKey,
  openWriter,
  putOf,
  quarantined,
  range,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';

const KEY = landingKey('/logs/again');
const RULES: SourceRules = {
  configVersion: 7,
  interceptors: [],
  router: replicatingRouter,
  channels: [
    { name: CHANNEL, appendNewline: true, keys: { keyFor: () => ({ key: KEY, bucketEndMs: undefined }) } },
  ],
};

describe('a retry', () => {
  let directory: TestDirectory;
  let writer: ChannelWriter;
  let db: ChannelDatabase;
  let host: EngineSourceHost;
  /** What somebody else does just before a group is stored. */
  let meanwhile: (events: readonly SliceEvent[]) => Promise<void>;

  beforeEach(async () => {
    directory = new TestDirectory();
    writer = openWriter(directory.path);
    db = openForReading(join(directory.path, 'channel.sqlite'));
    meanwhile = () => Promise.resolve();
    host = new EngineSourceHost({
      store: {} as SourceStore,
      port: { put: () => Promise.reject(new Error('no put')), whenOpen: () => Promise.resolve() },
      buffers: new PutBuffers(),
      rules: RULES,
      report: () => undefined,
    });
    await writer.perform('beginTenure', tenureStart('t1', 0));
    for (const first of [0, 600]) {
      const events = range(first, first + 600).map((at) => quarantined(at));
      const put = { tenure: 't1', first, next: first + 600, chunks: [], quarantined: events };
      await writer.perform('put', putOf({ ...put, channels: [CHANNEL] }));
    }
    await writer.perform('accept', 't1', 1_200);
    const held = putOf({
      ...{ tenure: 't1', first: 1_200, next: 1_203, chunks: [], channels: [CHANNEL] },
      quarantined: range(1_200, 1_203).map((at) => quarantined(at)),
    });
    await writer.perform('put', held);
  });
  afterEach(() => {
    db.close();
    writer.close();
    directory[Symbol.dispose]();
  });

  function parts(): QuarantineRetryParts {
    return {
      flow: {
        writer: { room: writer.room },
        retry: async (source, events, options) => {
          if (source !== 'weblogs') return 'no-source';
          return host.retry(events, {
            ...options,
            store: async (retry) => {
              await meanwhile(events);
              return writer.perform('retryQuarantined', retry);
            },
          });
        },
      },
      queries: () => ({
        quarantineTarget: (selection) => Promise.resolve(quarantineTarget(db, selection)),
        quarantineSlice: ({ target, after }) => Promise.resolve(quarantineSlice(db, target, after)),
      }),
    };
  }

  function runOf(signal = new AbortController().signal) {
    const steps: [number, number][] = [];
    const run: JobRun = {
      id: 'j',
      signal,
      progress: (_step, done, total) => void steps.push([done, total]),
      filePath: () => Promise.reject(new Error('no file')),
    };
    return { run, steps };
  }

  const waiting = () => quarantineTotal(db, { state: 'waiting' });
  const all = { selection: { all: true as const }, by: 'li' };

  test('passes by what was dropped between reading and storing, and leaves held events alone', async () => {
    let isFirst = true;
    meanwhile = async (events) => {
      if (!isFirst) return;
      isFirst = false;
      const ids = events.slice(0, 100).map(({ id }) => id);
      await writer.perform('dropQuarantined', { ids, by: 'wang', why: 'no use' });
    };
    const { run, steps } = runOf();
    const outcome = await retryQuarantined(parts(), all, run);
    expect(outcome.result).toMatchObject({ placed: 1_100, gone: 100, stays: 0, held: 3 });
    expect(outcome.summary).toBe(
      '1,200 events tried again: 1,100 into the channel, 100 dropped meanwhile, 3 more not tried, for the broker has not accepted their offsets yet: ask again.',
    );
    expect(steps.at(-1)).toEqual([1_200, 1_200]);
    expect([waiting(), quarantineTotal(db, { state: 'dropped' })]).toEqual([3, 100]);
    await writer.perform('accept', 't1', 1_203);
    expect((await retryQuarantined(parts(), all, runOf().run)).result).toMatchObject({ placed: 3, held: 0 });
    expect((await writer.perform('keys', 'hdfs'))[0]).toMatchObject({ events: 1_103 });
  });

  test('ends when everything that it meant was dropped', async () => {
    meanwhile = async (events) => {
      const ids = events.map(({ id }) => id);
      await writer.perform('dropQuarantined', { ids, by: 'wang', why: 'no use' });
    };
    const outcome = await retryQuarantined(parts(), all, runOf().run);
    expect(outcome.result).toMatchObject({ placed: 0, gone: 1_200 });
    expect(waiting()).toBe(3);
  });

  test('can be cancelled between two groups; begun again it takes up what is left', async () => {
    const stop = new AbortController();
    meanwhile = () => Promise.resolve(stop.abort(new Error('cancelled')));
    await expect(retryQuarantined(parts(), all, runOf(stop.signal).run)).rejects.toThrow('cancelled');
    const left = waiting();
    expect(left).toBeGreaterThan(3);
    expect(left).toBeLessThan(1_203);
    meanwhile = () => Promise.resolve();
    const outcome = await retryQuarantined(parts(), all, runOf().run);
    expect(outcome.result).toMatchObject({ placed: left - 3 });
    expect((await writer.perform('keys', 'hdfs'))[0]).toMatchObject({ events: 1_200 });
  });

  test('is told of the writer’s failure, and the events wait as before', async () => {
    meanwhile = () => Promise.reject(new Error('the writer is gone'));
    await expect(retryQuarantined(parts(), all, runOf().run)).rejects.toThrow('the writer is gone');
    await host.settled();
    expect(waiting()).toBe(1_203);
  });
});

describe('an event that comes back', () => {
  const event = (changes: Partial<SliceEvent> = {}): SliceEvent => ({
    ...{ id: 1, partitionId: 1, tenureId: 1, source: 's', topic: 'www', partition: 0, incarnation: 'a' },
    ...{ offset: 5, bodyBytes: 4, channel: undefined, headers: '{}', body: Buffer.from('body') },
    ...changes,
  });
  const retried = (events: readonly SliceEvent[], rules: SourceRules) => {
    const batch = new RetryBatch(events, rules);
    return batch.fill(new ArrayBuffer(batch.totalBytes), 'li');
  };

  test('over the limit stays, and goes once the limit is higher', () => {
    const low = retried([event()], { ...RULES, maxEventBytes: 3 });
    expect(low.stays).toMatchObject([{ offset: 5, reason: 'body of 4 bytes is over the limit of 3' }]);
    expect(low.chunks).toEqual([]);
    const high = retried([event()], { ...RULES, maxEventBytes: 4 });
    expect([high.stays, Buffer.from(high.bytes).toString()]).toEqual([[], 'body\n']);
    expect(tallyOf(high)).toEqual({ placed: 1, filtered: 0, notRouted: 0, stays: 0 });
  });

  test('for a channel that its source feeds no more stays; for one of several it is asked in that one’s place', () => {
    const gone = retried([event({ channel: 'old' })], RULES);
    expect(gone).toMatchObject({ channel: 'old', channels: ['old'], chunks: [] });
    expect(gone.stays).toMatchObject([
      { channel: 'old', reason: 'the source feeds the channel old no more' },
    ]);
    const [only] = RULES.channels;
    if (only === undefined) throw new Error('no channel');
    const asked: number[] = [];
    const rules: SourceRules = {
      ...RULES,
      router: { routesAll: false, routes: (_batch, _index, place) => asked.push(place) > 0 },
      channels: [{ ...only, name: 'first' }, only],
    };
    const one = retried([event({ channel: CHANNEL })], rules);
    expect([asked, one.channels, one.chunks.map(({ channel }) => channel)]).toEqual([
      [1],
      [CHANNEL],
      [CHANNEL],
    ]);
  });

  test('has the headers and the time that it came with, and none that it had not', () => {
    const headers = ['{"timestamp":"1700000000000","__proto__":"x","a":"1"}', '{"b":"2"}'];
    const seen: unknown[] = [];
    const rules: SourceRules = {
      ...RULES,
      interceptors: [
        {
          name: 'look',
          intercept: (batch) => {
            for (let i = 0; i < batch.count; i++)
              seen.push([
                Object.entries(batch.headers(i)),
                batch.timestamps[i],
                batch.getHeader(i, 'toString'),
              ]);
          },
        },
      ],
    };
    retried(
      headers.map((text, index) => event({ id: index, offset: index, headers: text })),
      rules,
    );
    expect(seen).toEqual([
      [
        [
          ['timestamp', '1700000000000'],
          ['__proto__', 'x'],
          ['a', '1'],
        ],
        1_700_000_000_000,
        undefined,
      ],
      [[['b', '2']], NaN, undefined],
    ]);
  });
});
