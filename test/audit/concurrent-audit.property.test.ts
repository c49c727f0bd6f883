import { join } from 'node:path';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FindingList } from '../../main/audit/finding-list.ts';
import { Pace } from '../../main/audit/pace.ts';
import { PartitionReading } from '../../main/audit/partition-audit.ts';
import { openForReading } from '../../main/channel/channel-database.ts';
import { knownPartitions } from '../../main/channel/coverage-reader.ts';
import { AuditedSite, hurried, said } from './audited-site.ts';
import { BusyChannel, step } from './busy-channel.ts';
import type { Step } from './busy-channel.ts';

/**
 * Goal: whatever the channel does while it is audited, the audit is clean, and no snapshot is held for long.
 * Method: random puts, acceptances, rejections and landings go on beside an audit whose clock cuts it at every seam.
 */
const LOTS: Step = {
  kind: 'put',
  partition: 0,
  fates: ['chunk', 'late chunk', 'filtered', 'chunk', 'late chunk', 'quarantine', 'chunk', 'absent'],
  repeat: 3,
};

/** No dispositions: the last ones stand well before the end, and later ones are joined to them over it. */
const TAIL: Step = { kind: 'put', partition: 0, fates: ['chunk', 'late chunk'], repeat: 12 };

/** A channel with a past: puts that interleave two directories, accepted, a part of them landed. */
async function filled(site: AuditedSite): Promise<BusyChannel> {
  const busy = new BusyChannel(site);
  await busy.begin();
  for (let at = 0; at < 3; at++) {
    await busy.take(LOTS);
    await busy.take({ kind: 'accept', partition: 0, back: 0 });
    if (at % 2 === 1) await busy.take({ kind: 'land', maxEvents: 3 });
  }
  await busy.take(TAIL);
  await busy.take({ kind: 'accept', partition: 0, back: 0 });
  return busy;
}

test('an audit beside a working channel is clean', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
      await using site = new AuditedSite();
      const busy = await filled(site);
      let isOver = false;
      const audits = (async () => {
        do {
          const report = await site.audit('ledger', { clock: hurried() });
          expect(said(report)).toEqual([]);
          expect(report).toMatchObject({ state: 'done', verdict: 'clean' });
        } while (!isOver);
      })();
      const work = (async () => {
        for (const one of steps) await busy.take(one);
        isOver = true;
      })();
      await Promise.all([audits, work]);
    }),
    { numRuns: 10, verbose: 1 },
  );
});

/** Does a step of the channel's work at each turn that the audit gives to others. */
class WorkingPace extends Pace {
  readonly #work: () => Promise<void>;

  constructor(work: () => Promise<void>) {
    super(new AbortController().signal, hurried());
    this.#work = work;
  }

  override async turn(): Promise<void> {
    await this.#work();
    await super.turn();
  }
}

/** True: no reader keeps the WAL from being written back whole. */
function isWalFree(site: AuditedSite): boolean {
  const db = new Database(join(site.directory, 'channel.sqlite'));
  const [result] = db.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number }[];
  db.close();
  return result !== undefined && result.log === result.checkpointed;
}

test('a reading in stretches finds nothing that is not there', { timeout: 120_000 }, async () => {
  let snapshots = 0;
  let landings = 0;
  let freed = 0;
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 10, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(sizes, async (left) => {
      await using site = new AuditedSite();
      const busy = await filled(site);
      const db = openForReading(join(site.directory, 'channel.sqlite'));
      const findings = new FindingList();
      const begin = db.exec.bind(db);
      db.exec = (sql) => {
        if (sql === 'BEGIN') snapshots++;
        return begin(sql);
      };
      const pace = new WorkingPace(async () => {
        const maxEvents = left.pop();
        if (maxEvents === undefined) return;
        landings++;
        await busy.take({ kind: 'land', maxEvents });
        if (isWalFree(site)) freed++;
        if (maxEvents > 8) return;
        await busy.take(LOTS);
        await busy.take({ kind: 'accept', partition: 0, back: 0 });
      });
      const [partition] = knownPartitions(db);
      if (partition === undefined) throw new Error('no partition');
      const reading = new PartitionReading({ db, findings, pace }, partition);
      const { coverage, offsets } = await reading.read('in stretches');
      db.close();
      expect(findings.findings).toEqual([]);
      for (const { from, to, held, claimed = 0, ...kinds } of coverage) {
        const { landed, inChannel, quarantined, filtered, notRouted, absent, gap } = kinds;
        expect(landed + inChannel + quarantined + filtered + notRouted + absent + gap).toBe(to - from);
        expect(held + claimed).toBe(0);
        expect(to - from).toBe(offsets);
      }
    }),
    { numRuns: 10, verbose: 1 },
  );
  // Else nothing was interleaved, and nothing was shown.
  expect(snapshots).toBeGreaterThan(10 * 5);
  expect(landings).toBeGreaterThan(10 * 5);
  // And between two snapshots everything in the WAL could go into the database, what had just been written too.
  expect(freed).toBeGreaterThan(10 * 3);
});
