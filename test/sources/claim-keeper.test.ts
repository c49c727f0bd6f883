/**
 * Goal: what a claim becomes where the source has no record: of offsets that were events it is a loss with a name, of others it is none.
 * Method: the keeper with a source that answers from a list, and a store that keeps what it is handed.
 */
import { expect, test } from 'vitest';
import { ClaimKeeper, type ClaimPuller, type Stretch } from '../../main/sources/claim-keeper.ts';
import type { PulledAgain, SourceEvent } from '../../main/sources/source.ts';
import { emptyBatch } from '../../shared/event-batch.ts';
import type { OpenClaim } from '../../shared/model/claim.ts';
import { singleRun } from '../../shared/model/offset-runs.ts';
import { FakeClock } from '../landing/fake-clock.ts';

const FIRST = 100;
const NEXT = 110;

function claimOf(wereEvents: boolean): OpenClaim {
  return {
    ...{ id: 1, partitionId: 1, clusterId: 'c', topicId: 't', isCurrent: true, fingerprint: undefined },
    partition: { source: 's', topic: 'www', partition: 0, incarnation: 't' },
    ...{ acceptedTo: NEXT, claimedMs: 0, wereEvents, channel: 'disk', detail: 'chunk 7' },
    runs: singleRun(FIRST, NEXT),
    cause: wereEvents ? 'damaged-chunk' : 'lost-disk',
  };
}

/** What the keeper hands over, and what it tells, when the log holds no record at the claimed offsets. */
async function redeemedWithoutRecords(claim: OpenClaim, lostBecause?: string) {
  const handed: PulledAgain[] = [];
  const told: SourceEvent[] = [];
  const nothing: Stretch = { first: FIRST, next: NEXT, events: emptyBatch(), quarantined: [], lostBecause };
  const puller: ClaimPuller = {
    async *pull() {
      yield nothing;
    },
    rest: () => Promise.resolve(),
  };
  const stop = new AbortController();
  const clock = new FakeClock();
  const keeper = new ClaimKeeper({
    ...{ name: 's', puller, clock, random: () => 0.5 },
    host: {
      claims: {
        open: () => Promise.resolve({ claims: handed.length === 0 ? [claim] : [], next: undefined }),
        redeem: (again) => {
          handed.push(again);
          return Promise.resolve('done');
        },
      },
      report: (event) => void told.push(event),
      whenOpen: () => Promise.resolve(),
    },
  });
  const running = keeper.run(stop.signal);
  await clock.until(() => told.some(({ code }) => code === 'claims-redeemed'));
  stop.abort();
  await running;
  expect(handed).toHaveLength(1);
  return {
    dispositions: handed[0]?.dispositions ?? [],
    lost: told.find(({ code }) => code === 'claim-lost'),
  };
}

test('offsets that were events and are no records any more are a gap with its reason, and told as lost', async () => {
  const { dispositions, lost } = await redeemedWithoutRecords(claimOf(true));
  expect(dispositions).toEqual([
    {
      ...{ kind: 'gap', channel: undefined, runs: singleRun(FIRST, NEXT) },
      reason: 'the source has no such record any more (compaction); claimed before: chunk 7',
    },
  ]);
  expect(lost?.message).toBe(
    '10 offsets from 100 to 109 can’t be pulled again: the source has no such record any more (compaction) (chunk 7)',
  );
});

test('offsets of a lost disk, of which nobody knows what they were, are absent: nothing was lost', async () => {
  const { dispositions, lost } = await redeemedWithoutRecords(claimOf(false));
  expect(dispositions).toEqual([
    { kind: 'absent', channel: undefined, runs: singleRun(FIRST, NEXT), reason: 'no record at the broker' },
  ]);
  expect(lost).toBeUndefined();
});

test('what the source knows of the loss is the reason, whatever the offsets were', async () => {
  for (const wereEvents of [true, false]) {
    const { dispositions } = await redeemedWithoutRecords(claimOf(wereEvents), 'retention');
    expect(dispositions).toMatchObject([{ kind: 'gap', reason: 'retention; claimed before: chunk 7' }]);
  }
});
