/** A replay's own channel and landing: the parts of the flow, on books of their own, under the operator's write switch. */
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { MIB, SECOND_MS } from '../../../shared/units.ts';
import { openStateDirectory, type StateDirectory } from '../../channel/state-directory.ts';
import { startChannelWriter, type WriterClient } from '../../channel/writer-client.ts';
import type { LandingEvent } from '../../landing/lander-status.ts';
import type { Clock, Random } from '../../telemetry/clock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { LandingLink } from '../landing-link.ts';
import { EngineSourceHost, PutBuffers } from '../source-host.ts';
import type { ReplayBook, ReplayRecord } from './replay-book.ts';
import { replayRules, replaySink } from './replay-config.ts';

/** Room for what was pulled and not landed yet. Reading waits at it. */
const CAPACITY_BYTES = 512 * MIB;
/** What a cancelled replay's running uploads get to finish. */
const STOP_DRAIN_MS = 5 * SECOND_MS;
/** Should the news of a switch be lost. */
const SWITCH_LOOK_MS = SECOND_MS;

export interface ReplayChannelParts {
  readonly book: ReplayBook;
  readonly record: ReplayRecord;
  /** As `replayConfig` makes it. */
  readonly config: GatewayConfig;
  readonly configVersion: number;
  /** The gateway's own writer: for its write switches only. */
  readonly switches: Pick<WriterClient, 'isPaused' | 'onChange'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly onLanding: (event: LandingEvent) => void;
}

export class ReplayChannel {
  readonly directory: StateDirectory;
  readonly writer: WriterClient;
  readonly link: LandingLink;
  readonly host: EngineSourceHost;
  readonly #parts: ReplayChannelParts;

  /** Throws what opening a state directory and its channel throws. */
  static async open(parts: ReplayChannelParts): Promise<ReplayChannel> {
    const directory = openStateDirectory(parts.book.directoryOf(parts.record.id), parts.clock.nowMs());
    try {
      return new ReplayChannel(parts, directory, await startWriter(parts, directory));
    } catch (error) {
      directory.close();
      throw error;
    }
  }

  private constructor(parts: ReplayChannelParts, directory: StateDirectory, writer: WriterClient) {
    this.#parts = parts;
    this.directory = directory;
    this.writer = writer;
    this.link = this.#makeLink();
    const { config, configVersion, record, clock } = parts;
    this.host = new EngineSourceHost({
      store: writer,
      port: {
        put: (put, signal) => writer.put(put, signal),
        whenOpen: (_, signal) => writer.whenOpen(signal),
      },
      buffers: new PutBuffers(),
      rules: replayRules(config, record, { configVersion, clock }),
      report: () => undefined,
    });
  }

  /** Lands for as long as `work` takes, and never while the operator's switch is off. */
  async run(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { switches, record } = this.#parts;
    await this.#releaseHeld();
    await this.#copySwitch();
    let copying: Promise<void> = Promise.resolve();
    let failure: Error | undefined;
    const copy = (): void => {
      copying = copying
        .then(() => this.#copySwitch())
        .catch((error: unknown) => {
          failure ??= error instanceof Error ? error : new Error(String(error));
        });
    };
    const unsubscribe = switches.onChange(record.sink, copy);
    const timer = setInterval(copy, SWITCH_LOOK_MS);
    this.link.start();
    try {
      await work();
    } finally {
      unsubscribe();
      clearInterval(timer);
      await copying;
      await this.link.stop(STOP_DRAIN_MS);
    }
    if (failure !== undefined && !signal.aborted) throw failure;
  }

  async close(): Promise<void> {
    try {
      await this.writer.close();
    } finally {
      this.directory.close();
    }
  }

  /** Whoever runs a replay again has looked at what was in a file's way; what still is, holds it again. */
  async #releaseHeld(): Promise<void> {
    for (const { state, fileId } of await this.writer.openPlans(this.#parts.record.sink))
      if (state === 'held') await this.writer.perform('release', fileId);
  }

  async #copySwitch(): Promise<void> {
    const { switches, clock, record } = this.#parts;
    const { sink } = record;
    const isPaused = await switches.isPaused(sink);
    if ((await this.writer.isPaused(sink)) === isPaused) return;
    const why = 'as the gateway’s own switch stands';
    await this.writer.perform('setSwitch', { sink, isPaused, who: 'engine', why, atMs: clock.nowMs() });
    this.link.order({ kind: 'wake' });
  }

  #makeLink(): LandingLink {
    const { clock, random, log, record, config, onLanding } = this.#parts;
    const { id } = record;
    return new LandingLink({
      settings: replaySink(config, record, this.directory.identity.stateId),
      stateDir: this.directory.path,
      writer: this.writer,
      clock,
      random,
      onEvent: (_, event) => {
        onLanding(event);
        const { kind, ...fields } = event;
        if (kind === 'planned' || kind === 'temp-removed') return;
        log[kind === 'landed' ? 'info' : 'warn'](`replay: ${kind}`, { replay: id, ...fields });
      },
      onDied: (_, error, nextTryMs) =>
        log.error('the landing worker of a replay died and is started again', {
          replay: id,
          error,
          nextTryMs,
        }),
    });
  }
}

function startWriter(
  { config, record }: ReplayChannelParts,
  directory: StateDirectory,
): Promise<WriterClient> {
  const name = config.sinks[record.sink]?.channel ?? '';
  const channel = config.channels[name];
  if (channel === undefined) throw new Error(`sink ${record.sink} has no channel`);
  return startChannelWriter(
    {
      directory: directory.path,
      stateId: directory.identity.stateId,
      capacityBytes: Math.min(CAPACITY_BYTES, channel.capacityBytes),
      minFreeDiskBytes: channel.minFreeDiskBytes,
      compression: { [name]: channel.compression },
      // The flow's own ballast is for landing what can't be had again; all of this can.
      ballastBytes: 0,
    },
    config.gateway.id,
  );
}
