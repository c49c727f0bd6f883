import type { ChannelDatabase } from '../channel-database.ts';
import { isSqliteError } from '../channel-database.ts';

/** Faults that are listed; SQLite stops looking after so many. */
const FAULTS_MAX = 100;

/** What the tables hold, for people who never saw the schema. */
export const MEANINGS: Readonly<Record<string, string>> = {
  chunk_bodies: 'the bodies of chunks',
  chunks: 'the list of chunks',
  landing_keys: 'the directories that chunks go to',
  partitions: 'the positions of partitions',
  tenures: 'the tenures',
  held_puts: 'the puts that are not accepted yet',
  tenure_channels: 'which channel took which offsets',
  plans: 'the files on their way',
  attempts: 'the uploads of files on their way',
  ledger: 'the ledger of landed files',
  ledger_parts: 'the offsets of landed files',
  dispositions: 'what was filtered, absent or a gap',
  quarantine: 'the quarantine',
  quarantine_bodies: 'the bodies of quarantined events',
  claims: 'the claims',
  damaged_chunks: 'the chunks that were set aside',
};

/** What SQLite's own check of every page says, with the names of tables in place of numbers of trees. */
export function pageFaults(db: ChannelDatabase): string[] {
  const names = treeNames(db);
  const whole = faultsOf(db, String(FAULTS_MAX), names);
  if (whole !== undefined) return whole;
  // Damage that ends the check of the whole: then table by table.
  const tables = db
    .prepare<[], string>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
    )
    .pluck()
    .all();
  return tables
    .flatMap(
      (table) => faultsOf(db, table, names) ?? [`SQLite can’t read ${MEANINGS[table] ?? table} to its end`],
    )
    .slice(0, FAULTS_MAX);
}

/** Undefined: SQLite could not finish its check. */
function faultsOf(
  db: ChannelDatabase,
  argument: string,
  names: ReadonlyMap<number, string>,
): string[] | undefined {
  try {
    const rows = db.prepare<[], { integrity_check: string }>(`PRAGMA integrity_check(${argument})`).all();
    return rows
      .flatMap(({ integrity_check: text }) => text.split('\n'))
      .filter((line) => line !== 'ok' && line !== '')
      .map((line) => inWords(line, names));
  } catch (error) {
    if (!isSqliteError(error)) throw error;
    return undefined;
  }
}

function treeNames(db: ChannelDatabase): ReadonlyMap<number, string> {
  const rows = db
    .prepare<[], { rootpage: number; type: string; tbl_name: string }>(
      'SELECT rootpage, type, tbl_name FROM sqlite_schema',
    )
    .all();
  return new Map(
    rows.map(({ rootpage, type, tbl_name: table }) => {
      const meaning = MEANINGS[table] ?? table;
      return [rootpage, type === 'index' ? `an index over ${meaning}` : meaning];
    }),
  );
}

/** `Tree 12 page 345: …` becomes `page 345, of the bodies of chunks: …`. */
function inWords(line: string, names: ReadonlyMap<number, string>): string {
  return line.replace(
    /^(?:On )?[Tt]ree (\d+) (?:page (\d+)|cell)/,
    (whole, tree: string, page: string | undefined) => {
      const name = names.get(Number(tree));
      if (name === undefined) return whole;
      return page === undefined ? `in ${name}: cell` : `page ${page}, of ${name}`;
    },
  );
}
