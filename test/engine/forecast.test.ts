/**
 * Goal: time to full and time to loss are within 20 % of what then happens, and never late, through pauses, bursts, outages and days.
 * Method: a clock that is simulated, a channel and a broker as arithmetic; at each minute after the stated settling time the forecast is
 * held against when it really happens, if what happens at that moment goes on. Early by a burst's end is allowed, late never.
 */
import { describe, expect, test } from 'vitest';
import { FillForecast, SETTLING_MS } from '../../main/engine/forecast/fill-forecast.ts';
import { LossCountdown, type LossSample } from '../../main/engine/forecast/loss-countdown.ts';
import { DAY_MS, GIB, HOUR_MS, MIB, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { seededRandom } from '../landing/fake-clock.ts';

const START_MS = Date.UTC(2026, 10, 20);
const STEP_MS = 10 * SECOND_MS;
const WITHIN = 0.2;
/** A step of the simulation is no lateness. */
const STEP_TOLERANCE_MS = 2 * STEP_MS;

/** Bytes a millisecond that come in at a moment. */
type Rate = (atMs: number) => number;

interface Look {
  readonly atMs: number;
  readonly forecastMs: number | undefined;
  readonly roomBytes: number;
}

/** Runs a channel from START_MS; `wait` is the mean rate without noise, for what then happens. */
function runChannel(options: {
  readonly rate: Rate;
  readonly forMs: number;
  readonly capacity: number;
  readonly stoppedFromMs: number;
  readonly seed: number;
  /** A file lands each so often, with all that came in before. */
  readonly rollMs?: number;
}): Look[] {
  const { rate, forMs, capacity, stoppedFromMs, seed, rollMs = 10 * MINUTE_MS } = options;
  const random = seededRandom(seed);
  const forecast = new FillForecast();
  const looks: Look[] = [];
  let used = 0;
  let intake = 0;
  let gathered = 0;
  for (let at = 0; at < forMs; at += STEP_MS) {
    const came = rate(at) * STEP_MS * (0.9 + 0.2 * random());
    intake += came;
    used += came * 0.25;
    gathered += came * 0.25;
    const isStopped = at >= stoppedFromMs;
    if (!isStopped && at % rollMs === 0) {
      used -= gathered;
      gathered = 0;
    }
    const roomBytes = Math.max(0, capacity - used);
    const forecastMs = forecast.look({
      nowMs: START_MS + at,
      steadyMs: at,
      usedBytes: used,
      roomBytes,
      intakeBytes: intake,
      storedPerRaw: 0.25,
      stopped: new Map([['beijing', isStopped]]),
      isOpen: roomBytes > 0,
    }).leftMs;
    looks.push({ atMs: at, forecastMs, roomBytes });
    if (roomBytes === 0) break;
  }
  return looks;
}

/** When the room is used up from here on, by the rate itself. */
function trulyFullMs({ atMs, roomBytes }: Look, rate: Rate): number {
  let left = roomBytes;
  for (let at = atMs; ; at += STEP_MS) {
    left -= rate(at) * STEP_MS * 0.25;
    if (left <= 0) return at + STEP_MS - atMs;
  }
}

function expectGood(look: Look, truthMs: number, what: string): void {
  const { forecastMs } = look;
  const told = `${what}, at ${look.atMs / MINUTE_MS} min: forecast ${(forecastMs ?? NaN) / MINUTE_MS} min, truth ${truthMs / MINUTE_MS} min`;
  expect(forecastMs, told).toBeDefined();
  expect(forecastMs ?? 0, `never late: ${told}`).toBeLessThanOrEqual(truthMs + STEP_TOLERANCE_MS);
  expect(forecastMs ?? 0, `within 20 %: ${told}`).toBeGreaterThanOrEqual(
    truthMs * (1 - WITHIN) - STEP_TOLERANCE_MS,
  );
}

const MB_A_SECOND = MIB / SECOND_MS;

describe('until the channel is full', () => {
  test.each([1, 2, 3])('a pause or an outage at a steady pace (seed %i)', (seed) => {
    const rate: Rate = () => 4 * MB_A_SECOND;
    const stoppedFromMs = 2 * HOUR_MS;
    const looks = runChannel({ rate, forMs: DAY_MS, capacity: 20 * GIB, stoppedFromMs, seed });
    const judged = looks.filter(
      ({ atMs, roomBytes }) => atMs >= stoppedFromMs + SETTLING_MS && roomBytes > 0,
    );
    expect(judged.length).toBeGreaterThan(1_000);
    for (const look of judged) expectGood(look, trulyFullMs(look, rate), 'outage');
  });

  test.each([4, 5])(
    'an outage through bursts: each pace while it lasts, from two minutes on (seed %i)',
    (seed) => {
      const isBurst = (atMs: number): boolean => Math.floor(atMs / (20 * MINUTE_MS)) % 3 === 2;
      const rate: Rate = (atMs) => (isBurst(atMs) ? 12 : 2) * MB_A_SECOND;
      const stoppedFromMs = HOUR_MS;
      const looks = runChannel({ rate, forMs: DAY_MS, capacity: 30 * GIB, stoppedFromMs, seed });
      let judged = 0;
      for (const look of looks) {
        if (look.atMs < stoppedFromMs + SETTLING_MS || look.roomBytes === 0) continue;
        const pace = rate(look.atMs);
        const hasSettled = [SETTLING_MS, SETTLING_MS / 2].every((ms) => rate(look.atMs - ms) === pace);
        // After a burst the long look remembers it for ten minutes: early, never late.
        const isCalm = [5, 10, 11].every((minutes) => rate(look.atMs - minutes * MINUTE_MS) === pace);
        if (!hasSettled) continue;
        const truthMs = trulyFullMs(look, () => pace);
        if (isBurst(look.atMs) || isCalm) expectGood(look, truthMs, 'bursts');
        else expect(look.forecastMs ?? Infinity).toBeLessThanOrEqual(truthMs + STEP_TOLERANCE_MS);
        judged++;
      }
      expect(judged).toBeGreaterThan(200);
    },
  );

  test.each([
    [20, 6],
    [3, 7],
    [9, 8],
    [14, 9],
  ])(
    'an outage that begins at %i h of a day like the one before, four to one between noon and night',
    (hour, seed) => {
      const rate: Rate = (atMs) =>
        (2.5 - 1.5 * Math.cos((2 * Math.PI * (atMs % DAY_MS)) / DAY_MS)) * MB_A_SECOND;
      const stoppedFromMs = DAY_MS + hour * HOUR_MS;
      const looks = runChannel({ rate, forMs: 4 * DAY_MS, capacity: 24 * GIB, stoppedFromMs, seed });
      const judged = looks.filter(
        ({ atMs, roomBytes }) =>
          atMs >= stoppedFromMs + SETTLING_MS && roomBytes > 0 && atMs % MINUTE_MS === 0,
      );
      expect(judged.length).toBeGreaterThan(300);
      for (const look of judged) expectGood(look, trulyFullMs(look, rate), 'a day');
    },
  );

  test('while files land as fast as events come in, the sawtooth of rolling files is no filling', () => {
    const rate: Rate = () => 4 * MB_A_SECOND;
    const looks = runChannel({ rate, forMs: DAY_MS, capacity: 20 * GIB, stoppedFromMs: Infinity, seed: 10 });
    for (const { atMs, forecastMs } of looks)
      if (atMs > 2 * HOUR_MS)
        expect(forecastMs ?? Infinity, `at ${atMs / MINUTE_MS} min`).toBeGreaterThan(12 * HOUR_MS);
  });

  test('a clock that is set, a counter that begins anew and a channel without room break nothing', () => {
    const forecast = new FillForecast();
    const common = { usedBytes: MIB, storedPerRaw: 1, stopped: new Map([['beijing', true]]), isOpen: true };
    const look = (steadyMs: number, nowMs: number, intakeBytes: number, roomBytes = GIB) =>
      forecast.look({ ...common, steadyMs, nowMs, intakeBytes, roomBytes }).leftMs;
    look(0, START_MS, 100 * MIB);
    look(60_000, START_MS - DAY_MS, 110 * MIB);
    expect(look(61_000, START_MS + DAY_MS, 5)).toBeUndefined();
    expect(look(62_000, START_MS, 6, 0)).toBe(0);
  });
});

interface Limits {
  readonly retentionMs?: number;
  readonly retentionOffsets?: number;
  readonly segmentMs: number;
}

/** A partition's log at a broker: whole segments go, when all of their records are too old or the log is too large. */
class BrokerLog {
  readonly #segments: { readonly first: number; next: number; newestMs: number }[] = [];
  readonly #limits: Limits;
  #openedMs = 0;
  end = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get start(): number {
    return this.#segments[0]?.first ?? this.end;
  }

  produce(count: number, atMs: number): void {
    let last = this.#segments.at(-1);
    if (last === undefined || atMs - this.#openedMs >= this.#limits.segmentMs) {
      last = { first: this.end, next: this.end, newestMs: atMs };
      this.#segments.push(last);
      this.#openedMs = atMs;
    }
    this.end += count;
    last.next = this.end;
    last.newestMs = atMs;
  }

  clean(atMs: number): void {
    const { retentionMs = Infinity, retentionOffsets = Infinity } = this.#limits;
    for (
      let first = this.#segments[0];
      first !== undefined && this.#segments.length > 1;
      first = this.#segments[0]
    ) {
      const isOld = first.newestMs + retentionMs < atMs;
      const isLarge = this.end - first.next >= retentionOffsets;
      if (!isOld && !isLarge) return;
      this.#segments.shift();
    }
  }

  /** When the record of an offset was written, for a reader. */
  copy(): BrokerLog {
    const log = new BrokerLog(this.#limits);
    for (const one of this.#segments) log.#segments.push({ ...one });
    log.#openedMs = this.#openedMs;
    log.end = this.end;
    return log;
  }
}

interface Reading {
  readonly produce: Rate;
  /** Offsets a millisecond that we can take. */
  readonly take: Rate;
  readonly limits: ConstructorParameters<typeof BrokerLog>[0];
  readonly forMs: number;
  readonly seed: number;
  readonly facts?: Partial<LossSample>;
}

const CHECK_MS = 5 * MINUTE_MS;

function* read({ produce, take, limits, forMs, seed, facts }: Reading) {
  const random = seededRandom(seed);
  const log = new BrokerLog(limits);
  const countdown = new LossCountdown();
  const times: { readonly next: number; readonly ms: number }[] = [];
  let position = 0;
  let ahead = 0;
  for (let at = 0; at < forMs; at += STEP_MS) {
    log.produce(Math.round(produce(at) * STEP_MS * (0.95 + 0.1 * random())), at);
    times.push({ next: log.end, ms: at });
    if (at % CHECK_MS === 0) log.clean(at);
    position = Math.min(log.end, position + take(at) * STEP_MS);
    while ((times[ahead]?.next ?? Infinity) < position) ahead++;
    const sample: LossSample = {
      ...{ nowMs: START_MS + at, steadyMs: at, logStart: log.start, logEnd: log.end, position },
      ...{ neededFrom: position, positionMs: START_MS + (times[ahead]?.ms ?? at) },
      ...{
        retentionMs: undefined,
        retentionBytes: undefined,
        bytesPerOffset: undefined,
        staleMs: 0,
        ...facts,
      },
    };
    yield { at, log, position, left: countdown.look(sample) };
    if (log.start > position) return;
  }
}

/** When the first record that we need goes, if producing and reading go on as they do now. */
function trulyLostMs(
  at: number,
  from: { readonly log: BrokerLog; readonly position: number },
  pace: { readonly produce: number; readonly take: number },
): number {
  const log = from.log.copy();
  let { position } = from;
  for (let ms = at; ; ms += STEP_MS) {
    log.produce(pace.produce * STEP_MS, ms);
    if (ms % CHECK_MS === 0) log.clean(ms);
    position = Math.min(log.end, position + pace.take * STEP_MS);
    if (log.start > position) return ms - at;
    if (ms - at > 10 * DAY_MS) return Infinity;
  }
}

describe('until the broker deletes what we need', () => {
  const A_SECOND = 1 / SECOND_MS;
  const SEGMENT_MS = 20 * MINUTE_MS;
  /** Whole segments go, and the broker looks only now and then: the record is there for so much longer at most. */
  const LATER_MS = SEGMENT_MS + CHECK_MS + MINUTE_MS;

  function judge(leftMs: number | undefined, truthMs: number, what: string): void {
    expect(leftMs, what).toBeDefined();
    expect(
      leftMs ?? 0,
      `never late: ${what}: ${(leftMs ?? 0) / MINUTE_MS} of ${truthMs / MINUTE_MS} min`,
    ).toBeLessThanOrEqual(truthMs + STEP_TOLERANCE_MS);
    expect(leftMs ?? 0, `within 20 %: ${what}`).toBeGreaterThanOrEqual(truthMs * (1 - WITHIN) - LATER_MS);
  }

  test.each([
    ['paused', 0, 1],
    ['slower than what is produced', 30, 2],
    ['slowly', 70, 3],
  ])('retention.ms, read %s', (_, pace, seed) => {
    const retentionMs = 12 * HOUR_MS;
    const outageMs = 3 * HOUR_MS;
    const produce: Rate = () => 100 * A_SECOND;
    const take: Rate = (at) => (at < outageMs ? 1_000 : pace) * A_SECOND;
    let judged = 0;
    for (const { at, log, position, left } of read({
      ...{ produce, take, seed, forMs: 5 * DAY_MS },
      limits: { retentionMs, segmentMs: SEGMENT_MS },
      facts: { retentionMs },
    })) {
      if (at < outageMs) {
        expect(left, `keeping up, at ${at}`).toBeUndefined();
        continue;
      }
      if (at < outageMs + 11 * MINUTE_MS || at % (10 * MINUTE_MS) !== 0 || log.start > position) continue;
      const truthMs = trulyLostMs(at, { log, position }, { produce: 100 * A_SECOND, take: pace * A_SECOND });
      judge(left?.leftMs, truthMs, `${pace} a second, at ${at / HOUR_MS} h`);
      judged++;
    }
    expect(judged).toBeGreaterThan(50);
  });

  test('catching up after an outage there is a countdown until it is certain that nothing is lost', () => {
    const retentionMs = 12 * HOUR_MS;
    const produce: Rate = () => 100 * A_SECOND;
    const take: Rate = (at) => (at < 2 * HOUR_MS ? 1_000 : at < 8 * HOUR_MS ? 0 : 500) * A_SECOND;
    for (const { at, left, position, log } of read({
      ...{ produce, take, seed: 4, forMs: 12 * HOUR_MS },
      limits: { retentionMs, segmentMs: SEGMENT_MS },
      facts: { retentionMs },
    })) {
      if (at === 7 * HOUR_MS) expect(left?.leftMs).toBeLessThanOrEqual(7 * HOUR_MS);
      if (at > 8 * HOUR_MS + 11 * MINUTE_MS)
        expect(left, `at ${at / MINUTE_MS}, ${log.end - position} behind`).toBeUndefined();
    }
  });

  test.each([
    ['a steady pace', () => 100, 5],
    ['bursts', (at: number) => (Math.floor(at / (30 * MINUTE_MS)) % 2 === 0 ? 60 : 300), 6],
  ])('retention.bytes at %s, with reading cut off', (what, perSecond, seed) => {
    const bytesPerOffset = 200;
    const retentionOffsets = 4_000_000;
    const cutMs = 3 * HOUR_MS;
    const produce: Rate = (at) => perSecond(at) * A_SECOND;
    let judged = 0;
    for (const { at, log, position, left } of read({
      ...{ produce, seed, forMs: 5 * DAY_MS, take: (at) => (at < cutMs ? 1 : 0) },
      limits: { retentionOffsets, segmentMs: SEGMENT_MS },
      facts: { retentionBytes: retentionOffsets * bytesPerOffset, bytesPerOffset },
    })) {
      if (at < cutMs + 11 * MINUTE_MS || at % (5 * MINUTE_MS) !== 0 || log.start > position) continue;
      const pace = produce(at);
      const isSettled = produce(at - SETTLING_MS) === pace;
      const isCalm = produce(at - 11 * MINUTE_MS) === pace;
      if (!isSettled) continue;
      const truthMs = trulyLostMs(at, { log, position }, { produce: pace, take: 0 });
      // A burst that is over counts for ten minutes more: early, never late.
      const isJudgedWhole = isCalm || pace === 300 * A_SECOND;
      if (isJudgedWhole) judge(left?.leftMs, truthMs, `${what} at ${at / HOUR_MS} h`);
      else expect(left?.leftMs ?? Infinity).toBeLessThanOrEqual(truthMs + STEP_TOLERANCE_MS);
      judged++;
    }
    expect(judged).toBeGreaterThan(20);
  });

  test('what is claimed counts though the position is far ahead', () => {
    const countdown = new LossCountdown();
    const retentionMs = 12 * HOUR_MS;
    let left;
    for (let at = 0; at <= 4 * HOUR_MS; at += STEP_MS) {
      const position = at / 10;
      left = countdown.look({
        ...{ nowMs: START_MS + at, steadyMs: at, logStart: 0, logEnd: position, position },
        ...{ positionMs: START_MS + at, neededFrom: Math.min(position, HOUR_MS / 10) },
        ...{ retentionMs, retentionBytes: undefined, bytesPerOffset: undefined, staleMs: 0 },
      });
    }
    // Claimed is what was produced an hour in; three hours of its twelve are over.
    expect(left?.by).toBe('time');
    expect(left?.leftMs).toBeGreaterThan(8.9 * HOUR_MS);
    expect(left?.leftMs).toBeLessThanOrEqual(9 * HOUR_MS);
  });

  test('cut off from the broker, what we can’t see is taken to be produced on', () => {
    const countdown = new LossCountdown();
    const facts = { logStart: 0, bytesPerOffset: 100, retentionMs: 12 * HOUR_MS };
    const look = (at: number, logEnd: number, staleMs: number, retentionBytes?: number) =>
      countdown.look({
        ...{ nowMs: START_MS + at, steadyMs: at, logEnd, position: logEnd, neededFrom: logEnd },
        ...{ positionMs: START_MS + at - staleMs, staleMs, retentionBytes, ...facts },
      });
    for (let at = 0; at <= HOUR_MS; at += STEP_MS) expect(look(at, at / 10, 0)).toBeUndefined();
    const end = HOUR_MS / 10;
    expect(look(3 * HOUR_MS, end, 2 * HOUR_MS)).toEqual({ leftMs: 10 * HOUR_MS, by: 'time' });
    // 100 bytes each 10 ms: after two of six hours' worth a third of the room is used up.
    const bySize = look(3 * HOUR_MS, end, 2 * HOUR_MS, 6 * 36_000_000);
    expect(bySize?.by).toBe('size');
    expect(bySize?.leftMs).toBeLessThanOrEqual(4 * HOUR_MS);
    expect(bySize?.leftMs).toBeGreaterThan(3.2 * HOUR_MS);
  });

  test('without the topic’s settings the start of the log tells, once it moves', () => {
    const countdown = new LossCountdown();
    const look = (hours: number, logStart: number) =>
      countdown.look({
        ...{ nowMs: START_MS + hours * HOUR_MS, steadyMs: hours * HOUR_MS, logStart, logEnd: 20_000 },
        ...{ position: 10_000, neededFrom: 10_000, positionMs: undefined },
        ...{ retentionMs: undefined, retentionBytes: undefined, bytesPerOffset: undefined, staleMs: 0 },
      });
    expect(look(0, 0)).toBeUndefined();
    expect(look(1, 0)).toBeUndefined();
    expect(look(2, 1_000)).toEqual({ leftMs: 9 * HOUR_MS, by: 'start' });
  });
});
