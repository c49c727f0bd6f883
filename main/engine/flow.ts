/**
 * What flows: sources, their hosts, and a landing worker a sink, on one writer. Knows how to take over a changed configuration part
 * by part: what did not change is not touched, and no event is lost, because a source that stops has everything it delivered in the
 * database, and a landing worker that stops has its plans there.
 *
 * A change is whole or not at all. All new parts are made before an old one is touched, so what can't be made (a certificate that
 * is not there) changes nothing. A sink that goes must not leave a backlog that nobody lands: first its sources stop feeding it,
 * then what they had under way is stored, and only then is it asked a last time whether anything is held for it; if so, the old
 * parts go on as they were.
 */
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { GatewayError, type ErrorReport } from '../../shared/errors.ts';
import type { ComponentKind, ConfigChange } from '../config/config-change.ts';
import type { SliceEvent } from '../channel/quarantine-target.ts';
import type { StateDirectory } from '../channel/state-directory.ts';
import type { WriterClient } from '../channel/writer-client.ts';
import type { FactsEnd } from '../landing/fleet-facts.ts';
import type { LandingEvent } from '../landing/lander-status.ts';
import type { ReplayWord } from '../sources/kafka/kafka-source-settings.ts';
import type { SourceEvent } from '../sources/source.ts';
import type { TargetSettings } from '../sinks/create-target.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { LandingLink } from './landing-link.ts';
import { MemoryRelief } from './memory-relief.ts';
import { sinkSettings } from './sink-mapping.ts';
import { SinkGroupWatch } from './sink-group/sink-group-watch.ts';
import type { RetryTally } from './quarantine-batch.ts';
import { EngineSourceHost, PutBuffers, type SourceRules } from './source-host.ts';
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
  /** The operator's answer to partitions that are held. */
  readonly acceptReplay?: ReplayWord | undefined;
}

export interface FlowListener {
  sourceEvent(event: SourceEvent): void;
  sourceFailed(name: string, error: ErrorReport, nextTryMs: number): void;
  landingEvent(sink: string, event: LandingEvent): void;
  landingDied(sink: string, error: ErrorReport, nextTryMs: number): void;
  /** A part ended for good, or gives way to a new one of its name. */
  partEnded(kind: ComponentKind, name: string): void;
}

export interface ApplyContext {
  readonly configVersion: number;
  /** How long uploads of a sink that changes may take to finish. */
  readonly drainMs: number;
  /** Asked once sinks that go are fed no more: why the change can't be done after all; empty: it can. */
  readonly refusals: () => Promise<readonly string[]>;
  /**
   * Called once the change can be refused no more and before an old part goes: here it becomes lasting. What it throws refuses the change
   * after all.
   */
  readonly commit: () => Promise<void>;
}

/** New parts, made and not started. */
interface FreshParts {
  readonly sources: ReadonlyMap<string, SourceRunner>;
  readonly landings: ReadonlyMap<string, LandingLink>;
  /** For sources that go on. */
  readonly rules: ReadonlyMap<string, SourceRules>;
}

/** Keys of a source whose change needs no new connection: the rules that events go through. */
const RULE_KEYS = new Set(['interceptors', 'selector']);

export class Flow {
  readonly writer: WriterClient;
  readonly sources = new Map<string, SourceRunner>();
  readonly landings = new Map<string, LandingLink>();
  listener: FlowListener | undefined;
  /** Set when this gateway has retired: what it tells the others of itself. */
  ended: FactsEnd | undefined;
  readonly #groups: SinkGroupWatch;
  readonly #options: FlowOptions;
  readonly #buffers = new PutBuffers();
  #config: GatewayConfig;
  #configVersion: number;
  #isRunning = false;
  readonly #relief = new MemoryRelief((channel) => {
    for (const link of this.landings.values())
      if (link.settings.channel === channel) link.order({ kind: 'land-now' });
  });
  #stopRelief: (() => void) | undefined;
  /** Sources that take nothing any more, whatever the configuration says; `undefined` among them: all. */
  readonly #intakeEnded = new Set<string | undefined>();
  /** Resolves when the change of configuration is over that is under way. */
  #changing: Promise<void> | undefined;

  constructor(options: FlowOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#configVersion = options.configVersion;
    this.writer = options.writer;
    this.#groups = new SinkGroupWatch({ config: () => this.#config, landings: this.landings });
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

  /** Landing links of those who may land what waits under this name: a sink, or the sinks of a group. */
  landersOf(backlogSink: string): LandingLink[] {
    return [...this.landings.values()].filter(
      ({ settings }) => settings.name === backlogSink || settings.lander.group === backlogSink,
    );
  }

  /** Makes all parts, so that a configuration that can't work fails before anything runs; sets the switches' start values. */
  async prepare(): Promise<void> {
    const config = this.#config;
    for (const name of Object.keys(config.sinks)) this.landings.set(name, this.#makeLanding(name, config));
    for (const name of Object.keys(config.sources))
      this.sources.set(name, this.#makeSource(name, config, this.#configVersion));
    await this.#setSwitches(config);
  }

  start(): void {
    this.#isRunning = true;
    for (const link of this.landings.values()) link.start();
    this.#stopRelief = this.writer.onRoom(({ memory }) =>
      this.#relief.look(memory, this.#options.clock.steadyMs()),
    );
    this.#groups.start();
    for (const [name, runner] of this.sources) if (!this.#hasIntakeEnded(name)) runner.start();
  }

  /** Takes nothing more from a source, or from all of them, in order: what was pulled is stored and its commits are made. */
  async endIntake(source: string | undefined): Promise<void> {
    this.#intakeEnded.add(source);
    const going = [...this.sources].filter(([name]) => this.#hasIntakeEnded(name));
    await Promise.all(going.map(([, runner]) => runner.stop()));
  }

  /** Undoes `endIntake`: those sources that nothing else keeps from it are started anew. */
  resumeIntake(source: string | undefined): void {
    const before = [...this.sources.keys()].filter((name) => this.#hasIntakeEnded(name));
    this.#intakeEnded.delete(source);
    for (const name of before)
      if (!this.#hasIntakeEnded(name))
        this.#replaceSource(name, this.#makeSource(name, this.#config, this.#configVersion));
  }

  /**
   * Fresh runners of sources whose intake has ended, to be started and stopped by the caller: they open their partitions, which settles
   * doubts, and pull nothing new.
   */
  settlers(source: string | undefined): SourceRunner[] {
    return [...this.sources.keys()]
      .filter((name) => source === undefined || name === source)
      .map((name) => {
        const made = { config: this.#config, configVersion: this.#configVersion, isIntakeShut: true };
        return this.#makeRunner(name, made);
      });
  }

  #hasIntakeEnded(source: string): boolean {
    return this.#intakeEnded.has(undefined) || this.#intakeEnded.has(source);
  }

  /** Ends intake, then landing. Every part is stopped, also when another one fails to; then the first failure is thrown. */
  async stop(drainLimitMs: number): Promise<void> {
    this.#isRunning = false;
    this.#stopRelief?.();
    this.#groups.stop();
    const sources = await Promise.allSettled([...this.sources.values()].map((runner) => runner.stop()));
    const sinks = await Promise.allSettled(
      [...this.landings.values()].map((link) => link.stop(drainLimitMs)),
    );
    for (const end of [...sources, ...sinks]) if (end.status === 'rejected') throw end.reason;
  }

  /** Throws when a part of this configuration can't be made; changes nothing. */
  tryOut(config: GatewayConfig): void {
    for (const name of Object.keys(config.sinks)) this.#makeLanding(name, config);
    for (const name of Object.keys(config.sources)) this.#makeSource(name, config, this.#configVersion);
  }

  /**
   * Takes over a configuration that was compared and not refused. Throws `config-change-refused` when it has to be refused after
   * all, and what making a part or `commit` throws; the old configuration goes on then.
   */
  async apply(config: GatewayConfig, change: ConfigChange, context: ApplyContext): Promise<void> {
    const changed = Promise.withResolvers<void>();
    this.#changing = changed.promise;
    try {
      await this.#apply(config, change, context);
    } finally {
      this.#changing = undefined;
      changed.resolve();
    }
  }

  /**
   * Sends events of a source that come back from quarantine through its rules as they are now. It waits while a configuration is
   * taken over: between the old rules and the new ones an event could go to a sink that is going. Throws as `deliver` does.
   */
  async retry(
    source: string,
    events: readonly SliceEvent[],
    options: { readonly by: string; readonly signal: AbortSignal },
  ): Promise<RetryTally | 'changed' | 'no-source'> {
    while (this.#changing !== undefined) await this.#changing;
    options.signal.throwIfAborted();
    const host = this.sources.get(source)?.host;
    if (host === undefined) return 'no-source';
    return host.retry(events, {
      ...options,
      store: (retry, signal) => this.writer.retryQuarantined(retry, signal),
    });
  }

  async #apply(config: GatewayConfig, change: ConfigChange, context: ApplyContext): Promise<void> {
    const fresh = this.#makeFresh(config, change, context.configVersion);
    await this.#setSwitches(config);
    const ended = change.components.filter((one) => one.kind === 'source' && !isRulesOnly(one));
    await Promise.all(ended.map(async (one) => this.sources.get(one.name)?.stop()));
    const oldRules = new Map(
      [...fresh.rules.keys()].map((name) => [name, this.sources.get(name)?.host.rules]),
    );
    for (const [name, rules] of fresh.rules) this.sources.get(name)?.host.changeRules(rules);
    try {
      if (ended.some((one) => one.change !== 'added')) await this.#bringToDisk();
      const refusals = await this.#refusalsOfGoing(config, context);
      if (refusals.length > 0) throw refused(refusals);
      await context.commit();
    } catch (error) {
      for (const [name, rules] of oldRules)
        if (rules !== undefined) this.sources.get(name)?.host.changeRules(rules);
      for (const { name, change: kind } of ended)
        if (kind !== 'added')
          this.#replaceSource(name, this.#makeSource(name, this.#config, this.#configVersion));
      throw error;
    }
    this.#config = config;
    this.#configVersion = context.configVersion;
    const sinks = change.components.filter((one) => one.kind === 'sink');
    await Promise.all(
      sinks.map((one) => this.#replaceLanding(one.name, fresh.landings.get(one.name), context.drainMs)),
    );
    for (const { name } of ended) this.#replaceSource(name, fresh.sources.get(name));
    for (const { kind, name, change: what } of change.components)
      if (kind === 'channel' && what === 'removed') this.listener?.partEnded(kind, name);
  }

  #makeFresh(config: GatewayConfig, change: ConfigChange, configVersion: number): FreshParts {
    const sources = new Map<string, SourceRunner>();
    const landings = new Map<string, LandingLink>();
    const rules = new Map<string, SourceRules>();
    for (const one of change.components) {
      if (one.change === 'removed') continue;
      if (one.kind === 'sink') landings.set(one.name, this.#makeLanding(one.name, config));
      if (one.kind === 'source' && !isRulesOnly(one))
        sources.set(one.name, this.#makeSource(one.name, config, configVersion));
    }
    for (const name of Object.keys(config.sources))
      if (!sources.has(name)) rules.set(name, this.#rules(name, config, configVersion));
    return { sources, landings, rules };
  }

  /** What is in memory alone is pulled again after a crash by the source that is there then: one that goes, or reads less, would not do it. */
  async #bringToDisk(): Promise<void> {
    for (let more = true; more;) ({ more } = await this.writer.perform('spill', 'all'));
  }

  /** Nothing feeds a sink that goes any more; what was under way towards it is stored now, and counts. */
  async #refusalsOfGoing(config: GatewayConfig, context: ApplyContext): Promise<readonly string[]> {
    const isGoing = Object.entries(this.#config.sinks).some(
      ([name, sink]) => config.sinks[name]?.channel !== sink.channel,
    );
    if (!isGoing) return [];
    const settled = Promise.all([...this.sources.values()].map((runner) => runner.host.settled())).then(
      () => true,
    );
    const limit = new AbortController();
    const late = this.#options.clock.sleep(context.drainMs, limit.signal).then(
      () => false,
      // The limit is not needed any more.
      () => false,
    );
    const isSettled = await Promise.race([settled, late]);
    limit.abort();
    if (!isSettled) return ['events under way to the sink that goes can’t be stored: is the channel full?'];
    return context.refusals();
  }

  #replaceSource(name: string, fresh: SourceRunner | undefined): void {
    this.listener?.partEnded('source', name);
    this.sources.delete(name);
    if (fresh === undefined) return;
    this.sources.set(name, fresh);
    if (this.#isRunning && !this.#hasIntakeEnded(name)) fresh.start();
  }

  async #replaceLanding(name: string, fresh: LandingLink | undefined, drainMs: number): Promise<void> {
    await this.landings.get(name)?.stop(drainMs);
    this.listener?.partEnded('sink', name);
    this.landings.delete(name);
    if (fresh === undefined) return;
    this.landings.set(name, fresh);
    if (this.#isRunning) fresh.start();
  }

  /** The start values of sinks that never had a switch. */
  async #setSwitches(config: GatewayConfig): Promise<void> {
    for (const [name, sink] of Object.entries(config.sinks)) {
      if (!sink.isPausedAtStart) continue;
      await this.writer.perform('setSwitchInitially', {
        sink: name,
        isPaused: true,
        who: 'configuration',
        why: 'paused: true at the first start',
        atMs: this.#options.clock.nowMs(),
      });
    }
  }

  #rules(name: string, config: GatewayConfig, configVersion: number): SourceRules {
    return sourceRules(name, config, { configVersion, clock: this.#options.clock });
  }

  #makeSource(name: string, config: GatewayConfig, configVersion: number): SourceRunner {
    return this.#makeRunner(name, { config, configVersion, isIntakeShut: false });
  }

  #makeRunner(
    name: string,
    made: { readonly config: GatewayConfig; readonly configVersion: number; readonly isIntakeShut: boolean },
  ): SourceRunner {
    const { config, configVersion, isIntakeShut } = made;
    const { clock, random, acceptReplay } = this.#options;
    const host = new EngineSourceHost({
      store: this.writer,
      port: {
        put: (put, signal) => this.writer.put(put, signal),
        whenOpen: (channels, signal) => this.writer.whenOpen(signal, channels),
      },
      isIntakeShut,
      claims: {
        open: (after) => this.writer.perform('openClaims', name, after),
        redeem: (redemption, signal) => this.writer.redeemClaim(redemption, signal),
      },
      buffers: this.#buffers,
      rules: this.#rules(name, config, configVersion),
      report: (event) => this.listener?.sourceEvent(event),
    });
    const create = () => createSource(name, config, { host, environment: { clock, random, acceptReplay } });
    return new SourceRunner({
      name,
      host,
      create,
      clock,
      random,
      onFailed: (...failed) => this.listener?.sourceFailed(...failed),
    });
  }

  #makeLanding(name: string, config: GatewayConfig): LandingLink {
    const { clock, random } = this.#options;
    return new LandingLink({
      settings: sinkSettings(name, config, this.stateId),
      stateDir: this.stateDir,
      writer: this.writer,
      clock,
      random,
      onEvent: (sink, event) => this.listener?.landingEvent(sink, event),
      onDied: (sink, error, nextTryMs) => this.listener?.landingDied(sink, error, nextTryMs),
    });
  }
}

/** Rules are exchanged while the source goes on. */
function isRulesOnly(one: ConfigChange['components'][number]): boolean {
  return one.change === 'changed' && one.keys.every((key) => RULE_KEYS.has(key));
}

function refused(reasons: readonly string[]): GatewayError {
  return new GatewayError({
    code: 'config-change-refused',
    operation: 'apply the configuration',
    place: 'sinks',
    message: reasons.join('; '),
    retry: 'never',
    hint: 'Pause intake or wait until the backlog of the sink is empty, then save the file again.',
  });
}
