import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import { landingParts, landings, LIST_ROWS_MAX } from '../channel/backlog-reader.ts';
import type { Landing, LandingPart } from '../channel/backlog-reader.ts';
import type { ChannelDatabase } from '../channel/channel-database.ts';
import { cursorOf } from './query-cursor.ts';

type LandingRow = Output<'landings'>['rows'][number];

/** Ledger rows that one call looks at; a filter that matches few gives a short page and where to go on. */
const SCANNED_ROWS_MAX = 5_000;

/** Landed files, newest first. `path`: a file, a directory with all below it, or the beginning of a path. */
export function landingsPage(db: ChannelDatabase, input: ParsedInput<'landings'>): Output<'landings'> {
  const { sinceMs, untilMs, path, topic, limit } = input;
  const period = {
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(untilMs === undefined ? {} : { untilMs }),
  };
  const isFiltered = path !== undefined || topic !== undefined;
  const rows: LandingRow[] = [];
  let before = cursorOf(input.after);
  for (let scanned = 0; scanned < SCANNED_ROWS_MAX;) {
    const wanted = isFiltered ? LIST_ROWS_MAX : Math.min(limit + 1, LIST_ROWS_MAX);
    const page = landings(db, { ...period, limit: wanted, ...(before === undefined ? {} : { before }) });
    for (const row of page) {
      if (rows.length >= limit) return { rows, next: String(before) };
      before = row.id;
      if (path !== undefined && !row.finalPath.startsWith(path)) continue;
      const parts = landingParts(db, row.fileId);
      if (topic === undefined || parts.some((part) => part.topic === topic)) rows.push(toRow(row, parts));
    }
    if (page.length < wanted) return { rows };
    scanned += page.length;
  }
  return { rows, ...(before === undefined ? {} : { next: String(before) }) };
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
