import { gzipSync, zstdCompressSync } from 'node:zlib';
import { crc32c } from '@node-rs/crc32';

import type {
  AbandonedName,
  ChunkReader,
  LandingStore,
  PlanRequest,
} from '../../main/landing/landing-store.ts';
import { offset } from '../../shared/model/brand.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type {
  FilePart,
  FilePlan,
  LandedFacts,
  LandingKeySummary,
  PlannedChunk,
  UploadAttempt,
} from '../../shared/model/file-plan.ts';
import type { ChunkCodec, LandingKey } from '../../shared/model/landing-key.ts';
import { mergeRuns, singleRun } from '../../shared/model/offset-runs.ts';
import { failure } from './memory-target.ts';
import type { Clock } from '../../main/telemetry/clock.ts';

export interface StoredChunk extends PlannedChunk {
  readonly keyId: number;
  readonly partition: number;
  readonly firstOffset: number;
  readonly events: number;
  readonly raw: Buffer;
  readonly putMs: number;
  stored: Buffer;
  isAccepted: boolean;
  plan: FileId | undefined;
}

interface PlanRow {
  plan: FilePlan;
  readonly names: Map<number, AbandonedName>;
}

/** The durable side in memory: what a crash leaves is exactly this object. Each call is one transaction. */
export class MemoryStore implements LandingStore {
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly keysById = new Map<
    number,
    { readonly key: LandingKey; readonly bucketEndMs: number | undefined }
  >();
  readonly chunks = new Map<number, StoredChunk>();
  readonly plans = new Map<FileId, PlanRow>();
  readonly ledger: { readonly plan: FilePlan; readonly facts: LandedFacts }[] = [];
  readonly damaged: number[] = [];
  /** Plans that were given back: their names are still known. */
  readonly givenBack = new Set<FileId>();
  readonly #listeners = new Set<() => void>();
  readonly notes = new Map<string, string>();
  keysCalls = 0;
  planCalls = 0;
  isPausedNow = false;
  /** The next call of this name does its work, and its reply is lost. */
  loseReplyOf: string | undefined;
  #nextChunk = 1;
  #summaries: readonly LandingKeySummary[] | undefined;
  readonly #nextOffsets = new Map<number, number>();

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.clock = clock;
  }

  addKey(id: number, key: Partial<LandingKey> = {}, bucketEndMs?: number): void {
    const whole: LandingKey = {
      sink: 'beijing',
      directory: `/logs/k${id}`,
      prefix: `p${id}`,
      suffix: '.log',
      codec: 'none',
      serializer: 'text',
      version: 1,
      ...key,
    };
    this.keysById.set(id, { key: whole, bucketEndMs });
  }

  /** Puts one chunk whose text names its offsets. */
  put(
    keyId: number,
    how: { events?: number; partition?: number; codec?: ChunkCodec; raw?: Buffer; isAccepted?: boolean } = {},
  ): number {
    const { events = 3, partition = 0, codec = 'none', isAccepted = true } = how;
    const firstOffset = this.#nextOffsets.get(partition) ?? 0;
    this.#nextOffsets.set(partition, firstOffset + events);
    const lines = Array.from(
      { length: events },
      (_, at) => `${keyId}/${partition}/${firstOffset + at}\n`,
    ).join('');
    const raw = how.raw ?? Buffer.from(lines);
    const stored = codec === 'none' ? raw : codec === 'gzip' ? gzipSync(raw) : zstdCompressSync(raw);
    const chunkId = this.#nextChunk++;
    const sizes = { storedBytes: stored.length, rawBytes: raw.length, crc32c: crc32c(stored) };
    const putMs = this.clock.nowMs();
    const facts = { chunkId, codec, keyId, partition, firstOffset, events, raw, putMs, stored, isAccepted };
    this.chunks.set(chunkId, { ...facts, ...sizes, plan: undefined });
    this.changed();
    return chunkId;
  }

  changed(): void {
    this.#summaries = undefined;
    for (const listener of this.#listeners) listener();
  }

  get backlog(): number {
    return this.chunks.size;
  }

  async keys(sink: string): Promise<readonly LandingKeySummary[]> {
    this.keysCalls++;
    // A hundred thousand keys are summed up once as long as nothing changes, as an index would do.
    const all = this.#summaries ?? (this.#summaries = await this.#sumUp());
    return all.every(({ key }) => key.sink === sink) ? all : all.filter(({ key }) => key.sink === sink);
  }

  #sumUp(): Promise<readonly LandingKeySummary[]> {
    const free = Map.groupBy(
      [...this.chunks.values()].filter((chunk) => chunk.plan === undefined),
      (chunk) => chunk.keyId,
    );
    return this.#reply('keys', () =>
      [...free].map(([id, chunks]): LandingKeySummary => {
        const { key, bucketEndMs } = this.#key(id);
        const times = chunks.map((chunk) => chunk.putMs);
        return {
          id,
          key,
          channel: 'disk',
          events: sum(chunks, (chunk) => chunk.events),
          rawBytes: sum(chunks, (chunk) => chunk.rawBytes),
          storedBytes: sum(chunks, (chunk) => chunk.storedBytes),
          oldestPutMs: Math.min(...times),
          newestPutMs: Math.max(...times),
          oldestEventMs: 0,
          newestEventMs: 0,
          bucketEndMs,
        };
      }),
    );
  }

  onChange(_sink: string, listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  plan(request: PlanRequest): Promise<{ readonly plan: FilePlan; readonly more: boolean } | undefined> {
    this.planCalls++;
    return this.#reply('plan', () => {
      if (this.plans.has(request.fileId)) throw new Error('a file id was used twice');
      const { key } = this.#key(request.landingKeyId);
      const free = [...this.chunks.values()].filter(
        (c) => c.keyId === request.landingKeyId && c.plan === undefined && c.isAccepted,
      );
      const taken: StoredChunk[] = [];
      let bytes = 0;
      let events = 0;
      for (const chunk of free) {
        const size = key.codec === 'none' ? chunk.rawBytes : chunk.storedBytes;
        const isTooMuch =
          bytes + size > request.maxBytes ||
          (request.maxEvents > 0 && events + chunk.events > request.maxEvents);
        if (taken.length > 0 && isTooMuch) break;
        taken.push(chunk);
        bytes += size;
        events += chunk.events;
      }
      if (taken.length === 0) return undefined;
      for (const chunk of taken) chunk.plan = request.fileId;
      const plan: FilePlan = {
        ...this.#contents(taken, key),
        fileId: request.fileId,
        sink: request.sink,
        landingKeyId: request.landingKeyId,
        landingKey: key,
        channel: 'disk',
        finalPath: request.finalPath,
        namespace: request.namespace,
        state: 'planned',
        heldReason: undefined,
        attempts: [],
        plannedAtMs: request.nowMs,
      };
      this.plans.set(request.fileId, { plan, names: new Map() });
      return { plan, more: free.length > taken.length };
    });
  }

  openPlans(sink: string): Promise<readonly FilePlan[]> {
    return this.#reply('openPlans', () =>
      [...this.plans.values()]
        .map((row) => row.plan)
        .filter((plan) => plan.state !== 'landed' && plan.sink === sink && !this.givenBack.has(plan.fileId)),
    );
  }

  giveBack(fileId: FileId): Promise<boolean> {
    return this.#reply('giveBack', () => {
      const row = this.plans.get(fileId);
      if (row?.plan.state !== 'planned' || this.givenBack.has(fileId)) return false;
      for (const chunk of this.chunks.values()) if (chunk.plan === fileId) chunk.plan = undefined;
      for (const { number, inode, tempPath, state } of row.plan.attempts) {
        if (state === 'abandoned') continue;
        const times = { removedAtMs: undefined, abandonedAtMs: this.clock.nowMs() };
        row.names.set(number, { fileId, number, inode, tempPath, ...times });
      }
      this.givenBack.add(fileId);
      this.changed();
      return true;
    });
  }

  startAttempt(
    fileId: FileId,
    attempt: { readonly number: number; readonly tempPath: string },
  ): Promise<void> {
    return this.#reply('startAttempt', () => {
      const { plan } = this.#row(fileId, 'planned');
      const isUsed = [...this.plans.values()].some((row) =>
        row.plan.attempts.some((one) => one.tempPath === attempt.tempPath),
      );
      if (isUsed || plan.attempts.some((one) => one.number === attempt.number))
        throw new Error('an attempt was used twice');
      const started: UploadAttempt = {
        ...attempt,
        state: 'started',
        inode: undefined,
        startedAtMs: this.clock.nowMs(),
      };
      this.#set(fileId, { attempts: [...plan.attempts, started] });
    });
  }

  attemptUploaded(
    fileId: FileId,
    attempt: { readonly number: number; readonly inode: string | undefined },
  ): Promise<void> {
    return this.#reply('attemptUploaded', () => this.#setAttempt(fileId, attempt, 'uploaded'));
  }

  abandonAttempt(
    fileId: FileId,
    attempt: { readonly number: number; readonly inode: string | undefined },
  ): Promise<void> {
    return this.#reply('abandonAttempt', () => {
      this.#setAttempt(fileId, attempt, 'abandoned');
      const row = this.#row(fileId, 'planned');
      const tempPath = row.plan.attempts.find((one) => one.number === attempt.number)?.tempPath ?? '';
      row.names.set(attempt.number, {
        fileId,
        ...attempt,
        tempPath,
        removedAtMs: undefined,
        abandonedAtMs: this.clock.nowMs(),
      });
    });
  }

  readNote(name: string): Promise<string | undefined> {
    return this.#reply('readNote', () => this.notes.get(name));
  }

  writeNote(name: string, value: string): Promise<void> {
    return this.#reply('writeNote', () => void this.notes.set(name, value));
  }

  startRename(fileId: FileId, attempt: number): Promise<void> {
    return this.#reply('startRename', () => {
      const { plan } = this.#row(fileId, 'planned');
      if (plan.attempts.find((one) => one.number === attempt)?.state !== 'uploaded')
        throw new Error('renaming what is not uploaded');
      this.#set(fileId, { state: 'renaming' });
    });
  }

  landed(fileId: FileId, facts: LandedFacts): Promise<void> {
    return this.#reply('landed', () => {
      const { plan } = this.#row(fileId, 'renaming');
      for (const { chunkId } of plan.chunks)
        if (!this.chunks.delete(chunkId)) throw new Error(`chunk ${chunkId} landed twice`);
      this.ledger.push({ plan, facts });
      this.#set(fileId, { state: 'landed' });
    });
  }

  hold(fileId: FileId, reason: string): Promise<void> {
    return this.#reply('hold', () => {
      this.#set(fileId, { state: 'held', heldReason: reason });
    });
  }

  damagedChunk(fileId: FileId, chunkId: number): Promise<FilePlan | undefined> {
    return this.#reply('damagedChunk', () => {
      const { plan } = this.#row(fileId, 'planned');
      this.chunks.delete(chunkId);
      this.damaged.push(chunkId);
      const left = [...this.chunks.values()].filter((chunk) => chunk.plan === fileId);
      // An empty plan is over, but its abandoned names are still known.
      if (left.length === 0) return this.#set(fileId, { state: 'landed' }) as undefined;
      this.#set(fileId, this.#contents(left, plan.landingKey));
      return this.#row(fileId, 'planned').plan;
    });
  }

  abandonedNames(sink: string, beforeMs: number): Promise<readonly AbandonedName[]> {
    return this.#reply('abandonedNames', () =>
      [...this.plans.values()]
        .filter(({ plan }) => plan.sink === sink)
        .flatMap((row) => [...row.names.values()])
        .filter((name) => name.removedAtMs === undefined || name.removedAtMs < beforeMs),
    );
  }

  abandonedRemoved(
    names: readonly { readonly fileId: FileId; readonly number: number; readonly atMs: number }[],
  ): Promise<void> {
    return this.#reply('abandonedRemoved', () => {
      for (const { fileId, number, atMs } of names) {
        const row = this.plans.get(fileId);
        const name = row?.names.get(number);
        if (name?.removedAtMs === undefined) {
          if (name !== undefined) row?.names.set(number, { ...name, removedAtMs: atMs });
        } else if (name.removedAtMs <= atMs - 24 * 3_600_000) {
          row?.names.delete(number);
        }
      }
    });
  }

  landedInodes(sink: string, inodes: readonly string[]): Promise<readonly string[]> {
    return this.#reply('landedInodes', () =>
      inodes.filter((inode) =>
        this.ledger.some(({ facts, plan }) => facts.inode === inode && plan.sink === sink),
      ),
    );
  }

  isPaused(): Promise<boolean> {
    return this.#reply('isPaused', () => this.isPausedNow);
  }

  /** An operator's decision about a held plan. */
  release(fileId: FileId, state: 'renaming' | 'planned'): void {
    this.#set(fileId, { state, heldReason: undefined });
  }

  reader(): ChunkReader {
    return {
      read: ({ chunkId, crc32c: expected }) => {
        const stored = this.chunks.get(chunkId)?.stored;
        if (stored === undefined) throw new Error(`chunk ${chunkId} is gone`);
        if (crc32c(stored) !== expected) throw failure('chunk-damaged', 'read a chunk', `chunk ${chunkId}`);
        return stored;
      },
      close: () => undefined,
    };
  }

  async #reply<T>(name: string, transaction: () => T): Promise<T> {
    await Promise.resolve();
    const result = transaction();
    if (/^(plan|landed|damagedChunk)$/.test(name)) this.#summaries = undefined;
    await Promise.resolve();
    if (this.loseReplyOf === name) {
      this.loseReplyOf = undefined;
      throw failure('database-busy', name, 'the channel');
    }
    return structuredClone(result);
  }

  #contents(
    chunks: readonly StoredChunk[],
    key: LandingKey,
  ): Pick<FilePlan, 'expectedBytes' | 'rawBytes' | 'events' | 'lines' | 'chunks' | 'parts'> {
    const parts = [...Map.groupBy(chunks, (chunk) => chunk.partition)].map(([partition, own]): FilePart => {
      const runs = mergeRuns(
        own.map((chunk) => singleRun(offset(chunk.firstOffset), offset(chunk.firstOffset + chunk.events))),
      );
      return { source: 'weblogs', topic: 'www', partition, incarnation: 'i1', runs };
    });
    return {
      expectedBytes: sum(chunks, (chunk) => (key.codec === 'none' ? chunk.rawBytes : chunk.storedBytes)),
      rawBytes: sum(chunks, (chunk) => chunk.rawBytes),
      events: sum(chunks, (chunk) => chunk.events),
      lines: sum(chunks, (chunk) => chunk.events),
      chunks: chunks.map(({ chunkId, storedBytes, rawBytes, codec, crc32c: crc }) => ({
        chunkId,
        storedBytes,
        rawBytes,
        codec,
        crc32c: crc,
      })),
      parts,
    };
  }

  #key(id: number): { readonly key: LandingKey; readonly bucketEndMs: number | undefined } {
    const found = this.keysById.get(id);
    if (found === undefined) throw new Error(`no key ${id}`);
    return found;
  }

  #row(fileId: FileId, state: FilePlan['state']): PlanRow {
    const row = this.plans.get(fileId);
    if (row?.plan.state !== state) throw new Error(`${fileId} is ${row?.plan.state}, not ${state}`);
    return row;
  }

  #set(fileId: FileId, change: Partial<FilePlan>): void {
    const row = this.plans.get(fileId);
    if (row === undefined) throw new Error(`no plan ${fileId}`);
    row.plan = { ...row.plan, ...change };
  }

  #setAttempt(
    fileId: FileId,
    attempt: { readonly number: number; readonly inode: string | undefined },
    state: UploadAttempt['state'],
  ): void {
    const { plan } = this.#row(fileId, 'planned');
    const { number, inode } = attempt;
    this.#set(fileId, {
      attempts: plan.attempts.map((one) => (one.number === number ? { ...one, state, inode } : one)),
    });
  }
}

function sum<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((total, item) => total + value(item), 0);
}
