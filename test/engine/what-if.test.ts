/**
 * Goal: a what-if run says beforehand where a live engine lands the same events, on every kind of sample that an engine has, and disturbs nothing.
 * Method: a real engine on files and a directory; its landed tree and its quarantine are held against the run's answer.
 */
import { relative, dirname, join } from 'node:path';
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Job } from '../../shared/contract/control-job.ts';
import type { WhatIfInput, WhatIfResult } from '../../shared/contract/control-what-if.ts';
import { until } from '../rig/until.ts';
import { FileGateway, SINK, SOURCE, type GatewayChanges } from './file-gateway.ts';

const SEED = 20_261_121;
const TIME_RULE = {
  type: 'regex_extractor',
  regex: '^\\[([^\\]]+)\\]',
  serializers: [{ type: 'millis', name: 'timestamp', pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }],
};
const LEVEL_RULE = { type: 'regex_extractor', regex: ' level=(\\w+)', serializers: [{ name: 'level' }] };

let gateway: FileGateway | undefined;
afterEach(async () => {
  await gateway?.[Symbol.asyncDispose]();
  gateway = undefined;
});

async function started(changes: GatewayChanges, lines: readonly string[]): Promise<FileGateway> {
  gateway = new FileGateway(changes);
  const { input } = gateway;
  writeFileSync(join(input, 'www.log'), lines.map((line) => `${line}\n`).join(''));
  await gateway.start();
  return gateway;
}

async function jobEnd(one: FileGateway, jobId: string): Promise<Job> {
  return until('the job is over', async () => {
    const { jobs } = await one.client.call('jobs', {});
    const job = jobs.find(({ id }) => id === jobId);
    return job?.state === 'running' ? undefined : job;
  });
}

async function whatIf(one: FileGateway, sample: WhatIfInput['sample'], text?: string): Promise<WhatIfResult> {
  const input = { source: SOURCE, sample, by: 'test', ...(text === undefined ? {} : { text }) };
  const { jobId } = await one.client.call('whatIfStart', input);
  expect(await jobEnd(one, jobId)).toMatchObject({ state: 'done' });
  return one.client.call('whatIfResult', { jobId });
}

function countsOf({ directories }: WhatIfResult): Record<string, number> {
  return Object.fromEntries(directories.map(({ directory, events }) => [directory, events] as const).sort());
}

function line(at: number, time: string, level = 'info'): string {
  return `[${time}] level=${level} event ${at}`;
}

describe('the directories', () => {
  test('and counts of a run are those where the live engine lands the same events', async () => {
    const hours = fc.integer({ min: 0, max: 71 }).map((hour) => {
      const day = 20 + Math.floor(hour / 24);
      return `${day}/Nov/2026:${String(hour % 24).padStart(2, '0')}:15:00`;
    });
    const times = fc.oneof(
      {
        weight: 9,
        arbitrary: fc
          .tuple(hours, fc.constantFrom('+0000', '+0800', '-0330'))
          .map((parts) => parts.join(' ')),
      },
      { weight: 1, arbitrary: fc.constant('32/Nov/2026:25:00:00 +0000') },
    );
    const events = fc.tuple(times, fc.constantFrom('info', 'warn', 'debug', 'other'));
    const lines = fc
      .sample(events, { seed: SEED, numRuns: 600 })
      .map(([time, level], at) => line(at, time, level));
    const sinkOf = (output: string, name: string) => ({
      ...{ type: 'directory', channel: name, idleTimeout: '1s', timeZone: 'Asia/Shanghai' },
      path: `${output}/${name}/%{topic}/%Y-%m-%d/%H`,
    });
    const one = new FileGateway();
    gateway = one;
    const channel = { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0 };
    one.configure({
      source: {
        interceptors: [
          TIME_RULE,
          LEVEL_RULE,
          { type: 'regex_filter', regex: 'level=debug', excludeEvents: true },
        ],
        selector: { type: 'multiplexing', header: 'level', mapping: { info: ['all'], warn: ['all', 'bad'] } },
        channels: ['all', 'bad'],
      },
      more: {
        channels: { all: channel, bad: channel },
        sinks: { all: sinkOf(one.output, 'all'), bad: sinkOf(one.output, 'bad') },
      },
    });
    await one.start();
    writeFileSync(join(one.input, 'www.log'), lines.map((text) => `${text}\n`).join(''));
    const result = await whatIf(one, { kind: 'topic', last: 1_000 });
    const expected = Object.values(countsOf(result)).reduce((sum, count) => sum + count, 0);
    await one.client.call('landNow', {});
    await until('everything is landed', async () => {
      const { length } = await one.landed();
      if (length < expected) await one.client.call('landNow', {});
      return length >= expected;
    });
    const landed = new Map<string, number>();
    for (const path of one.landedFiles()) {
      const directory = dirname(path);
      const count = readFileSync(path, 'utf8').split('\n').length - 1;
      landed.set(directory, (landed.get(directory) ?? 0) + count);
    }
    expect(countsOf(result), `seed ${SEED}`).toEqual(Object.fromEntries([...landed].sort()));
    expect(Object.keys(countsOf(result)).every((path) => !relative(one.output, path).startsWith('..'))).toBe(
      true,
    );
    const quarantine = await one.client.call('quarantineList', {});
    expect(result.quarantined).toBe(quarantine.total);
    const { placed, filtered, quarantined, notRouted, events: all } = result;
    expect(placed + filtered + quarantined + notRouted).toBe(all);
    expect(all).toBe(lines.length);
    expect([filtered > 0, notRouted > 0, quarantined > 0]).toEqual([true, true, true]);
  });
});

const GOOD = Array.from({ length: 40 }, (_, at) => line(at, `21/Nov/2026:${10 + (at % 2)}:00:00 +0000`));
const BAD = Array.from({ length: 7 }, (_, at) => `2026-11-21T08:00:00Z old form ${at}`);

function changes(rule: object, output?: string): GatewayChanges {
  return {
    source: { interceptors: [rule] },
    sink: {
      paused: true,
      ...(output === undefined ? {} : { path: `${output}/%{topic}/%Y-%m-%d/%H` }),
    },
  };
}

/** Reads both forms of time. */
const BOTH_FORMS = {
  type: 'regex_extractor',
  regex: '^(\\d{4}-\\S+)',
  serializers: [{ type: 'millis', name: 'timestamp', pattern: "yyyy-MM-dd'T'HH:mm:ssZ" }],
};

describe('on what an engine holds', () => {
  let one: FileGateway;
  afterAll(() => one[Symbol.asyncDispose]());
  beforeAll(async () => {
    one = new FileGateway();
    const hourly = `${one.output}/%{topic}/%Y-%m-%d/%H`;
    const badWithoutTime = { type: 'remove_header', withName: 'timestamp' };
    one.configure({
      source: { interceptors: [badWithoutTime, TIME_RULE] },
      sink: { paused: true, path: hourly },
    });
    writeFileSync(join(one.input, 'www.log'), [...GOOD, ...BAD].map((text) => `${text}\n`).join(''));
    await one.start();
    await until('everything is in', async () => {
      const { totalEvents } = await one.client.call('backlogList', {});
      return (
        totalEvents === GOOD.length && (await one.client.call('quarantineList', {})).total === BAD.length
      );
    });
  });

  test('the quarantine shows what a new rule would place, and stays as it is', async () => {
    const text = one.configText({
      source: { interceptors: [{ type: 'remove_header', withName: 'timestamp' }, TIME_RULE, BOTH_FORMS] },
      sink: { paused: true, path: `${one.output}/%{topic}/%Y-%m-%d/%H` },
    });
    const result = await whatIf(one, { kind: 'quarantine', last: 100 }, text);
    expect(result).toMatchObject({ events: BAD.length, placed: BAD.length, quarantined: 0 });
    expect(countsOf(result)).toEqual({ [`${one.output}/www/2026-11-21/08`]: BAD.length });
    expect(result.difference).toMatchObject({ same: 0, moved: 0, nowPlaced: BAD.length, nowNotPlaced: 0 });
    expect(result.difference?.samples[0]).toMatchObject({
      before: expect.stringMatching(/^quarantined: /) as unknown,
      after: `${SINK} → ${one.output}/www/2026-11-21/08`,
    });
    expect((await one.client.call('quarantineList', {})).rows.map(({ state }) => state)).toEqual(
      BAD.map(() => 'waiting'),
    );
    const other = await whatIf(one, { kind: 'quarantine', last: 100, reason: 'no such reason' }, text);
    expect(other.events).toBe(0);
  });

  test('the backlog of one directory shows where a new path would put it, and says that headers are gone', async () => {
    const [row] = (await one.client.call('backlogList', {})).rows;
    const text = one.configText({
      source: { interceptors: [TIME_RULE] },
      sink: { paused: true, path: `${one.output}/%{topic}/%Y-%m` },
    });
    const sample = { kind: 'backlog', landingKeyId: row?.id ?? -1, last: 5 } as const;
    const result = await whatIf(one, sample, text);
    expect(result).toMatchObject({ events: 5, placed: 5, difference: { moved: 5, same: 0 } });
    expect(result.note).toMatch(/headers of the records/);
    expect(countsOf(result)).toEqual({ [`${one.output}/www/2026-11`]: 5 });
    // The newest ones, with the offsets they came with.
    expect(result.directories[0]?.samples.every(({ offset, topic }) => topic === 'www' && offset >= 30)).toBe(
      true,
    );
    expect((await one.client.call('backlogList', {})).totalEvents).toBe(GOOD.length);
  });

  test('pasted lines under the running rules need no text, and have no difference', async () => {
    const result = await whatIf(one, { kind: 'lines', topic: 'pasted', lines: [GOOD[0] ?? '', 'nonsense'] });
    expect(result).toMatchObject({ events: 2, placed: 1, quarantined: 1 });
    expect(result.difference).toBeUndefined();
    expect(countsOf(result)).toEqual({ [`${one.output}/pasted/2026-11-21/10`]: 1 });
  });
});

describe('a run that goes wrong', () => {
  test('with an expression that backtracks for ever is cancelled at once, and the engine answers meanwhile', async () => {
    const one = await started(changes(TIME_RULE), GOOD.slice(0, 2));
    const text = one.configText(changes({ ...TIME_RULE, regex: '^(a+)+$' }));
    const lines = Array.from({ length: 200 }, () => `${'a'.repeat(64)}b`);
    const { jobId } = await one.client.call('whatIfStart', {
      ...{ source: SOURCE, text, by: 'test' },
      sample: { kind: 'lines', topic: 'www', lines },
    });
    await one.thread('what-if');
    const askedMs = performance.now();
    await one.client.call('status', {});
    expect(performance.now() - askedMs).toBeLessThan(2_000);
    await one.client.call('jobCancel', { id: jobId });
    expect(await jobEnd(one, jobId)).toMatchObject({ state: 'cancelled' });
    await until('the thread is gone', () => !one.threads.some(({ threadName }) => threadName === 'what-if'));
    await expect(one.client.call('whatIfResult', { jobId })).rejects.toMatchObject({ code: 'usage' });
  });

  test('with a text that can’t be used, or a source that is not there, says so', async () => {
    const one = await started(changes(TIME_RULE), []);
    const sample: WhatIfInput['sample'] = { kind: 'lines', topic: 'www', lines: ['x'] };
    const broken = one.client.call('whatIfStart', { source: SOURCE, text: 'gateway: [', by: 'test', sample });
    await expect(broken).rejects.toMatchObject({ code: 'config-invalid' });
    const { jobId } = await one.client.call('whatIfStart', { source: 'other', by: 'test', sample });
    expect(await jobEnd(one, jobId)).toMatchObject({ state: 'failed', error: { code: 'usage' } });
  });

  test('looks at brokers that do not answer end with the reason, few at a time, and leave no thread', async () => {
    const one = await started(changes(TIME_RULE), []);
    const looking = Array.from({ length: 6 }, () =>
      one.client.call('kafkaTopics', { bootstrapServers: ['127.0.0.1:1'] }).then(
        () => 'it answered',
        (error: unknown) => (error as { code?: string }).code ?? String(error),
      ),
    );
    const ends = await Promise.all(looking);
    expect(ends.filter((code) => code === 'broker-unreachable').length).toBeGreaterThanOrEqual(4);
    expect(ends.every((code) => code === 'broker-unreachable' || code === 'usage')).toBe(true);
    const sample = one.client.call('kafkaSample', { bootstrapServers: ['no port'], topic: 'www' });
    await expect(sample).rejects.toMatchObject({ code: 'config-invalid' });
    await until(
      'the threads are gone',
      () => !one.threads.some(({ threadName }) => threadName === 'what-if'),
    );
  });
});
