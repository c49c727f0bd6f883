import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ChannelExport } from '../../../shared/contract/control-channel.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { ChunkCodec } from '../../../shared/model/landing-key.ts';
import { CHANNEL_FILE, openForReading, wrapped } from '../channel-database.ts';
import type { ChannelDatabase } from '../channel-database.ts';
import { decodeChunk } from '../chunk-encoding.ts';
import { chunkFault, chunkOffsets } from '../chunk-fault.ts';
import type { CheckWatch } from './channel-check.ts';
import { readable, salvageRows } from './row-salvage.ts';

/**
 * Writes the events of every good chunk into files beside the gateway: a way out that needs neither a target nor a database that is whole.
 * Nothing in the channel changes, so what is exported still lands.
 *
 *   <to>/<channel>/<directory>/<prefix>.<key id><suffix>   events as they would stand in the file, in the order of chunks
 *   <to>/damaged/chunk-<id>.<codec>                        bytes that match no checksum, as they are
 *   <to>/manifest.jsonl                                    a line a chunk: file, place in it, topic, partition, offsets
 */
export interface ExportOptions {
  /** The state directory. */
  readonly directory: string;
  /** Made when it is missing; must be empty. */
  readonly to: string;
  readonly isDamagedIncluded: boolean;
}

interface ChunkRow {
  readonly id: number;
  readonly body_id: number;
  readonly landing_key_id: number;
  readonly partition_id: number;
  readonly channel: string;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly stored_bytes: number;
  readonly codec: ChunkCodec;
  readonly crc32c: number;
  readonly runs: Uint8Array;
}

interface KeyRow {
  readonly directory: string;
  readonly prefix: string;
  readonly suffix: string;
}

const COLUMNS =
  'id, body_id, landing_key_id, partition_id, channel, first, next, events, stored_bytes, codec, crc32c, runs';
const FILE_MODE = 0o600;
const CHUNKS_A_TURN = 64;

/** Throws `usage` when the directory is not empty, `disk-full`, `io-error`, and the signal's reason. */
export async function exportChannel(options: ExportOptions, watch: CheckWatch): Promise<ChannelExport> {
  const { directory, to, isDamagedIncluded } = options;
  const file = join(directory, CHANNEL_FILE);
  wrapped('make the directory of the export', to, () => makeEmpty(to));
  const db = openForReading(file);
  try {
    const writer = new ExportWriter(db, to);
    const total = readable(() => Number(db.prepare('SELECT count(*) FROM chunks').pluck().get()));
    const chunks = salvageRows(db, { table: 'chunks', columns: COLUMNS, id: 'id' }, { rows: 0, lost: false });
    let done = 0;
    for (const row of chunks as Generator<ChunkRow & Record<string, unknown>>) {
      wrapped('write the export', to, () => writer.chunk(row, isDamagedIncluded));
      if (++done % CHUNKS_A_TURN > 0) continue;
      watch.onProgress('chunks', done, total === 'damaged' ? 0 : Math.max(done, total));
      watch.signal.throwIfAborted();
      await watch.turn();
    }
    if (isDamagedIncluded) wrapped('write the export', to, () => writer.setAside());
    return wrapped('write the export', to, () => writer.finish());
  } finally {
    db.close();
  }
}

function makeEmpty(to: string): void {
  if (existsSync(to) && readdirSync(to).length > 0) {
    throw new GatewayError({
      code: 'usage',
      operation: 'export the channel',
      place: to,
      message: `${to} is not empty`,
      retry: 'never',
      hint: 'Name a directory that is not there yet.',
    });
  }
  mkdirSync(to, { recursive: true, mode: 0o700 });
}

class ExportWriter {
  readonly #to: string;
  readonly #body;
  readonly #key;
  readonly #place;
  readonly #damaged;
  readonly #manifest: number;
  readonly #sizes = new Map<string, number>();
  readonly #sums = { chunks: 0, events: 0, bytes: 0, damagedBodies: 0 };

  constructor(db: ChannelDatabase, to: string) {
    this.#to = to;
    this.#body = db.prepare<[number], Buffer>('SELECT bytes FROM chunk_bodies WHERE id = ?').pluck();
    this.#key = db.prepare<[number], KeyRow>(
      'SELECT directory, prefix, suffix FROM landing_keys WHERE id = ?',
    );
    this.#place = db.prepare<[number], { topic: string; partition: number }>(
      'SELECT topic, partition FROM partitions WHERE id = ?',
    );
    this.#damaged = db.prepare<
      [],
      Pick<ChunkRow, 'id' | 'body_id' | 'partition_id' | 'channel' | 'first' | 'next' | 'runs'>
    >(
      'SELECT chunk_id AS id, body_id, partition_id, channel, first, next, runs FROM damaged_chunks ORDER BY id',
    );
    this.#manifest = openSync(join(to, 'manifest.jsonl'), 'w', FILE_MODE);
  }

  chunk(row: ChunkRow, isDamagedIncluded: boolean): void {
    const bytes = readable(() => this.#body.get(row.body_id));
    const stored = bytes === 'damaged' ? undefined : bytes;
    const fault =
      bytes === 'damaged'
        ? 'SQLite can’t read its body'
        : row.body_id < 0
          ? 'it is not on the disk: the engine has it in memory, or had'
          : chunkFault({ id: row.id, storedBytes: row.stored_bytes, crc32c: row.crc32c }, () => bytes);
    if (fault === undefined && stored !== undefined) return this.#good(row, stored);
    if (isDamagedIncluded && stored !== undefined)
      this.#raw({ ...row, codec: row.codec }, stored, fault ?? '');
    else this.#tell(row, { fault });
  }

  /** Bodies that were set aside before. */
  setAside(): void {
    const rows = readable(() => this.#damaged.all());
    if (rows === 'damaged') return;
    for (const row of rows) {
      const bytes = readable(() => this.#body.get(row.body_id));
      if (bytes !== 'damaged' && bytes !== undefined)
        this.#raw({ ...row, codec: 'none' }, bytes, 'it was set aside');
    }
  }

  finish(): ChannelExport {
    fsyncSync(this.#manifest);
    closeSync(this.#manifest);
    return { directory: this.#to, files: this.#sizes.size, ...this.#sums };
  }

  #good(row: ChunkRow, stored: Buffer): void {
    const key = readable(() => this.#key.get(row.landing_key_id));
    const known =
      key === 'damaged' || key === undefined ? { directory: 'unknown', prefix: 'key', suffix: '' } : key;
    const folder = join(
      row.channel,
      ...known.directory
        .split('/')
        .map(plainName)
        .filter((part) => part !== ''),
    );
    const file = join(folder, plainName(`${known.prefix}.${row.landing_key_id}${known.suffix}`));
    const raw = decodeChunk(stored, row.codec);
    mkdirSync(join(this.#to, folder), { recursive: true, mode: 0o700 });
    const at = this.#sizes.get(file) ?? 0;
    append(join(this.#to, file), raw);
    this.#sizes.set(file, at + raw.length);
    this.#sums.chunks++;
    this.#sums.events += row.events;
    this.#sums.bytes += raw.length;
    this.#tell(row, { file, at, bytes: raw.length });
  }

  #raw(
    row: Pick<ChunkRow, 'id' | 'partition_id' | 'channel' | 'first' | 'next' | 'runs' | 'codec'>,
    bytes: Buffer,
    fault: string,
  ): void {
    const file = join('damaged', `chunk-${row.id}.${row.codec}`);
    mkdirSync(join(this.#to, 'damaged'), { recursive: true, mode: 0o700 });
    append(join(this.#to, file), bytes);
    this.#sums.damagedBodies++;
    this.#tell(row, { file, fault, bytes: bytes.length });
  }

  #tell(
    row: Pick<ChunkRow, 'id' | 'partition_id' | 'channel' | 'first' | 'next' | 'runs'>,
    facts: Readonly<Record<string, unknown>>,
  ): void {
    const found = readable(() => this.#place.get(row.partition_id));
    const place = found === 'damaged' || found === undefined ? {} : found;
    const line = { chunk: row.id, channel: row.channel, ...place, offsets: chunkOffsets(row), ...facts };
    writeSync(this.#manifest, `${JSON.stringify(line)}\n`);
  }
}

function append(path: string, bytes: Uint8Array): void {
  const descriptor = openSync(path, 'a', FILE_MODE);
  try {
    writeSync(descriptor, bytes);
  } finally {
    closeSync(descriptor);
  }
}

/** One part of a path, whatever an event's headers made of it. */
function plainName(part: string): string {
  return part.replaceAll(/[\0/\\]/g, '_').replace(/^\.+$/, '_');
}
