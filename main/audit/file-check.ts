import { isGatewayError } from '../../shared/errors.ts';
import type { Landing, LandingPart } from '../channel/backlog-reader.ts';
import type { TargetStat } from '../landing/target.ts';
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
}

/**
 * Holds one landed file against its ledger row: it stands where the ledger says, as long, with the same checksum, and says
 * of itself what the ledger says; deep, its bytes decode to the lines that went in. Adds findings.
 * Throws the GatewayError of a call that could not be answered, after its repeats; the signal's reason.
 */
export async function checkFile(context: FileCheckContext, file: LedgerFile): Promise<void> {
  const { target, findings, signal } = context;
  const { finalPath } = file;
  const stat = await target.call((one) => one.stat(finalPath, signal), signal);
  if (stat === undefined) {
    findings.add('file-missing', finalPath, await whereabouts(context, file));
    return;
  }
  if (stat.type !== 'file') {
    findings.add('file-differs', finalPath, 'a directory stands where the file was landed');
    return;
  }
  if (stat.lengthBytes !== file.bytes) {
    findings.add(
      'file-differs',
      finalPath,
      `it is ${stat.lengthBytes} bytes long, ${file.bytes} were landed`,
    );
  }
  await checkChecksum(context, file);
  await checkStamp(context, file);
  if (context.isDeep) await checkContent(context, file, stat);
}

/** Where a file went that is not in its place: by its inode, or by its id in a name beside it. */
async function whereabouts({ target, signal }: FileCheckContext, file: LedgerFile): Promise<string> {
  const { inode, fileId, finalPath } = file;
  const gone = 'nothing is there';
  const found =
    inode === null ? 'unsupported' : await target.call((one) => one.statInode(inode, signal), signal);
  if (found === undefined) return `${gone}, and its inode is gone: the file was deleted`;
  if (found !== 'unsupported') return `${gone}: the file stands at ${found.path} now`;
  const directory = parentOf(finalPath);
  const entries = await target.call((one) => one.list(directory, signal), signal);
  if (entries === undefined) return `${gone}, and its directory does not exist`;
  const beside = entries.find(({ name }) => name.includes(fileId) && !/^[._]/.test(name));
  return beside === undefined ? gone : `${gone}: a file with its id stands beside it as ${beside.name}`;
}

async function checkChecksum(context: FileCheckContext, file: LedgerFile): Promise<void> {
  const { target, findings, signal } = context;
  const { checksum: recorded, finalPath } = file;
  if (recorded === null) return context.noChecksum(file.checksumNote ?? 'none was recorded');
  const found = await target.call((one) => one.checksum(finalPath, signal), signal);
  if ('unavailable' in found) return context.noChecksum(found.unavailable);
  if (found.value === recorded) return;
  // A cluster that sums in another way since then says nothing about the bytes.
  if (algorithmOf(found.value) !== algorithmOf(recorded)) {
    return context.noChecksum(
      `the target sums as ${algorithmOf(found.value)} now, the ledger has ${algorithmOf(recorded)}`,
    );
  }
  findings.add('file-differs', finalPath, `its checksum is ${found.value}, the ledger has ${recorded}`);
}

function algorithmOf(checksum: string): string {
  return checksum.slice(0, Math.max(0, checksum.lastIndexOf(':')));
}

async function checkStamp({ target, findings, signal }: FileCheckContext, file: LedgerFile): Promise<void> {
  const { finalPath: path, directory, fileId } = file;
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

async function checkContent(context: FileCheckContext, file: LedgerFile, stat: TargetStat): Promise<void> {
  const { target, findings, signal } = context;
  const { finalPath: path } = file;
  let content;
  try {
    content = await target.call(
      async (one) => readContent(await one.open(path, signal), file.codec, signal),
      signal,
    );
  } catch (error) {
    if (!isGatewayError(error) || error.code === 'aborted' || error.code === 'permission-denied') throw error;
    // Whoever answers about the file and does not give its bytes has lost them, or its servers: the file cannot be read.
    await target.call((one) => one.stat(path, signal), signal);
    findings.add(
      'unreadable',
      path,
      `${stat.lengthBytes} bytes are announced and cannot be read: ${error.message}`,
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
    findings.add('lines-differ', path, `it holds ${found}, ${file.lines} in ${file.rawBytes} were landed`);
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}
