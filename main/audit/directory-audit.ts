import { isGatewayError } from '../../shared/errors.ts';
import { FILE_ID_PATTERN } from '../../shared/model/file-stamp-names.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import type { TargetEntry } from '../landing/target.ts';
import { FILE_PAGE_ROWS } from './audit-limits.ts';
import type { AuditedTarget, TargetDirectory } from './audited-target.ts';
import { saysNothing } from './audited-target.ts';
import type { FindingList } from './finding-list.ts';

export interface DirectoryAuditContext {
  readonly db: ChannelDatabase;
  readonly targets: TargetDirectory;
  readonly gatewayId: string;
  readonly findings: FindingList;
  readonly signal: AbortSignal;
  /** Called after each directory. */
  readonly checked: () => void;
}

interface LedgerDirectory {
  readonly namespace: string;
  readonly directory: string;
  readonly sink: string;
}

/**
 * Lists every directory that the ledger names, once, and looks for files with this gateway's id that the books do not know:
 * their events may stand in HDFS twice. Names that Hadoop hides are no findings; temps that no plan needs any more are counted.
 */
export async function auditDirectories(context: DirectoryAuditContext): Promise<void> {
  const { db, targets, findings, signal } = context;
  const names = new KnownNames(db, context.gatewayId);
  const page = db.prepare<
    unknown[],
    LedgerDirectory
  >(`SELECT namespace, directory, min(sink) AS sink FROM ledger
    WHERE (namespace, directory) > (@namespace, @directory) GROUP BY namespace, directory
    ORDER BY namespace, directory LIMIT ${FILE_PAGE_ROWS}`);
  let last: Omit<LedgerDirectory, 'sink'> = { namespace: '', directory: '' };
  let leftovers = 0;
  for (let rows = page.all(last); rows.length > 0; rows = page.all(last)) {
    for (const { namespace, directory, sink } of rows) {
      signal.throwIfAborted();
      const target = await targets.holderOf({ sink, namespace }, signal);
      if ('unknown' in target) findings.unknown(target.unknown);
      else leftovers += await auditDirectory(context, { target, directory, names });
      last = { namespace, directory };
      context.checked();
    }
  }
  if (leftovers > 0)
    findings.note(`${leftovers} temp file${leftovers === 1 ? '' : 's'} left over: the janitor removes them`);
}

interface DirectoryAtHand {
  readonly target: AuditedTarget;
  readonly directory: string;
  readonly names: KnownNames;
}

/** Gives the number of temps that were left over. */
async function auditDirectory(
  context: DirectoryAuditContext,
  { target, directory, names }: DirectoryAtHand,
): Promise<number> {
  const { findings, signal } = context;
  try {
    const entries = await target.call((one) => one.list(directory, signal), signal);
    const leftovers = await auditEntries(context, { target, directory, names }, entries ?? []);
    target.noteFile(true);
    return leftovers;
  } catch (error) {
    signal.throwIfAborted();
    if (!isGatewayError(error)) throw error;
    target.noteFile(!saysNothing(error));
    findings.unknown(`${directory}: ${error.message}`);
    return 0;
  }
}

async function auditEntries(
  context: DirectoryAuditContext,
  { target, directory, names }: DirectoryAtHand,
  entries: readonly TargetEntry[],
): Promise<number> {
  let leftovers = 0;
  for (const { name, type } of entries) {
    if (type !== 'file') continue;
    const path = directory === '/' ? `/${name}` : `${directory}/${name}`;
    // The list was made before the books are asked: a file that was landed in between is in them, as a plan or a landing.
    if (/^[._]/.test(name)) leftovers += names.isLeftover(name, path) ? 1 : 0;
    else await auditName(context, { target, path, known: names.lookUp(name) });
  }
  return leftovers;
}

interface NameAtHand {
  readonly target: AuditedTarget;
  readonly path: string;
  readonly known: KnownName;
}

async function auditName({ findings, signal }: DirectoryAuditContext, at: NameAtHand): Promise<void> {
  const { target, path, known } = at;
  if (known.kind === 'foreign' || known.kind === 'planned') return;
  if (known.kind === 'unknown') {
    findings.add(
      'unknown-file',
      path,
      `it carries this gateway's id, and its file id ${known.fileId} is not in the ledger`,
    );
    return;
  }
  if (known.finalPath === path) return;
  // A file that was moved was named already where it is missing; beside the one in its place this is a copy.
  const original = await target.call((one) => one.stat(known.finalPath, signal), signal);
  if (original !== undefined)
    findings.add('unknown-file', path, `the ledger has its file id at ${known.finalPath}: this is a copy`);
}

type KnownName =
  | { readonly kind: 'foreign' }
  | { readonly kind: 'unknown'; readonly fileId: string }
  | { readonly kind: 'planned' }
  | { readonly kind: 'landed'; readonly finalPath: string };

/** Asks the books about names of files. */
class KnownNames {
  readonly #pattern: RegExp;
  readonly #landed;
  readonly #planned;
  readonly #tempOfPlan;

  constructor(db: ChannelDatabase, gatewayId: string) {
    // `<prefix>.<gateway id>.<file id>[.<codec>]<suffix>`; the prefix may hold anything, the gateway id too, so the last match counts.
    this.#pattern = new RegExp(`(?:.*\\.|^)${literal(gatewayId)}\\.(${FILE_ID_PATTERN})(?:\\.|$)`);
    this.#landed = db.prepare<[string], { finalPath: string }>(
      'SELECT final_path AS finalPath FROM ledger WHERE file_id = ?',
    );
    this.#planned = db.prepare<[string], { id: number }>('SELECT id FROM plans WHERE file_id = ?');
    this.#tempOfPlan = db.prepare<[string], { id: number }>(
      'SELECT p.id FROM attempts a JOIN plans p ON p.file_id = a.file_id WHERE a.temp_path = ?',
    );
  }

  lookUp(name: string): KnownName {
    const fileId = this.#pattern.exec(name)?.[1];
    if (fileId === undefined) return { kind: 'foreign' };
    // First the plans: a plan leaves in the transaction that writes the ledger.
    if (this.#planned.get(fileId) !== undefined) return { kind: 'planned' };
    const landed = this.#landed.get(fileId);
    return landed === undefined
      ? { kind: 'unknown', fileId }
      : { kind: 'landed', finalPath: landed.finalPath };
  }

  /** A hidden file of ours that is neither being written nor a sidecar. */
  isLeftover(name: string, path: string): boolean {
    return this.#pattern.test(name) && this.#tempOfPlan.get(path) === undefined;
  }
}

/** The text as a pattern that matches just it. */
function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
