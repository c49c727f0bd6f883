/**
 * The ledger as its lists need it: a few columns of each row, close together in memory, so that a million rows are sorted and searched
 * in milliseconds and not in a scan of a table of several hundred megabytes. Rows of the ledger are written once and never change,
 * so what is here stays right; only what was landed since is read before each question.
 *
 * Bounded: at most `LEDGER_ROWS_MAX` rows are held, the newest; `leftOut` says how many older ones are not. About 90 bytes a row.
 */
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { LedgerNames } from './query-ledger-names.ts';

/** Beyond this the oldest rows go until `ROWS_KEPT` are left. */
export const LEDGER_ROWS_MAX = 1_250_000;
const ROWS_KEPT = 1_100_000;
/** Read in one step: some twenty milliseconds. */
const STEP_ROWS = 8_192;
const FIRST_CAPACITY = 16_384;

type LedgerTuple = [id: number, landedMs: number, events: number, bytes: number, path: string];

interface Columns {
  readonly ids: Float64Array;
  readonly landedMs: Float64Array;
  readonly events: Float64Array;
  readonly bytes: Float64Array;
  /** Index into `directories`. */
  readonly directory: Uint32Array;
  /** Index into `topicSets`. */
  readonly topics: Uint32Array;
}

export interface LedgerLimits {
  readonly rowsMax: number;
  readonly rowsKept: number;
}

export class LedgerRows {
  readonly #statements;
  readonly #limits: LedgerLimits;
  #columns = emptyColumns(FIRST_CAPACITY);
  #names = new LedgerNames();
  #directoryIds = new Map<string, number>();
  #directories: string[] = [];
  #topicSetIds = new Map<string, number>();
  #topicSets: (readonly string[])[] = [];
  readonly #topicOfPartition = new Map<number, string>();
  #count = 0;
  #lastId = 0;
  #leftOut: number | undefined;
  #generation = 0;

  constructor(db: ChannelDatabase, limits: LedgerLimits = { rowsMax: LEDGER_ROWS_MAX, rowsKept: ROWS_KEPT }) {
    this.#statements = prepare(db);
    this.#limits = limits;
  }

  /** Rows are numbered from 0, oldest first, by the id of the ledger. */
  get count(): number {
    return this.#count;
  }
  get columns(): Columns {
    return this.#columns;
  }
  get names(): LedgerNames {
    return this.#names;
  }
  /** By index: the part of a path before its last slash. */
  get directories(): readonly string[] {
    return this.#directories;
  }
  get topicSets(): readonly (readonly string[])[] {
    return this.#topicSets;
  }
  /** Older rows that are not held. */
  get leftOut(): number {
    return this.#leftOut ?? 0;
  }
  /** Another number means that rows have got other numbers. */
  get generation(): number {
    return this.#generation;
  }

  /** Directory and name of a row. */
  pathOf(row: number): { readonly directory: string; readonly name: string } {
    return {
      directory: this.#directories[this.#columns.directory[row] ?? 0] ?? '',
      name: this.#names.text(row),
    };
  }

  /** Reads everything that is new. */
  refresh(): void {
    while (this.step());
  }

  /** Reads some rows; false: there are no more. */
  step(): boolean {
    const { rowsMax, rowsKept } = this.#limits;
    if (this.#leftOut === undefined) this.#begin(rowsKept);
    const wanted = Math.min(STEP_ROWS, rowsMax - rowsKept);
    const tuples = this.#statements.rows.all(this.#lastId, wanted) as LedgerTuple[];
    const last = tuples.at(-1);
    if (last === undefined) return false;
    if (this.#count + tuples.length > rowsMax) {
      this.#begin(rowsKept);
      return true;
    }
    if (!this.#names.hasRoom) {
      this.#begin(this.#count >> 1);
      return true;
    }
    this.#add(tuples);
    this.#addTopics({ after: this.#lastId, upTo: last[0] });
    this.#lastId = last[0];
    this.#count += tuples.length;
    return tuples.length === wanted;
  }

  /** Empties it, to hold the newest rows from now on. */
  #begin(keep: number): void {
    this.#lastId = Math.max(0, (this.#statements.lastId.get()?.id ?? 0) - keep);
    this.#leftOut = this.#statements.rowsUpTo.get(this.#lastId)?.rows ?? 0;
    this.#columns = emptyColumns(FIRST_CAPACITY);
    this.#names = new LedgerNames();
    this.#directoryIds = new Map();
    this.#directories = [];
    this.#topicSetIds = new Map();
    this.#topicSets = [];
    this.#count = 0;
    this.#generation++;
  }

  #add(tuples: readonly LedgerTuple[]): void {
    this.#makeRoom(this.#count + tuples.length);
    const { ids, landedMs, events, bytes, directory } = this.#columns;
    const names: string[] = [];
    let row = this.#count;
    for (const tuple of tuples) {
      const path = tuple[4];
      const slash = path.lastIndexOf('/');
      ids[row] = tuple[0];
      landedMs[row] = Math.max(0, tuple[1]);
      events[row] = tuple[2];
      bytes[row] = tuple[3];
      directory[row] = this.#directoryId(slash < 0 ? '' : path.slice(0, slash));
      names.push(path.slice(slash + 1));
      row++;
    }
    this.#names.add(names);
  }

  #directoryId(directory: string): number {
    let id = this.#directoryIds.get(directory);
    if (id === undefined) {
      id = this.#directories.push(directory) - 1;
      this.#directoryIds.set(directory, id);
    }
    return id;
  }

  /** Topics of the rows after one id up to another, which stand from `count` on. */
  #addTopics(range: { readonly after: number; readonly upTo: number }): void {
    const { ids, topics } = this.#columns;
    const none = this.#topicSetId([]);
    let row = this.#count;
    let partitions: number[] = [];
    const finish = (): void => {
      topics[row] = partitions.length === 0 ? none : this.#setOfPartitions(partitions);
      partitions = [];
      row++;
    };
    for (const [id, partition] of this.#statements.parts.all(range) as [number, number][]) {
      while ((ids[row] ?? Infinity) < id) finish();
      partitions.push(partition);
    }
    while ((ids[row] ?? 0) !== 0 && (ids[row] ?? 0) <= range.upTo) finish();
  }

  #setOfPartitions(partitions: readonly number[]): number {
    return this.#topicSetId([...new Set(partitions.map((id) => this.#topicOf(id)))].sort());
  }

  #topicOf(partition: number): string {
    let topic = this.#topicOfPartition.get(partition);
    if (topic === undefined) {
      topic = this.#statements.topic.get(partition)?.topic ?? '';
      this.#topicOfPartition.set(partition, topic);
    }
    return topic;
  }

  #topicSetId(topics: readonly string[]): number {
    const text = topics.join('\n');
    let id = this.#topicSetIds.get(text);
    if (id === undefined) {
      id = this.#topicSets.push(topics) - 1;
      this.#topicSetIds.set(text, id);
    }
    return id;
  }

  #makeRoom(rows: number): void {
    const capacity = this.#columns.ids.length;
    if (rows <= capacity) return;
    const grown = emptyColumns(Math.max(rows, capacity * 2));
    const columns = this.#columns;
    grown.ids.set(columns.ids);
    grown.landedMs.set(columns.landedMs);
    grown.events.set(columns.events);
    grown.bytes.set(columns.bytes);
    grown.directory.set(columns.directory);
    grown.topics.set(columns.topics);
    this.#columns = grown;
  }
}

function emptyColumns(capacity: number): Columns {
  return {
    ids: new Float64Array(capacity),
    landedMs: new Float64Array(capacity),
    events: new Float64Array(capacity),
    bytes: new Float64Array(capacity),
    directory: new Uint32Array(capacity),
    topics: new Uint32Array(capacity),
  };
}

function prepare(db: ChannelDatabase) {
  return {
    rows: db
      .prepare<[number, number]>(
        'SELECT id, landed_at_ms, events, bytes, final_path FROM ledger WHERE id > ? ORDER BY id LIMIT ?',
      )
      .raw(),
    parts: db
      .prepare<[{ after: number; upTo: number }]>(
        `SELECT l.id, p.partition_id FROM ledger l JOIN ledger_parts p ON p.file_id = l.file_id
        WHERE l.id > @after AND l.id <= @upTo ORDER BY l.id`,
      )
      .raw(),
    topic: db.prepare<[number], { topic: string }>('SELECT topic FROM partitions WHERE id = ?'),
    lastId: db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM ledger'),
    rowsUpTo: db.prepare<[number], { rows: number }>('SELECT count(*) AS rows FROM ledger WHERE id <= ?'),
  };
}
