/** Calls to a target that may be made again: a server that restarts must not end an hour's walk. */
import { isGatewayError } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import type { Clock } from '../telemetry/clock.ts';

const TRIES_MAX = 8;
const WAIT_FIRST_MS = 500;
const WAIT_MS_MAX = 15 * SECOND_MS;

export interface Patience {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Tries again what its error says may be tried again. Throws the last error, and the signal's reason. */
export async function patiently<T>({ clock, signal }: Patience, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      const isWorthIt = isGatewayError(error) && error.retry !== 'never' && error.code !== 'aborted';
      if (!isWorthIt || tries >= TRIES_MAX || signal.aborted) throw error;
      await clock.sleep(Math.min(WAIT_MS_MAX, WAIT_FIRST_MS * 2 ** (tries - 1)), signal);
    }
  }
}
