import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ChannelCheck, DamagedChunk, OpenClaimRow } from '../../../shared/contract/control-channel.ts';
import { isGatewayError } from '../../../shared/errors.ts';
import { formatBytes, formatCount, GIB } from '../../../shared/units.ts';
import { CHANNEL_FILE, openForReading, wrapped } from '../channel-database.ts';
import type { ChannelDatabase } from '../channel-database.ts';
import { chunkFault, chunkOffsets } from '../chunk-fault.ts';
import { refuseNewer } from '../schema.ts';
import { pageFaults } from './page-check.ts';

/**
 * Looks at a channel without changing anything: SQLite's own check of every page, each chunk against its checksum, and the claims that
 * are open. Over a reading connection, beside a running engine or on a stopped one.
 */
export interface CheckWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (step: string, done: number, total: number) => void;
  /** Lets others have their turn, between two short transactions. */
  readonly turn: () => Promise<void>;
  /** Told of each damaged chunk, also of those that the report only counts. */
  readonly onDamaged?: (found: FoundDamage) => void;
}

export interface FoundDamage {
  readonly id: number;
  readonly events: number;
  readonly what: string;
}

export interface CheckOptions {
  /** The state directory. */
  readonly directory: string;
  /** True beside a running engine: then a large database's pages are left out, for one long transaction would keep its log growing. */
  readonly isRunning: boolean;
}

/** Rows that a report lists; the others are counted. */
export const LISTED_MAX = 1_000;
const PAGES_BESIDE_ENGINE_MAX_BYTES = GIB;
/** Progress is told, and others get their turn, after so many chunks. */
const CHUNKS_A_TURN = 64;

/** Throws `state-dir-unusable` when there is no channel, `state-dir-newer`, and the signal's reason. */
export async function checkChannel(options: CheckOptions, watch: CheckWatch): Promise<ChannelCheck> {
  const file = join(options.directory, CHANNEL_FILE);
  const bytes = existsSync(file) ? statSync(file).size : 0;
  const findings = new Findings(file, bytes);
  try {
    const db = openForReading(file);
    try {
      await look(db, { ...options, bytes }, { findings, watch });
    } finally {
      db.close();
    }
  } catch (error) {
    if (!isGatewayError(error) || error.code !== 'database-damaged') throw error;
    findings.unreadable(error.message);
  }
  return findings.report();
}

interface Work {
  readonly findings: Findings;
  readonly watch: CheckWatch;
}

async function look(
  db: ChannelDatabase,
  at: CheckOptions & { readonly bytes: number },
  work: Work,
): Promise<void> {
  const { findings, watch } = work;
  const file = join(at.directory, CHANNEL_FILE);
  await wrappedAsync(file, async () => {
    refuseNewer(Number(db.pragma('user_version', { simple: true })), file);
    if (at.isRunning && at.bytes > PAGES_BESIDE_ENGINE_MAX_BYTES) findings.pages = 'not-checked';
    else {
      watch.onProgress('pages of the database', 0, 0);
      await watch.turn();
      const faults = pageFaults(db);
      findings.pages = faults.length === 0 ? 'sound' : 'damaged';
      findings.faults.push(...faults);
    }
    await lookAtChunks(db, work);
    for (const row of claims(db)) findings.claim(row);
  });
}

async function wrappedAsync(file: string, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    wrapped('check the channel', file, () => {
      throw error;
    });
  }
}

interface ChunkRow {
  readonly id: number;
  readonly bodyId: number;
  readonly planId: number | null;
  readonly channel: string;
  readonly topic: string;
  readonly partition: number;
  readonly first: number;
  readonly next: number;
  readonly events: number;
  readonly storedBytes: number;
  readonly crc32c: number;
  readonly runs: Uint8Array;
  readonly acceptedTo: number;
}

async function lookAtChunks(db: ChannelDatabase, { findings, watch }: Work): Promise<void> {
  const total = Number(db.prepare('SELECT count(*) FROM chunks').pluck().get());
  const next = db.prepare<
    [number],
    ChunkRow
  >(`SELECT c.id, c.body_id AS bodyId, c.plan_id AS planId, c.channel, p.topic, p.partition,
    c.first, c.next, c.events, c.stored_bytes AS storedBytes, c.crc32c, c.runs, t.accepted_to AS acceptedTo
    FROM chunks c JOIN partitions p ON p.id = c.partition_id JOIN tenures t ON t.id = c.tenure_id WHERE c.id > ? ORDER BY c.id LIMIT 1`);
  const body = db.prepare<[number], { bytes: Uint8Array }>('SELECT bytes FROM chunk_bodies WHERE id = ?');
  const isThere = db.prepare<[number]>('SELECT 1 FROM chunks WHERE id = ?').pluck();
  let done = 0;
  for (let row = next.get(0); row !== undefined; row = next.get(row.id)) {
    const { id, bodyId } = row;
    // What is in memory is the engine's alone to read; of a stopped one it becomes claims at the next start.
    const fault = bodyId < 0 ? undefined : chunkFault(row, () => body.get(bodyId)?.bytes);
    if (bodyId < 0) findings.eventsInMemory += row.events;
    // A body that is gone may have landed in between.
    if (fault !== undefined && isThere.get(id) !== undefined) {
      findings.chunk(row, fault);
      watch.onDamaged?.({ id, events: row.events, what: fault });
    }
    findings.chunks++;
    findings.events += row.events;
    if (++done % CHUNKS_A_TURN > 0) continue;
    watch.onProgress('chunks against their checksums', done, Math.max(done, total));
    watch.signal.throwIfAborted();
    await watch.turn();
  }
}

interface ClaimRow extends Omit<OpenClaimRow, 'offsets'> {
  readonly first: number;
  readonly next: number;
  readonly runs: Uint8Array;
}

function claims(db: ChannelDatabase): IterableIterator<ClaimRow> {
  return db
    .prepare<[], ClaimRow>(
      `SELECT c.id, c.channel, p.topic, p.partition, c.events, c.cause, c.detail, c.claimed_ms AS claimedMs, c.first, c.next, c.runs
      FROM claims c JOIN partitions p ON p.id = c.partition_id
      ORDER BY c.partition_id, c.first, c.id`,
    )
    .iterate();
}

/** What was found, and what it means. */
class Findings {
  pages: ChannelCheck['pages']['state'] = 'sound';
  readonly faults: string[] = [];
  chunks = 0;
  events = 0;
  eventsInMemory = 0;
  readonly #file: string;
  readonly #bytes: number;
  readonly #damaged: DamagedChunk[] = [];
  #damagedCount = 0;
  #damagedEvents = 0;
  readonly #claims: OpenClaimRow[] = [];
  #claimCount = 0;
  #claimedEvents = 0;

  constructor(file: string, bytes: number) {
    this.#file = file;
    this.#bytes = bytes;
  }

  unreadable(message: string): void {
    this.pages = this.pages === 'damaged' ? 'damaged' : 'unreadable';
    this.faults.push(message);
  }

  chunk(row: ChunkRow, what: string): void {
    this.#damagedCount++;
    this.#damagedEvents += row.events;
    if (this.#damaged.length >= LISTED_MAX) return;
    const { id, channel, topic, partition, events } = row;
    const state = row.planId !== null ? 'on-its-way' : row.next > row.acceptedTo ? 'held' : 'waiting';
    this.#damaged.push({ id, channel, topic, partition, offsets: chunkOffsets(row), events, what, state });
  }

  claim(row: ClaimRow): void {
    this.#claimCount++;
    this.#claimedEvents += row.events;
    if (this.#claims.length >= LISTED_MAX) return;
    const { first: _first, next: _next, runs: _runs, ...rest } = row;
    this.#claims.push({ ...rest, offsets: chunkOffsets(row) });
  }

  report(): ChannelCheck {
    const isSound = this.pages !== 'damaged' && this.pages !== 'unreadable' && this.#damagedCount === 0;
    return {
      verdict: isSound ? 'sound' : 'damaged',
      file: this.#file,
      bytes: this.#bytes,
      pages: { state: this.pages, faults: this.faults },
      chunks: this.chunks,
      events: this.events,
      damaged: this.#damaged,
      damagedLeftOut: this.#damagedCount - this.#damaged.length,
      claims: this.#claims,
      claimsLeftOut: this.#claimCount - this.#claims.length,
      summary: this.#summary(),
    };
  }

  #summary(): string[] {
    const lines: string[] = [];
    const { pages } = this;
    if (pages === 'unreadable')
      lines.push(
        'SQLite can’t read the database. Nothing of it is given up by that: stop the engine, and `headgate channel repair` saves what can be read.',
      );
    if (pages === 'damaged')
      lines.push(
        'Pages of the database are damaged. Stop the engine: `headgate channel repair` saves everything that can be read into a new database and keeps the old one.',
      );
    if (pages === 'not-checked')
      lines.push(
        `The pages of the database (${formatBytes(this.#bytes)}) were not checked, to leave the running engine alone: stop it and check again for that.`,
      );
    if (this.#damagedCount > 0)
      lines.push(
        `${formatCount(this.#damagedCount)} of ${formatCount(this.chunks)} chunks do not match their checksum: ${formatCount(this.#damagedEvents)} events. \`headgate channel repair\` sets them aside and has their events pulled again; each is also found by itself when it is landed. Check the disk.`,
      );
    if (this.#claimCount > 0)
      lines.push(
        `${formatCount(this.#claimedEvents)} events are claimed: they are pulled again by themselves while the engine runs and the broker has them.`,
      );
    if (this.eventsInMemory > 0)
      lines.push(
        `${formatCount(this.eventsInMemory)} events are in the engine’s memory and not on the disk; those of an engine that has died are claimed when it starts again, and pulled again.`,
      );
    if (lines.length === 0)
      lines.push(
        `Sound: ${formatCount(this.chunks)} chunks with ${formatCount(this.events)} events match their checksums, and nothing is to be pulled again.`,
      );
    return lines;
  }
}
