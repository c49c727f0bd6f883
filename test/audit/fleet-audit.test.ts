/**
 * Goal: the audit of a fleet finds each hole and each overlap between gateways, names the offsets, proves nothing that it can't know, and finds
 * nothing where nothing is wrong (exactly-once.md §5).
 * Method: made-up tenures, facts and stamps; a random history of owners with one thing wrong in it, found by its offsets.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  auditFleet,
  type AuditedGroupPartition,
  type FilePiece,
  type FleetAuditInput,
} from '../../main/audit/fleet-audit.ts';
import { intersected, minus, OffsetSet } from '../../main/audit/offset-set.ts';
import type { FactRange } from '../../main/landing/fleet-facts.ts';
import { fleetFacts, partitionFacts } from '../fleet/fleet-fixture.ts';

const LOG = { topic: 'nginx', partition: 0, incarnation: 'topic-1' };

function group(change: Partial<AuditedGroupPartition> = {}): AuditedGroupPartition {
  const tenures = [
    { stateId: 's-a', gatewayId: 'gw-a', start: 0, end: 50 },
    { stateId: 's-b', gatewayId: 'gw-b', start: 50, end: 100 },
  ];
  return { group: 'to-hdfs', ...LOG, committed: 100, tenures, isWhole: true, ...change };
}

function gateway(
  name: 'a' | 'b',
  ranges: readonly FactRange[],
  change: {
    readonly isSilent?: boolean;
    readonly waitingEvents?: number;
    readonly landedEvents?: number;
  } = {},
) {
  const { isSilent = false, waitingEvents = 0, landedEvents = 0 } = change;
  const acceptedTo = ranges.at(-1)?.[1] ?? 0;
  const partition = partitionFacts({
    ...LOG,
    ranges,
    acceptedTo,
    landedTo: acceptedTo,
    waitingEvents,
    landedEvents,
  });
  const identity = { gatewayId: `gw-${name}`, stateId: `s-${name}` };
  return { isSilent, facts: fleetFacts({ ...identity, waitingEvents, partitions: [partition] }) };
}

function file(name: 'a' | 'b', from: number, to: number, path = `/logs/${name}-${from}`): FilePiece {
  return { ...LOG, path, stateId: `s-${name}`, sink: 'hadoop', events: to - from, runs: [{ from, to }] };
}

const WELL: FleetAuditInput = {
  groups: [group()],
  gateways: [gateway('a', [[0, 50]], { landedEvents: 50 }), gateway('b', [[50, 100]], { landedEvents: 50 })],
  files: [file('a', 0, 30), file('a', 30, 50), file('b', 50, 100)],
};

function found(input: Partial<FleetAuditInput>): string[] {
  return auditFleet({ ...WELL, ...input }).findings.map(({ kind, what }) => `${kind} ${what}`);
}

describe('a fleet where all is well', () => {
  test('is proven, and it is shown who accepted how much', () => {
    const result = auditFleet(WELL);
    expect(result).toMatchObject({ findings: [], unproven: [], notes: [] });
    expect(result.partitions).toMatchObject([
      {
        from: 0,
        to: 100,
        landed: 100,
        owners: [
          { stateId: 's-a', offsets: 50 },
          { stateId: 's-b', offsets: 50 },
        ],
      },
    ]);
  });

  test('facts that are a little behind the group are no fault while their gateway lives', () => {
    const gateways = [gateway('a', [[0, 50]]), gateway('b', [[50, 80]])];
    expect(auditFleet({ ...WELL, gateways, files: undefined })).toMatchObject({ findings: [], unproven: [] });
  });

  test('a log that was replaced is judged by itself', () => {
    const other = { ...LOG, incarnation: 'topic-0' };
    const old = fleetFacts({
      gatewayId: 'gw-a',
      stateId: 's-a',
      sink: 'old',
      partitions: [partitionFacts({ ...other, isCurrent: false, ranges: [[0, 900]], landedEvents: 0 })],
    });
    const files = [...(WELL.files ?? []), { ...file('a', 0, 900), ...other }];
    const gateways = [...WELL.gateways, { facts: old, isSilent: false }];
    expect(auditFleet({ ...WELL, gateways, files })).toMatchObject({ findings: [], unproven: [] });
  });
});

describe('what is wrong is named', () => {
  test('offsets that nobody accepted', () => {
    const tenures = [
      { stateId: 's-a', gatewayId: 'gw-a', start: 0, end: 50 },
      { stateId: 's-b', gatewayId: 'gw-b', start: 55, end: 100 },
    ];
    const gateways = [gateway('a', [[0, 50]]), gateway('b', [[55, 100]])];
    expect(found({ groups: [group({ tenures })], gateways, files: undefined })).toEqual([
      'hole 50-54 (5 offsets): no gateway accepted them, and the group is at 100',
    ]);
  });

  test('offsets that two accepted', () => {
    expect(
      found({ gateways: [gateway('a', [[0, 53]]), gateway('b', [[50, 100]])], files: undefined }),
    ).toEqual(['overlap 50-52 (3 offsets): accepted by gw-a and by gw-b']);
  });

  test('offsets beyond the group’s', () => {
    expect(
      found({ gateways: [gateway('a', [[0, 50]]), gateway('b', [[50, 110]])], files: undefined }),
    ).toEqual(['ahead 100-109 (10 offsets): accepted beyond the group’s offset 100']);
  });

  test('an offset in files of two gateways, and one in two files of one', () => {
    const doubled = [
      ...(WELL.files ?? []),
      file('b', 20, 25, '/logs/b-again'),
      file('b', 60, 61, '/logs/b-twice'),
    ];
    expect(found({ files: doubled })).toEqual([
      'overlap 20-24 (5 offsets): in /logs/a-0 and in /logs/b-again',
      'overlap 60 (1 offset): in /logs/b-50 and in /logs/b-twice',
      'outside nginx/0 20-24 (5 offsets): gw-b landed them and never accepted them',
    ]);
  });

  test('the same offsets for two sinks of one gateway are no fault', () => {
    expect(
      found({ files: [...(WELL.files ?? []), { ...file('a', 0, 50, '/logs/other'), sink: 'archive' }] }),
    ).toEqual([]);
  });

  test('a file that is gone', () => {
    expect(found({ files: [file('a', 0, 30), file('b', 50, 100)] })).toEqual([
      'files-missing gw-a landed 50 events for hadoop, files hold 30; among 30-49 (20 offsets)',
    ]);
  });
});

describe('what can’t be known is not called proven', () => {
  const unproven = (input: Partial<FleetAuditInput>) =>
    auditFleet({ ...WELL, ...input, files: undefined }).unproven;

  test('a silent gateway that holds events', () => {
    const gateways = [
      gateway('a', [[0, 50]]),
      gateway('b', [[50, 100]], { isSilent: true, waitingEvents: 7 }),
    ];
    expect(unproven({ gateways })).toEqual(['gw-b (s-b) is silent and holds 7 events for hadoop']);
  });

  test('what a silent gateway accepted after its last facts, unless its files show it', () => {
    const gateways = [gateway('a', [[0, 50]]), gateway('b', [[50, 80]], { isSilent: true })];
    expect(unproven({ gateways })).toEqual([
      'nginx/0 80-99 (20 offsets): accepted by gw-b after its last facts; it is silent, and only it knows what became of them',
    ]);
    expect(auditFleet({ ...WELL, gateways }).unproven).toEqual([]);
  });

  test('a gateway whose facts are nowhere', () => {
    expect(unproven({ gateways: [gateway('a', [[0, 50]])] })).toEqual([
      'nginx/0 50-99 (50 offsets): accepted by gw-b, which has published no facts',
    ]);
  });

  test('that a cut list of tenures begins where it seems to is said to rest on facts', () => {
    const cut = group({ isWhole: false });
    expect(auditFleet({ ...WELL, groups: [cut] }).notes.join()).toContain('rests on the gateways’ facts');
  });
});

describe('any history of owners', () => {
  /** Lengths of tenures, alternating between two gateways. */
  const history = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 12 });
  const siteOf = (lengths: readonly number[]) => {
    let at = 0;
    const tenures = lengths.map((length, index) => {
      const name = index % 2 === 0 ? 'a' : 'b';
      return { name, stateId: `s-${name}`, gatewayId: `gw-${name}`, start: at, end: (at += length) } as const;
    });
    const rangesOf = (name: string) =>
      tenures.filter((one) => one.name === name).map(({ start, end }): FactRange => [start, end]);
    return { tenures, committed: at, gateways: [gateway('a', rangesOf('a')), gateway('b', rangesOf('b'))] };
  };

  test('is clean when whole; without one tenure the hole is named; with one lengthened the overlap is', () => {
    fc.assert(
      fc.property(history, fc.nat(), (lengths, pick) => {
        const { tenures, committed, gateways } = siteOf(lengths);
        const audited = (change: Partial<FleetAuditInput>) =>
          auditFleet({ groups: [group({ tenures, committed })], gateways, files: undefined, ...change });
        expect(audited({})).toMatchObject({ findings: [], unproven: [] });
        const victim = tenures[pick % (tenures.length - 1)];
        if (victim === undefined) return;
        const isFirst = victim.start === 0;
        const left = tenures.filter((one) => one !== victim);
        const ranges = (name: string) =>
          left.filter((one) => one.name === name).map(({ start, end }): FactRange => [start, end]);
        const holed = audited({
          groups: [group({ tenures: left, committed })],
          gateways: [gateway('a', ranges('a')), gateway('b', ranges('b'))],
        });
        // What comes before all that is known of is no hole that could be seen.
        expect(holed.findings.map(({ kind }) => kind)).toEqual(isFirst ? [] : ['hole']);
        const longer = tenures.map((one) => (one === victim ? { ...one, end: one.end + 1 } : one));
        const doubled = audited({ groups: [group({ tenures: longer, committed })] });
        expect(doubled.findings).toMatchObject([
          { kind: 'overlap', what: expect.stringMatching(`^${victim.end} `) as string },
        ]);
      }),
    );
  });
});

describe('sets of offsets', () => {
  const runs = fc.array(fc.tuple(fc.nat(60), fc.nat(12)), { maxLength: 12 });
  const setOf = (pairs: readonly (readonly [number, number])[]) => {
    const set = new OffsetSet();
    for (const [from, length] of pairs) set.add(from, from + length);
    return set;
  };
  const members = (set: OffsetSet) =>
    set.runs().flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index));

  test('differ and meet as sets of numbers do', () => {
    fc.assert(
      fc.property(runs, runs, (left, right) => {
        const [a, b] = [setOf(left), setOf(right)];
        const inB = new Set(members(b));
        expect(members(minus(a, b))).toEqual(members(a).filter((one) => !inB.has(one)));
        expect(members(intersected(a, b))).toEqual(members(a).filter((one) => inB.has(one)));
        expect(a.count).toBe(new Set(members(a)).size);
      }),
    );
  });
});
