/** Where the backlog lies: stored bytes and events by hour of the event and topic. */
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import { HOUR_MS } from '../../shared/units.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';

/** What a picture can show, and an answer may hold. */
export const HEAT_HOURS_MAX = 240;
export const HEAT_TOPICS_MAX = 30;
/** A picture that took long to make is shown for so many times as long, while the data changes. */
const REUSE_FACTOR = 20;
const REUSE_MAX_MS = 30_000;
/** Pictures that are remembered: of all sinks, and of some. */
const PICTURES_MAX = 16;

type Heat = Output<'backlogHeat'>;
type Cell = Heat['cells'][number];

interface Picture {
  readonly version: number;
  readonly goodUntilMs: number;
  readonly heat: Heat;
}

export class BacklogHeat {
  readonly #db: ChannelDatabase;
  readonly #statements;
  readonly #steadyMs: () => number;
  readonly #pictures = new Map<string | undefined, Picture>();

  constructor(db: ChannelDatabase, steadyMs: () => number) {
    this.#db = db;
    this.#statements = prepare(db);
    this.#steadyMs = steadyMs;
  }

  /**
   * Of all chunks that have not landed; a chunk counts where its oldest event is. Shown are the topics that hold most, and their
   * latest hours; everything else is summed in `leftOut`.
   */
  picture({ sink }: ParsedInput<'backlogHeat'>): Heat {
    const startedMs = this.#steadyMs();
    const version = Number(this.#db.pragma('data_version', { simple: true }));
    const known = this.#pictures.get(sink);
    if (known !== undefined && (known.version === version || startedMs < known.goodUntilMs))
      return known.heat;
    const heat = cutToSize([...this.#cells(sink).values()]);
    const endMs = this.#steadyMs();
    const goodUntilMs = endMs + Math.min(REUSE_MAX_MS, REUSE_FACTOR * (endMs - startedMs));
    if (this.#pictures.size >= PICTURES_MAX) this.#pictures.clear();
    this.#pictures.set(sink, { version, goodUntilMs, heat });
    return heat;
  }

  #cells(sink: string | undefined): Map<string, Cell> {
    const topics = new Map(this.#statements.topics.all() as [number, string][]);
    const rows = sink === undefined ? this.#statements.all.iterate() : this.#statements.ofSink.iterate(sink);
    const cells = new Map<string, Cell>();
    for (const [hour, partition, events, bytes] of rows as Iterable<[number, number, number, number]>) {
      const topic = topics.get(partition) ?? '';
      const name = `${hour} ${topic}`;
      const cell = cells.get(name);
      if (cell === undefined) cells.set(name, { hourMs: hour * HOUR_MS, topic, bytes, events });
      else {
        cell.bytes += bytes;
        cell.events += events;
      }
    }
    return cells;
  }
}

function cutToSize(cells: readonly Cell[]): Heat {
  const byTopic = new Map<string, number>();
  for (const { topic, bytes } of cells) byTopic.set(topic, (byTopic.get(topic) ?? 0) + bytes);
  const topics = [...byTopic]
    .sort(([a, aBytes], [b, bBytes]) => bBytes - aBytes || (a < b ? -1 : 1))
    .slice(0, HEAT_TOPICS_MAX)
    .map(([topic]) => topic);
  const hasPlace = new Set(topics);
  const hours = [...new Set(cells.filter(({ topic }) => hasPlace.has(topic)).map(({ hourMs }) => hourMs))];
  const hoursMs = hours.sort((a, b) => a - b).slice(-HEAT_HOURS_MAX);
  const fromMs = hoursMs[0] ?? Infinity;
  const shown: Cell[] = [];
  const leftOut = { bytes: 0, events: 0 };
  for (const cell of cells) {
    if (hasPlace.has(cell.topic) && cell.hourMs >= fromMs) shown.push(cell);
    else {
      leftOut.bytes += cell.bytes;
      leftOut.events += cell.events;
    }
  }
  return { hoursMs, topics, cells: shown, leftOut };
}

function prepare(db: ChannelDatabase) {
  // Rounded down, also before 1970.
  const hour = `CAST(floor(c.oldest_event_ms / ${HOUR_MS}.0) AS INTEGER)`;
  const sums = `SELECT ${hour}, c.partition_id, sum(c.events), sum(c.stored_bytes) FROM chunks c`;
  return {
    topics: db.prepare<[]>('SELECT id, topic FROM partitions').raw(),
    all: db.prepare<[]>(`${sums} GROUP BY 1, 2`).raw(),
    ofSink: db
      .prepare<[string]>(
        `${sums} JOIN landing_keys k ON k.id = c.landing_key_id WHERE k.sink = ? GROUP BY 1, 2`,
      )
      .raw(),
  };
}
