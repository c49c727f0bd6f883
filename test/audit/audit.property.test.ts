import fc from 'fast-check';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CHANNEL, range } from '../channel/channel-fixture.ts';
import { AuditedSite, said } from './audited-site.ts';
import { BusyChannel, FATES, step } from './busy-channel.ts';
import type { Step } from './busy-channel.ts';

/**
 * Goal: whatever a source and a lander do, the audit is clean; and any single row that is lost, doubled or changed makes it wrong.
 * Method: random sequences of puts, acceptances, tenures and landings on a real channel; then random faults are planted, each in
 * a copy of its own. A failure prints its seed.
 */

/** Tables of which no row may go missing. A tenure that took nothing is missed by nobody. */
const LOSABLE = [
  ...[
    'chunks',
    'ledger_parts',
    'dispositions',
    'quarantine',
    'ledger',
    'landing_keys',
    'plans',
    'quarantine_bodies',
  ],
  ...['held_puts', 'tenure_channels', 'partitions', 'tenures'],
];
const DOUBLABLE = ['chunks', 'ledger_parts', 'dispositions', 'quarantine', 'tenure_channels', 'tenures'];
/** Columns that say what became of offsets, or say it a second time, and another value for each. */
const CHANGES: readonly (readonly [table: string, column: string, value: string])[] = [
  ...['first', 'next', 'events', 'raw_bytes', 'stored_bytes'].map(
    (column) => ['chunks', column, `${column} + 1`] as const,
  ),
  ...['partition_id', 'tenure_id', 'landing_key_id', 'body_id'].map(
    (column) => ['chunks', column, `${column} + 1000`] as const,
  ),
  ['chunks', 'channel', "channel || 'x'"],
  ['chunks', 'plan_id', 'coalesce(plan_id, 0) + 1000'],
  ['chunks', 'runs', "CAST(x'0001' || runs AS BLOB)"],
  ...['first', 'next', 'events'].map((column) => ['ledger_parts', column, `${column} + 1`] as const),
  ['ledger_parts', 'partition_id', 'partition_id + 1000'],
  ['ledger_parts', 'channel', "channel || 'x'"],
  ['ledger_parts', 'file_id', "file_id || 'x'"],
  ...['first', 'next', 'events'].map((column) => ['dispositions', column, `${column} + 1`] as const),
  ...['partition_id', 'tenure_id'].map((column) => ['dispositions', column, `${column} + 1000`] as const),
  ['dispositions', 'channel', "'x'"],
  ['quarantine', 'first', 'first + 1'],
  ['quarantine', 'state', "'retried'"],
  ['quarantine', 'state', "'dropped'"],
  ['quarantine', 'body_bytes', 'body_bytes + 1'],
  ['quarantine', 'channel', "'x'"],
  ['quarantine_bodies', 'id', 'id + 1000'],
  ...['partition_id', 'tenure_id'].map((column) => ['quarantine', column, `${column} + 1000`] as const),
  ['tenures', 'put_to', 'put_to + 1'],
  ['tenures', 'partition_id', 'partition_id + 1000'],
  ['tenure_channels', 'first', 'first + 1'],
  ['tenure_channels', 'next', 'next + 1'],
  ['tenure_channels', 'channel', "channel || 'x'"],
  ['tenure_channels', 'tenure_id', 'tenure_id + 1000'],
  ['partitions', 'position', 'position + 1'],
  ['partitions', 'tenure_id', 'tenure_id + 1000'],
  ...['chunks', 'events', 'raw_bytes', 'stored_bytes'].map(
    (column) => ['landing_keys', column, `${column} + 1`] as const,
  ),
  ['held_puts', 'first', 'first + 1'],
  ['held_puts', 'next', 'next + 1'],
  ...['events', 'lines', 'raw_bytes', 'expected_bytes'].map(
    (column) => ['plans', column, `${column} + 1`] as const,
  ),
  ['plans', 'landing_key_id', 'landing_key_id + 1000'],
  ['plans', 'file_id', '(SELECT max(file_id) FROM ledger)'],
  ['ledger', 'events', 'events + 1'],
  ['ledger', 'channel', "channel || 'x'"],
  ['ledger', 'file_id', "file_id || 'x'"],
];

/** Which rows say something that is said a second time: what left quarantine stands in other rows, and its own is history. */
const WHERE: Readonly<Record<string, string>> = {
  'loss of tenures': 'put_to > start_offset',
  'double of tenures': 'put_to > start_offset',
  'change of quarantine': "state = 'waiting'",
};

interface Fault {
  readonly kind: 'loss' | 'double' | 'change';
  readonly table: number;
  readonly row: number;
}
const fault: fc.Arbitrary<Fault> = fc.record({
  kind: fc.constantFrom('loss' as const, 'double' as const, 'change' as const, 'change' as const),
  table: fc.nat(),
  row: fc.nat(),
});

function pick<T>(list: readonly T[], at: number): T {
  const found = list[at % list.length];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

/** Says what was done, or undefined when there was no such row, or the schema itself refuses the change. */
function harm(directory: string, { kind, table: at, row }: Fault): string | undefined {
  const db = new Database(join(directory, 'channel.sqlite'));
  try {
    db.pragma('foreign_keys = OFF');
    const [changed, column, value] = pick(CHANGES, at);
    const table = kind === 'loss' ? pick(LOSABLE, at) : kind === 'double' ? pick(DOUBLABLE, at) : changed;
    const key = table === 'held_puts' ? 'next' : 'id';
    const where = WHERE[`${kind} of ${table}`] ?? '1';
    const ids = db.prepare<[], { id: number }>(`SELECT ${key} AS id FROM ${table} WHERE ${where}`).all();
    if (ids.length === 0) return undefined;
    const { id } = pick(ids, row);
    if (kind === 'loss') db.prepare(`DELETE FROM ${table} WHERE ${key} = ?`).run(id);
    else if (kind === 'double') double(db, table, id);
    else if (!change(db, { table, column, value, key, id })) return undefined;
    return `${kind} of ${table} ${kind === 'change' ? `${column} = ${value} ` : ''}${id}`;
  } finally {
    db.close();
  }
}

function double(db: Database.Database, table: string, id: number): void {
  const columns = db
    .prepare<[], { name: string }>(`SELECT name FROM pragma_table_info('${table}') WHERE name <> 'id'`)
    .all();
  const names = columns.map(({ name }) => name);
  const values = names.map((name) => (name === 'nonce' ? "nonce || 'x'" : name));
  db.prepare(
    `INSERT INTO ${table} (${names.join(', ')}) SELECT ${values.join(', ')} FROM ${table} WHERE id = ?`,
  ).run(id);
}

/** False: a constraint of the schema does not take the value, or it was there already. */
function change(
  db: Database.Database,
  at: {
    readonly table: string;
    readonly column: string;
    readonly value: string;
    readonly key: string;
    readonly id: number;
  },
): boolean {
  const sql = `UPDATE ${at.table} SET ${at.column} = ${at.value} WHERE ${at.key} = ? AND ${at.column} IS NOT ${at.value}`;
  try {
    return db.prepare(sql).run(at.id).changes > 0;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT')) return false;
    throw error;
  }
}

test(
  'what a channel does is clean, and one row lost, doubled or changed is not',
  { timeout: 120_000 },
  async () => {
    let planted = 0;
    const faults = fc.array(fault, { minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), faults, async (steps, wanted) => {
        await using site = new AuditedSite();
        const run = new BusyChannel(site);
        await run.begin();
        for (const one of steps) await run.take(one);
        const clean = await site.audit();
        expect(said(clean)).toEqual([]);
        expect(clean.verdict).toBe('clean');
        const sums = clean.coverage.map(
          (one) =>
            one.landed +
            one.inChannel +
            one.quarantined +
            (one.dropped ?? 0) +
            (one.claimed ?? 0) +
            one.filtered +
            one.notRouted +
            one.absent +
            one.gap,
        );
        expect(sums).toEqual(clean.coverage.map(({ from, to }) => to - from));
        for (const one of wanted) {
          using copy = site.copy();
          const what = harm(copy.path, one);
          if (what === undefined) continue;
          planted++;
          const { verdict } = await site.audit('ledger', { directory: copy.path });
          expect(`${verdict} after ${what}`).toBe(`wrong after ${what}`);
        }
      }),
      { numRuns: 12, verbose: 1, endOnFailure: true },
    );
    expect(planted).toBeGreaterThan(40);
  },
);

/** Something of everything: a landed file, an open plan, waiting chunks, all fates, an ended tenure and held puts. */
const SOMETHING_OF_ALL: readonly Step[] = [
  { kind: 'put', partition: 0, fates: FATES, repeat: 2 },
  { kind: 'accept', partition: 0, back: 0 },
  { kind: 'land', maxEvents: 0 },
  { kind: 'put', partition: 0, fates: FATES, repeat: 2 },
  { kind: 'accept', partition: 0, back: 0 },
  { kind: 'land', maxEvents: 2 },
  { kind: 'new tenure', partition: 0, verdict: 'accepted' },
  { kind: 'put', partition: 0, fates: FATES, repeat: 1 },
  { kind: 'accept', partition: 0, back: 0 },
  { kind: 'retry', turn: 0 },
  { kind: 'drop', events: 1 },
  { kind: 'put', partition: 0, fates: FATES, repeat: 1 },
];

test('no table and no column is beyond what the audit looks at', { timeout: 120_000 }, async () => {
  await using site = new AuditedSite();
  const run = new BusyChannel(site);
  await run.begin();
  for (const one of SOMETHING_OF_ALL) await run.take(one);
  expect(said(await site.audit())).toEqual([]);
  const faults = [
    ...LOSABLE.map((_, table): Fault => ({ kind: 'loss', table, row: 0 })),
    ...DOUBLABLE.map((_, table): Fault => ({ kind: 'double', table, row: 0 })),
    ...CHANGES.map((_, table): Fault => ({ kind: 'change', table, row: 0 })),
  ];
  for (const one of faults) {
    using copy = site.copy();
    const what = harm(copy.path, one);
    const { verdict } = await site.audit('ledger', { directory: copy.path });
    expect(`${verdict} after ${what}`).toBe(`wrong after ${what ?? `nothing: ${JSON.stringify(one)}`}`);
  }
});

test('every offset of a run is in the report of its kind', async () => {
  await using site = new AuditedSite();
  const run = new BusyChannel(site);
  await run.begin();
  const fates = range(0, 7).map((at) => FATES[at] ?? 'chunk');
  await run.take({ kind: 'put', partition: 1, fates, repeat: 2 });
  await run.take({ kind: 'accept', partition: 1, back: 0 });
  const { coverage } = await site.audit();
  expect(
    coverage.map(({ channel, partition: number, ...counts }) => [
      channel,
      number,
      counts.inChannel,
      counts.gap,
    ]),
  ).toEqual([
    [CHANNEL, 1, 5, 2],
    ['other', 1, 5, 2],
  ]);
});
