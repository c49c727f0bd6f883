/**
 * Goal: whatever joins, leaves, stands still, dies and comes back, and however its calls fare, no offset may land twice at any moment, and
 * once all faults are over each lands exactly once and nothing is held ("Done when" of issue 5: the model of a fleet).
 * Method: fast-check writes scripts for three gateways and two partitions; the opening, the fence and the keeper of doubts are the real ones, the
 * broker is a model. A failure prints its seed and its shortest script. The scripts that matter are played on a real broker in
 * fleet-broker.test.ts.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FleetPlay, type Deed } from './fleet-script.ts';
import { CALL_FATES } from './group-model.ts';
import { modelStage } from './model-stage.ts';

const PARTITIONS = [0, 1];
const RUNS = 2_000;

const who = fc.nat(2);
const partition = fc.constantFrom(...PARTITIONS);
const fates = fc.array(fc.constantFrom(...CALL_FATES), { maxLength: 5 });
const simple = (name: 'leave' | 'crash' | 'freeze' | 'thaw' | 'join' | 'doubts') =>
  who.map((one): Deed => ({ do: name, who: one }));
const deed: fc.Arbitrary<Deed> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('produce' as const),
      partition,
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 3, arbitrary: simple('join') },
  { weight: 1, arbitrary: simple('leave') },
  { weight: 1, arbitrary: simple('crash') },
  { weight: 2, arbitrary: simple('freeze') },
  { weight: 2, arbitrary: simple('thaw') },
  { weight: 1, arbitrary: simple('doubts') },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('learn' as const), who, fates }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      who,
      partition,
      count: fc.integer({ min: 1, max: 9 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('commit' as const), who, partition, fates }) },
  { weight: 1, arbitrary: fc.constant<Deed>({ do: 'late' }) },
  { weight: 1, arbitrary: fc.constant<Deed>({ do: 'time' }) },
);

describe('the model of a fleet', () => {
  test('no offset may ever land twice, and in the end each lands once', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 10, maxLength: 80 }), async (deeds) => {
        const stage = modelStage(PARTITIONS);
        await new FleetPlay(stage).play(deeds);
        for (const { outcomes } of stage.members)
          for (const outcome of outcomes) seen.add(outcome.split(' ')[1] ?? '');
      }),
      { numRuns: RUNS },
    );
    // A model in which nothing goes wrong would prove nothing.
    expect([...seen].sort()).toEqual(['accepted', 'refused', 'unknown']);
  });

  test('a broker that did not fence would be found out', async () => {
    await expect(
      fc.assert(
        fc.asyncProperty(fc.array(deed, { minLength: 30, maxLength: 80 }), async (deeds) => {
          const stage = modelStage(PARTITIONS);
          // Every epoch stays good, whoever opens after it.
          stage.model.initProducerId = (id) => stage.model.partition(id).epoch;
          await new FleetPlay(stage).play(deeds);
        }),
        { numRuns: RUNS },
      ),
    ).rejects.toMatchObject({
      cause: { message: expect.stringMatching(/may land twice|never lands|holds/) as string },
    });
  });
});
