/**
 * The desktop's tie to its engine: finds one that runs, starts the user's own when there is none, follows its events, and comes back
 * when it went. Promise: the engine never depends on this program.
 *
 * 1. It is started detached and is never killed: leaving this program leaves the engine running.
 * 2. One is started only where nobody listens, where the home is the user's own, and when nobody asked it to stop. An engine that
 *    hangs, belongs to others, or speaks another contract is shown as that.
 * 3. Two that start at the same moment are told apart by the lock of the state directory: one ends at once, and this host finds the
 *    other.
 */
import { CONTRACT_VERSION, type ProcedureName, type StreamEvent } from '../../shared/contract/control.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import type { EngineConnection } from '../../shared/contract/desktop.ts';
import { toErrorReport, type ErrorReport } from '../../shared/errors.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { EngineHome } from './engine-homes.ts';
import type { EngineProbe } from './engine-probe.ts';
import type { EngineEnd, StartedEngine } from './engine-program.ts';
import { endedAtOnce, goneError, laggardError, otherContract, stoppedError } from './engine-host-errors.ts';

const WAIT_MIN_MS = 1_000;
const WAIT_MAX_MS = 60_000;
/** An engine of another version is replaced by people, not by waiting. */
const MISMATCH_WAIT_MS = 30_000;
/** A service manager may bring an engine back; this long nobody else starts one. */
const COMEBACK_LIMIT_MS = 3_000;
const START_LIMIT_MS = 60_000;
const LOOK_EVERY_MS = 250;
/** An engine that lived this long was no failed start: the next wait is a short one again. */
const STABLE_MS = 30_000;

/** The client of main/control, as far as it is used here. */
export interface HostedClient {
  call(name: ProcedureName, input: unknown, signal?: AbortSignal): Promise<unknown>;
  events(signal: AbortSignal): AsyncIterable<StreamEvent>;
}

export interface EngineHostDelegate {
  readonly clock: Clock;
  /** In the order in which they are looked for; at least one. */
  homes(signal: AbortSignal): Promise<readonly EngineHome[]>;
  probe(socketPath: string, signal: AbortSignal): Promise<EngineProbe>;
  clientOf(socketPath: string): HostedClient;
  /** Starts the user's own engine. */
  start(): StartedEngine;
  connectionChanged(connection: EngineConnection): void;
  event(event: StreamEvent): void;
}

interface Found {
  readonly home: EngineHome;
  readonly probe: EngineProbe;
}

type Shown = Pick<EngineConnection, 'state' | 'engineContract'> & { readonly error: ErrorReport };

export class EngineHost {
  readonly #delegate: EngineHostDelegate;
  #connection: EngineConnection;
  #home: EngineHome | undefined;
  #status: EngineStatus | undefined;
  #waitMs = WAIT_MIN_MS;
  /** The engine that somebody asked to stop; 0: none. Its end is no reason to start it again. */
  #stoppedPid = 0;
  #hadEngine = false;
  /** Aborted to end a wait early. */
  #wake = new AbortController();

  constructor(delegate: EngineHostDelegate) {
    this.#delegate = delegate;
    const sinceMs = delegate.clock.nowMs();
    this.#connection = { state: 'looking', sinceMs, socketPath: '', isOwn: true };
  }

  get connection(): EngineConnection {
    return this.#connection;
  }

  /** The last one that came, also of an engine that is gone since. */
  get status(): EngineStatus | undefined {
    return this.#status;
  }

  /** Until the signal aborts. Never rejects for anything that an engine can do. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#round(signal);
      } catch (error) {
        // Whatever it was, the next round looks anew; what went wrong is shown meanwhile.
        if (!signal.aborted) await this.#waitAs({ state: 'lost', error: toErrorReport(error) }, signal);
      }
    }
  }

  /** Looks again at once; an engine that was stopped on request may be started again. */
  tryNow(): void {
    this.#stoppedPid = 0;
    this.#waitMs = WAIT_MIN_MS;
    if (this.#connection.state !== 'connected') this.#wake.abort();
  }

  /** The settings name another engine: forgets the one it had. */
  forget(): void {
    this.#home = undefined;
    this.#status = undefined;
    this.#hadEngine = false;
    this.#stoppedPid = 0;
    this.#waitMs = WAIT_MIN_MS;
    this.#wake.abort();
  }

  /** Passes a call on. `stop` is remembered, so that what an operator stopped is not started again. Rejects with a GatewayError. */
  async call(name: ProcedureName, input: unknown, signal?: AbortSignal): Promise<unknown> {
    const { state, engineContract } = this.#connection;
    if (state === 'mismatch') throw otherContract(this.#connection.socketPath, engineContract ?? 0);
    if (this.#home === undefined) throw goneError('');
    const answer = await this.#delegate.clientOf(this.#home.socketPath).call(name, input, signal);
    if (name === 'stop') this.#stoppedPid = this.#status?.pid ?? 0;
    return answer;
  }

  async #round(signal: AbortSignal): Promise<void> {
    // From here on a wish to try at once also ends the wait that this round may come to.
    if (this.#wake.signal.aborted) this.#wake = new AbortController();
    const { home, probe } = await this.#find(signal);
    this.#home = home;
    switch (probe.kind) {
      case 'answers':
        if (probe.contract === CONTRACT_VERSION) return this.#follow(home, signal);
        return this.#waitForOther(probe.contract, signal);
      case 'forbidden':
        return this.#waitAs({ state: 'forbidden', error: toErrorReport(probe.error) }, signal);
      case 'silent':
        return this.#waitAs({ state: 'lost', error: toErrorReport(probe.error) }, signal);
      case 'absent':
        if (this.#stoppedPid !== 0)
          return this.#waitAs(
            { state: 'stopped', error: toErrorReport(stoppedError(home.socketPath)) },
            signal,
          );
        if (!home.isOwn)
          return this.#waitAs({ state: 'lost', error: toErrorReport(goneError(home.socketPath)) }, signal);
        return this.#bringUp(home, signal);
    }
  }

  /** The home that was used last, else the first that answers, else the first where something is in the way, else the first. */
  async #find(signal: AbortSignal): Promise<Found> {
    const homes =
      this.#home !== undefined && this.#hadEngine ? [this.#home] : await this.#delegate.homes(signal);
    const found: Found[] = [];
    for (const home of homes) {
      const probe = await this.#delegate.probe(home.socketPath, signal);
      if (probe.kind === 'answers') return { home, probe };
      found.push({ home, probe });
    }
    const first = found.find(({ probe }) => probe.kind !== 'absent') ?? found[0];
    if (first === undefined) throw goneError('');
    return first;
  }

  async #follow(home: EngineHome, signal: AbortSignal): Promise<void> {
    const { clock } = this.#delegate;
    const sinceSteadyMs = clock.steadyMs();
    let isFirst = true;
    this.#hadEngine = true;
    const ended = AbortSignal.any([signal, this.#wake.signal]);
    for await (const event of this.#delegate.clientOf(home.socketPath).events(ended)) {
      const lastDataMs = clock.nowMs();
      if (event.type === 'status') this.#take(event.status);
      if (isFirst) this.#set({ state: 'connected', lastDataMs });
      else this.#connection = { ...this.#connection, lastDataMs };
      isFirst = false;
      this.#delegate.event(event);
    }
    if (ended.aborted) return;
    if (clock.steadyMs() - sinceSteadyMs >= STABLE_MS) this.#waitMs = WAIT_MIN_MS;
    // The wizard's configuration may name another place: it is asked for again.
    if (this.#status?.state === 'setup') this.#hadEngine = false;
    this.#set({ state: 'lost', error: toErrorReport(goneError(home.socketPath)) });
    await this.#comeback(home, signal);
  }

  #take(status: EngineStatus): void {
    // It says that it is going: somebody asked it to, and a service manager brings it back if it should be.
    if (status.state === 'draining' || status.state === 'stopped') this.#stoppedPid = status.pid;
    else if (status.pid !== this.#stoppedPid) this.#stoppedPid = 0;
    this.#status = status;
  }

  /** Gives a service manager, or an engine that restarts itself, the first chance. */
  async #comeback(home: EngineHome, signal: AbortSignal): Promise<void> {
    const { clock } = this.#delegate;
    const untilMs = clock.steadyMs() + COMEBACK_LIMIT_MS;
    while (clock.steadyMs() < untilMs && !signal.aborted) {
      if ((await this.#delegate.probe(home.socketPath, signal)).kind === 'answers') return;
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  async #bringUp(home: EngineHome, signal: AbortSignal): Promise<void> {
    const { clock } = this.#delegate;
    this.#set({ state: 'starting' });
    const started = this.#delegate.start();
    let end: EngineEnd | undefined;
    void started.ended.then((ended) => (end = ended));
    const untilMs = clock.steadyMs() + START_LIMIT_MS;
    while (end === undefined && clock.steadyMs() < untilMs) {
      const look = await this.#delegate.probe(home.socketPath, signal);
      if (look.kind === 'answers') {
        this.#hadEngine = true;
        return;
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
    // The configuration may name another place than the one that was looked at: the next round asks again.
    this.#hadEngine = false;
    const failure = end === undefined ? laggardError(home.socketPath) : endedAtOnce(home.socketPath, end);
    await this.#waitAs({ state: 'failed', error: toErrorReport(failure) }, signal);
  }

  async #waitForOther(contract: number, signal: AbortSignal): Promise<void> {
    this.#waitMs = MISMATCH_WAIT_MS;
    const error = toErrorReport(otherContract(this.#home?.socketPath ?? '', contract));
    await this.#waitAs({ state: 'mismatch', error, engineContract: contract }, signal);
    this.#waitMs = WAIT_MIN_MS;
  }

  /** Shows the state with the time of the next try, and waits for it. */
  async #waitAs(shown: Shown, signal: AbortSignal): Promise<void> {
    const { clock } = this.#delegate;
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(WAIT_MAX_MS, waitMs * 2);
    this.#set({ ...shown, nextTryMs: clock.nowMs() + waitMs });
    const either = AbortSignal.any([signal, this.#wake.signal]);
    await clock.sleep(waitMs, either).catch((reason: unknown) => {
      if (!either.aborted) throw reason;
    });
  }

  #set(
    change: Omit<Partial<EngineConnection>, 'sinceMs'> & { readonly state: EngineConnection['state'] },
  ): void {
    const before = this.#connection;
    const { lastDataMs = change.lastDataMs } = before;
    this.#connection = {
      sinceMs: before.state === change.state ? before.sinceMs : this.#delegate.clock.nowMs(),
      socketPath: this.#home?.socketPath ?? '',
      isOwn: this.#home?.isOwn ?? true,
      ...(lastDataMs === undefined ? {} : { lastDataMs }),
      ...change,
    };
    this.#delegate.connectionChanged(this.#connection);
  }
}
