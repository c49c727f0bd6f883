/**
 * Goal: a range is called the lost state's, or not, only where a fact says so; what no fact decides is asked (exactly-once.md §4).
 * Method: histories of owners are written into the metadata by the very code that gateways write it with, cut off by its own rule; then
 * what is found is compared with what really happened.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownershipOf, type OwnershipFacts } from '../../main/recovery/ownership.ts';
import { joined, within, without } from '../../main/recovery/ranges.ts';
import { nextTenureMetadata, type TenureMetadata } from '../../main/sources/kafka/tenure-metadata.ts';
import type { OffsetRun } from '../../shared/model/offset-runs.ts';

interface Life {
  readonly owner: string;
  readonly width: number;
}

interface History {
  readonly chain: TenureMetadata | undefined;
  readonly committedOffset: number;
  readonly ofOwner: (owner: string) => OffsetRun[];
}

/** Tenures one after the other from `start` on. */
function history(lives: readonly Life[], start = 0): History {
  let chain: TenureMetadata | undefined;
  let at = start;
  const ranges = new Map<string, OffsetRun[]>();
  lives.forEach(({ owner, width }, number) => {
    chain = nextTenureMetadata(
      chain,
      {
        nonce: `n${String(number).padStart(23, '0')}`,
        stateId: owner,
        gatewayId: `gw-${owner}`,
        target: 'here',
        incarnation: 'topic',
        start: at,
        previousEnd: at,
        isNewLog: false,
        movedTo: undefined,
        fingerprint: undefined,
      },
      () => true,
    );
    ranges.set(owner, [...(ranges.get(owner) ?? []), { from: at, to: at + width }]);
    at += width;
  });
  return { chain, committedOffset: at, ofOwner: (owner) => joined(ranges.get(owner) ?? []) };
}

function facts(of: History, more: Partial<OwnershipFacts> = {}): OwnershipFacts {
  return {
    ...{ place: 'www/0', lost: new Set(['lost']), chain: of.chain, committedOffset: of.committedOffset },
    ...{ published: [], landed: [], words: { ours: [], notOurs: [] } },
    ...more,
  };
}

const life = (owner: string, width = 10): Life => ({ owner, width });
const many = (owner: string, count: number): Life[] => Array.from({ length: count }, () => life(owner));
const ranges = (all: readonly OffsetRun[]): OffsetRun[] => joined(all.map(({ from, to }) => ({ from, to })));

describe('what was the lost state’s', () => {
  it('is what the list says, and ends where the next owner began, or at the committed offset', () => {
    const past = history([life('lost'), life('other'), life('lost')], 5);
    const found = ownershipOf(facts(past));
    expect(found.ranges.map(({ from, to, basis }) => ({ from, to, basis }))).toEqual([
      { from: 5, to: 15, basis: 'listed' },
      { from: 25, to: 35, basis: 'listed' },
    ]);
    expect(found.undecided).toEqual([]);
  });

  it('is all of it where nobody else was ever listed, though the list was cut', () => {
    const past = history(many('lost', 60));
    expect(past.chain?.entries.length).toBeLessThan(60);
    const landed = [{ from: 0, to: 3 }];
    const found = ownershipOf(facts(past, { landed }));
    expect(ranges(found.ranges)).toEqual([{ from: 0, to: 600 }]);
    expect(found.undecided).toEqual([]);
  });

  it('is asked for where others were there, the list was cut, and nobody tells', () => {
    const past = history([...many('lost', 30), ...many('other', 30), life('lost')]);
    const found = ownershipOf(facts(past));
    expect(found.undecided.length).toBeGreaterThan(0);
    expect(within(ranges(found.ranges), past.ofOwner('other'))).toEqual([]);
    const word = ownershipOf(
      facts(past, { words: { ours: past.ofOwner('lost'), notOurs: past.ofOwner('other') } }),
    );
    expect(word.undecided).toEqual([]);
    expect(ranges(word.ranges)).toEqual(past.ofOwner('lost'));
  });

  it('follows from what it published itself, up to where that reaches', () => {
    const past = history([...many('lost', 30), ...many('other', 30), life('lost')]);
    const own = {
      stateId: 'lost',
      ranges: past.ofOwner('lost'),
      wholeFrom: 0,
      acceptedTo: past.committedOffset,
    };
    const found = ownershipOf(facts(past, { published: [own] }));
    expect(found.undecided).toEqual([]);
    expect(ranges(found.ranges)).toEqual(past.ofOwner('lost'));
  });

  it('begins where the first tenure began: what lies before a list that was never cut is nobody’s', () => {
    const past = history([life('lost'), life('lost')], 1_000);
    const found = ownershipOf(facts(past));
    expect(ranges(found.ranges)).toEqual([{ from: 1_000, to: 1_020 }]);
    expect(found.undecided).toEqual([]);
  });

  it('is no more than what is proven where the list is gone', () => {
    const found = ownershipOf(
      facts({ ...history([]), committedOffset: -1 }, { landed: [{ from: 3, to: 5 }] }),
    );
    expect(ranges(found.ranges)).toEqual([{ from: 3, to: 5 }]);
  });

  it('is never another’s and never left out silently, whatever the history and whoever published', () => {
    // Owners come in blocks, so that lists are cut between those that stay.
    const lives = fc
      .array(
        fc.record({
          owner: fc.constantFrom('lost', 'a', 'b'),
          width: fc.integer({ min: 0, max: 30 }),
          times: fc.integer({ min: 1, max: 25 }),
        }),
        { minLength: 1, maxLength: 8 },
      )
      .map((blocks) =>
        blocks.flatMap(({ owner, width, times }) => Array.from({ length: times }, () => life(owner, width))),
      );
    const knowledge = fc.record({
      publishers: fc.subarray(['lost', 'a', 'b']),
      wholeFrom: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 600 })),
      share: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
    });
    fc.assert(
      fc.property(lives, knowledge, fc.nat(50), (all, { publishers, wholeFrom, share }, start) => {
        const past = history(all, start);
        const truth = past.ofOwner('lost');
        const published = publishers.map((stateId) => {
          const own = past.ofOwner(stateId);
          const acceptedTo = Math.round((own.at(-1)?.to ?? 0) * share);
          return {
            ...{ stateId, wholeFrom, acceptedTo },
            ranges: within(own, [{ from: wholeFrom, to: acceptedTo }]),
          };
        });
        const landed = within(truth, [{ from: 0, to: Math.round(past.committedOffset * share) }]);
        const found = ownershipOf(facts(past, { published, landed }));
        const said = ranges(found.ranges);
        expect(without(said, truth), 'called its own, and was not').toEqual([]);
        expect(without(without(truth, said), found.undecided), 'left out').toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
