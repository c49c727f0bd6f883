/**
 * What flows: sources, their hosts, and a landing worker a sink, on one writer. Knows how to take over a changed configuration part
 * by part: what did not change is not touched, and no event is lost, because a source that stops has everything it delivered in the
 * database, and a landing worker that stops has its plans there.
 */
import type { GatewayConfig } from '../../shared/contract/config.ts';
import type { ErrorReport } from '../../shared/errors.ts';
import type { ConfigChange } from '../config/config-change.ts';
import type { StateDirectory } from '../channel/state-directory.ts';
import type { WriterClient } from '../channel/writer-client.ts';
import type { LandingEvent } from '../landing/lander-status.ts';
import type { SourceEvent } from '../sources/source.ts';
import type { TargetSettings } from '../sinks/create-target.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { LandingLink } from './landing-link.ts';
import { sinkSettings } from './sink-mapping.ts';
import { EngineSourceHost, PutBuffers } from './source-host.ts';
import { createSource, sourceRules } from './source-mapping.ts';
import { SourceRunner } from './source-runner.ts';

export interface FlowOptions {
  readonly config: GatewayConfig;
  readonly configVersion: number;
  readonly directory: StateDirectory;
  readonly writer: WriterClient;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
}

export interface FlowListener {
  sourceEvent(event: SourceEvent): void;
  sourceFailed(name: string, error: ErrorReport, nextTryMs: number): void;
  landingEvent(sink: string, event: LandingEvent): void;
  landingDied(sink: string, error: ErrorReport, nextTryMs: number): void;
}

/** Keys of a source whose change needs no new connection: the rules that events go through. */
const RULE_KEYS = new Set(['interceptors', 'selector']);

export class Flow {
  readonly writer: WriterClient;
  readonly sources = new Map<string, SourceRunner>();
  readonly landings = new Map<string, LandingLink>();
  listener: FlowListener | undefined;
  readonly #options: FlowOptions;
  readonly #buffers = new PutBuffers();
  #config: GatewayConfig;
  #configVersion: number;
  #isRunning = false;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#configVersion = options.configVersion;
    this.writer = options.writer;
  }

  get config(): GatewayConfig {
    return this.#config;
  }

  get configVersion(): number {
    return this.#configVersion;
  }

  get stateDir(): string {
    return this.#options.directory.path;
  }

  get stateId(): string {
    return this.#options.directory.identity.stateId;
  }

  /** How each sink's target is reached, for the audit. */
  get targets(): Readonly<Record<string, TargetSettings>> {
    return Object.fromEntries([...this.landings].map(([name, link]) => [name, link.settings.target]));
  }

  /** Makes all parts, so that a configuration that can't work fails before anything runs; sets the switches' start values. */
  async prepare(): Promise<void> {
    for (const name of Object.keys(this.#config.sinks)) this.landings.set(name, this.#makeLanding(name));
    for (const name of Object.keys(this.#config.sources)) this.sources.set(name, this.#makeSource(name));
    for (const [name, sink] of Object.entries(this.#config.sinks)) {
      if (!sink.isPausedAtStart) continue;
      const atMs = this.#options.clock.nowMs();
      await this.writer.perform('setSwitchInitially', {
        sink: name,
        isPaused: true,
        who: 'configuration',
        why: 'paused: true at the first start',
        atMs,
      });
    }
  }

  start(): void {
    this.#isRunning = true;
    for (const link of this.landings.values()) link.start();
    for (const runner of this.sources.values()) runner.start();
  }

  async stop(drainLimitMs: number): Promise<void> {
    this.#isRunning = false;
    await Promise.all([...this.sources.values()].map((runner) => runner.stop()));
    await Promise.all([...this.landings.values()].map((link) => link.stop(drainLimitMs)));
  }

  /** Takes over a configuration that was compared and not refused. */
  async apply(
    config: GatewayConfig,
    change: ConfigChange,
    context: { readonly configVersion: number; readonly drainMs: number },
  ): Promise<void> {
    this.#config = config;
    this.#configVersion = context.configVersion;
    const touched = (kind: string) => change.components.filter((one) => one.kind === kind);
    for (const one of touched('source')) {
      const isRulesOnly = one.change === 'changed' && one.keys.every((key) => RULE_KEYS.has(key));
      if (isRulesOnly) continue;
      await this.sources.get(one.name)?.stop();
      this.sources.delete(one.name);
    }
    for (const one of touched('sink')) {
      await this.landings.get(one.name)?.stop(context.drainMs);
      this.landings.delete(one.name);
      if (one.change !== 'removed') this.landings.set(one.name, this.#makeLanding(one.name));
      if (this.#isRunning) this.landings.get(one.name)?.start();
    }
    for (const name of Object.keys(config.sources)) {
      const kept = this.sources.get(name);
      if (kept !== undefined) {
        kept.host.changeRules(this.#rules(name));
        continue;
      }
      const fresh = this.#makeSource(name);
      this.sources.set(name, fresh);
      if (this.#isRunning) fresh.start();
    }
  }

  #rules(name: string) {
    return sourceRules(name, this.#config, {
      configVersion: this.#configVersion,
      clock: this.#options.clock,
    });
  }

  #makeSource(name: string): SourceRunner {
    const { clock, random } = this.#options;
    const host = new EngineSourceHost({
      store: this.writer,
      port: {
        put: (put) => this.writer.put(put),
        whenOpen: (_channels, signal) => this.writer.whenOpen(signal),
      },
      buffers: this.#buffers,
      rules: this.#rules(name),
      report: (event) => this.listener?.sourceEvent(event),
    });
    const create = () => createSource(name, this.#config, { host, environment: { clock, random } });
    return new SourceRunner({
      name,
      host,
      create,
      clock,
      random,
      onFailed: (...failed) => this.listener?.sourceFailed(...failed),
    });
  }

  #makeLanding(name: string): LandingLink {
    const { clock, random } = this.#options;
    return new LandingLink({
      settings: sinkSettings(name, this.#config, this.stateId),
      stateDir: this.stateDir,
      writer: this.writer,
      clock,
      random,
      onEvent: (sink, event) => this.listener?.landingEvent(sink, event),
      onDied: (sink, error, nextTryMs) => this.listener?.landingDied(sink, error, nextTryMs),
    });
  }
}
