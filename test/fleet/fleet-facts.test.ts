/**
 * Goal: what a gateway publishes about itself comes back whole or not at all, stays bounded, and is never replaced by what an older
 * copy of its state directory knows (exactly-once.md §5).
 * Method: the forms over made-up facts; publishing over a target with attributes (a double) and a real directory, which has none.
 */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  FACTS_BYTES_MAX,
  FACTS_INLINE_BYTES_MAX,
  formatFleetFacts,
  parseFleetFacts,
  type FactRange,
} from '../../main/landing/fleet-facts.ts';
import {
  endFacts,
  factsPath,
  FleetFactsObject,
  readFacts,
  readFleet,
} from '../../main/landing/fleet-facts-object.ts';
import type { Target } from '../../main/landing/target.ts';
import { DirectoryTarget } from '../../main/sinks/directory/directory-target.ts';
import { failure, MemoryTarget } from '../landing/memory-target.ts';
import { Notes } from '../landing/marker-notes.ts';
import { fleetFacts, NO_ABORT, partitionFacts } from './fleet-fixture.ts';

describe('the form of the facts', () => {
  const optionalTime = fc.option(fc.integer({ min: 0, max: 2 ** 50 }), { nil: undefined });
  const partition = fc
    .record({
      topic: fc.constantFrom('nginx', 'ünï-topic'),
      partition: fc.nat(2_000),
      acceptedTo: fc.nat(2 ** 31),
      landedTo: fc.nat(2 ** 31),
      oldestEventMs: optionalTime,
      endSeenMs: optionalTime,
      tenure: fc.option(fc.constant({ nonce: 'abc', start: 4, sinceMs: 9 }), { nil: undefined }),
      ranges: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 5 }),
      isCurrent: fc.boolean(),
    })
    .map((one) => partitionFacts(one));

  test('what was written is read', () => {
    fc.assert(
      fc.property(fc.array(partition, { maxLength: 20 }), (partitions) => {
        const facts = fleetFacts({ partitions, ended: { atMs: 5, why: 'retired', by: '李' } });
        const text = formatFleetFacts(facts);
        expect(text).toMatch(/^[ -~]*$/);
        const read = parseFleetFacts(text);
        // Partitions of one log stand together; their order says nothing.
        const sorted = (all: readonly object[] = []) => all.map((one) => JSON.stringify(one)).sort();
        expect({ ...read, partitions: [] }).toEqual({ ...facts, partitions: [] });
        expect(read?.partitions).toEqual(expect.arrayContaining([...partitions]));
        expect(read?.partitions).toHaveLength(partitions.length);
        expect(sorted(read?.partitions.map(({ partition: id, topic }) => ({ id, topic })))).toEqual(
          sorted(partitions.map(({ partition: id, topic }) => ({ id, topic }))),
        );
      }),
    );
  });

  test('a text that was cut off anywhere is none', () => {
    const text = formatFleetFacts(fleetFacts());
    for (let at = 0; at < text.length; at++) expect(parseFleetFacts(text.slice(0, at))).toBeUndefined();
  });

  test('what does not fit: first old ranges go, then partitions that hold nothing, and it is said', () => {
    const ranges = Array.from({ length: 64 }, (_, at): FactRange => [at * 1_000_000, at * 1_000_000 + 5]);
    const many = (count: number) =>
      Array.from({ length: count }, (_, id) =>
        partitionFacts({ partition: id, ranges, waitingEvents: id === count - 1 ? 9 : 0 }),
      );
    const someRanges = parseFleetFacts(formatFleetFacts(fleetFacts({ partitions: many(500) })));
    expect(someRanges?.leftOut).toBe(0);
    expect(someRanges?.partitions).toHaveLength(500);
    expect(someRanges?.partitions[0]?.rangesFrom).toBe(someRanges?.partitions[0]?.ranges[0]?.[0]);
    const text = formatFleetFacts(fleetFacts({ partitions: many(5_000) }));
    expect(text.length).toBeLessThanOrEqual(FACTS_BYTES_MAX);
    const few = parseFleetFacts(text);
    expect(few?.leftOut).toBe(5_000 - (few?.partitions.length ?? 0));
    expect(few?.partitions.some(({ waitingEvents }) => waitingEvents === 9)).toBe(true);
  });
});

const GATEWAY = '/logs/.headgate/xian-gw-2';

function objectOn(target: Target, store: Notes, stateId = 'state-2'): FleetFactsObject {
  return new FleetFactsObject({ markerDirectory: GATEWAY, stateId, sink: 'hadoop', store, target });
}

/** More than an attribute holds. */
const LONG = fleetFacts({
  partitions: Array.from({ length: 200 }, (_, partition) => partitionFacts({ partition })),
});

describe('facts at a target with attributes', () => {
  test('short ones are an attribute; long ones a file, and the one before goes; shorter again, no file stays', async () => {
    const target = new MemoryTarget();
    const object = objectOn(target, new Notes());
    const files = () => [...target.files.keys()];
    for (const facts of [fleetFacts(), LONG, LONG, fleetFacts()]) {
      expect(formatFleetFacts(facts).length > FACTS_INLINE_BYTES_MAX).toBe(facts === LONG);
      const written = await object.publish(facts, NO_ABORT);
      expect(await readFacts(target, object.path, NO_ABORT)).toEqual(written);
      expect(files()).toHaveLength(facts === LONG ? 1 : 0);
    }
  });

  test('an older copy of the state directory does not write over newer facts, and says so', async () => {
    const target = new MemoryTarget();
    const notes = new Notes();
    await objectOn(target, notes).publish(fleetFacts({ nonce: 'first' }), NO_ABORT);
    const image = notes.copy();
    const newest = await objectOn(target, notes).publish(fleetFacts({ nonce: 'second' }), NO_ABORT);
    const restored = objectOn(target, image);
    expect(await restored.publish(fleetFacts({ nonce: 'restored' }), NO_ABORT)).toBe('newer');
    expect(await readFacts(target, restored.path, NO_ABORT)).toEqual(newest);
  });

  test('of two engines on copies of one state directory one goes on, the other stops writing', async () => {
    const target = new MemoryTarget();
    const notes = new Notes();
    const original = objectOn(target, notes);
    await original.publish(fleetFacts({ nonce: 'original' }), NO_ABORT);
    const clone = objectOn(target, notes.copy());
    expect(await original.publish(fleetFacts({ nonce: 'original' }), NO_ABORT)).not.toBe('newer');
    expect(await clone.publish(fleetFacts({ nonce: 'clone' }), NO_ABORT)).toBe('newer');
    expect(await original.publish(fleetFacts({ nonce: 'original' }), NO_ABORT)).not.toBe('newer');
  });

  test('facts whose writing failed at any call are the old ones or the new ones', async () => {
    for (const kind of ['refuse', 'lose-reply', 'truncate'] as const)
      for (let failing = 1; failing <= 6; failing++) {
        const target = new MemoryTarget();
        const object = objectOn(target, new Notes());
        const before = await object.publish(LONG, NO_ABORT);
        let calls = 0;
        target.fault = (operation) => {
          const isHit = operation !== 'namespace' && ++calls === failing;
          return isHit && (kind !== 'truncate' || operation === 'create') ? kind : undefined;
        };
        const changed = { ...LONG, waitingEvents: 51 };
        await object.publish(changed, NO_ABORT).catch((error: unknown) => {
          expect(error).toMatchObject({ name: failure('timeout', '', '').name });
        });
        target.fault = () => undefined;
        const seen = await readFacts(target, object.path, NO_ABORT);
        expect([before, { ...changed, sequence: 2 }]).toContainEqual(seen);
        const after = await object.publish(changed, NO_ABORT);
        expect(await readFacts(target, object.path, NO_ABORT)).toEqual(after);
        expect(target.files.size).toBe(1);
      }
  });

  test('a state directory that ended for good is marked so', async () => {
    const target = new MemoryTarget();
    const object = objectOn(target, new Notes());
    await object.publish(fleetFacts(), NO_ABORT);
    const end = { atMs: 9, why: 'recovered', by: 'li' } as const;
    expect(await endFacts(target, object.path, { end, signal: NO_ABORT })).toBe(true);
    expect((await readFacts(target, object.path, NO_ABORT))?.ended).toEqual(end);
    const nothing = factsPath(GATEWAY, 'never', 'hadoop');
    expect(await endFacts(target, nothing, { end, signal: NO_ABORT })).toBe(false);
  });
});

describe('facts in a directory of this machine, which has no attributes', () => {
  test('the newest file that is whole counts; a whole fleet is found below the root', async () => {
    const root = await mkdtemp(join(tmpdir(), 'headgate-fleet-'));
    const target = new DirectoryTarget({ type: 'directory', root });
    const at = (gateway: string, stateId: string) =>
      new FleetFactsObject({
        ...{ markerDirectory: `${root}/.headgate/${gateway}`, stateId, sink: 'disk' },
        ...{ store: new Notes(), target },
      });
    try {
      expect(await readFleet(target, root, NO_ABORT)).toEqual([]);
      const one = at('xian-gw-1', 's1');
      const first = await one.publish(fleetFacts({ gatewayId: 'xian-gw-1', stateId: 's1' }), NO_ABORT);
      await writeFile(join(one.path, 'facts-000000000099.json'), '{"headgate":1,"g":"xian');
      expect(await readFacts(target, one.path, NO_ABORT)).toEqual(first);
      const two = await at('xian-gw-2', 's2').publish(fleetFacts(), NO_ABORT);
      const next = await one.publish(fleetFacts({ gatewayId: 'xian-gw-1', stateId: 's1' }), NO_ABORT);
      expect(await readFleet(target, root, NO_ABORT)).toMatchObject([{ facts: next }, { facts: two }]);
      expect(await readdir(one.path)).toEqual(['facts-000000000002.json']);
    } finally {
      await target.close();
      await rm(root, { recursive: true });
    }
  });
});
