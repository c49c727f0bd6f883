/**
 * The history's file: `<stateDir>/history.dat`, written whole each time, under another name first and then renamed.
 *
 * A line of JSON (format, version, length and CRC-32 of what follows), then the deflated content: the length of a JSON text (4 bytes, little
 * endian), the text, and the rows of each resolution as 8-byte numbers. A crash leaves the file before or the new one, never a part. What is
 * not ours or damaged is told apart from what is missing, so that it can be set aside: charts are never a reason not to start.
 */
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { constants, crc32, deflate, inflate } from 'node:zlib';
import { z } from 'zod';
import { historyBand } from '../../shared/contract/control-history.ts';
import { alert } from '../../shared/contract/control-status.ts';
import { GatewayError } from '../../shared/errors.ts';
import { MIB } from '../../shared/units.ts';

export const HISTORY_FILE = 'history.dat';
/** Beside it: one that could not be read. A later one takes its place. */
export const DAMAGED_HISTORY_FILE = 'history.dat.damaged';
const FORMAT = 'headgate-history';
/** Raised when rows get other columns, or the text another shape. */
const VERSION = 1;
/** What is larger was not written by us: rows take 0.4 MiB, 1,000 bands and 1,000 alerts about 2 MiB. */
export const HISTORY_FILE_BYTES_MAX = 16 * MIB;
const CONTENT_BYTES_MAX = 64 * MIB;
const LENGTH_BYTES = 4;
const NUMBER_BYTES = 8;
const FILE_MODE = 0o600;

const header = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  endianness: z.literal(endianness()),
  bytes: z.number().int().nonnegative(),
  crc32: z.number().int().nonnegative(),
});
const text = z.object({
  /** When it was written: until then the engine was seen to live. */
  savedMs: z.number(),
  /** The last one of an engine that was stopped in order. */
  isLast: z.boolean(),
  rowWidth: z.number().int().positive(),
  resolutions: z.array(z.object({ stepMs: z.number().positive(), numbers: z.number().int().nonnegative() })),
  bands: z.array(historyBand.extend({ key: z.string() })),
  alerts: z.array(alert),
});

export interface KeptHistory extends Pick<
  z.output<typeof text>,
  'savedMs' | 'isLast' | 'rowWidth' | 'bands' | 'alerts'
> {
  readonly resolutions: readonly { readonly stepMs: number; readonly rows: Float64Array }[];
}

const deflated = promisify<Buffer, { level: number }, Buffer>(deflate);
const inflated = promisify<Buffer, { maxOutputLength: number }, Buffer>(inflate);

/** What an earlier run wrote; undefined when there is nothing. Throws when it is damaged, of another version, or can't be read. */
export async function readHistory(stateDir: string): Promise<KeptHistory | undefined> {
  const path = join(stateDir, HISTORY_FILE);
  let file: Buffer;
  try {
    const { size } = await stat(path);
    if (size > HISTORY_FILE_BYTES_MAX) throw new Error(`${size} bytes are more than it ever has`);
    file = await readFile(path);
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') return undefined;
    throw error;
  }
  const lineEnd = file.indexOf('\n');
  const head = header.parse(JSON.parse(file.toString('utf8', 0, Math.max(0, lineEnd))));
  const body = file.subarray(lineEnd + 1);
  if (body.length !== head.bytes || crc32(body) !== head.crc32)
    throw new Error('its content does not match its checksum');
  return parsed(await inflated(body, { maxOutputLength: CONTENT_BYTES_MAX }));
}

/** Replaces the file. Throws `disk-full` and `io-error`; the file before is whole then. */
export async function writeHistory(stateDir: string, kept: KeptHistory): Promise<void> {
  const { resolutions, ...rest } = kept;
  const sizes = resolutions.map(({ stepMs, rows }) => ({ stepMs, numbers: rows.length }));
  const json = Buffer.from(JSON.stringify({ ...rest, resolutions: sizes } satisfies z.input<typeof text>));
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(json.length);
  const rows = resolutions.map((one) =>
    Buffer.from(one.rows.buffer, one.rows.byteOffset, one.rows.byteLength),
  );
  const body = await deflated(Buffer.concat([length, json, ...rows]), { level: constants.Z_BEST_SPEED });
  const head: z.input<typeof header> = {
    format: FORMAT,
    version: VERSION,
    endianness: endianness(),
    bytes: body.length,
    crc32: crc32(body),
  };
  const path = join(stateDir, HISTORY_FILE);
  try {
    await replaceFile(path, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]));
  } catch (cause) {
    throw unwritten(path, cause);
  }
}

/** Moves a file that can't be read out of the way; answers where to. */
export async function setHistoryAside(stateDir: string): Promise<string> {
  const aside = join(stateDir, DAMAGED_HISTORY_FILE);
  await rm(aside, { recursive: true, force: true });
  await rename(join(stateDir, HISTORY_FILE), aside);
  return aside;
}

function parsed(content: Buffer): KeptHistory {
  const jsonBytes = content.readUInt32LE(0);
  const rowsAt = LENGTH_BYTES + jsonBytes;
  const { resolutions, ...rest } = text.parse(JSON.parse(content.toString('utf8', LENGTH_BYTES, rowsAt)));
  let at = rowsAt;
  const rows = resolutions.map(({ stepMs, numbers }) => {
    const end = at + numbers * NUMBER_BYTES;
    if (end > content.length) throw new Error('it has fewer rows than it says');
    // Numbers of a view must begin at a multiple of their size; a copy does.
    const copy = new Uint8Array(content.subarray(at, end));
    at = end;
    return { stepMs, rows: new Float64Array(copy.buffer) };
  });
  return { ...rest, resolutions: rows };
}

async function replaceFile(path: string, content: Buffer): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', FILE_MODE);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

function unwritten(path: string, cause: unknown): GatewayError {
  const isFull = cause instanceof Error && ['ENOSPC', 'EDQUOT'].includes(String(Reflect.get(cause, 'code')));
  return new GatewayError({
    code: isFull ? 'disk-full' : 'io-error',
    operation: 'write the history',
    place: path,
    message: isFull
      ? 'there is no room for it'
      : `it can’t be written: ${cause instanceof Error ? cause.message : String(cause)}`,
    retry: 'backoff',
    hint: isFull
      ? 'make room on the disk of the state directory'
      : 'look at the disk of the state directory and its rights',
    cause,
  });
}
