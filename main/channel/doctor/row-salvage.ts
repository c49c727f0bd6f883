import type { ChannelDatabase } from '../channel-database.ts';
import { isSqliteError } from '../channel-database.ts';

/**
 * Every row of a table that SQLite can still read. A damaged page ends a scan where it lies; so the scan goes on behind it: the range of row
 * ids is halved until what can't be read is what lies on damaged pages alone. Tables without row ids are read from both ends.
 */
export interface SalvageTally {
  rows: number;
  /** True: something between the rows could not be read. */
  lost: boolean;
}

/** Ranges that may be tried without a row; beyond, the rest of the table counts as lost. */
const PROBES_MAX = 20_000;

type Row = Readonly<Record<string, unknown>>;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Rows of a table with row ids, named by its column `id` or `rowid`. The tally is complete when the generator is done. */
export function* salvageRows(
  db: ChannelDatabase,
  source: { readonly table: string; readonly columns: string; readonly id: string },
  tally: SalvageTally,
): Generator<Row> {
  const { table, columns, id } = source;
  const select = `SELECT ${id} AS "salvage id", ${columns} FROM ${table} WHERE ${id} BETWEEN ? AND ? ORDER BY ${id}`;
  const page = db.prepare<[number, number], Row>(`${select} LIMIT 1`);
  const pending: Range[] = [{ from: 0, to: highestId(db, { table, id }) }];
  let probes = 0;
  for (let range = pending.pop(); range !== undefined; range = pending.pop()) {
    let { from } = range;
    const { to } = range;
    for (;;) {
      const found = from > to ? 'end' : readable(() => page.get(from, to));
      if (found === 'end' || found === undefined) break;
      if (found === 'damaged') {
        tally.lost = true;
        if (from < to && ++probes < PROBES_MAX) {
          const middle = Math.floor((from + to) / 2);
          pending.push({ from: middle + 1, to }, { from, to: middle });
        }
        break;
      }
      const { 'salvage id': at, ...row } = found;
      tally.rows++;
      yield row;
      from = Number(at) + 1;
    }
  }
}

/** Rows of a table without row ids, by its key: from the lowest up to the damage, then from the highest down to it. */
export function* salvageKeyed(
  db: ChannelDatabase,
  source: { readonly table: string; readonly columns: string; readonly key: readonly string[] },
  tally: SalvageTally,
): Generator<Row> {
  const { table, columns, key } = source;
  const seen = new Set<string>();
  for (const [order, beyond] of [
    ['ASC', '>'],
    ['DESC', '<'],
  ]) {
    const sorted = `ORDER BY ${key.map((column) => `${column} ${order}`).join(', ')} LIMIT 1`;
    // Each row is a statement of its own: one that failed on the way would keep the connection busy.
    const first = db.prepare<unknown[], Row>(`SELECT ${columns} FROM ${table} ${sorted}`);
    const further = db.prepare<unknown[], Row>(
      `SELECT ${columns} FROM ${table} WHERE (${key.join(', ')}) ${beyond} (${key.map(() => '?').join(', ')}) ${sorted}`,
    );
    let row = readable(() => first.get());
    while (row !== undefined && row !== 'damaged') {
      const values = key.map((column) => (row as Row)[column]);
      const name = JSON.stringify(values);
      if (seen.has(name)) return;
      seen.add(name);
      tally.rows++;
      yield row;
      row = readable(() => further.get(values));
    }
    if (row === undefined) return;
    tally.lost = true;
  }
}

function highestId(
  db: ChannelDatabase,
  { table, id }: { readonly table: string; readonly id: string },
): number {
  const found = readable(() =>
    db.prepare<[], { id: number | null }>(`SELECT max(${id}) AS id FROM ${table}`).get(),
  );
  if (found !== 'damaged' && found !== undefined) return found.id ?? 0;
  const sequence = readable(() =>
    db.prepare<[string], { seq: number }>('SELECT seq FROM sqlite_sequence WHERE name = ?').get(table),
  );
  return sequence === 'damaged' || sequence === undefined ? 2 ** 40 : sequence.seq;
}

/** What SQLite calls damage is an answer here; everything else is thrown. */
export function readable<T>(read: () => T): T | 'damaged' {
  try {
    return read();
  } catch (error) {
    if (isSqliteError(error) && /^SQLITE_(CORRUPT|NOTADB|IOERR_SHORT_READ)/.test(error.code))
      return 'damaged';
    throw error;
  }
}
