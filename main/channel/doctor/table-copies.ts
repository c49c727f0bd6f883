import { decodeRuns } from '../../../shared/model/offset-runs.ts';
import { isSqliteError } from '../channel-database.ts';
import type { ChannelDatabase } from '../channel-database.ts';
import { MEANINGS } from './page-check.ts';
import { readable, salvageKeyed, salvageRows } from './row-salvage.ts';

export interface CopiedTable {
  readonly name: string;
  readonly meaning: string;
  readonly rows: number;
  readonly lost: boolean;
  /** Without it, nobody can tell what has landed. */
  readonly isBook: boolean;
}

/** What may be lost in part: none of its offsets is in a file, so they can be had again. The rest are books. */
const REPLACEABLE: ReadonlySet<string> = new Set([
  'chunks',
  'dispositions',
  'quarantine',
  'quarantine_bodies',
  'quarantine_counts',
  'retained_chunks',
  'damaged_chunks',
  'claims',
  'totals',
  'directories',
  'completeness_sinks',
  'completeness_markers',
]);
/** Copied with the chunks that hold them, or counted anew. */
const NOT_COPIED: ReadonlySet<string> = new Set(['chunk_bodies', 'shared_bodies']);
/** Rows in one transaction of the copy. */
const ROWS_A_STEP = 5_000;

/**
 * Copies every row that can be read of every table but the bodies, without triggers, which would count what is counted already. What the
 * copies must agree on is settled afterwards (salvage-books.ts).
 */
export function copyTables(
  old: ChannelDatabase,
  fresh: ChannelDatabase,
  onProgress: (step: string, done: number, total: number) => void,
): CopiedTable[] {
  fresh.pragma('foreign_keys = OFF');
  const triggers = fresh
    .prepare<[], { name: string; sql: string }>("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
    .all();
  for (const { name } of triggers) fresh.exec(`DROP TRIGGER ${name}`);
  const names = fresh
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .pluck()
    .all()
    .filter((name) => !NOT_COPIED.has(name));
  const copied = names.map((name, index) => {
    onProgress(`rows of ${MEANINGS[name] ?? name}`, index, names.length);
    return copyTable(old, fresh, name);
  });
  copySequences(old, fresh);
  for (const { sql } of triggers) fresh.exec(sql);
  return copied;
}

/** Ids that were used once are not used again, though their rows are gone. */
function copySequences(old: ChannelDatabase, fresh: ChannelDatabase): void {
  const rows = readable(() =>
    old.prepare<[], { name: string; seq: number }>('SELECT name, seq FROM sqlite_sequence').all(),
  );
  if (rows === 'damaged') return;
  const known = fresh.prepare<[string], number>('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck();
  for (const { name, seq } of rows) {
    const last = Math.max(seq, known.get(name) ?? 0);
    fresh.prepare('DELETE FROM sqlite_sequence WHERE name = ?').run(name);
    fresh.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, last);
  }
}

interface Column {
  readonly name: string;
  readonly pk: number;
}

function copyTable(old: ChannelDatabase, fresh: ChannelDatabase, name: string): CopiedTable {
  const columns = fresh.pragma(`table_info(${name})`) as Column[];
  const list = columns.map((column) => `"${column.name}"`).join(', ');
  const values = columns.map((column) => `@${column.name}`).join(', ');
  const insert = fresh.prepare(`INSERT OR REPLACE INTO ${name} (${list}) VALUES (${values})`);
  const key = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  const isKeyed = isWithoutRowId(fresh, name);
  const tally = { rows: 0, lost: false };
  const rows = isKeyed
    ? salvageKeyed(old, { table: name, columns: list, key: key.map((column) => column.name) }, tally)
    : salvageRows(old, { table: name, columns: list, id: 'rowid' }, tally);
  let inStep = 0;
  fresh.exec('BEGIN');
  for (const row of rows) {
    if (!isPlausible(row) || !inserted(() => insert.run(row))) {
      tally.rows--;
      tally.lost = true;
      continue;
    }
    if (++inStep % ROWS_A_STEP > 0) continue;
    fresh.exec('COMMIT');
    fresh.exec('BEGIN');
  }
  fresh.exec('COMMIT');
  return { name, meaning: MEANINGS[name] ?? name, ...tally, isBook: !REPLACEABLE.has(name) };
}

/** A row that SQLite reads without complaint may still be garbage: pages carry no checksum. Its own columns must agree. */
function isPlausible(row: Readonly<Record<string, unknown>>): boolean {
  const { first, next, events, runs } = row;
  if (!(runs instanceof Uint8Array)) return true;
  if (typeof first !== 'number' || typeof next !== 'number') return false;
  let count = 0;
  let end = first;
  try {
    for (const { from, to } of decodeRuns(first, runs)) {
      count += to - from;
      end = to;
    }
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  return count === events && end === next;
}

/** False: the row breaks a rule of its table, so it is not what was written. */
function inserted(insert: () => unknown): boolean {
  try {
    insert();
    return true;
  } catch (error) {
    if (isSqliteError(error) && /^SQLITE_(CONSTRAINT|MISMATCH)/.test(error.code)) return false;
    throw error;
  }
}

function isWithoutRowId(db: ChannelDatabase, name: string): boolean {
  const sql =
    db.prepare<[string], string>('SELECT sql FROM sqlite_schema WHERE name = ?').pluck().get(name) ?? '';
  return /WITHOUT\s+ROWID/i.test(sql);
}
