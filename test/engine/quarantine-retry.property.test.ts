/**
 * Goal: whatever is put, accepted, rejected, adopted, retried, dropped and landed, in whatever order and under whatever rules, and
 * wherever the writer is cut off: after each step every offset has exactly one fate in each channel, the one that the rules say, and each
 * body stands once, as the rules make it of what the source delivered. Method: random steps on the real writer, reader and packer against
 * a model that is a map of offsets to fates; the audit looks on. fast-check prints its seed.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Fate } from './quarantine-model.ts';
import { Site, type Step } from './quarantine-site.ts';

const version = fc.integer({ min: 1, max: 6 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      events: fc.integer({ min: 1, max: 12 }),
      version,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('accept' as const), back: fc.integer({ min: 0, max: 1 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('tenure' as const),
      how: fc.constantFrom('accepted' as const, 'rejected' as const, 'adopted' as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('retry' as const),
      version,
      of: fc.constantFrom('all' as const, 'some' as const, 'reason' as const),
      trouble: fc.constantFrom(
        'none' as const,
        'none' as const,
        'drop' as const,
        'cut' as const,
        'reopen' as const,
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), pick: fc.nat({ max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('land' as const) }) },
);

async function take(site: Site, one: Step): Promise<void> {
  switch (one.kind) {
    case 'put':
      return site.put(one.events, one.version);
    case 'accept':
      return site.accept(one.back);
    case 'tenure':
      return site.begin(one.how);
    case 'retry':
      return site.retry(one);
    case 'drop':
      return site.drop(one.pick);
    case 'land':
      return site.land();
  }
}

test(
  'every offset has one fate after each step, and each body stands once',
  { timeout: 240_000 },
  async () => {
    const seen = new Set<Fate | 'landed'>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 30 }), async (steps) => {
        using site = new Site();
        await site.begin('first');
        for (const one of steps) {
          await take(site, one);
          site.check();
        }
        await site.audit();
        for (const { fates } of site.model.offsets.values())
          for (const fate of fates.values()) seen.add(fate);
      }),
      { numRuns: 40, verbose: 1, endOnFailure: true },
    );
    expect(seen).toEqual(new Set(['chunk', 'filtered', 'not-routed', 'waiting', 'dropped']));
  },
);
