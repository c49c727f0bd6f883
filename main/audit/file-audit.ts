import { isGatewayError } from '../../shared/errors.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { landingParts, landings } from '../channel/backlog-reader.ts';
import type { Landing } from '../channel/backlog-reader.ts';
import { FILE_PAGE_ROWS, FILES_AT_ONCE } from './audit-limits.ts';
import type { TargetDirectory } from './audited-target.ts';
import { saysNothing } from './audited-target.ts';
import { checkFile } from './file-check.ts';
import type { FindingList } from './finding-list.ts';

export interface FileAuditContext {
  readonly db: ChannelDatabase;
  readonly targets: TargetDirectory;
  readonly findings: FindingList;
  readonly isDeep: boolean;
  readonly signal: AbortSignal;
  /** Called after each file. */
  readonly checked: () => void;
}

/** Checks every file of the ledger at its target, newest first, a few at a time. Throws the signal's reason. */
export async function auditFiles(context: FileAuditContext): Promise<void> {
  const { db, findings, signal } = context;
  const directoryOf = db.prepare<[number], { directory: string }>(
    'SELECT directory FROM ledger WHERE id = ?',
  );
  const notes = new Map<string, number>();
  const noChecksum = (why: string): void => {
    if (notes.size < FILE_PAGE_ROWS || notes.has(why)) notes.set(why, (notes.get(why) ?? 0) + 1);
  };
  let otherInodes = 0;
  const otherInode = (): void => void otherInodes++;
  const audit = async (row: Landing): Promise<void> => {
    const directory = directoryOf.get(row.id)?.directory ?? '/';
    await auditFile(context, { row, directory, noChecksum, otherInode });
    context.checked();
  };
  let before: number | undefined;
  for (;;) {
    const page = landings(
      db,
      before === undefined ? { limit: FILE_PAGE_ROWS } : { limit: FILE_PAGE_ROWS, before },
    );
    await inParallel(page, audit);
    before = page.at(-1)?.id;
    signal.throwIfAborted();
    if (before === undefined) break;
  }
  if (otherInodes > 0)
    findings.note(
      `${filesOf(otherInodes)} of the ledger: another one stands in its place (replaced or restored), compared with what was landed`,
    );
  for (const [why, files] of notes) findings.note(`no checksum to compare for ${filesOf(files)}: ${why}`);
}

interface FileAtHand {
  readonly row: Landing;
  readonly directory: string;
  readonly noChecksum: (why: string) => void;
  readonly otherInode: () => void;
}

function filesOf(files: number): string {
  return `${files} file${files === 1 ? '' : 's'}`;
}

async function auditFile(context: FileAuditContext, { row, directory, ...notes }: FileAtHand): Promise<void> {
  const { db, targets, findings, isDeep, signal } = context;
  const target = await targets.holderOf(row, signal);
  if ('unknown' in target) {
    findings.unknown(target.unknown);
    return;
  }
  try {
    const file = { ...row, directory, parts: landingParts(db, row.fileId) };
    await checkFile({ target, findings, isDeep, signal, ...notes }, file);
    target.noteFile(true);
  } catch (error) {
    signal.throwIfAborted();
    if (!isGatewayError(error)) throw error;
    target.noteFile(!saysNothing(error));
    if (error.code === 'file-missing')
      findings.add('file-missing', row.finalPath, 'it vanished while it was looked at');
    else findings.unknown(`${row.finalPath}: ${error.message}`);
  }
}

/** Runs the work over all items, `FILES_AT_ONCE` at a time; when one throws, the others under way are waited for. */
async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    for (const item of rest) {
      if (hasFailed) return;
      try {
        await work(item);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: FILES_AT_ONCE }, lane));
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
