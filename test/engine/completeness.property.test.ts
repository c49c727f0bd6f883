/**
 * Goal: whatever the order of producing, pulling, rejecting, landing and looking, no directory is marked while an event of it that came
 * in time is not landed; what comes later lands under a late name; the marker's counts are what stands in the directory.
 * Method: the real keeper over a real channel writer on a real disk; the logs are lists that the test writes, so that it can say by
 * itself which events came in time. The seed is printed.
 */
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { CompletenessKeeper } from '../../main/engine/completeness/completeness-keeper.ts';
import type { PartitionStatus, SourceStatus } from '../../main/sources/source.ts';
import { seededRandom } from '../landing/fake-clock.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { offset } from '../../shared/model/brand.ts';
import type { OpenMarker } from '../../shared/model/completeness.ts';
import {
  fileRequest,
  land,
  openWriter,
  partition as refOf,
  putOf,
  SINK,
  STATE_ID,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';

const HOUR_MS = 3_600_000;
const GRACE_MS = 600_000;
const START_MS = Date.UTC(2026, 10, 20);
const PARTITIONS = 3;
const RUNS = 10;
const ROUNDS_MAX = 8;
const STEPS = 120;

interface Log {
  /** Event times, by offset. */
  readonly events: number[];
  /** The log's length when the clock passed a moment is found from these. */
  readonly appendedMs: number[];
  position: number;
  accepted: number;
  tenure: string;
  tenures: number;
  /** What a look at the broker answered last. */
  seenEnd: number;
  seenMs: number | undefined;
  state: PartitionStatus['state'];
  /** When each offset was put last. */
  readonly putMs: number[];
}

const directoryOf = (eventMs: number): string => `/logs/${new Date(eventMs).toISOString().slice(0, 13)}`;
const endOf = (eventMs: number): number => Math.floor(eventMs / HOUR_MS) * HOUR_MS + HOUR_MS;

class Site {
  readonly logs: Log[] = [];
  readonly markers: OpenMarker[] = [];
  /** Offsets that are landed, by directory, as `partition:offset`. */
  readonly landed = new Map<string, Set<string>>();
  readonly keeper: CompletenessKeeper;
  readonly writer: ChannelWriter;
  readonly #random: () => number;
  nowMs = START_MS + 2 * HOUR_MS;

  constructor(directory: string, seed: number) {
    this.#random = seededRandom(seed);
    this.writer = openWriter(directory, {}, { nowMs: () => this.nowMs });
    const sink = {
      type: 'hdfs',
      channel: 'disk',
      path: '/logs/%Y-%m-%dT%H',
      usesLocalTime: false,
      completeness: { marker: '_SUCCESS', graceMs: GRACE_MS },
    };
    const source = {
      ...{
        type: 'kafka',
        channels: ['disk'],
        interceptors: [],
        isTopicHeaderSet: true,
        topicHeader: 'topic',
      },
      recordHeaders: {},
    };
    const config = { sinks: { [SINK]: sink }, sources: { weblogs: source } } as unknown as GatewayConfig;
    this.keeper = new CompletenessKeeper({
      config: () => config,
      writer: {
        perform: async (name, ...args) => {
          // The world goes on between what the keeper reads and what it has decided.
          const isHere = name === 'decideCompleteness' || name === 'partitionMarks';
          if (isHere && this.pick(2) === 0) await (this.pick(2) === 0 ? this.pull() : this.reject());
          return this.writer.perform(name, ...args);
        },
      },
      sourceStatus: () => this.#status(),
      fleetView: () => ({ readMs: this.nowMs, peers: [], unreadable: [] }),
      gatewayId: 'gw',
      stateId: STATE_ID,
      clock: { nowMs: () => this.nowMs, steadyMs: () => 0, sleep: () => Promise.resolve() },
      log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    });
  }

  async open(): Promise<void> {
    await this.keeper.prepare();
    for (let at = 0; at < PARTITIONS; at++) {
      const log: Log = {
        ...{ events: [], appendedMs: [], position: 0, accepted: 0, tenure: '', tenures: 0, putMs: [] },
        ...{ seenEnd: -1, seenMs: undefined, state: 'flowing' },
      };
      this.logs.push(log);
      await this.#begin(log, at);
    }
  }

  pick(below: number): number {
    return Math.floor(this.#random() * below);
  }

  async #begin(log: Log, at: number): Promise<void> {
    log.tenure = `t-${at}-${++log.tenures}`;
    await this.writer.perform(
      'beginTenure',
      tenureStart(log.tenure, log.position, { ref: refOf(at), sequence: log.tenures }),
    );
  }

  /** Mostly in order, now and then hours back, now and then ahead of the clock. */
  produce(): void {
    const log = this.logs[this.pick(PARTITIONS)] as Log;
    for (let count = 1 + this.pick(4); count > 0; count--) {
      const odd = this.pick(12);
      const offMs =
        odd === 0 ? -this.pick(3 * HOUR_MS) : odd === 1 ? this.pick(HOUR_MS) : -this.pick(300_000);
      log.events.push(this.nowMs + offMs);
      log.appendedMs.push(this.nowMs);
    }
  }

  async pull(): Promise<void> {
    const at = this.pick(PARTITIONS);
    const log = this.logs[at] as Log;
    const first = log.position;
    const next = Math.min(log.events.length, first + 1 + this.pick(5));
    if (next === first) return;
    const byDirectory = Map.groupBy(
      Array.from({ length: next - first }, (_, index) => first + index),
      (o) => directoryOf(log.events[o] ?? 0),
    );
    const chunks = [...byDirectory].map(([directory, offsets]) => ({ directory, offsets }));
    const put = putOf({ tenure: log.tenure, first, next, chunks, partition: refOf(at) });
    const timed = put.chunks.map((chunk, index) => {
      const times = (chunks[index]?.offsets ?? []).map((o) => log.events[o] ?? 0);
      return {
        ...chunk,
        oldestEventMs: Math.min(...times),
        newestEventMs: Math.max(...times),
        bucketEndMs: endOf(times[0] ?? 0),
      };
    });
    await this.writer.perform('put', { ...put, chunks: timed });
    for (let o = first; o < next; o++) log.putMs[o] = this.nowMs;
    log.position = next;
    if (this.pick(4) > 0) {
      await this.writer.perform('accept', log.tenure, offset(next));
      log.accepted = next;
    }
  }

  /** The broker refused what was not accepted: it is pulled again. */
  async reject(): Promise<void> {
    const at = this.pick(PARTITIONS);
    const log = this.logs[at] as Log;
    const ended = await this.writer.perform('endTenure', log.tenure);
    if (ended.state === 'doubt') await this.writer.perform('resolveDoubt', log.tenure, 'rejected');
    log.position = log.accepted;
    await this.#begin(log, at);
  }

  async landOne(): Promise<void> {
    const keys = await this.writer.perform('keys', SINK);
    const key = keys[this.pick(Math.max(1, keys.length))];
    if (key === undefined) return;
    const { directory } = key.key;
    const request = fileRequest(key.id);
    const made = await this.writer.perform('plan', {
      ...request,
      finalPath: `${directory}/${request.fileId}`,
      lateFinalPath: `${directory}/late-${request.fileId}`,
    });
    if (made === undefined) return;
    const isMarked = this.markers.some((marker) => marker.directory === directory);
    expect(made.plan.finalPath.includes('/late-'), `a file of ${directory}`).toBe(isMarked);
    await land(this.writer, request.fileId, { landedAtMs: this.nowMs });
    const set = this.landed.get(directory) ?? new Set<string>();
    this.landed.set(directory, set);
    for (const { partition, runs } of made.plan.parts)
      for (const o of offsetsIn(runs.first, runs.next, this.logs[partition] as Log, directory))
        set.add(`${partition}:${o}`);
  }

  /** A source's view of the log's end; it may be old when it is used. */
  lookAtEnd(): void {
    const log = this.logs[this.pick(PARTITIONS)] as Log;
    const states = ['flowing', 'paused', 'held'] as const;
    log.seenEnd = log.events.length;
    log.seenMs = this.nowMs;
    const isAtEnd = log.position >= log.seenEnd;
    log.state = this.pick(5) === 0 ? (states[this.pick(3)] ?? 'held') : isAtEnd ? 'caught-up' : 'flowing';
  }

  async decide(): Promise<void> {
    await this.keeper.look();
    for (const marker of await this.writer.perform('openMarkers', SINK)) {
      this.#check(marker);
      this.markers.push(marker);
      await this.writer.perform('markerWritten', marker.id);
    }
  }

  /** What the test knows by itself of a directory that was just decided. */
  #check(marker: OpenMarker): void {
    const { directory, revision } = marker;
    const facts = JSON.parse(marker.facts) as { events: number; end: string };
    const there = this.landed.get(directory) ?? new Set();
    expect(facts.events, `counts of ${directory}`).toBe(there.size);
    expect(revision).toBe(this.markers.filter((one) => one.directory === directory).length + 1);
    const passedMs = Date.parse(facts.end) + GRACE_MS;
    expect(this.nowMs, directory).toBeGreaterThanOrEqual(passedMs);
    this.logs.forEach((log, partition) => {
      // In time: all that was in the log when the clock passed, or up to the first event of a later time.
      const atClock = log.appendedMs.filter((ms) => ms < passedMs).length;
      const passing = log.events.findIndex(
        (ms, o) => o < log.position && Math.min(ms, log.putMs[o] ?? 0) >= passedMs,
      );
      const inTime = passing < 0 ? atClock : Math.min(atClock, passing + 1);
      for (let o = 0; o < inTime; o++)
        if (directoryOf(log.events[o] ?? 0) === directory)
          expect(there.has(`${partition}:${o}`), `${partition}:${o} of ${directory} is landed`).toBe(true);
    });
  }

  #status(): SourceStatus {
    const partitions = this.logs.map((log, at) => ({
      ...{ topic: 'www', partition: at, state: log.state, cause: undefined, leader: 1, logStart: 0 },
      ...{ position: log.position, acceptedTo: log.accepted, logEnd: log.seenEnd, endSeenMs: log.seenMs },
      lag: Math.max(0, log.seenEnd - log.position),
    }));
    return { name: 'weblogs', partitions } as unknown as SourceStatus;
  }
}

function offsetsIn(first: number, next: number, log: Log, directory: string): number[] {
  return Array.from({ length: next - first }, (_, at) => first + at).filter(
    (o) => directoryOf(log.events[o] ?? 0) === directory,
  );
}

let open: { readonly directory: TestDirectory; readonly site: Site } | undefined;
afterEach(() => {
  open?.site.writer.close();
  open?.directory[Symbol.dispose]();
  open = undefined;
});

test('no directory is marked while an event of it that came in time is not landed', async () => {
  let decided = 0;
  let late = 0;
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 30 }), async (seed) => {
    const directory = new TestDirectory();
    const site = new Site(directory.path, seed);
    open = { directory, site };
    await site.open();
    for (let step = 0; step < STEPS; step++) {
      const choice = site.pick(20);
      if (choice < 6) site.produce();
      else if (choice < 11) await site.pull();
      else if (choice < 14) await site.landOne();
      else if (choice < 16) site.lookAtEnd();
      else if (choice < 17) {
        await site.reject();
        await site.decide();
      } else if (choice < 19) await site.decide();
      else site.nowMs += site.pick(HOUR_MS);
    }
    decided += site.markers.length;
    late += site.markers.filter(({ revision }) => revision > 1).length;
    site.writer.close();
    directory[Symbol.dispose]();
    open = undefined;
  });
  // A property that never decides, or never meets a late event, would prove nothing; ten runs may have none.
  for (let round = 0; round < ROUNDS_MAX && (round === 0 || late === 0); round++)
    await fc.assert(property, { numRuns: RUNS, verbose: true });
  expect(decided).toBeGreaterThan(RUNS);
  expect(late).toBeGreaterThan(0);
}, 120_000);
