/**
 * Goal: an operator is told of each change of state once, never of the same state twice, and never flooded, however the engine
 * flaps. Method: random histories with a clock of their own, held against the rules; then the examples that operators know.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BURST_MAX,
  GAP_MS,
  QUIET_MS,
  SETTLE_BAD_MS,
  SETTLE_GOOD_MS,
  emptyBook,
  look,
  type Condition,
  type Look,
  type Notice,
} from '../../main/desktop/notice-book.ts';
import { noticeKind, type NoticeKind } from '../../shared/contract/desktop.ts';

const ALL: ReadonlySet<NoticeKind> = new Set(noticeKind.options);
const thing = (place: string, kind: NoticeKind = 'backlog'): Condition => ({
  key: `${kind}:${place}`,
  kind,
  place,
  message: `${place} is over`,
});

interface Told {
  readonly atMs: number;
  readonly notice: Notice;
}

/** Plays looks one after the other, and between them what the book itself asks to be looked at. */
class Player {
  book = emptyBook;
  readonly told: Told[] = [];
  #last: Look | undefined;
  #dueMs: number | undefined;

  see(atMs: number, bad: readonly Condition[], changes: Partial<Look> = {}): this {
    this.#settle(atMs);
    this.#look({ steadyMs: atMs, bad, isComplete: true, told: ALL, ...changes });
    return this;
  }

  /** Until nothing waits any more. */
  rest(): this {
    this.#settle(Infinity);
    return this;
  }

  get words(): string[] {
    return this.told.map(({ notice }) =>
      'condition' in notice
        ? `${notice.type} ${notice.condition.place}`
        : `${notice.type} ${notice.conditions.length}`,
    );
  }

  #settle(untilMs: number): void {
    while (this.#dueMs !== undefined && this.#dueMs < untilMs && this.#last !== undefined)
      this.#look({ ...this.#last, steadyMs: this.#dueMs });
  }

  #look(seen: Look): void {
    const { book, notices, dueMs } = look(this.book, seen);
    this.book = book;
    this.#last = seen;
    expect(dueMs === undefined || dueMs > seen.steadyMs).toBe(true);
    this.#dueMs = dueMs;
    for (const notice of notices) this.told.push({ atMs: seen.steadyMs, notice });
  }
}

const opened = (): Player => new Player().see(0, []);

/** Histories of up to six things that come and go at any moment. */
const histories = fc.array(
  fc.record({
    afterMs: fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 2 * QUIET_MS })),
    bad: fc.subarray(['a', 'b', 'c', 'd', 'e', 'f']),
    isComplete: fc.boolean(),
  }),
  { maxLength: 80 },
);

describe('whatever happens', () => {
  test('nothing is told twice in the same state, flapping is bounded, and the last state is told in the end', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const player = opened();
        let atMs = 0;
        for (const { afterMs, bad, isComplete } of history) {
          atMs += afterMs;
          player.see(
            atMs,
            bad.map((place) => thing(place)),
            { isComplete },
          );
        }
        const last = history.at(-1)?.bad ?? [];
        player.see(
          atMs + 1,
          last.map((place) => thing(place)),
        );
        player.rest();
        checkRules(player.told);
        const { things } = player.book;
        for (const place of last) expect(things.get(`backlog:${place}`)?.isToldBad).toBe(true);
        for (const [key, one] of things) expect([key, one.isToldBad]).toEqual([key, one.isBad]);
      }),
      { numRuns: 400, verbose: 1 },
    );
  });
});

function checkRules(told: readonly Told[]): void {
  const states = new Map<string, { isBad: boolean; atMs: number }>();
  const moments = new Map<number, number>();
  for (const { atMs, notice } of told) {
    moments.set(atMs, (moments.get(atMs) ?? 0) + 1);
    if (!('condition' in notice)) {
      // A summary changes each of its things.
      for (const { key } of notice.conditions) {
        const before = states.get(key);
        if (before !== undefined) expect(atMs - before.atMs).toBeGreaterThanOrEqual(QUIET_MS);
        states.set(key, { isBad: !(before?.isBad ?? false), atMs });
      }
      continue;
    }
    const { key } = notice.condition;
    const isBad = notice.type === 'bad';
    const before = states.get(key);
    expect(before?.isBad ?? false).toBe(!isBad);
    if (before !== undefined) expect(atMs - before.atMs).toBeGreaterThanOrEqual(QUIET_MS);
    states.set(key, { isBad, atMs });
  }
  const times = [...moments.keys()];
  times.forEach((atMs, position) => {
    expect(moments.get(atMs)).toBeLessThanOrEqual(BURST_MAX);
    const before = times[position - 1];
    if (before !== undefined) expect(atMs - before).toBeGreaterThanOrEqual(GAP_MS);
  });
}

describe('an operator', () => {
  test('is told when something goes wrong, and when it is over', () => {
    const player = opened()
      .see(10_000, [thing('disk')])
      .rest()
      .see(2 * QUIET_MS, [])
      .rest();
    expect(player.words).toEqual(['bad disk', 'good disk']);
    expect(player.told.map(({ atMs }) => atMs)).toEqual([
      10_000 + SETTLE_BAD_MS,
      2 * QUIET_MS + SETTLE_GOOD_MS,
    ]);
  });

  test('is told nothing of what was over before anybody could look', () => {
    const player = opened()
      .see(10_000, [thing('disk')])
      .see(10_000 + SETTLE_BAD_MS - 1, [])
      .rest();
    expect(player.words).toEqual([]);
  });

  test('is told once of what flaps for an hour, and then how it ended', () => {
    const player = opened();
    for (let atMs = 10_000; atMs < 3_600_000; atMs += 4_000)
      player.see(atMs, (atMs / 4_000) % 2 === 0 ? [] : [thing('disk')]);
    const during = player.words.length;
    expect(during).toBeLessThanOrEqual(3_600_000 / QUIET_MS + 1);
    player.see(3_600_000, []).rest();
    expect(player.words.at(-1)).toBe('good disk');
  });

  test('gets one summary of what stood already at the start', () => {
    const player = new Player()
      .see(0, [thing('a'), thing('b')])
      .see(60_000, [thing('a'), thing('b')])
      .rest();
    expect(player.words).toEqual(['standing 2']);
    expect(new Player().see(0, []).rest().words).toEqual([]);
  });

  test('gets one notice for many things at once', () => {
    const many = ['a', 'b', 'c', 'd', 'e'].map((place) => thing(place));
    expect(opened().see(10_000, many).rest().words).toEqual(['several 5']);
  });

  test('hears nothing of a kind that is switched off, nor later of what it missed', () => {
    const told = new Set<NoticeKind>(['link']);
    const player = opened()
      .see(10_000, [thing('disk'), thing('kafka', 'link')], { told })
      .rest()
      .see(100_000, [thing('disk'), thing('kafka', 'link')])
      .rest();
    expect(player.words).toEqual(['bad kafka']);
  });

  test('is not told that things are over because they can’t be seen', () => {
    const player = opened()
      .see(10_000, [thing('disk')])
      .rest()
      .see(2 * QUIET_MS, [], { isComplete: false });
    expect(player.rest().words).toEqual(['bad disk']);
  });
});
