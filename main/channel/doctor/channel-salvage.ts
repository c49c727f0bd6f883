/**
 * A new channel out of a damaged one.
 *
 * Promise: what can be read is kept, what can't be read and is proven not to have landed is pulled again, and nothing lands on a guess.
 *
 * 1. The damaged database is only read. It stays, under another name, with its log.
 * 2. The *books* must be whole: positions, tenures, parts of channels, plans and their uploads, the ledger. Where a row of these is lost, it
 *    can't be told any more which offsets have landed; then nothing is changed, and the books are rebuilt from HDFS (`headgate recover`).
 * 3. A chunk is kept when its bytes match their checksum. One of a file whose name may have been asked for already (renaming, held) is kept
 *    whatever its bytes are, for its row says what the file holds. A file that was only planned is planned anew, its temp names left to the
 *    janitor.
 * 4. Every offset that then has no fate is claimed: with the books whole, it is known that it is in no file.
 * 5. SQLite's pages carry no checksum, so what it reads may be garbage. Rows must agree with themselves, and the audit of the new books
 *    (`prove`) must be clean: where an offset has two fates, or none, or two records of a fact disagree, nothing is changed.
 * 6. The new database takes the old one's place when it is complete, checked and synced (`finishSalvage`).
 *
 * Crash argument: before the new file has the name `.salvaged` there is the old database and a half file that the next repair removes. From
 * then on whoever opens the channel first finishes the exchange: the old log goes before the old database gives way, and both have their
 * other names by then. Each step can be made twice.
 */
import assert from 'node:assert/strict';
import { closeSync, copyFileSync, existsSync, fsyncSync, linkSync, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { ChannelRepair } from '../../../shared/contract/control-channel.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { crashPoint } from '../../telemetry/crash-point.ts';
import { CHANNEL_FILE, openForReading, openForWriting, wrapped } from '../channel-database.ts';
import type { ChannelDatabase } from '../channel-database.ts';
import { assemble } from '../channel.ts';
import { migrate, MIGRATIONS, migrateTo } from '../schema.ts';
import { BUILDING_SUFFIX, finishSalvage, removeHalfBuilt, SALVAGED_SUFFIX } from '../salvaged-database.ts';
import { privateFile, syncDirectory } from '../state-directory.ts';
import { readable } from './row-salvage.ts';
import { copyTables } from './table-copies.ts';
import type { CopiedTable } from './table-copies.ts';
import { settleCopies, undecidedFiles } from './salvage-books.ts';

export interface SalvageOptions {
  readonly directory: string;
  readonly nowMs: number;
  readonly onProgress: (step: string, done: number, total: number) => void;
  /** The audit of the new books: what is wrong with them, in words; empty: nothing. */
  readonly prove: ProveBooks;
}

export type ProveBooks = (db: ChannelDatabase) => Promise<readonly string[]>;

/** Causes named in one message. */
const CAUSES_MAX = 10;

/** Throws `database-damaged` when the books are not whole: nothing was changed then; and `disk-full`, `io-error`. */
export async function salvageChannel(options: SalvageOptions): Promise<ChannelRepair> {
  const file = join(options.directory, CHANNEL_FILE);
  const building = `${file}${BUILDING_SUFFIX}`;
  removeHalfBuilt(options.directory);
  try {
    const saved = build(file, building, options);
    crashPoint('salvage.after-copy');
    const faults = await proven(building, options.prove);
    if (faults.length > 0) throw booksLost(file, faults);
    crashPoint('salvage.after-proof');
    const keptFile = exchange(options, building);
    return reportOf(saved, keptFile);
  } finally {
    removeHalfBuilt(options.directory);
  }
}

interface Saved {
  readonly tables: readonly CopiedTable[];
  readonly damagedChunks: number;
  readonly claimedEvents: number;
  readonly chunks: number;
  readonly events: number;
}

function build(file: string, building: string, { nowMs, onProgress }: SalvageOptions): Saved {
  const old = openForReading(file);
  try {
    const version = readable(() => Number(old.pragma('user_version', { simple: true })));
    if (version === 'damaged' || version < 1 || version > MIGRATIONS.length)
      throw booksLost(file, ['the first page']);
    privateFile(building);
    const fresh = openForWriting(building);
    try {
      return wrapped('write the new channel database', building, () => {
        migrateTo(fresh, version);
        const tables = copyTables(old, fresh, onProgress);
        const lost = tables.filter((one) => one.lost && one.isBook).map(({ meaning }) => meaning);
        lost.push(...undecidedFiles(fresh));
        if (lost.length > 0) throw booksLost(file, lost);
        migrate(fresh, building);
        const settled = settleCopies(assemble(fresh, building), { old, nowMs, onProgress });
        checkCopy(fresh);
        return { tables, ...settled };
      });
    } finally {
      fresh.close();
    }
  } finally {
    old.close();
  }
}

/** The audit has a connection of its own, and reads what is there for good. */
async function proven(building: string, prove: ProveBooks): Promise<readonly string[]> {
  const db = openForReading(building);
  try {
    return await prove(db);
  } finally {
    db.close();
  }
}

function checkCopy(fresh: ChannelDatabase): void {
  assert.equal(fresh.pragma('integrity_check(1)', { simple: true }), 'ok', 'the new database is not sound');
  assert.deepEqual(
    fresh.pragma('foreign_key_check'),
    [],
    'rows of the new database refer to rows that are missing',
  );
  fresh.pragma('wal_checkpoint(TRUNCATE)');
}

/** Gives the old database's other name. */
function exchange({ directory, nowMs }: SalvageOptions, building: string): string {
  const file = join(directory, CHANNEL_FILE);
  const stamp = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const kept = `${file}.damaged-${stamp}`;
  return wrapped('put the new channel database in place', file, () => {
    syncFile(building);
    for (const suffix of ['', '-wal']) {
      if (!existsSync(`${file}${suffix}`)) continue;
      if (!existsSync(`${kept}${suffix}`)) keepAs(`${file}${suffix}`, `${kept}${suffix}`);
    }
    syncDirectory(directory);
    crashPoint('salvage.after-second-names');
    renameSync(building, `${file}${SALVAGED_SUFFIX}`);
    syncDirectory(directory);
    crashPoint('salvage.after-new-name');
    finishSalvage(directory);
    return kept;
  });
}

/** A second name; a copy where the file system has none. */
function keepAs(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    // What keeps the copy from being made is thrown.
    copyFileSync(from, to);
    syncFile(to);
  }
}

function syncFile(path: string): void {
  const descriptor = openSync(path, 'r+');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function reportOf(saved: Saved, keptFile: string): ChannelRepair {
  const { tables, damagedChunks, claimedEvents, chunks, events } = saved;
  const lost = tables.filter((one) => one.lost).map(({ meaning }) => meaning);
  return {
    isRepaired: true,
    setAside: damagedChunks,
    claimedEvents,
    salvage: {
      keptFile,
      chunks,
      events,
      tables: tables.map(({ name, rows, lost: isLost }) => ({ name, rows, lost: isLost })),
    },
    summary: [
      `The database was written anew from what could be read: ${chunks} chunks with ${events} events are kept.`,
      ...(lost.length === 0 ? [] : [`Parts could not be read of: ${lost.join(', ')}.`]),
      ...(claimedEvents === 0
        ? []
        : [
            `${claimedEvents} events are claimed: they are pulled again when the engine runs, while the broker has them.`,
          ]),
      `The old database is kept as ${keptFile}: remove it when everything has landed and \`headgate audit --hdfs\` is clean.`,
    ],
  };
}

function booksLost(file: string, lost: readonly string[]): GatewayError {
  return new GatewayError({
    code: 'database-damaged',
    operation: 'salvage the channel database',
    place: file,
    message: `It can’t be told any more which offsets have landed, for parts can’t be read, or not be believed: ${lost.slice(0, CAUSES_MAX).join('; ')}. Nothing was changed.`,
    retry: 'never',
    hint: 'Keep the state directory as it is. `headgate channel export` writes out what can be read; `headgate recover` rebuilds the books from HDFS in an empty state directory.',
  });
}
