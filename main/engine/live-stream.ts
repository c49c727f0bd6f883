/**
 * Everybody who follows the engine: the whole status when it changed, and alerts, jobs and log lines as they come. Nobody's slowness is felt
 * here: who reads too slowly is cut off by the server.
 */
import type { StreamEvent } from '../../shared/contract/control.ts';
import type { LogLine } from '../../shared/contract/control-history.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { MIB, SECOND_MS } from '../../shared/units.ts';

/** How often the status is looked at for those who follow. */
export const LIVE_INTERVAL_MS = 250;
/** A status goes out after this also when nothing changed, so that silence means that the engine hangs. */
export const HEARTBEAT_MS = 5 * SECOND_MS;
/** A storm of log lines: so many at once, and so many a second after that. The others are counted, and the log book has them. */
export const LOG_BURST_MAX = 200;
export const LOG_LINES_PER_SECOND = 50;

/** What other programs do to the disk is no news below this. */
const DISK_STEP_BYTES = 16 * MIB;

type Listener = (event: StreamEvent) => void;

export class LiveStream {
  readonly #steadyMs: () => number;
  readonly #listeners = new Set<Listener>();
  #told = '';
  #toldMs = -Infinity;
  #logTokens = LOG_BURST_MAX;
  #logTokensMs: number;
  #leftOut = 0;
  #lastLeftOut: LogLine | undefined;

  constructor(steadyMs: () => number) {
    this.#steadyMs = steadyMs;
    this.#logTokensMs = steadyMs();
  }

  get isFollowed(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
  }

  delete(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  publish(event: StreamEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Sends a status that differs from the last one, or when the last one is old. */
  offer(status: EngineStatus): void {
    if (!this.isFollowed) return;
    this.#tellLeftOut();
    const steadyMs = this.#steadyMs();
    const text = comparable(status);
    if (text === this.#told && steadyMs - this.#toldMs < HEARTBEAT_MS) return;
    this.#told = text;
    this.#toldMs = steadyMs;
    this.publish({ type: 'status', status });
  }

  log(line: LogLine): void {
    if (!this.isFollowed) return;
    this.#refill();
    if (this.#logTokens < 1) {
      this.#leftOut++;
      this.#lastLeftOut = line;
      return;
    }
    this.#tellLeftOut();
    this.#logTokens--;
    this.publish({ type: 'log', line });
  }

  /** One line in place of those that were left out, under the id of the last of them. */
  #tellLeftOut(): void {
    const last = this.#lastLeftOut;
    this.#refill();
    if (last === undefined || this.#logTokens < 1) return;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#lastLeftOut = undefined;
    this.#logTokens--;
    const message = `${leftOut} lines of the log are left out here; the log has them`;
    this.publish({ type: 'log', line: { ...last, level: 'warn', message, fields: { leftOut } } });
  }

  #refill(): void {
    const steadyMs = this.#steadyMs();
    const more = ((steadyMs - this.#logTokensMs) * LOG_LINES_PER_SECOND) / SECOND_MS;
    this.#logTokensMs = steadyMs;
    this.#logTokens = Math.min(LOG_BURST_MAX, this.#logTokens + more);
  }
}

/** A status without what always differs: a client that sees nothing else change learns that with the heartbeat. */
function comparable(status: EngineStatus): string {
  const coarse = (bytes = 0): number => Math.round(bytes / DISK_STEP_BYTES);
  const channels = status.channels.map((channel) => ({
    ...channel,
    freeDiskBytes: coarse(channel.freeDiskBytes),
    roomBytes: coarse(channel.roomBytes),
  }));
  return JSON.stringify({ ...status, channels, nowMs: 0, memoryBytes: 0 });
}
