/**
 * Sessions of the browser console. A session is a cookie that the engine can check without remembering it: when it ends, a random id, and an
 * HMAC over both with the token as key. So it survives a restart of the engine, and ends with the token. Signing out is remembered, within bounds.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../../shared/errors.ts';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { ConsoleToken } from './console-token.ts';

/** So long after its last call a session ends. */
export const SESSION_MS = 12 * HOUR_MS;
/** A cookie is made anew when this much of its time has gone; at each call would be noise. */
const RENEW_AFTER_MS = 10 * MINUTE_MS;
/** A session that ends later than it could is from before the clock was set back; it might live for ever. */
const CLOCK_SLACK_MS = 5 * MINUTE_MS;
/** A wrong token is answered after this. */
export const WRONG_TOKEN_DELAY_MS = SECOND_MS;
/** Wrong ones that wait for their answer at a time; more are told at once to come later. */
export const WRONG_TOKENS_WAITING_MAX = 8;
/** Wrong tokens are logged this often at most, with their count. */
const WRONG_TOKENS_LOG_MS = MINUTE_MS;
/** Sessions that were signed out and whose cookie would still be good; the oldest is forgotten first. */
const SIGNED_OUT_MAX = 1_000;
/** Cookies of our name in one request: several only where somebody plays tricks. */
const COOKIES_MAX = 4;
const COOKIE = /^([0-9a-z]{1,11})\.([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/;

export interface Session {
  readonly id: string;
  readonly endsMs: number;
  /** Digest of the token that it hangs on. */
  readonly tokenDigest: string;
}

export interface ConsoleSessionOptions {
  readonly token: ConsoleToken;
  readonly clock: Clock;
  readonly log: Logger;
  /** Ends the waiting of wrong tokens when the server closes. */
  readonly signal: AbortSignal;
}

export class ConsoleSessions {
  readonly #options: ConsoleSessionOptions;
  readonly #signedOut = new Set<string>();
  #wrongWaiting = 0;
  #wrongUnlogged = 0;
  #wrongLoggedMs = -Infinity;

  constructor(options: ConsoleSessionOptions) {
    this.#options = options;
  }

  /**
   * A new session for who knows the token. Rejects with `not-signed-in`, after a while, or at once with `isTooMany` when many wrong
   * tokens wait already. The right token is never made to wait: nobody can lock its owner out.
   */
  async signIn(given: string): Promise<Session> {
    const token = this.#options.token.current();
    if (isSame(given, token)) return this.#session(token, randomBytes(16).toString('base64url'));
    this.#countWrong();
    if (this.#wrongWaiting >= WRONG_TOKENS_WAITING_MAX) throw new TooManyWrongTokens();
    this.#wrongWaiting++;
    try {
      await this.#options.clock.sleep(WRONG_TOKEN_DELAY_MS, this.#options.signal);
    } catch (error) {
      // The server closes: the answer need not wait for that.
      if (!this.#options.signal.aborted) throw error;
    } finally {
      this.#wrongWaiting--;
    }
    throw notSignedIn('this is not the token of this gateway');
  }

  /** The session of a request's cookies; throws `not-signed-in`. */
  ofCookies(header: string | undefined, name: string): Session {
    const values = (header ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${name}=`))
      .slice(0, COOKIES_MAX)
      .map((pair) => pair.slice(name.length + 1));
    if (values.length === 0) throw notSignedIn('nobody is signed in');
    const token = this.#options.token.current();
    for (const value of values) {
      const session = this.#read(value, token);
      if (session !== undefined && this.isOpen(session)) return session;
    }
    throw notSignedIn('the session is over');
  }

  /** Whether it has neither ended nor been ended. */
  isOpen({ id, endsMs, tokenDigest }: Session): boolean {
    const leftMs = endsMs - this.#options.clock.nowMs();
    return (
      leftMs > 0 &&
      leftMs <= SESSION_MS + CLOCK_SLACK_MS &&
      !this.#signedOut.has(id) &&
      tokenDigest === digestOf(this.#options.token.current())
    );
  }

  /** The same session with its whole time before it, when it is time for that. */
  renewed(session: Session): Session | undefined {
    const spentMs = SESSION_MS - (session.endsMs - this.#options.clock.nowMs());
    return spentMs < RENEW_AFTER_MS ? undefined : this.#session(this.#options.token.current(), session.id);
  }

  signOut({ id }: Session): void {
    this.#signedOut.add(id);
    for (const oldest of this.#signedOut) {
      if (this.#signedOut.size <= SIGNED_OUT_MAX) break;
      this.#signedOut.delete(oldest);
    }
  }

  /** What the cookie carries. */
  valueOf({ id, endsMs }: Session): string {
    return `${endsMs.toString(36)}.${id}.${macOf(this.#options.token.current(), id, endsMs)}`;
  }

  #session(token: string, id: string): Session {
    return { id, endsMs: this.#options.clock.nowMs() + SESSION_MS, tokenDigest: digestOf(token) };
  }

  #read(value: string, token: string): Session | undefined {
    const [, ends, id, mac] = COOKIE.exec(value) ?? [];
    if (ends === undefined || id === undefined || mac === undefined) return undefined;
    const endsMs = Number.parseInt(ends, 36);
    // Written in one way only: another spelling of the same number is not what we signed.
    if (endsMs.toString(36) !== ends || !isSame(mac, macOf(token, id, endsMs))) return undefined;
    return { id, endsMs, tokenDigest: digestOf(token) };
  }

  #countWrong(): void {
    this.#wrongUnlogged++;
    const nowMs = this.#options.clock.steadyMs();
    if (nowMs - this.#wrongLoggedMs < WRONG_TOKENS_LOG_MS) return;
    this.#options.log.warn('wrong tokens were given to the console', { count: this.#wrongUnlogged });
    this.#wrongLoggedMs = nowMs;
    this.#wrongUnlogged = 0;
  }
}

/** Many wrong tokens wait already. */
export class TooManyWrongTokens extends Error {}

export function notSignedIn(message: string): GatewayError {
  return new GatewayError({
    code: 'not-signed-in',
    operation: 'use the console',
    place: '',
    message,
    retry: 'never',
    hint: 'on the gateway, `headgate console` opens it, or prints an address that signs in',
  });
}

function macOf(token: string, id: string, endsMs: number): string {
  return createHmac('sha256', token).update(`console session\n${endsMs}\n${id}`).digest('base64url');
}

function digestOf(token: string): string {
  return createHash('sha256').update(`console token\n${token}`).digest('base64url');
}

/** In a time that tells nothing of either, also not its length. */
function isSame(given: string, wanted: string): boolean {
  const [left, right] = [given, wanted].map((text) => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}
