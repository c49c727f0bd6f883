/** The whole status of the engine, made of its parts as they stand. */
import { CONTRACT_VERSION } from '../../shared/contract/control.ts';
import type { CompletenessRow } from '../../shared/contract/control-completeness.ts';
import type { RetirementRow } from '../../shared/contract/control-retire.ts';
import type { EngineStatus, SinkStatusRow } from '../../shared/contract/control-status.ts';
import type { AlertBoard } from '../telemetry/alert-board.ts';
import type { Clock } from '../telemetry/clock.ts';
import { RateMeter } from '../telemetry/rate-meter.ts';
import type { EngineFigures } from './engine-figures.ts';
import { channelRow, ChannelTrends, sinkRow, sourceRow } from './engine-status.ts';
import type { Forecasts } from './forecast/forecasts.ts';
import type { Flow } from './flow.ts';
import type { FlowReporter } from './flow-reporter.ts';

const VERSION = '0.1.0';
/** One made within this time is answered again. */
const FRESH_MS = 100;

export interface EngineSnapshotOptions {
  readonly flow: Flow;
  readonly clock: Clock;
  readonly board: AlertBoard;
  readonly figures: EngineFigures;
  readonly reporter: FlowReporter;
  readonly completeness: () => readonly CompletenessRow[];
  readonly forecasts: Forecasts;
}

/** What the control itself knows. */
export type ControlFacts = Pick<EngineStatus, 'state' | 'configVersion' | 'configFile' | 'configProblems'>;

export class EngineSnapshot {
  /** Set by the desk that knows of them. */
  retirements: () => readonly RetirementRow[] = () => [];
  readonly #options: EngineSnapshotOptions;
  readonly #startedMs: number;
  readonly #trends = new ChannelTrends();
  readonly #sinkRates = new Map<string, { readonly events: RateMeter; readonly bytes: RateMeter }>();
  #last: EngineStatus | undefined;
  #lastMs = -Infinity;

  constructor(options: EngineSnapshotOptions) {
    this.#options = options;
    this.#startedMs = options.clock.nowMs();
  }

  /** The next one is made anew: something was done that it must show. */
  outdate(): void {
    this.#last = undefined;
  }

  /** Other parts run now: lets go of what was measured of those that are no more. */
  forgetEnded(): void {
    this.outdate();
    const { flow } = this.#options;
    for (const name of this.#sinkRates.keys()) if (!flow.landings.has(name)) this.#sinkRates.delete(name);
    this.#trends.keep(new Set(Object.keys(flow.config.channels)));
  }

  take(facts: ControlFacts): EngineStatus {
    const steadyMs = this.#options.clock.steadyMs();
    if (this.#last === undefined || steadyMs - this.#lastMs >= FRESH_MS) {
      this.#last = this.#make(facts);
      this.#lastMs = steadyMs;
    }
    return this.#last;
  }

  #make(facts: ControlFacts): EngineStatus {
    const { flow, clock, board, forecasts } = this.#options;
    const nowMs = clock.nowMs();
    const sources = [...flow.sources.values()].map((runner) => sourceRow(runner, { nowMs, forecasts }));
    const completeness = this.#options.completeness();
    const retirements = this.retirements();
    return {
      contract: CONTRACT_VERSION,
      version: VERSION,
      pid: process.pid,
      gateway: flow.config.gateway.id,
      stateId: flow.stateId,
      stateDir: flow.stateDir,
      startedMs: this.#startedMs,
      nowMs,
      ...facts,
      memoryBytes: process.memoryUsage.rss(),
      sources,
      channels: this.#channels(nowMs),
      sinks: this.#sinks(nowMs),
      alerts: board.list(),
      ...(retirements.length === 0 ? {} : { retirements: [...retirements] }),
      ...(completeness.length === 0 ? {} : { completeness: [...completeness] }),
    };
  }

  #channels(nowMs: number): EngineStatus['channels'] {
    const { flow, figures, forecasts } = this.#options;
    const trends = this.#trends;
    return Object.entries(flow.config.channels).map(([name, { type }]) =>
      channelRow({
        name,
        type,
        room: flow.writer.room,
        figures: figures.of(name),
        trends,
        fill: forecasts.fill,
        nowMs,
      }),
    );
  }

  #sinks(nowMs: number): SinkStatusRow[] {
    const { flow, figures, reporter } = this.#options;
    return [...flow.landings].map(([name, link]) =>
      sinkRow({
        link,
        type: flow.config.sinks[name]?.type ?? '',
        switches: figures.switches,
        ...this.#ratesOf(name),
        last: reporter.lastLanded.get(name),
        nowMs,
      }),
    );
  }

  #ratesOf(sink: string) {
    let rates = this.#sinkRates.get(sink);
    if (rates === undefined)
      this.#sinkRates.set(sink, (rates = { events: new RateMeter(), bytes: new RateMeter() }));
    return rates;
  }
}
