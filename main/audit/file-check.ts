import { isGatewayError } from '../../shared/errors.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Landing, LandingPart } from '../channel/backlog-reader.ts';
import type { TargetStat } from '../landing/target.ts';
import { PARTS_NAMED_MAX } from './audit-limits.ts';
import type { AuditedTarget } from './audited-target.ts';
import { readContent } from './file-content.ts';
import { digestOfParts, readIdentity } from './file-stamp-reading.ts';
import type { FindingList } from './finding-list.ts';

/** One file of the ledger, with what its check needs. */
export interface LedgerFile extends Landing {
  /** Of the landing key: where its sidecar was written. */
  readonly directory: string;
  readonly parts: readonly LandingPart[];
}

export interface FileCheckContext {
  readonly target: AuditedTarget;
  readonly findings: FindingList;
  readonly isDeep: boolean;
  readonly signal: AbortSignal;
  /** The target gave no checksum, and why. */
  readonly noChecksum: (why: string) => void;
  /** What stands in the file's place is another file, whatever its bytes. */
  readonly otherInode: () => void;
}

/**
 * Holds one landed file against its ledger row: it stands where the ledger says, as long, with the same checksum, and says
 * of itself what the ledger says; deep, its bytes decode to the lines that went in. Adds findings. A file that was moved is
 * said to be moved, and checked in the place where it stands now.
 * Throws the GatewayError of a call that could not be answered, after its repeats; the signal's reason.
 */
export async function checkFile(context: FileCheckContext, file: LedgerFile): Promise<void> {
  const { target, findings, signal } = context;
  const { finalPath } = file;
  const stat = await target.call((one) => one.stat(finalPath, signal), signal);
  if (stat === undefined) return checkElsewhere(context, file);
  if (stat.type !== 'file') {
    findings.add('file-differs', finalPath, 'a directory stands where the file was landed');
    return;
  }
  if (file.inode !== null && stat.inode !== undefined && stat.inode !== file.inode) context.otherInode();
  await checkBytes(context, { file, path: finalPath, stat });
}

/** A file at hand: `path` is where it stands. */
interface FoundFile {
  readonly file: LedgerFile;
  readonly path: string;
  readonly stat: TargetStat;
}

async function checkBytes(context: FileCheckContext, found: FoundFile): Promise<void> {
  const { file, path, stat } = found;
  if (stat.lengthBytes !== file.bytes) {
    context.findings.add(
      'file-differs',
      path,
      `it is ${stat.lengthBytes} bytes long, ${file.bytes} were landed; ${contentsOf(file)}`,
    );
  }
  await checkChecksum(context, found);
  await checkStamp(context, found);
  if (context.isDeep) await checkContent(context, found);
}

/** Nothing stands where the file was landed: it was moved, it lies in the trash, or it is gone. */
async function checkElsewhere(context: FileCheckContext, file: LedgerFile): Promise<void> {
  const { findings } = context;
  const { finalPath: place } = file;
  const found = await whereabouts(context, file);
  if ('gone' in found) return findings.add('file-missing', place, `${found.gone}; ${contentsOf(file)}`);
  if (found.path.includes('/.Trash/')) {
    const where = `it was deleted and lies in the trash at ${found.path}, until that is emptied`;
    return findings.add('file-missing', place, `${where}; ${contentsOf(file)}`);
  }
  findings.add('file-moved', place, `it stands at ${found.path} now; ${contentsOf(file)}`);
  await checkBytes(context, { file, path: found.path, stat: found });
}

/** Where a file went that is not in its place: by its inode, or by its id in a name beside it. */
async function whereabouts(
  context: FileCheckContext,
  file: LedgerFile,
): Promise<TargetStat | { readonly gone: string }> {
  const { target, signal } = context;
  const { inode, fileId, finalPath } = file;
  const gone = 'nothing is there';
  const byInode = inode === null ? 'unsupported' : await inodeAt(context, inode);
  if (byInode === 'hidden') {
    return {
      gone: `${gone}; the file still exists in a place that this user may not see, such as another user's trash`,
    };
  }
  if (byInode !== undefined && byInode !== 'unsupported') return byInode;
  const directory = parentOf(finalPath);
  const entries = await target.call((one) => one.list(directory, signal), signal);
  if (entries === undefined) return { gone: `${gone}, and its directory does not exist` };
  const beside = entries.find(
    ({ name, type }) => type === 'file' && name.includes(fileId) && !/^[._]/.test(name),
  );
  const path = `${directory === '/' ? '' : directory}/${beside?.name ?? ''}`;
  const stat = beside === undefined ? undefined : await target.call((one) => one.stat(path, signal), signal);
  if (stat !== undefined) return { ...stat, path };
  return { gone: byInode === undefined ? `${gone}, and its inode is gone: the file was deleted` : gone };
}

/** `hidden`: HDFS says that we may not look at the place where it stands, which it says of inodes that exist only. */
async function inodeAt(
  { target, signal }: FileCheckContext,
  inode: string,
): Promise<TargetStat | undefined | 'unsupported' | 'hidden'> {
  try {
    return await target.call((one) => one.statInode(inode, signal), signal);
  } catch (error) {
    if (isGatewayError(error) && error.code === 'permission-denied') return 'hidden';
    throw error;
  }
}

/** The offsets that a file holds, so that a finding about it says what is at stake: `it holds www/0 5-9 (5 events)`. */
function contentsOf({ parts }: LedgerFile): string {
  const named = parts.slice(0, PARTS_NAMED_MAX).map(({ topic, partition, first, next, events }) => {
    return `${topic}/${partition} ${first}-${next - 1} (${events} event${events === 1 ? '' : 's'})`;
  });
  const left = parts.length - named.length;
  return `it holds ${named.join(', ')}${left > 0 ? ` and offsets of ${left} more partitions` : ''}`;
}

async function checkChecksum(context: FileCheckContext, { file, path }: FoundFile): Promise<void> {
  const { target, findings, signal } = context;
  const { checksum: recorded } = file;
  if (recorded === null) return context.noChecksum(file.checksumNote ?? 'none was recorded');
  let found;
  try {
    found = await target.call((one) => one.checksum(path, signal), signal);
  } catch (error) {
    if (!isGatewayError(error) || NOT_OF_THE_BYTES.has(error.code)) throw error;
    // DataNodes sum a file up; without one, the rest of what is known of it can be compared all the same.
    return findings.unknown(`${path}: ${error.message}`);
  }
  if ('unavailable' in found) return context.noChecksum(found.unavailable);
  if (found.value === recorded) return;
  // A cluster that sums in another way since then says nothing about the bytes.
  if (algorithmOf(found.value) !== algorithmOf(recorded)) {
    return context.noChecksum(
      `the target sums as ${algorithmOf(found.value)} now, the ledger has ${algorithmOf(recorded)}`,
    );
  }
  findings.add(
    'file-differs',
    path,
    `its checksum is ${found.value}, the ledger has ${recorded}; ${contentsOf(file)}`,
  );
}

function algorithmOf(checksum: string): string {
  return checksum.slice(0, Math.max(0, checksum.lastIndexOf(':')));
}

async function checkStamp(
  { target, findings, signal }: FileCheckContext,
  { file, path }: FoundFile,
): Promise<void> {
  const { directory, fileId } = file;
  const identity = await readIdentity(target, { path, directory, fileId }, signal);
  if (identity === undefined) {
    findings.add(
      'file-differs',
      path,
      'it has neither our attributes nor a sidecar: it may not be the file that was landed',
    );
    return;
  }
  const expected = {
    file: fileId,
    digest: digestOfParts(file.parts),
    events: file.events,
    bytes: file.bytes,
    crc32c: file.crc32c,
  };
  for (const name of ['file', 'digest', 'events', 'bytes', 'crc32c'] as const) {
    if (identity[name] === expected[name]) continue;
    findings.add(
      'file-differs',
      path,
      `its stamp says ${name} ${JSON.stringify(identity[name])}, the ledger gives ${expected[name]}`,
    );
  }
}

/** Why a file was not read that say something of us, or of the NameNode, and nothing of its bytes. */
const NOT_OF_THE_BYTES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'aborted',
  'permission-denied',
  'auth-failed',
  'tls-failed',
  'name-unresolved',
  'namenode-unreachable',
  'standby',
]);

async function checkContent(context: FileCheckContext, { file, path, stat }: FoundFile): Promise<void> {
  const { target, findings, signal } = context;
  let content;
  try {
    content = await target.call(
      async (one) => readContent(await one.open(path, signal), file.codec, signal),
      signal,
    );
  } catch (error) {
    if (!isGatewayError(error) || NOT_OF_THE_BYTES.has(error.code)) throw error;
    // Whoever answers about the file and does not give its bytes has lost them, or its servers: the file cannot be read.
    await target.call((one) => one.stat(path, signal), signal);
    findings.add(
      'unreadable',
      path,
      `${stat.lengthBytes} bytes are announced and cannot be read: ${error.message}; ${contentsOf(file)}`,
    );
    return;
  }
  if (content.crc32c !== file.crc32c || content.storedBytes !== file.bytes) {
    const found = `${content.storedBytes} bytes with CRC-32C ${hex(content.crc32c)}`;
    findings.add(
      'file-differs',
      path,
      `it holds ${found}, ${file.bytes} with ${hex(file.crc32c)} were landed`,
    );
  }
  if (content.fault !== undefined) {
    findings.add('unreadable', path, `its ${file.codec} content cannot be decoded: ${content.fault}`);
  } else if (content.lines !== file.lines || content.rawBytes !== file.rawBytes) {
    const found = `${content.lines} lines in ${content.rawBytes} bytes`;
    findings.add(
      'lines-differ',
      path,
      `it holds ${found}, ${file.lines} in ${file.rawBytes} were landed; ${contentsOf(file)}`,
    );
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
