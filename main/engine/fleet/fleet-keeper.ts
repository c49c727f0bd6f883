/**
 * Publishes this gateway's facts at each landing root and watches those of the others (exactly-once.md §5). Nothing of it is on the way
 * of an event: it reads the books in the thread that answers questions and has connections of its own to the targets; a root that
 * can't be reached delays nobody but itself.
 *
 * While writing is paused the facts go on: the switch is for files, and a gateway that holds a backlog on purpose is not to look dead.
 */
import { toErrorReport, type ErrorReport } from '../../../shared/errors.ts';
import { MINUTE_MS, SECOND_MS } from '../../../shared/units.ts';
import { FleetFactsObject, readFleet } from '../../landing/fleet-facts-object.ts';
import type { Target } from '../../landing/target.ts';
import { createTarget } from '../../sinks/create-target.ts';
import type { RaisedAlert } from '../../telemetry/alert-board.ts';
import type { Clock, Random } from '../../telemetry/clock.ts';
import type { EngineQueries } from '../engine-queries.ts';
import type { Flow } from '../flow.ts';
import type { SinkSettings } from '../sink-mapping.ts';
import { factsFaults, silentPeers } from './fleet-alerts.ts';
import { untoldOf } from './fleet-picture.ts';
import { LogEnds, ownFacts } from './own-facts.ts';
import { PeerWatch, type Peer } from './peer-watch.ts';
import { surveyTenures } from './tenure-survey.ts';

/** Facts are written, and the others' read, so often; more often where a shorter silence is to be told. */
const INTERVAL_MS = MINUTE_MS;
const INTERVAL_MIN_MS = SECOND_MS;
/** Looks within the time after which a peer counts as silent. */
const LOOKS_A_SILENCE = 10;
/** A root that does not answer is left alone until the next round. */
const ROUND_LIMIT_MS = MINUTE_MS;
/** What a silent peer accepted is asked of the group this often. */
const ASK_AGAIN_MS = 10 * MINUTE_MS;
/** The last facts, when the engine stops. */
const LAST_LIMIT_MS = 5 * SECOND_MS;

export interface FleetKeeperOptions {
  readonly flow: Flow;
  readonly queries: () => EngineQueries;
  readonly setAlert: (isRaised: boolean, alert: RaisedAlert) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is known at one root. */
export interface FleetView {
  readonly sink: string;
  readonly root: string;
  /** When all of it was last read; undefined: never yet. */
  readonly readMs: number | undefined;
  /** Our own among them. */
  readonly peers: readonly Peer[];
  /** Places whose facts can't be read. */
  readonly unreadable: readonly string[];
  /** Why the last round failed, and since when rounds fail. */
  readonly fault: { readonly error: ErrorReport; readonly sinceSteadyMs: number } | undefined;
  /** The target has facts of our state directory that our database does not know of. */
  readonly isOutdated: boolean;
}

interface GroupWord {
  /** State ids that were asked about. */
  readonly who: string;
  readonly steadyMs: number;
  readonly untold: ReadonlyMap<string, number>;
}

const NOBODY: GroupWord = { who: '', steadyMs: 0, untold: new Map() };

export class FleetKeeper {
  readonly #options: FleetKeeperOptions;
  readonly #nonce: string;
  readonly #startedMs: number;
  readonly #ends = new LogEnds();
  readonly #roots = new Map<string, FleetRoot>();
  readonly #stop = new AbortController();
  #raised: ReadonlyMap<string, RaisedAlert> = new Map();
  #running: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();
  /** What the group said of those who are silent. */
  #asked: GroupWord = NOBODY;

  constructor(options: FleetKeeperOptions) {
    this.#options = options;
    this.#nonce = Math.floor(options.random() * 36 ** 8).toString(36);
    this.#startedMs = options.clock.nowMs();
  }

  get views(): readonly FleetView[] {
    return [...this.#roots.values()].map(({ view }) => view);
  }

  /** By state id of those who are silent: what they accepted after their last facts, as the group said when it was last asked. */
  get untold(): ReadonlyMap<string, number> {
    return this.#asked.untold;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Writes and reads everything now, besides the rounds. */
  async look(signal: AbortSignal): Promise<void> {
    await this.#round(AbortSignal.any([signal, AbortSignal.timeout(ROUND_LIMIT_MS)]));
  }

  /** Publishes a last time, then ends. To be called when nothing flows any more and questions are still answered. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the engine is stopping'));
    await this.#running;
    if (this.#running !== undefined) await this.#round(AbortSignal.timeout(LAST_LIMIT_MS));
    await Promise.all([...this.#roots.values()].map((root) => root.close()));
  }

  /** One after the other: two writers of one object would take each other for a clone. */
  async #round(signal: AbortSignal): Promise<void> {
    const before = this.#last;
    const done = Promise.withResolvers<void>();
    this.#last = done.promise;
    await before;
    try {
      await this.#roundNow(signal);
    } finally {
      done.resolve();
    }
  }

  /** Writes and reads everything; never rejects. */
  async #roundNow(signal: AbortSignal): Promise<void> {
    const { flow } = this.#options;
    for (const [name, runner] of flow.sources) this.#ends.look(name, runner.source.status());
    this.#followConfig();
    const { gateway, sources } = flow.config;
    const feeding = (channel: string): string[] =>
      Object.keys(sources).filter((name) => sources[name]?.channels.includes(channel));
    await Promise.all(
      [...this.#roots.values()].map((root) =>
        root.round(
          {
            ...{ gatewayId: gateway.id, stateId: flow.stateId, nonce: this.#nonce },
            startedMs: this.#startedMs,
            ended: flow.ended,
            sources: feeding(root.settings.channel),
          },
          { queries: this.#options.queries(), ends: this.#ends, signal },
        ),
      ),
    );
    await this.#askGroup(signal);
    this.#alert();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.#round(AbortSignal.any([signal, AbortSignal.timeout(ROUND_LIMIT_MS)]));
      try {
        await clock.sleep(this.#intervalMs, signal);
      } catch (reason) {
        if (!signal.aborted) throw reason;
      }
    }
  }

  /**
   * What a peer accepted just before it fell silent stands in no facts; the group's metadata has it. It is asked when somebody falls silent,
   * and now and then while he is.
   */
  async #askGroup(signal: AbortSignal): Promise<void> {
    const { flow, clock } = this.#options;
    const { silentPeerMs } = flow.config.alerts;
    const quiet = new Map<string, Peer[]>();
    for (const { peers } of this.views)
      for (const peer of peers) {
        const { stateId, ended } = peer.facts;
        if (peer.quietMs < silentPeerMs || stateId === flow.stateId || ended !== undefined) continue;
        quiet.set(stateId, [...(quiet.get(stateId) ?? []), peer]);
      }
    const who = [...quiet.keys()].sort().join();
    const isDue = who !== this.#asked.who || clock.steadyMs() - this.#asked.steadyMs >= ASK_AGAIN_MS;
    if (who === '') this.#asked = NOBODY;
    if (who === '' || !isDue) return;
    try {
      const { partitions } = await surveyTenures(flow.config, signal);
      const untold = new Map(
        [...quiet].map(([stateId, peers]) => [stateId, untoldOf(stateId, peers, partitions)]),
      );
      this.#asked = { who, steadyMs: clock.steadyMs(), untold };
    } catch (error) {
      // The round's time is over; its next one asks again.
      if (!signal.aborted) throw error;
    }
  }

  get #intervalMs(): number {
    const { silentPeerMs } = this.#options.flow.config.alerts;
    return Math.min(INTERVAL_MS, Math.max(INTERVAL_MIN_MS, silentPeerMs / LOOKS_A_SILENCE));
  }

  /** A sink that is gone or leads elsewhere has another root. */
  #followConfig(): void {
    const { flow, clock } = this.#options;
    for (const [name, root] of this.#roots) {
      const { settings } = flow.landings.get(name) ?? {};
      if (settings !== undefined && JSON.stringify(settings) === root.key) continue;
      this.#roots.delete(name);
      void root.close();
    }
    for (const [name, { settings }] of flow.landings)
      if (!this.#roots.has(name))
        this.#roots.set(name, new FleetRoot(settings, { store: flow.writer, clock }));
  }

  #alert(): void {
    const { setAlert, flow, clock } = this.#options;
    const { silentPeerMs } = flow.config.alerts;
    const alerts = new Map<string, RaisedAlert>();
    for (const alert of [
      ...silentPeers(this.views, { silentPeerMs, ownStateId: flow.stateId, untold: this.#asked.untold }),
      ...factsFaults(this.views, { silentPeerMs, steadyMs: clock.steadyMs() }),
    ])
      alerts.set(`${alert.code}:${alert.place}`, alert);
    for (const [id, alert] of this.#raised) if (!alerts.has(id)) setAlert(false, alert);
    for (const alert of alerts.values()) setAlert(true, alert);
    this.#raised = alerts;
  }
}

interface RoundParts {
  readonly queries: EngineQueries;
  readonly ends: LogEnds;
  readonly signal: AbortSignal;
}

type Identity = Omit<Parameters<typeof ownFacts>[0], 'sink' | 'channel' | 'backlogs' | 'isPaused'>;

/** One sink's landing root. */
class FleetRoot {
  readonly settings: SinkSettings;
  readonly key: string;
  readonly #target: Target;
  readonly #watch = new PeerWatch();
  readonly #store: Flow['writer'];
  readonly #clock: Clock;
  #object: FleetFactsObject | undefined;
  #view: FleetView;

  constructor(
    settings: SinkSettings,
    { store, clock }: { readonly store: Flow['writer']; readonly clock: Clock },
  ) {
    this.settings = settings;
    this.key = JSON.stringify(settings);
    this.#store = store;
    this.#clock = clock;
    this.#target = createTarget(settings.target, clock);
    const { root } = settings.target;
    this.#view = {
      ...{ sink: settings.name, root, readMs: undefined, peers: [], unreadable: [] },
      ...{ fault: undefined, isOutdated: false },
    };
  }

  get view(): FleetView {
    return this.#view;
  }

  close(): Promise<void> {
    return this.#target.close();
  }

  async round(identity: Identity, { queries, ends, signal }: RoundParts): Promise<void> {
    const clock = this.#clock;
    const { name: sink, channel, lander } = this.settings;
    try {
      this.#object ??= new FleetFactsObject({
        ...{ markerDirectory: lander.markerDirectory, stateId: identity.stateId, sink },
        ...{ store: this.#store, target: this.#target },
      });
      const facts = await ownFacts(
        {
          ...identity,
          sink,
          channel,
          // From the books: a landing thread that has just begun has said nothing yet.
          isPaused: await this.#store.isPaused(sink),
          backlogs: [sink, ...(lander.group === undefined ? [] : [lander.group])],
        },
        { queries, ends, nowMs: () => clock.nowMs() },
      );
      const published = await this.#object.publish(facts, signal);
      const entries = await readFleet(this.#target, this.#view.root, signal);
      const nowMs = clock.nowMs();
      this.#view = {
        ...this.#view,
        readMs: nowMs,
        peers: this.#watch.look(entries, { nowMs, steadyMs: clock.steadyMs() }),
        unreadable: entries.filter((one) => one.facts === undefined).map(({ path }) => path),
        fault: undefined,
        isOutdated: published === 'newer',
      };
    } catch (error) {
      const sinceSteadyMs = this.#view.fault?.sinceSteadyMs ?? clock.steadyMs();
      this.#view = { ...this.#view, fault: { error: toErrorReport(error), sinceSteadyMs } };
    }
  }
}
