import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../shared/errors.ts';
import { systemClock } from '../telemetry/clock.ts';
import { AttemptStore } from './attempt-store.ts';
import { BodyStore } from './body-store.ts';
import { assertDurable, CHANNEL_FILE, isDiskFull, openForWriting, wrapped } from './channel-database.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { QUICK_CHECK_BYTES_MAX } from './channel-limits.ts';
import { ChannelParts } from './channel-parts.ts';
import { ChunkStore } from './chunk-store.ts';
import { CompletenessStore } from './completeness-store.ts';
import { ClaimStore } from './claim-store.ts';
import { DamageStore } from './damage-store.ts';
import { DispositionStore } from './disposition-store.ts';
import { HeldRows } from './held-rows.ts';
import { LandingKeyStore } from './landing-key-store.ts';
import { LedgerStore } from './ledger-store.ts';
import { LostBodies } from './lost-bodies.ts';
import { MemoryBodies } from './memory-bodies.ts';
import type { MemoryUses } from './memory-bodies.ts';
import { PlanStore } from './plan-store.ts';
import { PutStore } from './put-store.ts';
import { QuarantineStore } from './quarantine-store.ts';
import { finishSalvage } from './salvaged-database.ts';
import { migrate } from './schema.ts';
import { privateFile, syncDirectory } from './state-directory.ts';
import { SwitchStore } from './switch-store.ts';
import { TenureStore } from './tenure-store.ts';
import { Totals } from './totals.ts';

/**
 * The channel: what was pulled and has not landed yet, with the books about everything that ever went through.
 *
 * The promise: an event that a source was told is durable stays until the file that holds it is proven in place, through
 * kills, power cuts and full disks; and for each offset of an accepted tenure the books say what became of it, once.
 *
 * Invariants
 *  1. A put is in the channel whole or not at all, together with the source position after it (put-store.ts): one
 *     transaction writes chunks, dispositions, quarantined events, position and the tenure's end.
 *  2. The database is a WAL with `synchronous=FULL`, asserted after every open (channel-database.ts). After an error on a
 *     write or sync the database is closed, opened again and its WAL emptied, never just tried again (channel-writer.ts).
 *  3. A chunk holds events of one landing key and one source partition, at most 1 MiB raw unless one event is larger, with
 *     its exact offset runs, counts, codec and the CRC-32C of its stored bytes (chunk-encoding.ts, put-tiling.ts).
 *  4. Chunks leave only in the transaction that writes the ledger row of their file (ledger-store.ts), or, never having been
 *     accepted, together with all else of their put (held-rows.ts).
 *  5. Memory and start-up time do not depend on the backlog: landing keys carry counters that change with the chunks, lists
 *     are read by the page, and opening reads no table that grows with it.
 *  6. At `capacityBytes` (used pages and the WAL) or below `minFreeDiskBytes` intake stops and starts again by itself; nothing
 *     is dropped. On a full disk the ballast is freed, for landing only (room-gauge.ts, ballast.ts).
 *  7. A damaged chunk is found by its CRC and set aside, its offsets become a claim that is pulled again, and it never stops the rest
 *     (chunk-reader.ts, damage-store.ts, claim-store.ts).
 *  8. An event leaves quarantine once: in the transaction that stores where its offset stands from then on, or drops it
 *     (quarantine-store.ts).
 *  9. An offset leaves a claim once: in the transaction that stores where it stands from then on (claim-store.ts).
 * 10. A channel may have bodies in memory: their chunks are rows like any other, and become claims when the process that has the bodies is
 *     gone (memory-bodies.ts, lost-bodies.ts).
 *
 * What a crash leaves. There is one database and one writer, so every state on disk is one between two transactions.
 *  - Before a put's commit: the position is where it was; the batch is pulled again. After it, though nobody was told:
 *    the position is behind the batch; the source reads it when it opens, and does not pull the batch again.
 *  - Before an acceptance is written: the puts are held; the next opening finds them in doubt and resolves them all or none,
 *    since they carry their tenure. Only ends of puts can be accepted, so no chunk is ever accepted in part.
 *  - Before a plan's commit: nothing happened. After it: the plan lists the same chunks for ever, and landing goes on from the
 *    plan. Chunks of a plan are in no other plan, since taking one asserts that it is free.
 *  - Before the commit of a retry: its events wait in quarantine as before. After it, though nobody was told: they are in the
 *    channel and their rows say so; the retry begins again with what still waits, and passes them by.
 *  - Before the commit of a redemption: its offsets are claimed as before, and are pulled again. After it, though nobody was told: they are
 *    in the channel and off the claim; what is pulled again by mistake is refused.
 *  - Before the ledger's commit: the plan is in `renaming` and its file may be in place; landing looks and books it. After
 *    it: the chunks are gone and the ledger row is there; booking it again changes nothing.
 *
 * A failed sync is treated as in a crash: pages may be in the kernel's cache and not on the disk. Opening again and moving the
 * whole WAL into the database, synced, is what makes later commits independent of the doubtful frames.
 */
export interface Channel {
  readonly db: ChannelDatabase;
  readonly path: string;
  readonly keys: LandingKeyStore;
  readonly memory: MemoryBodies;
  readonly bodies: BodyStore;
  readonly lost: LostBodies;
  readonly dispositions: DispositionStore;
  readonly tenures: TenureStore;
  readonly puts: PutStore;
  readonly quarantine: QuarantineStore;
  readonly claims: ClaimStore;
  readonly damage: DamageStore;
  readonly attempts: AttemptStore;
  readonly plans: PlanStore;
  readonly ledger: LedgerStore;
  readonly switches: SwitchStore;
  readonly completeness: CompletenessStore;
  readonly totals: Totals;
}

export interface OpenOptions {
  /** Channels that have bodies in memory; default: none. */
  readonly memory?: MemoryUses;
  readonly nowMs?: number;
  /** True: by the process that had it open before, after a fault (lost-bodies.ts). */
  readonly isReopened?: boolean;
  /** The WAL is emptied at this size; default `WAL_CHECKPOINT_BYTES`. */
  readonly walCheckpointBytes?: number | undefined;
}

const STATE_ID = 'stateId';
const IS_CLEAN = 'isClean';

/**
 * Opens the channel of a state directory for the writer, making or migrating it as needed. Reads nothing that grows with the
 * backlog. Throws `state-dir-newer`, `state-dir-unusable` (the database belongs to another identity), `database-damaged`,
 * `disk-full`, `io-error`, `database-busy`. What was in the memory of another process becomes claims.
 */
export function openChannel(directory: string, stateId: string, options: OpenOptions = {}): Channel {
  const { memory = {}, nowMs = systemClock.nowMs(), isReopened = false } = options;
  finishSalvage(directory);
  const path = join(directory, CHANNEL_FILE);
  const isNew = !existsSync(path);
  // SQLite gives the WAL and the shared memory file the mode of the database.
  wrapped('create the channel database', path, () => privateFile(path));
  if (isNew) syncDirectory(directory);
  const db = openForWriting(path, options.walCheckpointBytes);
  try {
    return wrapped('open the channel database', path, () => {
      migrate(db, path);
      checkOwner(db, path, stateId);
      checkAfterCrash(db, path);
      assertDurable(db);
      const channel = assemble(db, path, memory);
      channel.lost.settle({ nowMs, isReopened });
      return channel;
    });
  } catch (error) {
    db.close();
    throw error;
  }
}

/**
 * Closes in order: notes that nothing was left half-way, then empties the WAL into the database. A full disk refuses both, and that is no
 * failure: all that was promised stands in the WAL, and the next opening looks at it as after a crash.
 */
export function closeChannel(channel: Channel): void {
  const { db, path } = channel;
  try {
    wrapped('close the channel database', path, () => {
      writeMeta(db, IS_CLEAN, '1');
      db.pragma('wal_checkpoint(TRUNCATE)');
    });
  } catch (error) {
    if (!isDiskFull(error)) throw error;
  } finally {
    db.close();
  }
}

/** The stores over a database that is open and up to date; for the doctor, which makes one of its own. */
export function assemble(db: ChannelDatabase, path: string, uses: MemoryUses = {}): Channel {
  const totals = new Totals(db);
  const keys = new LandingKeyStore(db);
  const memory = new MemoryBodies(db, uses);
  const bodies = new BodyStore(db, memory);
  const dispositions = new DispositionStore(db);
  const held = new HeldRows(db, { keys, bodies });
  const tenures = new TenureStore(db, { held, dispositions });
  const chunks = new ChunkStore(db, { keys, bodies });
  const channelParts = new ChannelParts(db);
  const quarantine = new QuarantineStore(db, { chunks, channelParts, dispositions, totals });
  const claimParts = { tenures, chunks, channelParts, dispositions, quarantine, bodies, totals };
  const claims = new ClaimStore(db, claimParts);
  const damage = new DamageStore(db, { keys, claims, bodies });
  const puts = new PutStore({ tenures, chunks, channelParts, dispositions, quarantine, totals });
  const attempts = new AttemptStore(db);
  const completeness = new CompletenessStore(db);
  const plans = new PlanStore(db, { keys, attempts, damage, completeness, bodies });
  const ledger = new LedgerStore(db, { plans, attempts, bodies, totals });
  return {
    db,
    path,
    keys,
    memory,
    bodies,
    lost: new LostBodies(db, { keys, bodies, claims, plans, totals }),
    dispositions,
    tenures,
    puts,
    quarantine,
    claims,
    damage,
    attempts,
    plans,
    ledger,
    switches: new SwitchStore(db),
    completeness,
    totals,
  };
}

function checkOwner(db: ChannelDatabase, path: string, stateId: string): void {
  const owner = readMeta(db, STATE_ID);
  if (owner === undefined) writeMeta(db, STATE_ID, stateId);
  if (owner === undefined || owner === stateId) return;
  throw new GatewayError({
    code: 'state-dir-unusable',
    operation: 'open the channel database',
    place: path,
    message: `The channel belongs to state id ${owner}, the directory's identity is ${stateId}.`,
    retry: 'never',
    hint: 'Files of two state directories were mixed: put the identity.json back that belongs to the channel.',
  });
}

/**
 * SQLite's own check reads every page: 10 GiB would take minutes, and start-up may take two seconds. WAL recovery after a
 * crash is checksummed by itself, so the check is made only after an unclean end and while the file is small; a page that
 * is damaged all the same is found when it is used, a damaged body by its CRC.
 */
function checkAfterCrash(db: ChannelDatabase, path: string): void {
  const wasClean = readMeta(db, IS_CLEAN) !== '0';
  writeMeta(db, IS_CLEAN, '0');
  if (wasClean || statSync(path).size > QUICK_CHECK_BYTES_MAX) return;
  const verdict = String(db.pragma('quick_check(1)', { simple: true }));
  if (verdict === 'ok') return;
  throw new GatewayError({
    code: 'database-damaged',
    operation: 'check the channel database',
    place: path,
    message: `SQLite's check says: ${verdict}.`,
    retry: 'never',
    hint: 'Do not delete the state directory: it holds events. Copy it whole, check the disk; docs/operations.md, “A damaged database”, says how to go on.',
  });
}

function readMeta(db: ChannelDatabase, name: string): string | undefined {
  return db.prepare<[string], { value: string }>('SELECT value FROM meta WHERE name = ?').get(name)?.value;
}

function writeMeta(db: ChannelDatabase, name: string, value: string): void {
  db.prepare(
    'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  ).run(name, value);
}
