import type { Clock } from '../../telemetry/clock.ts';

/** How long a DataNode that failed is passed over. Longer than it takes the NameNode to notice a dead one (10.5 min). */
const AVOID_MS = 11 * 60_000;
const MAX_SERVERS = 64;

/** DataNodes that failed an upload lately, `host:port`. The NameNode goes on naming a dead one until it declares it dead. */
export class FailedServers {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(server: string): void {
    this.#untilMs.delete(server);
    this.#untilMs.set(server, this.#clock.steadyMs() + AVOID_MS);
    const [oldest] = this.#untilMs.keys();
    if (this.#untilMs.size > MAX_SERVERS && oldest !== undefined) this.#untilMs.delete(oldest);
  }

  /** It took a file: whatever was wrong is over. */
  forget(server: string): void {
    this.#untilMs.delete(server);
  }

  get all(): readonly string[] {
    const nowMs = this.#clock.steadyMs();
    for (const [server, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(server);
    return [...this.#untilMs.keys()];
  }
}
