/**
 * Recovery: a gateway whose disk is lost goes on from an empty state directory (exactly-once.md §4, §5).
 *
 * Promise: every offset that the lost state directory L had accepted stands afterwards in exactly one row of the new directory N: in the
 * ledger, where its file is in place; claimed, to be pulled again by the engine; or a gap with its reason. Nothing that landed is
 * claimed, nothing that L may still land is claimed, and nothing is claimed on a guess.
 *
 *  1. **L lands nothing any more.** The note in L's marker (written-off.ts) stops every landing step that looks at the marker after it.
 *     A step that looked before may still rename: its file was whole, under a temp name, before the step began (landing-marker.ts), so
 *     before the note. Therefore:
 *  2. **No rename is waited for; each is made to fail or to show.** In every directory the temp files of L are renamed aside, and only then,
 *     when a listing shows none, the files in place are read. The target orders renames: L's came first, then its file shows in that
 *     listing; or ours did, then L's finds no source, however late it arrives (a process that was stopped for an hour, a request that a
 *     NameNode held through a fail-over: 169 s of silence were seen, and no limit is known). So no time-out stands in this argument.
 *  3. A NameNode that was taken over may answer reads from an old picture, but takes no writes. Before each listing the marker is written,
 *     through the same connection; a directory that changes between is changed by L's last renames only, and their temp files are
 *     there to be renamed aside, which is a write again.
 *  4. **What stands in place is believed by its stamp**, whose digest over the exact offsets must match; the state id in it must be L's.
 *     A file that says it is L's and can't be taken at its word stops the recovery: its offsets may have landed.
 *  5. **L accepts nothing any more.** Partitions whose last tenure is L's are fenced (InitProducerId) before their committed value is read;
 *     the others were fenced by whoever took them after L. An L that is alive, and assigned the partition again, could open it anew:
 *     that is a sign of life, and it is the operator who declares a gateway dead. What it accepted then is L's and not in these books;
 *     it can't land it (1), and recovering once more (`--again`) adds what it accepted since.
 *  6. **What was L's** follows from the list of tenures and from what the gateways published (ownership.ts). What no fact decides, an
 *     operator does.
 *  7. **Accepted minus landed** is claimed, channel by channel. Filtered, quarantined and unrouted offsets of L are pulled again with the
 *     rest and judged anew, for L's reasons are lost. Below the log's start, and in a log that was replaced, they are gaps.
 *  8. A state directory that L itself had recovered is recovered with it: the note in its marker names L.
 *
 * Absence of a file proves nothing: L says how many events of each partition had landed when it last published. When fewer stand in the
 * files that were found, somebody moved or removed some, and the operator says what becomes of those offsets.
 *
 * Crash argument. Until the last step N carries a note (`recovery-note.ts`) with which no engine starts. 1 and 2 may be repeated. The
 * committed values are stored when they were read, before anything depends on them, since the list in Kafka is cut as others take the
 * partitions. Files are entered once each by their id. Tenures, claims and gaps come in one transaction, which also says that the books
 * are whole: killed before it, all is found again; after it, only the last word at the target is missing, which is said again.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { closeChannel, openChannel } from '../channel/channel.ts';
import { RecoveredBooks } from '../channel/recovered-books.ts';
import { forgetRecovery, isRecoveryUnfinished, noteRecovery } from '../channel/recovery-note.ts';
import { openStateDirectory, readIdentity } from '../channel/state-directory.ts';
import { BooksOfLost } from './books-of-lost.ts';
import { FilesOfLost } from './files-of-lost.ts';
import { lostStatesOf, knownStates, refused, refuseTheLiving, type KnownState } from './lost-states.ts';
import type { RecoveryOptions } from './recovery-parts.ts';
import { recoveryReportSchema, type RecoveryReport } from './recovery-report.ts';
import { endLost, ShutOut } from './shut-out.ts';
import { TenureSurvey } from './tenure-survey.ts';

const REPORT_NOTE = 'recovery-report';
const LOST_NOTE = 'recovery-lost';

/**
 * Recovers, or goes on recovering. Throws `usage` for what an operator must say first, and what the target, the brokers and the disk
 * throw; whatever it threw, the same call may be made again.
 */
export async function recover(options: RecoveryOptions): Promise<RecoveryReport> {
  if (options.isDryRun) return dryRun(options);
  const { stateDir, clock, gatewayId } = options;
  using directory = openStateDirectory(stateDir, clock.nowMs());
  const { stateId } = directory.identity;
  const channel = openChannel(directory.path, stateId);
  try {
    await using run = new Run({ ...options, stateDir: directory.path }, new RecoveredBooks(channel), stateId);
    return await run.toTheEnd(() => noteRecovery(directory.path, { gatewayId, stateId }));
  } finally {
    closeChannel(channel);
  }
}

/** Looks at everything and changes nothing; its books are made in a place of their own, and thrown away. */
async function dryRun(options: RecoveryOptions): Promise<RecoveryReport> {
  const own = readIdentity(options.stateDir)?.stateId;
  const scratch = mkdtempSync(join(tmpdir(), 'headgate-recover-'));
  try {
    const channel = openChannel(scratch, 'dry-run');
    try {
      await using run = new Run(
        { ...options, stateDir: scratch },
        new RecoveredBooks(channel),
        own ?? 'dry-run',
      );
      return await run.toTheEnd(() => undefined);
    } finally {
      closeChannel(channel);
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

class Run implements AsyncDisposable {
  readonly #options: RecoveryOptions;
  readonly #books: RecoveredBooks;
  readonly #own: string;
  readonly #tenures: TenureSurvey;

  constructor(options: RecoveryOptions, books: RecoveredBooks, own: string) {
    this.#options = options;
    this.#books = books;
    this.#own = own;
    this.#tenures = new TenureSurvey(options, books);
    books.claimedMs = options.clock.nowMs();
  }

  async toTheEnd(begin: () => void): Promise<RecoveryReport> {
    const { crashPoint, onProgress } = this.#options;
    const before = this.#madeBefore();
    // Asked again when all is done, and nothing is left to be removed.
    if (before !== undefined && !this.#isUnfinished && !this.#options.removesTemps) return before;
    onProgress('looking for the lost state directory');
    await this.#tenures.connect();
    const lost = await this.#lost(before?.lostStates);
    const ids = lost.map(({ stateId }) => stateId);
    const shutOut = new ShutOut(this.#options, { lost: ids, by: this.#own });
    const files = new FilesOfLost(this.#options, { books: this.#books, lost: new Set(ids), shutOut });
    const made = before ?? (await this.#make({ lost, shutOut, files, begin }));
    if (made.outcome !== 'recovered') return made;
    crashPoint('recover.after-books-commit');
    // The list of what may be removed was lost with the run that made the books.
    if (before !== undefined && this.#options.removesTemps) await files.walk();
    const tempsRemoved = await files.removeTemps();
    await endLost(this.#options, { lost, by: this.#own });
    crashPoint('recover.after-facts-ended');
    const report = { ...made, tempsRemoved: made.tempsRemoved + tempsRemoved };
    this.#books.setNote(REPORT_NOTE, JSON.stringify(report));
    forgetRecovery(this.#options.stateDir);
    return report;
  }

  get #isUnfinished(): boolean {
    return isRecoveryUnfinished(this.#options.stateDir);
  }

  /** What an earlier call made, unless another state id is asked for now. */
  #madeBefore(): RecoveryReport | undefined {
    const note = this.#books.note(REPORT_NOTE);
    if (note === undefined || (this.#options.isAgain && !this.#isUnfinished)) return undefined;
    const report = recoveryReportSchema.parse(JSON.parse(note));
    return this.#options.lostStates.every((id) => report.lostStates.includes(id)) ? report : undefined;
  }

  async #make(parts: {
    readonly lost: readonly KnownState[];
    readonly shutOut: ShutOut;
    readonly files: FilesOfLost;
    readonly begin: () => void;
  }): Promise<RecoveryReport> {
    const { lost, shutOut, files } = parts;
    const { isDryRun, isDeclaredDead, crashPoint, clock, onProgress } = this.#options;
    const ids = new Set(lost.map(({ stateId }) => stateId));
    if (!isDryRun) {
      if (!isDeclaredDead) refuseTheLiving(lost, clock.nowMs());
      parts.begin();
      // Of an earlier recovery that was done: from here on another one is under way.
      this.#books.forgetNote(REPORT_NOTE);
      this.#books.setNote(LOST_NOTE, JSON.stringify([...ids]));
      await shutOut.write();
      crashPoint('recover.after-shut-out');
    }
    onProgress('reading what the group has committed');
    const partitions = await this.#tenures.settle(ids);
    await files.walk();
    crashPoint('recover.after-files');
    if (!isDryRun) await shutOut.confirm();
    const { signal } = this.#options;
    signal.throwIfAborted();
    onProgress(`${files.count} files with ${files.events} events found; making the books`);
    const books = { books: this.#books, lost: ids, partitions, files, states: lost };
    return new BooksOfLost(this.#options, books).make(this.#reportOf(files, lost), REPORT_NOTE);
  }

  async #lost(made: readonly string[] | undefined): Promise<readonly KnownState[]> {
    const { sinks, lostStates, isDryRun } = this.#options;
    const noted = this.#isUnfinished ? this.#books.note(LOST_NOTE) : undefined;
    const before = made ?? (noted === undefined ? [] : z.array(z.string()).parse(JSON.parse(noted)));
    if (before.length > 0 && lostStates.some((id) => !before.includes(id)))
      throw refused(
        `this state directory is being recovered for ${before.join(', ')}`,
        'give the same --lost-state again, or begin with another empty state directory',
      );
    const fromOffsets = this.#tenures.stateIdsOf(this.#options.gatewayId);
    const states = await knownStates(sinks, fromOffsets, this.#options);
    const own = isDryRun && this.#own === 'dry-run' ? undefined : this.#own;
    return lostStatesOf({ states, own, asked: before.length > 0 ? before : lostStates });
  }

  #reportOf(files: FilesOfLost, lost: readonly KnownState[]): RecoveryReport {
    const { gatewayId, isDryRun } = this.#options;
    return {
      outcome: isDryRun ? 'dry-run' : 'recovered',
      ...{ gatewayId, stateId: this.#own, lostStates: lost.map(({ stateId }) => stateId) },
      ...{
        files: files.count,
        events: files.events,
        temps: [...files.temps],
        tempsLeftOut: files.tempsLeftOut,
      },
      ...{ tempsRemoved: 0, partitions: [], questions: [], notes: [...files.notes] },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tenures.close();
  }
}
