import type { ServerResponse } from 'node:http';
import { SECOND_MS } from '../../shared/units.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { ConsoleSessions, Session } from './console-session.ts';

/** Sessions of open streams are looked at this often: a stream outlives its session by no more. */
const LOOK_INTERVAL_MS = SECOND_MS;
const ENDING_MS = 5 * SECOND_MS;

/** Ends the streams of sessions that are over: run out, signed out, or hanging on a token that was replaced. */
export class ConsoleStreams {
  readonly #open = new Map<ServerResponse, Session>();
  readonly #sessions: ConsoleSessions;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  #isLooking = false;

  constructor(options: {
    readonly sessions: ConsoleSessions;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  }) {
    this.#sessions = options.sessions;
    this.#clock = options.clock;
    this.#signal = options.signal;
  }

  add(stream: ServerResponse, session: Session): void {
    this.#open.set(stream, session);
    stream.once('close', () => this.#open.delete(stream));
    if (!this.#isLooking) void this.#lookAgainAndAgain();
  }

  /** The page made a call: its stream lives as long as its session now does. */
  renew(session: Session): void {
    for (const [stream, { id }] of this.#open) if (id === session.id) this.#open.set(stream, session);
  }

  /** Ends what is over; at once after a sign-out. */
  endThoseOver(): void {
    for (const [stream, session] of this.#open) {
      if (stream.writableEnded || this.#isOpen(session)) continue;
      // Who does not read what is still on its way is cut off.
      stream.socket?.setTimeout(ENDING_MS);
      stream.end();
    }
  }

  #isOpen(session: Session): boolean {
    try {
      return this.#sessions.isOpen(session);
    } catch {
      // Without a token that can be read nobody is signed in; whoever calls next is told why.
      return false;
    }
  }

  async #lookAgainAndAgain(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#open.size > 0) {
        await this.#clock.sleep(LOOK_INTERVAL_MS, this.#signal);
        this.endThoseOver();
      }
    } catch (error) {
      // The server closes, and its streams with it.
      if (!this.#signal.aborted) throw error;
    } finally {
      this.#isLooking = false;
    }
  }
}
