/**
 * Goal: an opening never guesses: what the group has, what its metadata lists and what the database knows give one verdict, or a hold.
 * Method: the pure verdict over facts written down by hand, for the cases that the model test does not reach.
 */
import { describe, expect, it } from 'vitest';
import { decideOpening, type OpeningFacts } from '../../../main/sources/kafka/opening-verdict.ts';
import { formatTenureMetadata, type TenureEntry } from '../../../main/sources/kafka/tenure-metadata.ts';
import { offset } from '../../../shared/model/brand.ts';
import type { PartitionState, TenureRow } from '../../../shared/model/partition.ts';

const OURS = 'state-a';
const OTHERS = 'state-b';

function entry(nonce: string, stateId: string, at: { start: number; end?: number; oldLogEnd?: number }) {
  return { nonce, stateId, start: at.start, end: at.end, oldLogEnd: at.oldLogEnd } satisfies TenureEntry;
}

function committedWith(
  at: number,
  entries: readonly TenureEntry[],
  more: { target?: string; incarnation?: string; movedTo?: number } = {},
) {
  const metadata = formatTenureMetadata({
    target: more.target ?? 'beijing',
    incarnation: more.incarnation ?? 'topic-1',
    sequence: entries.length,
    gateways: {},
    entries,
    movedTo: more.movedTo,
    fingerprint: undefined,
  });
  return { offset: at, leaderEpoch: -1, metadata };
}

function row(nonce: string, at: { start: number; acceptedTo: number; putTo: number }): TenureRow {
  return {
    id: 1,
    nonce,
    sequence: 1,
    startOffset: offset(at.start),
    acceptedTo: offset(at.acceptedTo),
    putTo: offset(at.putTo),
    state: at.putTo > at.acceptedTo ? 'doubt' : 'ended',
    startedAtMs: 0,
  };
}

function stateWith(tenures: readonly TenureRow[], position: number): PartitionState {
  return {
    ref: { source: 's', topic: 't', partition: 0, incarnation: 'topic-1' },
    clusterId: 'c',
    group: 'g',
    topicId: 'topic-1',
    position: offset(position),
    fingerprint: undefined,
    tenures,
  };
}

function decide(facts: Pick<OpeningFacts, 'committed'> & Partial<OpeningFacts>) {
  return decideOpening({
    state: undefined,
    clusterId: 'c',
    topicId: 'topic-1',
    group: 'g',
    stateId: OURS,
    target: 'beijing',
    choice: undefined,
    ...facts,
  });
}

describe('a changed landing target', () => {
  const state = stateWith([row('n1', { start: 0, acceptedTo: 50, putTo: 50 })], 50);

  it('is accepted after a tenure of our own: the operator moved his gateway', () => {
    const committed = committedWith(50, [entry('n1', OURS, { start: 0 })]);
    expect(decide({ committed, state, target: 'shanghai' })).toMatchObject({ kind: 'open', start: 50 });
  });

  it('is refused after a tenure of another gateway: two sites share a group by mistake', () => {
    const committed = committedWith(60, [
      entry('n1', OURS, { start: 0, end: 50 }),
      entry('n2', OTHERS, { start: 50 }),
    ]);
    expect(decide({ committed, state, target: 'shanghai' })).toMatchObject({
      kind: 'hold',
      code: 'other-target',
    });
  });
});

describe('an opening that a crash cut off', () => {
  const state = stateWith([row('n1', { start: 0, acceptedTo: 50, putTo: 50 })], 50);

  it('after the offset was moved forward is made again: the gap is told', () => {
    const committed = committedWith(70, [entry('n2', OURS, { start: 50 })], { movedTo: 70 });
    const again = { kind: 'open', basis: 'moved', start: 50, commitAt: 70 };
    expect(decide({ committed, state })).toMatchObject(again);
    // Cut off between the tenure's record and its first put.
    const recorded = stateWith([row('n2', { start: 50, acceptedTo: 50, putTo: 50 })], 50);
    expect(decide({ committed, state: recorded })).toMatchObject(again);
  });

  it('is no excuse for a database that went back in time', () => {
    const committed = committedWith(90, [entry('n2', OURS, { start: 50 })], { movedTo: 70 });
    expect(decide({ committed, state })).toMatchObject({ kind: 'hold' });
  });

  it('after the topic was created anew is made again, although the group’s list went with the old topic', () => {
    const held = stateWith([row('n1', { start: 0, acceptedTo: 50, putTo: 80 })], 80);
    const committed = committedWith(0, [entry('n2', OURS, { start: 0 })], { incarnation: 'topic-2' });
    expect(decide({ committed, state: held, topicId: 'topic-2' })).toMatchObject({
      kind: 'open',
      start: 0,
      doubts: [{ nonce: 'n1', rest: 'accepted' }],
    });
    // Another gateway opened the new topic first.
    const others = committedWith(30, [entry('n3', OTHERS, { start: 0 })], { incarnation: 'topic-2' });
    expect(decide({ committed: others, state: held, topicId: 'topic-2' })).toMatchObject({
      kind: 'open',
      start: 30,
    });
  });
});

describe('a copy of the state directory that opened beside us', () => {
  // Ours was given up without a put; the copy, which doesn't know it, took it for an opening that a crash had cut off.
  const state = stateWith([row('n2', { start: 50, acceptedTo: 50, putTo: 50 })], 50);
  const before = entry('n1', OURS, { start: 0, end: 50 });

  it('and got nothing leaves us as we were', () => {
    const committed = committedWith(50, [before, entry('copy', OURS, { start: 50 })]);
    expect(decide({ committed, state })).toMatchObject({ kind: 'open', basis: 'taken-over', start: 50 });
    const another = committedWith(90, [
      before,
      entry('copy', OURS, { start: 50, end: 50 }),
      entry('n3', OTHERS, { start: 50 }),
    ]);
    expect(decide({ committed: another, state })).toMatchObject({ kind: 'open', start: 90 });
  });

  it('and got something holds us', () => {
    const goesOn = committedWith(60, [before, entry('copy', OURS, { start: 50 })]);
    expect(decide({ committed: goesOn, state })).toMatchObject({ kind: 'hold' });
    const ended = committedWith(90, [
      before,
      entry('copy', OURS, { start: 50, end: 60 }),
      entry('n3', OTHERS, { start: 60 }),
    ]);
    expect(decide({ committed: ended, state })).toMatchObject({ kind: 'hold' });
  });

  it('and got something in a tenure that was evicted holds us: its last one begins beyond our position', () => {
    const committed = committedWith(90, [
      entry('copy2', OURS, { start: 60, end: 60 }),
      entry('n3', OTHERS, { start: 60 }),
    ]);
    expect(decide({ committed, state })).toMatchObject({ kind: 'hold' });
  });

  it('holds us where puts of ours are in doubt, the list was begun anew, or its offsets are of another incarnation', () => {
    const doubt = stateWith([row('n2', { start: 50, acceptedTo: 50, putTo: 70 })], 70);
    const committed = committedWith(50, [before, entry('copy', OURS, { start: 50 })]);
    expect(decide({ committed, state: doubt })).toMatchObject({ kind: 'hold' });
    const anew = committedWith(90, [entry('n3', OTHERS, { start: 50 })]);
    expect(decide({ committed: anew, state })).toMatchObject({ kind: 'hold' });
    const replay = committedWith(50, [before, entry('copy', OURS, { start: 50 })], {
      incarnation: 'topic-1~replay',
    });
    expect(decide({ committed: replay, state })).toMatchObject({ kind: 'hold' });
  });
});

describe('the word of the operator', () => {
  it('changes nothing where the facts fit together', () => {
    const state = stateWith([row('n1', { start: 0, acceptedTo: 50, putTo: 80 })], 80);
    const committed = committedWith(50, [entry('n1', OURS, { start: 0 })]);
    for (const choice of ['stored', 'broker'] as const) {
      const withWord = decide({ committed, state, choice });
      expect(withWord).toEqual(decide({ committed, state }));
      expect(withWord).toMatchObject({ incarnation: 'same', doubts: [{ nonce: 'n1', rest: 'adopt' }] });
    }
  });

  it('does not accept puts that another gateway has pulled since', () => {
    const state = stateWith([row('n1', { start: 0, acceptedTo: 50, putTo: 80 })], 80);
    const committed = committedWith(90, [
      entry('n1', OURS, { start: 0, end: 50 }),
      entry('n2', OTHERS, { start: 50 }),
    ]);
    expect(decide({ committed, state, choice: 'stored' })).toMatchObject({
      start: 90,
      doubts: [{ rest: 'rejected' }],
    });
  });
});

describe('puts in doubt of a log that is gone', () => {
  const state = stateWith([row('n1', { start: 0, acceptedTo: 50, putTo: 80 })], 80);
  const begin = entry('n2', OTHERS, { start: 0, oldLogEnd: 50 });

  it('land when no later tenure of that log is seen, although the new log begins at a lower offset', () => {
    const committed = committedWith(30, [entry('n1', OURS, { start: 0, end: 50 }), begin], {
      incarnation: 'topic-2',
    });
    expect(decide({ committed, state, topicId: 'topic-2' })).toMatchObject({
      kind: 'open',
      start: 30,
      doubts: [{ nonce: 'n1', rest: 'accepted' }],
    });
  });

  it('are removed when another gateway read beyond them in that log', () => {
    const entries = [
      entry('n1', OURS, { start: 0, end: 50 }),
      entry('n3', OTHERS, { start: 50, end: 90 }),
      { ...begin, oldLogEnd: 90 },
    ];
    const committed = committedWith(30, entries, { incarnation: 'topic-2' });
    expect(decide({ committed, state, topicId: 'topic-2' })).toMatchObject({
      doubts: [{ nonce: 'n1', rest: 'rejected' }],
    });
  });

  it('are held when another gateway opened that log after us and nobody can tell what it pulled', () => {
    const entries = [
      entry('n1', OURS, { start: 0, end: 50 }),
      entry('n3', OTHERS, { start: 50, end: 50 }),
      begin,
    ];
    const committed = committedWith(30, entries, { incarnation: 'topic-2' });
    expect(decide({ committed, state, topicId: 'topic-2' })).toMatchObject({
      kind: 'open',
      doubts: [{ nonce: 'n1', rest: 'hold' }],
    });
  });

  it('are judged alike by the gateway that finds the topic created anew', () => {
    const last = committedWith(50, [entry('n1', OURS, { start: 0 })]);
    expect(decide({ committed: last, state, topicId: 'topic-2' })).toMatchObject({
      basis: 'replaced',
      doubts: [{ rest: 'accepted' }],
    });
    const readOn = committedWith(60, [
      entry('n1', OURS, { start: 0, end: 50 }),
      entry('n3', OTHERS, { start: 50 }),
    ]);
    expect(decide({ committed: readOn, state, topicId: 'topic-2' })).toMatchObject({
      basis: 'replaced',
      doubts: [{ rest: 'hold' }],
    });
  });
});
