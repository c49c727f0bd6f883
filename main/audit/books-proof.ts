import type { ChannelDatabase } from '../channel/channel-database.ts';
import { knownPartitions } from '../channel/coverage-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { bookFaults } from './book-checks.ts';
import { FindingList } from './finding-list.ts';
import { Pace } from './pace.ts';
import { auditPartition } from './partition-audit.ts';

/**
 * The audit of the books alone, over a connection of the caller's: what is wrong with them, in words; empty: each offset has one fate, and what is
 * written twice agrees. For a database that is not in place yet. Throws what SQLite throws, and the signal's reason.
 */
export async function proveBooks(
  db: ChannelDatabase,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const findings = new FindingList();
  const pace = new Pace(signal, clock);
  for (const partition of knownPartitions(db)) await auditPartition({ db, findings, pace }, partition);
  for (const faults of bookFaults(db))
    for (const { place, what, kind = 'books-differ' } of faults) findings.add(kind, place, what);
  return findings.findings.map(({ place, what }) => `${place}: ${what}`);
}
