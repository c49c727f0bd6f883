/**
 * Landed files by the page. The plain list, newest first, comes from an index of the database, whatever its size. Every other order and
 * filter is answered from columns in memory (`query-ledger-rows.ts`), which are read while the operator looks at the first page.
 */
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { LEDGER_COLUMNS, landingParts } from '../channel/backlog-reader.ts';
import type { Landing, LandingPart } from '../channel/backlog-reader.ts';
import { placeOf, placeText } from './query-cursor.ts';
import { LEDGER_SORTS, LedgerList, type LedgerPage } from './query-ledger-list.ts';
import { LedgerRows, type LedgerLimits } from './query-ledger-rows.ts';

type Question = ParsedInput<'landings'>;
type LandingRow = Output<'landings'>['rows'][number];

interface PlainRow {
  readonly id: number;
  readonly landedMs: number;
}

export class LandingsQuery {
  readonly #db: ChannelDatabase;
  readonly #rows: LedgerRows;
  readonly #list: LedgerList;
  readonly #statements;
  #isWarm = false;

  constructor(db: ChannelDatabase, limits?: LedgerLimits) {
    this.#db = db;
    this.#rows = new LedgerRows(db, limits);
    this.#list = new LedgerList(this.#rows);
    this.#statements = prepare(db);
  }

  /** Throws `usage` for a cursor of another list. */
  page(question: Question): Output<'landings'> {
    const { sort, text = '', path = '', topic } = question;
    const isPlain = sort === 'landed' && text === '' && path === '' && topic === undefined;
    const page = isPlain ? this.#plainPage(question) : this.#sortedPage(question);
    // Between the question and the answers to the next ones there is time to read the rest.
    if (!this.#isWarm) setImmediate(() => this.#warm(0));
    this.#isWarm = true;
    const { leftOut } = this.#rows;
    const isCut = !isPlain && leftOut > 0;
    return {
      rows: page.ids.flatMap((id) => this.#row(id)),
      ...(page.next === undefined ? {} : { next: placeText(page.next) }),
      ...(isCut ? { leftOut } : { total: page.total }),
    };
  }

  #sortedPage(question: Question): LedgerPage {
    const after = placeOf(question.after, question.sort === 'path' ? 'text' : 'number');
    return this.#list.page({ ...question, after, offset: question.offset ?? 0 });
  }

  #plainPage({ descending, limit, offset = 0, sinceMs, untilMs, after }: Question): LedgerPage {
    const place = placeOf(after, 'number');
    const range = { sinceMs: sinceMs ?? null, untilMs: untilMs ?? null };
    const at = { value: Number(place?.value ?? 0), id: place?.id ?? 0 };
    const { forward, forwardAfter, backward, backwardAfter } = this.#statements;
    const [all, rest] = descending ? [backward, backwardAfter] : [forward, forwardAfter];
    const rows = (place === undefined ? all : rest).all({ ...range, ...at, offset, limit: limit + 1 });
    const isWhole = sinceMs === undefined && untilMs === undefined;
    const total = (isWhole ? this.#statements.all.get() : this.#statements.total.get(range))?.rows ?? 0;
    const shown = rows.slice(0, limit);
    const last = shown.at(-1);
    const isMore = rows.length > limit && last !== undefined;
    return {
      ids: shown.map(({ id }) => id),
      next: isMore ? { value: last.landedMs, id: last.id } : undefined,
      total,
    };
  }

  #row(id: number): LandingRow[] {
    const landing = this.#statements.row.get(id);
    return landing === undefined ? [] : [toRow(landing, landingParts(this.#db, landing.fileId))];
  }

  /** Reads the columns and makes the orders, a step at a time, so that questions are answered between. */
  #warm(step: number): void {
    if (!this.#db.open) return;
    const sort = LEDGER_SORTS[step];
    if (this.#rows.step()) setImmediate(() => this.#warm(step));
    else if (sort !== undefined) {
      this.#list.order(sort);
      setImmediate(() => this.#warm(step + 1));
    }
  }
}

function toRow(row: Landing, parts: readonly LandingPart[]): LandingRow {
  const { fileId, sink, channel, finalPath: path, bytes, rawBytes, events, codec, crc32c, attempts } = row;
  return {
    ...{ fileId, sink, channel, path, bytes, rawBytes, events, codec, crc32c, attempts },
    ...(row.checksum === null ? {} : { checksum: row.checksum }),
    ...(row.checksumNote === null ? {} : { checksumNote: row.checksumNote }),
    landedMs: row.landedAtMs,
    parts: parts.map(({ topic, partition, incarnation, first, next, events: count }) => ({
      ...{ topic, partition, incarnation, first, last: next - 1, count },
    })),
  };
}

function prepare(db: ChannelDatabase) {
  const inRange = 'landed_at_ms >= coalesce(@sinceMs, -9e15) AND landed_at_ms < coalesce(@untilMs, 9e15)';
  const plain = (condition: string, order: string) =>
    db.prepare<unknown[], PlainRow>(
      `SELECT id, landed_at_ms AS landedMs FROM ledger WHERE ${inRange} ${condition} ORDER BY ${order} LIMIT @limit OFFSET @offset`,
    );
  const ascending = 'landed_at_ms, id';
  const descending = 'landed_at_ms DESC, id DESC';
  return {
    forward: plain('', ascending),
    forwardAfter: plain('AND (landed_at_ms, id) > (@value, @id)', ascending),
    backward: plain('', descending),
    backwardAfter: plain('AND (landed_at_ms, id) < (@value, @id)', descending),
    // Without a condition SQLite counts the cells of pages, seven times as fast.
    all: db.prepare<[], { rows: number }>('SELECT count(*) AS rows FROM ledger'),
    total: db.prepare<unknown[], { rows: number }>(`SELECT count(*) AS rows FROM ledger WHERE ${inRange}`),
    row: db.prepare<[number], Landing>(`SELECT ${LEDGER_COLUMNS} FROM ledger WHERE id = ?`),
  };
}
