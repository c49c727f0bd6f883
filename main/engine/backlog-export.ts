/**
 * Copies events that wait into one file for an operator, as they would land; they stay in the channel. What comes in after the start is not
 * taken, and what lands meanwhile is left out and said. Room on the disk is the channel's first: an export that would leave less than
 * `minFreeDiskBytes` is not begun, and one that comes to it ends, or a copy would stop the intake.
 */
import { statfs, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { GatewayError } from '../../shared/errors.ts';
import { formatBytes, formatCount, MIB } from '../../shared/units.ts';
import type { JobOutcome, JobRun } from './desks/job-desk.ts';
import type { EngineQueries } from './engine-queries.ts';
import type { ExportSize } from './query-messages.ts';

/** The disk is looked at again after so many bytes. */
const LOOK_BYTES = 32 * MIB;
/** It holds events: nobody else's business. */
const FILE_MODE = 0o600;

export interface BacklogExport {
  readonly landingKeyIds: readonly number[];
  /** The thread that answers questions now. */
  readonly queries: () => Pick<EngineQueries, 'exportSize' | 'exportedChunk'>;
  /** For the file's name. */
  readonly nowMs: number;
  readonly minFreeDiskBytes: number;
  /** Free bytes of the disk that a directory is on. */
  readonly freeDiskBytes?: (directory: string) => Promise<number>;
}

interface Copied {
  events: number;
  bytes: number;
}

/** Throws `usage` when nothing waits there, `disk-full`, `io-error`, `chunk-damaged`; what was written then is for the job to remove. */
export async function exportBacklog(run: JobRun, wanted: BacklogExport): Promise<JobOutcome> {
  const size = await wanted.queries().exportSize(wanted.landingKeyIds);
  if (size.keys === 0) throw nothingThere();
  const stamp = new Date(wanted.nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  const path = await run.filePath(`backlog-${stamp}.txt`);
  run.progress('copying', 0, size.rawBytes);
  await checkRoom(path, wanted, size.rawBytes);
  const file = await open(path, 'wx', FILE_MODE).catch((error: unknown) => {
    throw asDiskError(error, path);
  });
  try {
    const copied = await copyKeys(run, { wanted, size, file, path });
    await file.sync();
    return { file: path, summary: summaryOf(copied, size) };
  } finally {
    await file.close();
  }
}

interface OpenExport {
  readonly wanted: BacklogExport;
  readonly size: ExportSize;
  readonly file: FileHandle;
  readonly path: string;
}

async function copyKeys(run: JobRun, { wanted, size, file, path }: OpenExport): Promise<Copied> {
  const copied: Copied = { events: 0, bytes: 0 };
  let lookAtBytes = LOOK_BYTES;
  for (const landingKeyId of wanted.landingKeyIds) {
    for (let after = 0; ;) {
      run.signal.throwIfAborted();
      const chunk = await wanted.queries().exportedChunk({ landingKeyId, after, upTo: size.lastChunkId });
      if (chunk === undefined) break;
      after = chunk.id;
      if (chunk.bytes === undefined) continue;
      if (copied.bytes + chunk.bytes.length >= lookAtBytes) {
        await checkRoom(path, wanted, chunk.bytes.length);
        lookAtBytes = copied.bytes + chunk.bytes.length + LOOK_BYTES;
      }
      await writeAll(file, chunk.bytes, path);
      copied.events += chunk.events;
      copied.bytes += chunk.bytes.length;
      run.progress('copying', copied.bytes, Math.max(size.rawBytes, copied.bytes));
    }
  }
  return copied;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, path: string): Promise<void> {
  try {
    await file.writeFile(bytes);
  } catch (error) {
    throw asDiskError(error, path);
  }
}

async function checkRoom(path: string, wanted: BacklogExport, bytes: number): Promise<void> {
  const { minFreeDiskBytes, freeDiskBytes = freeBytesOf } = wanted;
  const free = await freeDiskBytes(dirname(path));
  if (free - bytes >= minFreeDiskBytes) return;
  throw new GatewayError({
    code: 'disk-full',
    operation: 'export the backlog',
    place: dirname(path),
    message: `The export needs ${formatBytes(bytes)} more; the disk has ${formatBytes(free)} free, of which ${formatBytes(minFreeDiskBytes)} (minFreeDiskBytes) are the channel's.`,
    retry: 'never',
    hint: 'Export fewer directories at a time, or make room on the disk of the state directory.',
  });
}

async function freeBytesOf(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

function summaryOf({ events, bytes }: Copied, size: ExportSize): string {
  const landed = size.events - events;
  const note = landed > 0 ? `; ${formatCount(landed)} more landed meanwhile` : '';
  return `${formatCount(events)} events, ${formatBytes(bytes)}${note}`;
}

function nothingThere(): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'export the backlog',
    place: '',
    message: 'Nothing waits there any more: all of it has landed.',
    retry: 'never',
    hint: 'Look at the landings.',
  });
}

function asDiskError(error: unknown, path: string): unknown {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  if (typeof code !== 'string') return error;
  return new GatewayError({
    code: code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'io-error',
    operation: 'export the backlog',
    place: path,
    message: `The file could not be written: ${code}.`,
    retry: 'never',
    hint: 'Look at the disk of the state directory: room, rights, and the system log for faults.',
    cause: error,
  });
}
