import type { AuditCoverage, AuditGap, AuditReport } from '../../shared/contract/control-audit.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { CHANNEL_FILE, openForReading, wrapped } from '../channel/channel-database.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { knownPartitions } from '../channel/coverage-reader.ts';
import type { Target } from '../landing/target.ts';
import type { Clock } from '../telemetry/clock.ts';
import { GAPS_NAMED_MAX } from './audit-limits.ts';
import { auditSummary } from './audit-summary.ts';
import { TargetDirectory } from './audited-target.ts';
import { bookFaults } from './book-checks.ts';
import { auditChunks } from './chunk-audit.ts';
import { auditDirectories } from './directory-audit.ts';
import { auditFiles } from './file-audit.ts';
import { FindingList } from './finding-list.ts';
import { Pace } from './pace.ts';
import { auditPartition } from './partition-audit.ts';

export interface AuditOptions {
  readonly id: string;
  readonly level: AuditReport['level'];
  /** The state directory; it is only read. */
  readonly directory: string;
  readonly gatewayId: string;
  /** By the sink's name, for the levels `hdfs` and `deep`. The caller closes them. */
  readonly targets: ReadonlyMap<string, Target>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The report as it stands; called often, so the callee chooses what it passes on. */
  readonly onProgress?: (report: () => AuditReport) => void;
}

/**
 * The proof that exactly-once.md §5 asks for, and what it rests on.
 *
 * 1. For every incarnation of every partition and every channel, each offset of an accepted tenure is in exactly one row of
 *    the books: landed, in the channel, claimed, quarantined, dropped from there, filtered, not routed, absent or gap. Offsets of held puts are
 *    held to the same rule and counted apart (partition-audit.ts).
 * 2. What the books say twice agrees (book-checks.ts).
 * 3. `hdfs`: what the ledger says is in place, and nothing of ours besides; nothing in HDFS is changed.
 * 4. `deep`: the bytes in place decode to the lines that went in, and bodies in the channel match their checksums.
 *
 * `clean` means that all of this was looked at and holds. What could not be looked at ends the audit as `failed` with the
 * reason, never as `clean` and never by itself as `wrong`. Only assertions are thrown; everything else ends as a report.
 *
 * The engine goes on meanwhile, and nothing that it does may look like a fault:
 *  - Books. The writer changes all records of a fact in one transaction, and no statement of the audit compares what it read
 *    in one snapshot with what it read in another: a partition is judged stretch by stretch of its offsets (the argument is in
 *    partition-audit.ts), each cross-check is one statement.
 *  - Files. A row comes into the ledger after its file took its final name and was confirmed there, and the sidecar, where
 *    there is one, before that: so a file that a row names can be asked for at once. Nothing of ours moves or removes it later.
 *  - Directories. A listing is made first and the books are asked after it. A file of ours that the listing shows had a plan
 *    at that time; a plan leaves in the transaction that writes the ledger row; so the books know it as one or the other.
 *  - Bodies. A chunk whose body is gone is looked up again: gone as well, it has landed.
 * No snapshot is held for longer than `SNAPSHOT_MS` and the way to the next seam, except to confirm a fault.
 */
export async function runAudit(options: AuditOptions): Promise<AuditReport> {
  const run = new AuditRun(options);
  try {
    await run.work();
    return run.report(run.isWhole ? 'done' : 'failed');
  } catch (error) {
    if (options.signal.aborted) return run.report('cancelled');
    if (!isGatewayError(error)) throw error;
    return run.report('failed', error.message);
  }
}

class AuditRun {
  readonly #options: AuditOptions;
  readonly #startedMs: number;
  readonly #findings = new FindingList();
  readonly #coverage: AuditCoverage[] = [];
  readonly #gaps: AuditGap[] = [];
  #gapsLeftOut = 0;
  #offsets = 0;
  #files = 0;
  #progress = { step: 'start', done: 0, total: 1 };

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#startedMs = options.clock.nowMs();
  }

  async work(): Promise<void> {
    const path = `${this.#options.directory}/${CHANNEL_FILE}`;
    const db = openForReading(path);
    try {
      const pace = new Pace(this.#options.signal, this.#options.clock);
      pace.signal.throwIfAborted();
      await this.#books(db, { pace, path });
      if (this.#options.level !== 'ledger') await this.#places(db, { pace, path });
    } finally {
      db.close();
    }
  }

  /** True: everything that the level asks for was looked at. */
  get isWhole(): boolean {
    return this.#findings.error === undefined;
  }

  report(state: AuditReport['state'], error?: string): AuditReport {
    const { id, level, clock } = this.#options;
    const findings = this.#findings;
    const why = error ?? findings.error;
    const verdict = state === 'done' || findings.verdict === 'wrong' ? findings.verdict : 'unknown';
    const report: AuditReport = {
      id,
      state,
      startedMs: this.#startedMs,
      ...(state === 'running' ? {} : { finishedMs: clock.nowMs() }),
      level,
      progress: this.#progress,
      verdict,
      ...(why === undefined ? {} : { error: why }),
      offsets: this.#offsets,
      files: this.#files,
      coverage: [...this.#coverage],
      findings: [...findings.findings],
      findingsLeftOut: findings.leftOut,
      gaps: [...this.#gaps],
      gapsLeftOut: this.#gapsLeftOut,
      ...(findings.notes.length === 0 ? {} : { notes: [...findings.notes] }),
    };
    return state === 'running' ? report : { ...report, summary: auditSummary(report) };
  }

  async #books(db: ChannelDatabase, { pace, path }: WorkPlace): Promise<void> {
    const findings = this.#findings;
    const partitions = wrapped('audit the channel', path, () => knownPartitions(db));
    const widths = wrapped('audit the channel', path, () => tenureWidths(db));
    this.#step(
      'offsets',
      [...widths.values()].reduce((sum, { offsets }) => sum + offsets, 0),
    );
    let before = 0;
    for (const partition of partitions) {
      const { first, offsets: width } = widths.get(partition.id) ?? { first: 0, offsets: 0 };
      const reached = (offset: number): void =>
        this.#reach(before + Math.min(Math.max(0, offset - first), width));
      const context = { db, findings, pace, reached };
      const audited = await translated(path, () => auditPartition(context, partition));
      this.#coverage.push(...audited.coverage);
      this.#offsets += audited.offsets;
      const named = audited.gaps.slice(0, GAPS_NAMED_MAX - this.#gaps.length);
      this.#gaps.push(...named);
      this.#gapsLeftOut += audited.gapsLeftOut + audited.gaps.length - named.length;
      this.#reach((before += width));
      await pace.turn();
    }
    this.#step('books', 1);
    await translated(path, async () => {
      for (const faults of bookFaults(db)) {
        for (const { place, what, kind = 'books-differ' } of faults) this.#findings.add(kind, place, what);
        if (pace.isDue) await pace.turn();
      }
    });
    this.#advance();
  }

  async #places(db: ChannelDatabase, { pace, path }: WorkPlace): Promise<void> {
    const { level, targets, clock, signal, gatewayId } = this.#options;
    const directory = new TargetDirectory(targets, clock);
    const findings = this.#findings;
    const isDeep = level === 'deep';
    await translated(path, async () => {
      if (isDeep) {
        this.#step('chunks', count(db, 'SELECT count(*) AS value FROM chunks'));
        await auditChunks({ db, findings, pace }, () => this.#advance());
      }
      this.#step('files', count(db, 'SELECT count(*) AS value FROM ledger'));
      const fileChecked = (): void => {
        this.#files++;
        this.#advance();
      };
      await auditFiles({ db, targets: directory, findings, isDeep, signal, checked: fileChecked });
      this.#step(
        'directories',
        count(db, 'SELECT count(*) AS value FROM (SELECT DISTINCT namespace, directory FROM ledger)'),
      );
      await auditDirectories({
        db,
        targets: directory,
        gatewayId,
        findings,
        signal,
        checked: () => this.#advance(),
      });
    });
  }

  #step(step: string, total: number): void {
    this.#progress = { step, done: 0, total };
    this.#tell();
  }

  #advance(): void {
    this.#reach(this.#progress.done + 1);
  }

  /** What came in or landed since the step was counted is looked at too. */
  #reach(done: number): void {
    const { step, done: before, total } = this.#progress;
    this.#progress = { step, done: Math.max(before, done), total: Math.max(total, done) };
    this.#tell();
  }

  #tell(): void {
    this.#options.onProgress?.(() => this.report('running'));
  }
}

interface WorkPlace {
  readonly pace: Pace;
  readonly path: string;
}

/** Where the tenures of a partition begin, and how many offsets they hold. */
function tenureWidths(
  db: ChannelDatabase,
): Map<number, { readonly first: number; readonly offsets: number }> {
  const rows = db
    .prepare<[], { id: number; first: number; offsets: number }>(
      `SELECT partition_id AS id, min(start_offset) AS first, sum(put_to - start_offset) AS offsets
      FROM tenures GROUP BY partition_id`,
    )
    .all();
  return new Map(rows.map(({ id, ...width }) => [id, width]));
}

function count(db: ChannelDatabase, sql: string): number {
  return db.prepare<[], { value: number }>(sql).get()?.value ?? 0;
}

/** What SQLite throws in the course of asynchronous work, in our words. */
async function translated<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    return wrapped('audit the channel', path, () => {
      throw error;
    });
  }
}
