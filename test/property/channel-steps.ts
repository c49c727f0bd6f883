import fc from 'fast-check';

/** What sources, landing, operators and power may do to a channel, in any order. */
export const step = fc.oneof(
  fc.record({ do: fc.constant('begin' as const), p: fc.nat(1), adopt: fc.boolean() }),
  fc.record({
    do: fc.constant('put' as const),
    p: fc.nat(1),
    count: fc.integer({ min: 0, max: 9 }),
    filtered: fc.boolean(),
  }),
  fc.record({
    do: fc.constant('redeem' as const),
    which: fc.nat(5),
    count: fc.integer({ min: 1, max: 9 }),
    into: fc.constantFrom('even' as const, 'odd' as const, 'gap' as const, 'filtered' as const),
  }),
  fc.record({ do: fc.constant('giveUp' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('stale' as const), p: fc.nat(1) }),
  fc.record({ do: fc.constant('accept' as const), p: fc.nat(1), which: fc.nat(9) }),
  fc.record({ do: fc.constant('end' as const), p: fc.nat(1) }),
  fc.record({
    do: fc.constant('resolve' as const),
    p: fc.nat(1),
    which: fc.nat(3),
    verdict: fc.constantFrom('accepted' as const, 'rejected' as const),
  }),
  fc.record({
    do: fc.constant('plan' as const),
    directory: fc.nat(1),
    maxEvents: fc.constantFrom(0, 1, 6, 15),
  }),
  fc.record({ do: fc.constant('land' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('hold' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('damage' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('pause' as const), isPaused: fc.boolean() }),
  fc.record({ do: fc.constant('spill' as const) }),
  fc.record({ do: fc.constant('reopen' as const), memory: fc.boolean() }),
  fc.record({ do: fc.constant('crash' as const), memory: fc.boolean() }),
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
