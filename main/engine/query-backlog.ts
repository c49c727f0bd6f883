/** What operators ask about the backlog, over one reading connection. */
import { GatewayError } from '../../shared/errors.ts';
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import { MIB } from '../../shared/units.ts';
import { BacklogChunks } from '../channel/backlog-chunks.ts';
import type { MemoryReader } from '../channel/chunk-reader.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { BacklogHeat } from './query-backlog-heat.ts';
import { BacklogKeys } from './query-backlog-keys.ts';
import { BacklogList } from './query-backlog-list.ts';
import { backlogPeek } from './query-backlog-peek.ts';
import { cursorOf } from './query-cursor.ts';
import type { ExportedChunk, ExportInput, ExportSize, Queries } from './query-messages.ts';

/** A client takes answers of 64 MiB; base64 makes four bytes of three. */
const EXPORTED_BYTES_MAX = 45 * MIB;
/** Ids that are looked up at once while chunks are read one after the other. */
const WALK_IDS = 1_000;

type BacklogQueries = Pick<
  Queries,
  | 'backlogList'
  | 'backlogHeat'
  | 'backlogChunks'
  | 'backlogPeek'
  | 'backlogExport'
  | 'exportSize'
  | 'exportedChunk'
  | 'sinkOfKey'
>;

export interface QueryParts {
  /** A time that never jumps, for what is remembered a while. */
  readonly steadyMs: () => number;
  /** Gives bodies that are not on the disk. */
  readonly inMemory?: MemoryReader | undefined;
}

export function backlogQueries(db: ChannelDatabase, { steadyMs, inMemory }: QueryParts): BacklogQueries {
  const chunks = new BacklogChunks(db, inMemory);
  const walk = new ChunkWalk(chunks);
  const keys = new BacklogKeys(db, steadyMs);
  const list = new BacklogList(keys);
  const heat = new BacklogHeat(db, steadyMs);
  return {
    backlogList: (input) => list.page(input),
    backlogHeat: (input) => heat.picture(input),
    backlogChunks: (input) => chunkPage(chunks, input),
    backlogPeek: (input) => backlogPeek(chunks, input),
    backlogExport: (input) => exportedPart(chunks, walk, input),
    exportSize: (ids) => exportSize(chunks, ids),
    exportedChunk: (input) => exportedChunk(chunks, walk, input),
    sinkOfKey: (id) => (keys.shown(id) === undefined ? undefined : keys.sinkOf(id)),
  };
}

/** The next chunk of a key after another, for readers that take one after the other: ids are looked up many at a time. */
class ChunkWalk {
  readonly #chunks: BacklogChunks;
  #ids: { readonly landingKeyId: number; readonly upTo: number; left: number[] } | undefined;

  constructor(chunks: BacklogChunks) {
    this.#chunks = chunks;
  }

  next({ landingKeyId, after, upTo }: ExportInput): number | undefined {
    const known = this.#ids;
    if (known?.landingKeyId === landingKeyId && known.upTo === upTo) {
      const at = known.left.findIndex((id) => id > after);
      const isNear = (known.left[0] ?? Infinity) <= after + 1 || at > 0;
      if (at >= 0 && isNear) {
        known.left = known.left.slice(at);
        return known.left[0];
      }
    }
    const left = this.#chunks.ids(landingKeyId, { after, upTo, limit: WALK_IDS });
    this.#ids = { landingKeyId, upTo, left };
    return left[0];
  }
}

function chunkPage(chunks: BacklogChunks, input: ParsedInput<'backlogChunks'>): Output<'backlogChunks'> {
  const { landingKeyId, limit, offset = 0 } = input;
  const range = { after: cursorOf(input.after) ?? 0, limit: limit + 1, offset };
  const ids = chunks.ids(landingKeyId, range);
  const shown = ids.slice(0, limit);
  const last = shown.at(-1);
  return {
    rows: shown.flatMap((id) => {
      const chunk = chunks.get(id);
      if (chunk === undefined) return [];
      const { topic, partition, first, next, events, rawBytes, storedBytes, codec } = chunk;
      const { putMs, oldestEventMs, newestEventMs, isHeld, isPlanned } = chunk;
      return {
        ...{ id, topic, partition, first, next, events, rawBytes, storedBytes, codec },
        ...{ putMs, oldestEventMs, newestEventMs, isHeld, isPlanned },
      };
    }),
    ...(ids.length > limit && last !== undefined ? { next: String(last) } : {}),
    total: chunks.count(landingKeyId),
  };
}

/** The next chunk of a key, oldest first. Throws `chunk-damaged`, `event-too-large`. */
async function exportedPart(
  chunks: BacklogChunks,
  walk: ChunkWalk,
  { landingKeyId, after }: ParsedInput<'backlogExport'>,
): Promise<Output<'backlogExport'>> {
  const upTo = Number.MAX_SAFE_INTEGER;
  const id = walk.next({ landingKeyId, after: cursorOf(after) ?? 0, upTo });
  if (id === undefined) return { events: 0, base64: '' };
  const chunk = chunks.get(id);
  const text = await chunks.text(id);
  // A chunk that is gone since the list was made has been landed.
  if (chunk === undefined || text === undefined) return { events: 0, base64: '', next: String(id) };
  if (text.byteLength > EXPORTED_BYTES_MAX) {
    throw new GatewayError({
      code: 'event-too-large',
      operation: 'export the backlog',
      place: `${chunk.topic}/${chunk.partition}@${chunk.first}`,
      message: `An event of ${text.byteLength} bytes does not fit into an answer.`,
      retry: 'never',
      hint: 'It lands all the same; read it from its file then.',
    });
  }
  return { events: chunk.events, base64: text.toString('base64'), next: String(id) };
}

function exportSize(chunks: BacklogChunks, ids: readonly number[]): ExportSize {
  const size = { keys: 0, events: 0, rawBytes: 0, lastChunkId: 0 };
  for (const id of new Set(ids)) {
    const { events, rawBytes, lastChunkId } = chunks.sums(id);
    if (lastChunkId > 0) size.keys++;
    size.events += events;
    size.rawBytes += rawBytes;
    size.lastChunkId = Math.max(size.lastChunkId, lastChunkId);
  }
  return size;
}

async function exportedChunk(
  chunks: BacklogChunks,
  walk: ChunkWalk,
  input: ExportInput,
): Promise<ExportedChunk | undefined> {
  const id = walk.next(input);
  if (id === undefined) return undefined;
  const events = chunks.get(id)?.events ?? 0;
  return { id, events, bytes: await chunks.text(id) };
}
