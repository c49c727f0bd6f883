import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { extname, basename, join } from 'node:path';
import type { FilesSourceConfig } from '../../../shared/contract/config.ts';
import { EventBatch } from '../../../shared/event-batch.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { MIB } from '../../../shared/units.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { EventSample } from './event-sample.ts';

/** Of the end of a file, so much is looked at. */
const TAIL_BYTES = 8 * MIB;
/** The files that changed last. */
const FILES_MAX = 100;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

export interface FileSampleOptions {
  /** Of this topic only. */
  readonly topic?: string | undefined;
  readonly last: number;
  readonly settings: FilesSourceConfig;
  readonly clock: Clock;
  readonly sliceEvents: () => number;
}

interface TailedFile {
  readonly path: string;
  readonly topic: string;
  readonly modifiedMs: number;
}

/** The last complete lines of a files source's files, alike of each. Throws `config-invalid` when the directory can't be read. */
export function fileSample(options: FileSampleOptions): EventSample {
  const { last, clock, sliceEvents } = options;
  return {
    total: last,
    sourceTime: 'the time when its line was read',
    note: () => undefined,
    async *slices(signal) {
      const files = await filesOf(options);
      let left = last;
      for (const [index, { path, topic }] of files.entries()) {
        const { bytes, lines } = await lastLines(path, Math.ceil(left / (files.length - index)));
        left -= lines.length;
        const origin = { topic, partition: index, hasRecordTimes: false, mapsTimestamp: false };
        for (let from = 0; from < lines.length;) {
          signal.throwIfAborted();
          const part = lines.slice(from, from + sliceEvents());
          yield { origin, events: eventsOf(bytes, part, { topic, from, nowMs: clock.nowMs() }), failed: [] };
          from += part.length;
        }
      }
    },
  };
}

async function filesOf({ settings, topic }: FileSampleOptions): Promise<TailedFile[]> {
  const pattern = new RegExp(settings.fileNameRegex);
  const files: TailedFile[] = [];
  try {
    for (const name of await readdir(settings.directory)) {
      if (name.startsWith('.') || !pattern.test(name)) continue;
      const path = join(settings.directory, name);
      const facts = await stat(path);
      const own = settings.topic ?? basename(name, extname(name));
      if (facts.isFile() && (topic === undefined || topic === own))
        files.push({ path, topic: own, modifiedMs: facts.mtimeMs });
    }
  } catch (cause) {
    throw new GatewayError({
      code: 'io-error',
      operation: 'take a sample of files',
      place: settings.directory,
      message: `the files can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      retry: 'never',
      hint: 'Check that the directory is there and its files may be read.',
      cause,
    });
  }
  return files.sort((left, right) => right.modifiedMs - left.modifiedMs).slice(0, FILES_MAX);
}

interface Line {
  readonly start: number;
  readonly end: number;
}

async function lastLines(path: string, wanted: number): Promise<{ bytes: Buffer; lines: Line[] }> {
  const handle = await open(path, 'r');
  try {
    const bytes = await tailOf(handle);
    const lines: Line[] = [];
    // What stands after the last newline is no complete line yet.
    let end = bytes.lastIndexOf(NEWLINE);
    while (end >= 0 && lines.length < wanted) {
      const before = end === 0 ? -1 : bytes.lastIndexOf(NEWLINE, end - 1);
      const start = before + 1;
      // The first line of the tail may be the end of a longer one.
      if (before < 0 && bytes.length >= TAIL_BYTES) break;
      lines.push({ start, end: end > start && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end });
      end = before;
    }
    return { bytes, lines: lines.reverse() };
  } finally {
    await handle.close();
  }
}

async function tailOf(handle: FileHandle): Promise<Buffer> {
  const { size } = await handle.stat();
  const length = Math.min(size, TAIL_BYTES);
  const buffer = Buffer.allocUnsafe(length);
  const { bytesRead } = await handle.read(buffer, 0, length, size - length);
  return buffer.subarray(0, bytesRead);
}

/** As `FilesSource` makes them. */
function eventsOf(
  bytes: Buffer,
  lines: readonly Line[],
  { topic, from, nowMs }: { readonly topic: string; readonly from: number; readonly nowMs: number },
): EventBatch {
  return new EventBatch({
    count: lines.length,
    offsets: Float64Array.from(lines, (_, index) => from + index),
    sources: [bytes],
    sourceOf: new Uint16Array(lines.length),
    starts: Int32Array.from(lines, ({ start }) => start),
    ends: Int32Array.from(lines, ({ end }) => end),
    timestamps: new Float64Array(lines.length).fill(nowMs),
    sharedHeaders: { topic },
  });
}
