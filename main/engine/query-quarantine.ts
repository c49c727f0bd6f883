import { GatewayError } from '../../shared/errors.ts';
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import {
  quarantinedEvent,
  quarantineGroupRows,
  quarantineRows,
  quarantineTotal,
} from '../channel/quarantine-reader.ts';
import type { QuarantineListRow } from '../channel/quarantine-reader.ts';
import { cursorOf } from './query-cursor.ts';

type Row = Output<'quarantineList'>['rows'][number];

/** An event of 10 MB is no page to read: so much of a body is shown, and of a header's value. */
const BODY_SHOWN_BYTES = 64 * 1024;
const HEADER_SHOWN_CHARS = 4 * 1024;
const HEADERS_SHOWN_MAX = 500;

/** Newest first. `reason`: any text that the reason holds, or a group's reason. */
export function quarantinePage(
  db: ChannelDatabase,
  input: ParsedInput<'quarantineList'>,
): Output<'quarantineList'> {
  const { limit, offset, after, ...filter } = input;
  const before = cursorOf(after);
  const found = quarantineRows(db, filter, { limit: limit + 1, offset, before });
  const rows = found.slice(0, limit);
  const last = rows.at(-1);
  return {
    total: quarantineTotal(db, filter),
    rows: rows.map((row) => toRow(row)),
    ...(found.length > limit && last !== undefined ? { next: String(last.id) } : {}),
  };
}

export function quarantineGroups(db: ChannelDatabase): Output<'quarantineGroups'> {
  const { groups, leftOut } = quarantineGroupRows(db);
  return { groups: [...groups], leftOut };
}

/** Throws `usage` when there is no such event. What left quarantine has no content any more. */
export function quarantineEvent(db: ChannelDatabase, id: number): Output<'quarantineShow'> {
  const event = quarantinedEvent(db, id, BODY_SHOWN_BYTES);
  if (event === undefined) throw noSuchEvent(id);
  const { row, content } = event;
  if (content === undefined)
    return { row: toRow(row), headers: {}, body: '', bodyBase64: '', isCut: row.bodyBytes > 0 };
  const body = Buffer.from(content.body);
  const { headers, isCut } = shownHeaders(content.headers);
  return {
    row: toRow(row),
    headers,
    ...(content.key === null ? {} : { key: cut(Buffer.from(content.key).toString('utf8')).text }),
    body: body.toString('utf8'),
    bodyBase64: body.toString('base64'),
    isCut: isCut || body.byteLength < row.bodyBytes,
  };
}

function shownHeaders(text: string): {
  readonly headers: Record<string, string>;
  readonly isCut: boolean;
} {
  const all = Object.entries(JSON.parse(text) as Record<string, string>);
  const shown = all
    .slice(0, HEADERS_SHOWN_MAX)
    .map(([name, value]) => ({ name: cut(name), value: cut(value) }));
  return {
    // Own properties, whatever a header is called.
    headers: Object.fromEntries(shown.map(({ name, value }) => [name.text, value.text])),
    isCut: all.length > HEADERS_SHOWN_MAX || shown.some(({ name, value }) => name.isCut || value.isCut),
  };
}

function cut(text: string): { readonly text: string; readonly isCut: boolean } {
  return text.length > HEADER_SHOWN_CHARS
    ? { text: `${text.slice(0, HEADER_SHOWN_CHARS)}…`, isCut: true }
    : { text, isCut: false };
}

function toRow(row: QuarantineListRow): Row {
  const { id, source, topic, partition, offset, reason, bodyBytes, state, settledMs } = row;
  return {
    ...{ id, source, topic, partition, offset, reason, bodyBytes, state },
    ...(row.channel === null ? {} : { channel: row.channel }),
    // An event without a time of its own is shown with the time when it came in.
    timestampMs: row.timestampMs ?? row.putMs,
    preview: Buffer.from(row.preview).toString('utf8'),
    ...(settledMs === null
      ? {}
      : { settledMs, settledBy: row.settledBy ?? '', settledWhy: row.settledWhy ?? '' }),
  };
}

function noSuchEvent(id: number): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'show an event in quarantine',
    place: `quarantine ${id}`,
    message: 'There is no such event in quarantine.',
    retry: 'never',
    hint: '`headgate quarantine list` shows their numbers.',
  });
}
