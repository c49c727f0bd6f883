/**
 * One replay: a range of a topic pulled beside the flow, through the running source's rules, into the directory that an operator named.
 *
 * Promise: each offset of the range lands there in one file of this replay, or is listed with its reason, also over crashes, restarts
 * and reruns of the same id; and nothing of the gateway's own books, positions or group is touched.
 *
 * 1. A replay has a state directory of its own (`replays/<id>`): identity, channel, plans, ledger. What lands by it lands by the very
 *    protocol and code of the flow, and whatever a crash leaves stands in its books, where the next run of the same id finds it.
 * 2. The range is resolved to offsets once and stored; a rerun reads on from the position in its books, never from the start.
 * 3. A put is accepted when it is durable: no other reader of these offsets could take them.
 * 4. The directory must not know the replay's id already when it begins: its books would be elsewhere, and files double.
 * 5. The operator's write switch of the sink holds the replay too: it is copied into its books before the first file is begun, and
 *    whenever it is thrown.
 */
import { randomBytes } from 'node:crypto';
import type { GatewayConfig, KafkaSourceConfig } from '../../../shared/contract/config.ts';
import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import { offset } from '../../../shared/model/brand.ts';
import type { PartitionRef, PartitionState } from '../../../shared/model/partition.ts';
import { DAY_MS, SECOND_MS } from '../../../shared/units.ts';
import type { WriterClient } from '../../channel/writer-client.ts';
import type { LandingEvent } from '../../landing/lander-status.ts';
import { createTarget } from '../../sinks/create-target.ts';
import type { Clock, Random } from '../../telemetry/clock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { JobRun } from '../desks/job-desk.ts';
import { reachOf } from '../what-if/event-sample.ts';
import type { RecordedPartition, ReplayBook, ReplayRecord } from './replay-book.ts';
import { ReplayChannel } from './replay-channel.ts';
import { markerDirectory, replayConfig, replaySink } from './replay-config.ts';
import { deliveryOf, goneOf, joined } from './replay-delivery.ts';
import { auditReplay } from './replay-proof.ts';
import { resolveRange } from './replay-range.ts';
import { TopicRange, type RangePiece } from './topic-range.ts';

const LOOK_INTERVAL_MS = 200;
const BACKOFF_FIRST_MS = SECOND_MS;
const BACKOFF_MAX_MS = 30 * SECOND_MS;
/** How long names of broken-off uploads are waited for to be gone; what is left then is hidden, and goes with the next run. */
const CLEAN_LIMIT_MS = 30 * SECOND_MS;

export interface ReplayParts {
  readonly book: ReplayBook;
  readonly record: ReplayRecord;
  /** The configuration that runs, and its version. */
  readonly config: GatewayConfig;
  readonly configVersion: number;
  /** The gateway's own writer: for its write switches only. */
  readonly switches: Pick<WriterClient, 'isPaused' | 'onChange'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly run: JobRun;
}

export class ReplayRun {
  readonly #parts: ReplayParts;
  readonly #config: GatewayConfig;
  readonly #source: KafkaSourceConfig;
  #record: ReplayRecord;
  /** Why the last try to read or land failed; shown while it waits. */
  #trouble: string | undefined;

  constructor(parts: ReplayParts) {
    const { record } = parts;
    const source = parts.config.sources[record.source];
    if (source?.type !== 'kafka') throw new Error(`no Kafka source ${record.source}`);
    this.#parts = parts;
    this.#record = record;
    this.#source = source;
    this.#config = replayConfig(parts.config, record);
  }

  /** Throws what the replay can't get over: a rerun of the same id goes on where it ended. */
  async work(): Promise<ReplayRecord> {
    const { signal } = this.#parts.run;
    try {
      await this.#begin(signal);
      await this.#withChannel((channel) => this.#workOn(channel, signal), signal);
      await this.#write({ state: 'done' });
      return this.#record;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      await this.#write(signal.aborted ? { state: 'cancelled' } : { state: 'failed', error: message });
      throw error;
    }
  }

  async #write(change: Partial<ReplayRecord>): Promise<void> {
    const { book, clock } = this.#parts;
    const ended = change.state === undefined ? {} : { finishedMs: clock.nowMs() };
    this.#record = { ...this.#record, ...ended, ...change };
    await book.write(this.#record);
  }

  /** Before anything is read: the directory, and the range in offsets. */
  async #begin(signal: AbortSignal): Promise<void> {
    if (!this.#record.isPlaceChecked) {
      await this.#persistently('looking at the directory', () => this.#checkPlace(signal), signal);
      await this.#write({ isPlaceChecked: true });
    }
    if (this.#record.partitions !== undefined) return;
    const partitions = await this.#persistently(
      'asking where the range begins and ends',
      () => this.#withRange((range) => this.#resolved(range, signal)),
      signal,
    );
    await this.#write({ partitions });
  }

  async #checkPlace(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const { id, into } = this.#record;
    const target = createTarget(replaySink(this.#config, this.#record, id).target, clock);
    try {
      const mark = markerDirectory(this.#record);
      if ((await target.list(mark, signal)) !== undefined) throw alreadyUsed(id, into);
    } finally {
      await target.close();
    }
  }

  async #resolved(range: TopicRange, signal: AbortSignal): Promise<RecordedPartition[]> {
    const { partition: wanted, topic } = this.#record;
    const { partitions } = await range.open(signal);
    const infos = partitions.filter(({ partition }) => wanted === undefined || partition === wanted);
    if (infos.length === 0) throw noPartition(topic, wanted ?? 0);
    return resolveRange(range, { ...this.#record, infos }, signal);
  }

  async #withRange<T>(work: (range: TopicRange) => Promise<T>): Promise<T> {
    const reach = { ...reachOf(this.#source), clientId: `${this.#source.clientId}-replay` };
    const range = new TopicRange(this.#record.topic, reach, this.#source);
    try {
      return await work(range);
    } finally {
      await range.close();
    }
  }

  async #withChannel(work: (channel: ReplayChannel) => Promise<void>, signal: AbortSignal): Promise<void> {
    const onLanding = (event: LandingEvent): void => {
      if (event.kind === 'landed') this.#trouble = undefined;
      if ('why' in event) this.#trouble = event.why.message;
    };
    const channel = await ReplayChannel.open({ ...this.#parts, config: this.#config, onLanding });
    try {
      await channel.run(() => work(channel), signal);
    } finally {
      await channel.close();
    }
  }

  async #workOn(open: ReplayChannel, signal: AbortSignal): Promise<void> {
    for (const one of this.#record.partitions ?? [])
      await this.#persistently('reading', () => this.#pullPartition(open, one.partition, signal), signal);
    await this.#landAll(open, signal);
    await this.#cleanUp(open, signal);
    await this.#prove(open, signal);
  }

  /** From the position in the replay's books to the range's end. */
  async #pullPartition(open: ReplayChannel, partition: number, signal: AbortSignal): Promise<void> {
    const at = this.#partition(partition);
    const ref: PartitionRef = {
      source: this.#record.source,
      topic: this.#record.topic,
      partition,
      incarnation: at.topicId === '' ? `${this.#record.topic}/${partition}` : at.topicId,
    };
    const known = await this.#settled(open, ref);
    if (known !== undefined && known.position >= at.to) return;
    await this.#withRange(async (range) => {
      const { clusterId, partitions } = await range.open(signal);
      const info = partitions.find((one) => one.partition === partition);
      if (info === undefined || info.topicId !== at.topicId) throw replaced(ref);
      const tenure = await this.#beginTenure(open, ref, { clusterId, from: at.from });
      const stretch = { from: tenure.position, to: at.to };
      for await (const piece of range.read(partition, stretch, signal)) {
        await this.#whenRoom(open, signal);
        const delivery = deliveryOf(piece, { ref, nonce: tenure.nonce });
        await open.host.deliver(delivery, signal);
        await open.writer.accept(tenure.nonce, delivery.next);
        this.#trouble = undefined;
        await this.#noted(partition, piece);
        this.#tell(open);
      }
    });
  }

  /** Durable is accepted: an earlier run's last put counts, whether its acceptance came to be written or not. */
  async #settled({ writer }: ReplayChannel, ref: PartitionRef): Promise<PartitionState | undefined> {
    const known = await writer.partitionState(ref);
    for (const tenure of known?.tenures ?? []) {
      if (tenure.state === 'ended') continue;
      if (tenure.putTo > tenure.acceptedTo) await writer.accept(tenure.nonce, tenure.putTo);
      await writer.endTenure(tenure.nonce);
    }
    return known;
  }

  async #beginTenure(
    open: ReplayChannel,
    ref: PartitionRef,
    { clusterId, from }: { readonly clusterId: string; readonly from: number },
  ): Promise<{ readonly nonce: string; readonly position: number }> {
    const { writer } = open;
    // Settled again: a try before this one, which failed on its way, left its tenure open.
    const known = await this.#settled(open, ref);
    const position = known?.position ?? from;
    const nonce = randomBytes(16).toString('hex');
    await writer.beginTenure({
      ref,
      clusterId,
      group: `replay-${this.#record.id}`,
      topicId: ref.incarnation,
      nonce,
      sequence: 1 + Math.max(0, ...(known?.tenures ?? []).map(({ sequence }) => sequence)),
      startOffset: offset(position),
      fingerprint: known?.fingerprint,
      adopt: undefined,
    });
    return { nonce, position };
  }

  /** A full channel of keys that are not due yet would wait for ever: everything in it lands now. */
  async #whenRoom(open: ReplayChannel, signal: AbortSignal): Promise<void> {
    const { writer, link, run } = { ...open, run: this.#parts.run };
    while (!writer.room.isOpen) {
      run.progress(this.#step('waiting for room: what was read is landing'), 0, 0);
      link.order({ kind: 'land-now' });
      const opened = new AbortController();
      const limit = AbortSignal.any([signal, opened.signal]);
      await Promise.race([writer.whenOpen(limit), this.#parts.clock.sleep(SECOND_MS, limit)]).finally(() =>
        opened.abort(),
      );
    }
  }

  /** Ranges that are gone are few and each is told: the record names them. */
  async #noted(partition: number, piece: RangePiece): Promise<void> {
    const gone = goneOf(piece);
    if (gone === undefined) return;
    const partitions = (this.#record.partitions ?? []).map((one) =>
      one.partition === partition ? { ...one, gone: joined(one.gone, gone) } : one,
    );
    await this.#write({ partitions });
  }

  async #landAll(open: ReplayChannel, signal: AbortSignal): Promise<void> {
    const { writer, link } = open;
    const { sink } = this.#record;
    const { clock } = this.#parts;
    for (;;) {
      link.order({ kind: 'land-now' });
      const plans = await writer.openPlans(sink);
      const held = plans.find(({ state }) => state === 'held');
      if (held !== undefined) throw heldFile(held.finalPath, held.heldReason);
      if (plans.length === 0 && (await writer.keys(sink)).length === 0) return;
      this.#tell(open);
      await clock.sleep(LOOK_INTERVAL_MS, signal);
    }
  }

  /** Names of uploads that were broken off go before the end: nobody works on these books afterwards. */
  async #cleanUp({ writer, link }: ReplayChannel, signal: AbortSignal): Promise<void> {
    const { clock, run, log } = this.#parts;
    const { sink, id } = this.#record;
    const startedMs = clock.steadyMs();
    for (;;) {
      const names = await writer.abandonedNames(sink, clock.nowMs() - DAY_MS);
      if (names.length === 0) return;
      if (clock.steadyMs() - startedMs > CLEAN_LIMIT_MS) {
        log.warn('hidden files of a replay are left over', {
          replay: id,
          names: names.map((one) => one.tempPath),
        });
        return;
      }
      run.progress('removing what broken-off uploads left', 0, 0);
      link.order({ kind: 'wake' });
      await clock.sleep(LOOK_INTERVAL_MS, signal);
    }
  }

  /** The engine's own audit over the replay's books and files. */
  async #prove({ directory }: ReplayChannel, signal: AbortSignal): Promise<void> {
    const { gateway } = this.#config;
    const { id, sink } = this.#record;
    this.#parts.run.progress('comparing each file with the books', 0, 0);
    const { target } = replaySink(this.#config, this.#record, directory.identity.stateId);
    const work = {
      stateDir: directory.path,
      gatewayId: gateway.id,
      level: 'hdfs',
      sinks: { [sink]: target },
    } as const;
    const damaged = this.#parts.book.damaged(id);
    if (damaged > 0)
      throw unproven(id, `${damaged} events were damaged on this machine’s disk before they landed`);
    const report = await auditReplay({ ...work, id: `replay-${id}` }, signal);
    signal.throwIfAborted();
    if (report.verdict === 'clean') return;
    throw unproven(id, report.summary ?? report.findings[0]?.what ?? report.error ?? report.verdict);
  }

  /** Runs `work` again, with growing pauses, while what it throws may pass. */
  async #persistently<T>(step: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, random, run } = this.#parts;
    for (let failures = 1; ; failures++) {
      try {
        run.progress(this.#step(step), 0, 0);
        return await work();
      } catch (error) {
        if (signal.aborted || !isGatewayError(error) || error.retry === 'never') throw error;
        this.#trouble = error.message;
        run.progress(this.#step(step), 0, 0);
        const ceilingMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 10));
        await clock.sleep(Math.max(BACKOFF_FIRST_MS / 4, random() * ceilingMs), signal);
      }
    }
  }

  #tell(open: ReplayChannel): void {
    const { run } = this.#parts;
    const { files, events } = open.link.landed;
    const read = open.host.counters.deliveredEvents;
    run.progress(this.#step(`landing, ${files} files so far`), events, read);
  }

  #step(step: string): string {
    return this.#trouble === undefined ? step : `${step}; waiting: ${this.#trouble}`;
  }

  #partition(partition: number): RecordedPartition {
    const found = this.#record.partitions?.find((one) => one.partition === partition);
    if (found === undefined) throw new Error(`partition ${partition} is not part of the replay`);
    return found;
  }
}

function failed(
  what: Pick<GatewayError, 'code' | 'place' | 'message' | 'hint'>,
  operation = 'replay a range',
): GatewayError {
  return new GatewayError({ ...what, operation, retry: 'never' });
}

function alreadyUsed(id: string, into: string): GatewayError {
  return failed({
    code: 'file-exists',
    place: into,
    message: `there are traces of another replay ${id} in that directory, of which this gateway has no books`,
    hint: 'Choose another --id, or another directory: under this one its events could stand there twice.',
  });
}

function noPartition(topic: string, partition: number): GatewayError {
  return failed({
    code: 'usage',
    place: `${topic}/${partition}`,
    message: 'the topic has no such partition',
    hint: 'Leave --partition out for all of them.',
  });
}

function replaced({ topic, partition }: PartitionRef): GatewayError {
  return failed({
    code: 'log-replaced',
    place: `${topic}/${partition}`,
    message: 'the topic was deleted and made anew since the replay began; its offsets mean other events now',
    hint: 'Begin another replay, under another id.',
  });
}

function heldFile(path: string, reason: string | undefined): GatewayError {
  return failed({
    code: 'rename-uncertain',
    place: path,
    message: `a file can’t be landed without a decision: ${reason ?? 'it is held'}`,
    hint: 'Look at the path; move away what is in its place, and run the same replay again.',
  });
}

function unproven(id: string, why: string): GatewayError {
  return failed({
    code: 'audit-failed',
    place: id,
    message: `everything was read, but the files could not be proven: ${why}`,
    hint: 'Run the same replay again, which only looks at the files anew; if that does not help, one under another id and directory.',
  });
}
