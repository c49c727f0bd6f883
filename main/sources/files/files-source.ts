/**
 * Complete lines of the files in one local directory: the demonstration's source where there is no Kafka.
 *
 * Each file is one partition of its topic: the partition number comes from its inode, the incarnation from inode and first line, a
 * line's number is its offset. The position is durable with the events, so a restart goes on after the last stored line; the file
 * itself is the replay. Nobody else can own a local file, so a put is accepted as soon as it is durable.
 *
 * Files may be rotated: a file is known by what it is, not by its name; one that is renamed or removed is read to its end, and the
 * new one under its name is opened beside it. Files must only grow: one whose stored lines are not there any more is held, never
 * read again from the start by a guess.
 */
import { randomBytes } from 'node:crypto';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { EventBatch } from '../../../shared/event-batch.ts';
import { offset } from '../../../shared/model/brand.ts';
import type { PartitionRef, PartitionState } from '../../../shared/model/partition.ts';
import { isGatewayError, toErrorReport } from '../../../shared/errors.ts';
import type { Clock, Random } from '../../telemetry/clock.ts';
import type { PartitionStatus, Source, SourceEvent, SourceHost, SourceStatus } from '../source.ts';
import { identityOf, inodeOf, lastLineCrc, lineBefore } from './file-identity.ts';
import { ClaimKeeper } from '../claim-keeper.ts';
import { FilesClaimPuller } from './files-claim-puller.ts';
import { byteOfLine, readLines, type LineSlice } from './line-reader.ts';

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

const PARTITION_MAX = 2_147_483_647n;
const RETRY_MS = 5_000;
const CLAIM_CHECK_MS = 1_000;
/** Files open at a time; those beyond wait until one is read to its end and removed. */
const OPEN_FILES_MAX = 1_000;

interface OpenFile {
  readonly handle: FileHandle;
  readonly path: string;
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
  readonly #claims: ClaimKeeper;
  /** By inode. */
  readonly #files = new Map<string, OpenFile>();
  #state: SourceStatus['state'] = 'starting';
  #cause: string | undefined;
  #hint: string | undefined;
  #nextTryMs: number | undefined;
  #events = 0;
  #bytes = 0;
  #pulls = 0;
  #emptyPulls = 0;
  #failedPulls = 0;
  #isDown = false;

  constructor(
    settings: FilesSourceSettings,
    host: SourceHost,
    environment: { readonly clock: Clock; readonly random: Random },
  ) {
    const { clock, random } = environment;
    this.name = settings.name;
    this.#settings = settings;
    this.#host = host;
    this.#clock = clock;
    this.#claims = new ClaimKeeper({
      ...{ name: settings.name, host, clock, random },
      timing: { checkMs: CLAIM_CHECK_MS },
      puller: new FilesClaimPuller({
        maxLines: settings.batchSize,
        maxLineBytes: settings.maxEventBytes,
        file: ({ partition }) =>
          [...this.#files.values()].find(({ ref }) => ref.incarnation === partition.incarnation),
        batch: ({ partition }, slice, line) => this.#batch(partition, slice, line),
      }),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const isOver = new AbortController();
    const either = AbortSignal.any([signal, isOver.signal]);
    const work = [this.#rounds(either), this.#claims.run(either)];
    try {
      await Promise.all(work);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      isOver.abort();
      await Promise.allSettled(work);
      await this.#closeAll();
    }
  }

  async #rounds(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#round(signal);
  }

  /** One look at every file; a fault is told, waited out, and tried again from the stored position. */
  async #round(signal: AbortSignal): Promise<void> {
    try {
      const present = await this.#openNew();
      let moved = false;
      for (const [inode, file] of this.#files) {
        const hasMoved = await this.#pull(file, signal);
        moved ||= hasMoved;
        if (!hasMoved && !present.has(inode)) await this.#close(inode, file);
      }
      this.#up();
      this.#state = moved ? 'flowing' : 'idle';
      if (!moved) this.#emptyPulls++;
      if (!moved) await this.#clock.sleep(this.#settings.pollIntervalMs, signal);
    } catch (error) {
      if (signal.aborted || !isOutside(error)) throw error;
      await this.#closeAll();
      this.#down(error);
      await this.#clock.sleep(RETRY_MS, signal);
    }
  }

  #up(): void {
    this.#cause = this.#hint = this.#nextTryMs = undefined;
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#report('link-up', { level: 'info', message: 'the files can be read again', hint: undefined });
  }

  #down(error: unknown): void {
    const { message, hint } = toErrorReport(error);
    this.#failedPulls++;
    this.#state = 'waiting';
    this.#cause = message;
    this.#hint = isGatewayError(error)
      ? hint
      : 'Check that the directory is there and its files may be read.';
    this.#nextTryMs = this.#clock.nowMs() + RETRY_MS;
    if (this.#isDown) return;
    this.#isDown = true;
    this.#report('link-down', { level: 'warn', message, hint: this.#hint });
  }

  #report(
    code: SourceEvent['code'],
    event: Pick<SourceEvent, 'level' | 'message' | 'hint'>,
    place = this.#settings.directory,
  ): void {
    this.#host.report({ code, source: this.name, place, ...event });
  }

  async #close(inode: string, file: OpenFile): Promise<void> {
    this.#files.delete(inode);
    await file.handle.close();
  }

  async #closeAll(): Promise<void> {
    for (const [inode, file] of this.#files) await this.#close(inode, file);
  }

  /** Opens what is new and answers the inodes that stand in the directory now. */
  async #openNew(): Promise<ReadonlySet<string>> {
    const pattern = new RegExp(this.#settings.fileNameRegex);
    const names = (await readdir(this.#settings.directory)).filter(
      (name) => !name.startsWith('.') && pattern.test(name),
    );
    const present = new Set<string>();
    for (const name of names.sort()) {
      const path = join(this.#settings.directory, name);
      const found = await statOrNone(path);
      if (found === undefined || !found.isFile()) continue;
      const inode = inodeOf(found);
      present.add(inode);
      const known = this.#files.get(inode);
      // Shorter than what was read: cut, or cut and written anew. What it is now is seen when it is opened again.
      if (known !== undefined && known.held === undefined && found.size < known.byte)
        await this.#close(inode, known);
      if (this.#files.has(inode) || this.#files.size >= OPEN_FILES_MAX) continue;
      const opened = await this.#open(path);
      if (opened !== undefined) this.#files.set(opened.inode, opened.file);
    }
    return present;
  }

  /** Undefined: gone meanwhile, or without a complete line. */
  async #open(path: string): Promise<{ readonly inode: string; readonly file: OpenFile } | undefined> {
    const handle = await openOrNone(path);
    if (handle === undefined) return undefined;
    try {
      const found = await handle.stat({ bigint: true });
      const inode = inodeOf(found);
      const identity = await identityOf(handle, inode);
      // Another name of a file that is open already (a link, or a rename under our eyes).
      if (identity !== undefined && !this.#files.has(inode)) {
        const ref: PartitionRef = {
          source: this.name,
          topic: this.#settings.topic ?? basename(path, extname(path)),
          partition: Number(found.ino % PARTITION_MAX),
          incarnation: identity,
        };
        return { inode, file: await this.#begin({ handle, path, ref }) };
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }

  /** Begins a tenure at the stored position, after a look whether the stored lines are still there. */
  async #begin(opened: Pick<OpenFile, 'handle' | 'path' | 'ref'>): Promise<OpenFile> {
    const { handle, path, ref } = opened;
    const { store } = this.#host;
    const known = await store.partitionState(ref);
    const isSame = known?.ref.incarnation === ref.incarnation;
    const line = isSame ? known.position : 0;
    for (const tenure of known?.tenures ?? []) {
      // Durable is accepted here: nobody else could have taken the file.
      if (tenure.state === 'ended') continue;
      if (tenure.putTo > tenure.acceptedTo) await store.accept(tenure.nonce, tenure.putTo);
      await store.endTenure(tenure.nonce);
    }
    const fingerprint = isSame ? known.fingerprint : undefined;
    const nonce = randomBytes(16).toString('hex');
    await store.beginTenure({
      ref,
      clusterId: 'files',
      group: this.name,
      topicId: ref.incarnation,
      nonce,
      sequence: 1 + Math.max(0, ...(known?.tenures ?? []).map((tenure) => tenure.sequence)),
      startOffset: offset(line),
      fingerprint,
      adopt: undefined,
    });
    const byte = await byteOfLine(handle, line);
    const held = await heldReason({ handle, line, byte, fingerprint });
    const file: OpenFile = { handle, path, ref, tenure: nonce, line, byte: byte ?? 0, held };
    if (held !== undefined) this.#hold(file, held, 'Give new data a new file; what was stored lands.');
    return file;
  }

  #hold(file: OpenFile, reason: string, hint: string): void {
    file.held = reason;
    this.#report('held', { level: 'error', message: reason, hint }, file.path);
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
      const reason = `line ${file.line + 1} is longer than maxEventBytes (${this.#settings.maxEventBytes} bytes)`;
      this.#hold(file, reason, 'Raise maxEventBytes of the source; the file goes on from this line.');
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
        fingerprint: {
          offset: offset(next - 1),
          crc: lastLineCrc(slice.bytes.subarray(0, slice.nextByte - file.byte)),
          timestampMs: 0,
          leaderEpoch: 0,
        },
        events: this.#batch(file.ref, slice, file.line),
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

  #batch({ topic }: PartitionRef, slice: LineSlice, firstLine: number): EventBatch {
    const offsets = new Float64Array(slice.count);
    for (let i = 0; i < slice.count; i++) offsets[i] = firstLine + i;
    return new EventBatch({
      count: slice.count,
      offsets,
      sources: [slice.bytes],
      sourceOf: new Uint16Array(slice.count),
      starts: slice.starts,
      ends: slice.ends,
      timestamps: new Float64Array(slice.count).fill(this.#clock.nowMs()),
      sharedHeaders: { topic },
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
      hint: this.#hint,
      nextTryMs: this.#nextTryMs,
      fence: 'not-needed',
      repull: this.#claims.status,
      counters: {
        events: this.#events,
        bytes: this.#bytes,
        pulls: this.#pulls,
        repulls: 0,
        failedPulls: this.#failedPulls,
        emptyPulls: this.#emptyPulls,
        commits: 0,
        rebalances: 0,
      },
      partitions,
    };
  }
}

/** Why lines before the position can't be believed to be those that were stored; undefined: they are. */
async function heldReason(at: {
  readonly handle: FileHandle;
  readonly line: number;
  readonly byte: number | undefined;
  readonly fingerprint: PartitionState['fingerprint'];
}): Promise<string | undefined> {
  const { handle, line, byte, fingerprint } = at;
  if (byte === undefined)
    return `the file has fewer lines than the ${line} that were stored; it was cut or replaced`;
  if (line === 0 || fingerprint === undefined) return undefined;
  if ((await lineBefore(handle, byte)) === fingerprint.crc) return undefined;
  return `line ${line} is not the one that was stored; the file was replaced or written over`;
}

/** True for faults of the disk, the file system and the channel; anything else is an error of this program. */
function isOutside(error: unknown): boolean {
  if (isGatewayError(error)) return true;
  return error instanceof Error && typeof Reflect.get(error, 'syscall') === 'string';
}

async function statOrNone(path: string) {
  try {
    return await stat(path, { bigint: true });
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function openOrNone(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** Between the listing and the look at it a file may be renamed or removed. */
function isGone(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'ENOENT';
}
