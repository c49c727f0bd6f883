/**
 * Complete lines of the files in one local directory: the demonstration's source where there is no Kafka.
 *
 * Each file is one partition of its topic (partition number and incarnation from its inode), a line's number is its offset. The
 * position is durable with the events, so a restart goes on after the last stored line; the file itself is the replay. Nobody
 * else can own a local file, so a put is accepted as soon as it is durable. Files must only grow: one that became shorter than
 * its position is held, never read again from the start by a guess.
 */
import { randomBytes } from 'node:crypto';
import { open, readdir, type FileHandle } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { EventBatch } from '../../../shared/event-batch.ts';
import { offset } from '../../../shared/model/brand.ts';
import type { PartitionRef } from '../../../shared/model/partition.ts';
import { toErrorReport } from '../../../shared/errors.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { PartitionStatus, Source, SourceHost, SourceStatus } from '../source.ts';
import { byteOfLine, readLines } from './line-reader.ts';

export interface FilesSourceSettings {
  readonly name: string;
  readonly directory: string;
  /** Anchored regular expression over the file's name. */
  readonly fileNameRegex: string;
  /** Value of the `topic` header; undefined: the file's name without its ending. */
  readonly topic: string | undefined;
  readonly batchSize: number;
  readonly maxEventBytes: number;
  readonly pollIntervalMs: number;
}

const PARTITION_MAX = 2_147_483_647;
const RETRY_MS = 5_000;

interface OpenFile {
  readonly handle: FileHandle;
  readonly ref: PartitionRef;
  readonly tenure: string;
  line: number;
  byte: number;
  held: string | undefined;
}

export class FilesSource implements Source {
  readonly name: string;
  readonly #settings: FilesSourceSettings;
  readonly #host: SourceHost;
  readonly #clock: Clock;
  readonly #files = new Map<string, OpenFile>();
  #state: SourceStatus['state'] = 'starting';
  #cause: string | undefined;
  #nextTryMs: number | undefined;
  #events = 0;
  #bytes = 0;
  #pulls = 0;

  constructor(settings: FilesSourceSettings, host: SourceHost, clock: Clock) {
    this.name = settings.name;
    this.#settings = settings;
    this.#host = host;
    this.#clock = clock;
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.#round(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      for (const file of this.#files.values()) await file.handle.close();
      this.#files.clear();
    }
  }

  /** One look at every file; a fault is told, waited out, and tried again from the stored position. */
  async #round(signal: AbortSignal): Promise<void> {
    try {
      await this.#openNew();
      let moved = false;
      for (const file of this.#files.values()) moved = (await this.#pull(file, signal)) || moved;
      this.#state = moved ? 'flowing' : 'idle';
      this.#cause = this.#nextTryMs = undefined;
      if (!moved) await this.#clock.sleep(this.#settings.pollIntervalMs, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const report = toErrorReport(error);
      this.#state = 'waiting';
      this.#cause = report.message;
      this.#nextTryMs = this.#clock.nowMs() + RETRY_MS;
      this.#host.report({
        code: 'restarted',
        level: 'warn',
        source: this.name,
        place: this.#settings.directory,
        message: report.message,
        hint: report.hint,
      });
      for (const file of this.#files.values()) await file.handle.close();
      this.#files.clear();
      await this.#clock.sleep(RETRY_MS, signal);
    }
  }

  async #openNew(): Promise<void> {
    const pattern = new RegExp(this.#settings.fileNameRegex);
    const names = (await readdir(this.#settings.directory)).filter(
      (name) => !name.startsWith('.') && pattern.test(name),
    );
    for (const name of names.sort()) {
      const path = join(this.#settings.directory, name);
      if (!this.#files.has(path)) this.#files.set(path, await this.#open(path));
    }
  }

  async #open(path: string): Promise<OpenFile> {
    const handle = await open(path, 'r');
    const { ino, dev } = await handle.stat();
    const topic = this.#settings.topic ?? basename(path, extname(path));
    const ref: PartitionRef = {
      source: this.name,
      topic,
      partition: ino % PARTITION_MAX,
      incarnation: `${dev}:${ino}`,
    };
    const known = await this.#host.store.partitionState(ref);
    const line = known?.ref.incarnation === ref.incarnation ? known.position : 0;
    for (const tenure of known?.tenures ?? []) {
      // Durable is accepted here: nobody else could have taken the file.
      if (tenure.state === 'ended') continue;
      if (tenure.putTo > tenure.acceptedTo) await this.#host.store.accept(tenure.nonce, tenure.putTo);
      await this.#host.store.endTenure(tenure.nonce);
    }
    const nonce = randomBytes(16).toString('hex');
    await this.#host.store.beginTenure({
      ref,
      clusterId: 'files',
      group: this.name,
      topicId: ref.incarnation,
      nonce,
      sequence: 1 + Math.max(0, ...(known?.tenures ?? []).map((tenure) => tenure.sequence)),
      startOffset: offset(line),
      fingerprint: undefined,
      adopt: undefined,
    });
    const byte = await byteOfLine(handle, line);
    const held =
      byte === undefined
        ? `the file has fewer lines than the ${line} that were stored; it was cut or replaced`
        : undefined;
    if (held !== undefined)
      this.#host.report({
        code: 'held',
        level: 'error',
        source: this.name,
        place: path,
        message: held,
        hint: 'give new data a new file',
      });
    return { handle, ref, tenure: nonce, line, byte: byte ?? 0, held };
  }

  async #pull(file: OpenFile, signal: AbortSignal): Promise<boolean> {
    if (file.held !== undefined) return false;
    await this.#host.whenOpen(signal);
    const slice = await readLines(file.handle, file.byte, {
      maxLines: this.#settings.batchSize,
      maxLineBytes: this.#settings.maxEventBytes,
    });
    this.#pulls++;
    if (slice.isTooLong) {
      file.held = `line ${file.line + 1} is longer than maxEventBytes`;
      this.#host.report({
        code: 'held',
        level: 'error',
        source: this.name,
        place: `${file.ref.topic} line ${file.line + 1}`,
        message: file.held,
        hint: 'raise maxEventBytes',
      });
      return false;
    }
    if (slice.count === 0) return false;
    const { count } = slice;
    const first = offset(file.line);
    const next = offset(file.line + count);
    await this.#host.deliver(
      {
        partition: file.ref,
        tenure: file.tenure,
        first,
        next,
        fingerprint: undefined,
        events: this.#batch(file, slice),
        dispositions: [],
        quarantined: [],
      },
      signal,
    );
    await this.#host.store.accept(file.tenure, next);
    file.line = next;
    this.#bytes += slice.nextByte - file.byte;
    file.byte = slice.nextByte;
    this.#events += count;
    return true;
  }

  #batch(file: OpenFile, slice: Awaited<ReturnType<typeof readLines>>): EventBatch {
    const offsets = new Float64Array(slice.count);
    for (let i = 0; i < slice.count; i++) offsets[i] = file.line + i;
    return new EventBatch({
      count: slice.count,
      offsets,
      sources: [slice.bytes],
      sourceOf: new Uint16Array(slice.count),
      starts: slice.starts,
      ends: slice.ends,
      timestamps: new Float64Array(slice.count).fill(this.#clock.nowMs()),
      sharedHeaders: { topic: file.ref.topic },
    });
  }

  status(): SourceStatus {
    const partitions = [...this.#files.values()].map((file): PartitionStatus => ({
      topic: file.ref.topic,
      partition: file.ref.partition,
      state: file.held === undefined ? 'flowing' : 'held',
      cause: file.held,
      position: file.line,
      acceptedTo: file.line,
      logEnd: -1,
      logStart: 0,
      lag: -1,
      leader: -1,
    }));
    return {
      name: this.name,
      type: 'files',
      state: this.#state,
      cause: this.#cause,
      hint: undefined,
      nextTryMs: this.#nextTryMs,
      fence: 'not-needed',
      counters: {
        events: this.#events,
        bytes: this.#bytes,
        pulls: this.#pulls,
        repulls: 0,
        failedPulls: 0,
        emptyPulls: 0,
        commits: 0,
        rebalances: 0,
      },
      partitions,
    };
  }
}
