/**
 * The list of replays: who landed what again, when and where, as long as the state directory lives. Each has a folder of its own,
 * `replays/<id>`, with `replay.json` and the books that its files were landed by.
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  replayId,
  replayPartition,
  replayRequest,
  type ReplayFile,
  type ReplayRow,
} from '../../../shared/contract/control-replay.ts';
import { GatewayError } from '../../../shared/errors.ts';
import {
  CHANNEL_FILE,
  openForReading,
  wrapped,
  type ChannelDatabase,
} from '../../channel/channel-database.ts';
import { SCHEMA_VERSION } from '../../channel/schema.ts';
import { syncFolder } from '../../config/folder-sync.ts';

const FOLDER = 'replays';
const FILE = 'replay.json';
/** More are refused: the operator moves old folders away first. */
export const REPLAYS_MAX = 1_000;

const recordSchema = z.object({
  id: replayId,
  ...replayRequest.shape,
  source: z.string(),
  sink: z.string(),
  by: z.string(),
  startedMs: z.number(),
  finishedMs: z.number().optional(),
  state: z.enum(['running', 'cancelled', 'failed', 'done']),
  error: z.string().optional(),
  /** The directory was found without traces of another replay of this id. */
  isPlaceChecked: z.boolean(),
  /** Resolved once, at the first start; absent until then. */
  partitions: z.array(replayPartition.extend({ topicId: z.string() })).optional(),
});
export type ReplayRecord = z.output<typeof recordSchema>;
export type RecordedPartition = NonNullable<ReplayRecord['partitions']>[number];

/** What the replay's own books count. */
export interface ReplayCounts {
  readonly files: number;
  readonly events: number;
  readonly bytes: number;
  readonly filtered: number;
  readonly notRouted: number;
  readonly quarantined: number;
  readonly absent: number;
  readonly gone: number;
}

const NOTHING: ReplayCounts = {
  ...{ files: 0, events: 0, bytes: 0 },
  ...{ filtered: 0, notRouted: 0, quarantined: 0, absent: 0, gone: 0 },
};

export class ReplayBook {
  readonly #folder: string;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, FOLDER);
  }

  /** Where a replay keeps its own books. */
  directoryOf(id: string): string {
    return join(this.#folder, id);
  }

  async find(id: string): Promise<ReplayRecord | undefined> {
    try {
      const text = await readFile(join(this.directoryOf(id), FILE), 'utf8');
      return recordSchema.parse(JSON.parse(text));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw unreadable(this.directoryOf(id), error);
    }
  }

  /** Durable when it resolves: the old record or the new one, whatever happens meanwhile. */
  async write(record: ReplayRecord): Promise<void> {
    const directory = this.directoryOf(record.id);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const temporary = join(directory, `${FILE}.new`);
    await using file = await open(temporary, 'w', 0o600);
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
    await file.sync();
    await rename(temporary, join(directory, FILE));
    await syncFolder(directory);
    await syncFolder(this.#folder);
  }

  /** Every id that has a folder. */
  async ids(): Promise<string[]> {
    try {
      const entries = await readdir(this.#folder, { withFileTypes: true });
      return entries
        .filter((one) => one.isDirectory() && replayId.safeParse(one.name).success)
        .map(({ name }) => name);
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  /** As it is shown; undefined: there is none, or nothing but its folder. */
  async row(id: string, isRunning: boolean): Promise<ReplayRow | undefined> {
    const record = await this.find(id);
    if (record === undefined) return undefined;
    const { isPlaceChecked: _, partitions = [], ...rest } = record;
    const state = record.state === 'running' && !isRunning ? 'interrupted' : record.state;
    const positions = this.#read(id, readPositions) ?? new Map<number, number>();
    return {
      ...rest,
      state,
      partitions: partitions.map(({ topicId: __, ...one }) => ({
        ...one,
        position: Math.max(one.position, positions.get(one.partition) ?? one.from),
      })),
      ...this.counts(id),
    };
  }

  counts(id: string): ReplayCounts {
    return this.#read(id, readCounts) ?? NOTHING;
  }

  /** Offsets of chunks that were damaged on the disk after they were read. */
  damaged(id: string): number {
    const sql = 'SELECT coalesce(sum(events), 0) AS events FROM claims';
    return this.#read(id, (db) => db.prepare<[], { events: number }>(sql).get()?.events) ?? 0;
  }

  files(id: string, page: { readonly after: number; readonly limit: number }): ReplayFilePage {
    return this.#read(id, (db) => readFiles(db, page)) ?? { files: [] };
  }

  /** Undefined: it has not begun to land yet. */
  #read<T>(id: string, read: (db: ChannelDatabase) => T): T | undefined {
    const place = join(this.directoryOf(id), CHANNEL_FILE);
    let db: ChannelDatabase;
    try {
      db = openForReading(place);
    } catch (error) {
      if (isAbsent(error) || isAbsent(error instanceof Error ? error.cause : undefined)) return undefined;
      throw error;
    }
    try {
      // A replay that has just begun makes its tables at this moment.
      const isMade = Number(db.pragma('user_version', { simple: true })) >= SCHEMA_VERSION;
      return isMade ? wrapped('read the books of a replay', place, () => read(db)) : undefined;
    } finally {
      db.close();
    }
  }
}

export interface ReplayFilePage {
  readonly files: ReplayFile[];
  readonly next?: number;
}

function readCounts(db: ChannelDatabase): ReplayCounts {
  const landed = db
    .prepare<[], Pick<ReplayCounts, 'files' | 'events' | 'bytes'>>(
      'SELECT count(*) AS files, coalesce(sum(events), 0) AS events, coalesce(sum(bytes), 0) AS bytes FROM ledger',
    )
    .get();
  const kinds = new Map(
    db
      .prepare<[], { kind: string; events: number }>(
        'SELECT kind, sum(events) AS events FROM dispositions GROUP BY kind',
      )
      .all()
      .map(({ kind, events }) => [kind, events]),
  );
  const quarantined = db.prepare<[], { events: number }>('SELECT count(*) AS events FROM quarantine').get();
  return {
    ...(landed ?? NOTHING),
    filtered: kinds.get('filtered') ?? 0,
    notRouted: kinds.get('not-routed') ?? 0,
    absent: kinds.get('absent') ?? 0,
    gone: kinds.get('gap') ?? 0,
    quarantined: quarantined?.events ?? 0,
  };
}

function readPositions(db: ChannelDatabase): Map<number, number> {
  const rows = db
    .prepare<[], { partition: number; position: number }>(
      'SELECT partition, position FROM partitions WHERE is_current = 1',
    )
    .all();
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}

function readFiles(
  db: ChannelDatabase,
  { after, limit }: { readonly after: number; readonly limit: number },
): ReplayFilePage {
  const rows = db
    .prepare<[number, number], ReplayFile & { id: number }>(
      `SELECT id, final_path AS path, events, bytes, landed_at_ms AS landedMs FROM ledger
       WHERE id > ? ORDER BY id LIMIT ?`,
    )
    .all(after, limit);
  const last = rows.at(-1)?.id;
  const files = rows.map(({ id: _, ...file }) => file);
  return { files, ...(rows.length === limit && last !== undefined ? { next: last } : {}) };
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'ENOENT';
}

function unreadable(place: string, cause: unknown): GatewayError {
  return new GatewayError({
    code: 'io-error',
    operation: 'read the record of a replay',
    place,
    message: 'the record can’t be read',
    retry: 'never',
    hint: 'Move the folder away; its files at the target stay as they are. A replay needs another id then.',
    cause,
  });
}
