import { GatewayError } from '../../shared/errors.ts';
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import { LIST_ROWS_MAX, quarantineList, quarantineShow } from '../channel/backlog-reader.ts';
import type { QuarantineRow } from '../channel/backlog-reader.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { cursorOf } from './query-cursor.ts';

type Row = Output<'quarantineList'>['rows'][number];

const PREVIEW_BYTES = 160;
/** Rows that one call looks at when a reason is asked for. */
const SCANNED_ROWS_MAX = 5_000;
/** Different reasons that are counted apart; what comes beyond is in the total only. */
const REASONS_MAX = 1_000;

interface Counts {
  readonly lastId: number;
  readonly total: number;
  readonly byChannel: Map<string | null, number>;
  readonly byReason: Map<string, number>;
}

/**
 * How many events are in quarantine, by channel and by reason. Rows hold whole bodies, so they are not scanned for each status:
 * only what came in since the last question is, and all again when rows went away (puts that were not accepted).
 */
export class QuarantineCounts {
  readonly #since;
  readonly #total;
  #counts: Counts = { lastId: 0, total: 0, byChannel: new Map(), byReason: new Map() };

  constructor(db: ChannelDatabase) {
    this.#since = db.prepare<
      [number],
      { channel: string | null; reason: string; rows: number; lastId: number }
    >(
      'SELECT channel, reason, count(*) AS rows, max(id) AS lastId FROM quarantine WHERE id > ? GROUP BY channel, reason',
    );
    // Answered from the index over partition and offset, which holds no bodies.
    this.#total = db.prepare<[], { rows: number }>('SELECT count(*) AS rows FROM quarantine');
  }

  read(): Counts {
    const total = this.#total.get()?.rows ?? 0;
    if (total !== this.#counts.total) {
      this.#counts = this.#added(this.#counts);
      // Read after the total: with rows that came in between it is larger, which only costs another look.
      if (this.#counts.total < total) return this.#counts;
      if (this.#counts.total !== (this.#total.get()?.rows ?? 0)) {
        this.#counts = this.#added({ lastId: 0, total: 0, byChannel: new Map(), byReason: new Map() });
      }
    }
    return this.#counts;
  }

  #added(counts: Counts): Counts {
    const byChannel = new Map(counts.byChannel);
    const byReason = new Map(counts.byReason);
    let { lastId, total } = counts;
    for (const row of this.#since.all(counts.lastId)) {
      byChannel.set(row.channel, (byChannel.get(row.channel) ?? 0) + row.rows);
      if (byReason.size < REASONS_MAX || byReason.has(row.reason)) {
        byReason.set(row.reason, (byReason.get(row.reason) ?? 0) + row.rows);
      }
      lastId = Math.max(lastId, row.lastId);
      total += row.rows;
    }
    return { lastId, total, byChannel, byReason };
  }
}

/** Newest first. `reason`: any text that the reason holds. */
export function quarantinePage(
  db: ChannelDatabase,
  counts: QuarantineCounts,
  input: ParsedInput<'quarantineList'>,
): Output<'quarantineList'> {
  const { reason, limit } = input;
  const preview = db.prepare<[number], { bytes: Buffer }>(
    `SELECT substr(body, 1, ${PREVIEW_BYTES}) AS bytes FROM quarantine WHERE id = ?`,
  );
  const { total, byReason } = counts.read();
  const matching = [...byReason].reduce(
    (sum, [text, rows]) => (reason !== undefined && text.includes(reason) ? sum + rows : sum),
    0,
  );
  const answer = { total: reason === undefined ? total : matching };
  const rows: Row[] = [];
  let before = cursorOf(input.after);
  for (let scanned = 0; scanned < SCANNED_ROWS_MAX;) {
    const wanted = reason === undefined ? Math.min(limit + 1, LIST_ROWS_MAX) : LIST_ROWS_MAX;
    const page = quarantineList(db, { limit: wanted, ...(before === undefined ? {} : { before }) });
    for (const row of page) {
      if (rows.length >= limit) return { ...answer, rows, next: String(before) };
      before = row.id;
      if (reason === undefined || row.reason.includes(reason))
        rows.push(toRow(row, preview.get(row.id)?.bytes));
    }
    if (page.length < wanted) return { ...answer, rows };
    scanned += page.length;
  }
  return { ...answer, rows, ...(before === undefined ? {} : { next: String(before) }) };
}

/** Throws `usage` when there is no such event. */
export function quarantineEvent(db: ChannelDatabase, id: number): Output<'quarantineShow'> {
  const event = quarantineShow(db, id);
  if (event === undefined) {
    throw new GatewayError({
      code: 'usage',
      operation: 'show an event in quarantine',
      place: `quarantine ${id}`,
      message: 'There is no such event in quarantine.',
      retry: 'never',
      hint: '`headgate quarantine list` shows their numbers.',
    });
  }
  const body = Buffer.from(event.body);
  return {
    row: toRow(event, body.subarray(0, PREVIEW_BYTES)),
    headers: event.headers,
    ...(event.key === null ? {} : { key: Buffer.from(event.key).toString('utf8') }),
    body: body.toString('utf8'),
    bodyBase64: body.toString('base64'),
    isCut: false,
  };
}

function toRow(row: QuarantineRow, preview: Buffer | undefined): Row {
  const { id, source, topic, partition, offset, reason, bodyBytes, state } = row;
  return {
    ...{ id, source, topic, partition, offset, reason, bodyBytes, state },
    ...(row.channel === null ? {} : { channel: row.channel }),
    // An event without a time of its own is shown with the time when it came in.
    timestampMs: row.timestampMs ?? row.putMs,
    preview: preview?.toString('utf8') ?? '',
  };
}
