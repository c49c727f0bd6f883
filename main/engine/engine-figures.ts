/** Figures of the database and the write switches, as they were read last; and the thread that reads them, begun anew when it is gone. */
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import type { WriteSwitch } from '../channel/switch-store.ts';
import type { WriterClient } from '../channel/writer-client.ts';
import type { AlertBoard } from '../telemetry/alert-board.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ChannelFigures, EngineQueries } from './engine-queries.ts';

/** So many readings in a row without an answer, and the thread that answers questions is started anew. */
const SILENT_READINGS_MAX = 10;
/** Reading takes at most one part in so many of a thread: with a very long backlog the figures are read less often, but this often at least. */
const COST_RATIO = 20;
const AGE_MS_MAX = 5_000;
/** Figures that take longer are answered without. */
const ANSWER_LIMIT_MS = 10_000;

export interface EngineFiguresOptions {
  readonly writer: WriterClient;
  readonly queries: EngineQueries;
  readonly openQueries: () => Promise<EngineQueries>;
  readonly board: AlertBoard;
  readonly log: Logger;
  readonly clock: Clock;
}

export class EngineFigures {
  readonly #options: EngineFiguresOptions;
  #queries: EngineQueries;
  #channels: readonly ChannelFigures[] = [];
  #switches: readonly WriteSwitch[] = [];
  #isKnown = false;
  #silentReadings = 0;
  #tookMs = 0;
  #readAtMs = -Infinity;
  #reading: Promise<void> | undefined;
  #isClosed = false;
  /** The question that waits for its answer. */
  #asked: Promise<readonly ChannelFigures[]> | undefined;

  constructor(options: EngineFiguresOptions) {
    this.#options = options;
    this.#queries = options.queries;
  }

  /** The thread that answers now. */
  get queries(): EngineQueries {
    return this.#queries;
  }

  get switches(): readonly WriteSwitch[] {
    return this.#switches;
  }

  /** Whether they were ever read. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Of all channels. */
  get sums(): { readonly rawBytes: number; readonly storedBytes: number } {
    return {
      rawBytes: this.#channels.reduce((sum, one) => sum + one.rawBytes, 0),
      storedBytes: this.#channels.reduce((sum, one) => sum + one.storedBytes, 0),
    };
  }

  of(channel: string): ChannelFigures | undefined {
    return this.#channels.find((one) => one.channel === channel);
  }

  /** Reads them, unless that was done so lately that it would cost too much. Never rejects. */
  async readIfDue(): Promise<void> {
    const sinceMs = this.#options.clock.steadyMs() - this.#readAtMs;
    if (sinceMs >= Math.min(AGE_MS_MAX, this.#tookMs * COST_RATIO) || this.#silentReadings > 0)
      await this.read();
  }

  /** Reads them now. When they can't be had the old ones stay, and an alert says that they are old. Never rejects. */
  async read(): Promise<void> {
    if (this.#isClosed) return;
    // One that began before the question might miss what the asker just did.
    await this.#reading;
    this.#reading ??= this.#readOnce().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  /** From here on they stay as they are. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#queries.close();
  }

  async #readOnce(): Promise<void> {
    const { writer, board, log, clock } = this.#options;
    const startedMs = clock.steadyMs();
    try {
      [this.#channels, this.#switches] = await Promise.all([
        this.#figuresInTime(),
        writer.perform('switches'),
      ]);
      this.#isKnown = true;
      this.#silentReadings = 0;
      board.clear('status-old', 'status');
    } catch (error) {
      const report = toErrorReport(error);
      if (this.#silentReadings === 0) log.warn('the database’s figures could not be read', { error: report });
      board.raise({
        code: 'status-old',
        level: 'warn',
        place: 'status',
        message: `backlog figures and switches are not up to date: ${report.message}`,
        hint: report.hint,
      });
      // One that is only late goes on; if it hangs, the watchdog ends it.
      if (++this.#silentReadings % SILENT_READINGS_MAX === 0 && this.#asked === undefined)
        await this.#reopen();
    }
    this.#readAtMs = clock.steadyMs();
    this.#tookMs = this.#readAtMs - startedMs;
  }

  /** A status with old figures is better than none: what is not answered in time is not waited for, and not asked a second time meanwhile. */
  async #figuresInTime(): Promise<readonly ChannelFigures[]> {
    this.#asked ??= this.#queries.channelFigures().finally(() => (this.#asked = undefined));
    const late = Promise.withResolvers<never>();
    const limit = setTimeout(() => late.reject(lateAnswer()), ANSWER_LIMIT_MS);
    try {
      return await Promise.race([this.#asked, late.promise]);
    } finally {
      clearTimeout(limit);
    }
  }

  /** The thread that answers questions is gone or hangs; nothing depends on it but what operators see. */
  async #reopen(): Promise<void> {
    const { openQueries, log } = this.#options;
    const old = this.#queries;
    try {
      this.#queries = await openQueries();
      await old.close();
      log.warn('the thread that answers questions was started anew');
    } catch (error) {
      log.error('the thread that answers questions could not be started anew', {
        error: toErrorReport(error),
      });
    }
  }
}

function lateAnswer(): GatewayError {
  return new GatewayError({
    code: 'timeout',
    operation: 'read the figures',
    place: 'channel',
    message: 'the database has not answered yet',
    retry: 'backoff',
    hint: 'look at the disk of the state directory if this goes on',
  });
}
