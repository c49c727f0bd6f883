import { isGatewayError } from '../../../shared/errors.ts';
import type { LinkWatch } from './link-watch.ts';
import type { PartitionSession } from './partition-session.ts';
import type { SourceClock } from './source-clock.ts';
import type { PullLink } from './wire/pull-link.ts';

/** An answer to a fetch tells where the log ends; while nothing is fetched, it is asked for this often. */
const LOOK_MS = 15_000;
const AT_THE_START = -2;
const AT_THE_END = -1;

/**
 * While intake waits for room, nobody hears from the broker how far the log has grown and how much of it retention took. But it is
 * just then that lag and the data-loss countdown matter, so the ends of the logs are asked for.
 */
export class LogEndWatch {
  readonly #parts: {
    readonly pull: Pick<PullLink, 'listOffsets'>;
    readonly clock: SourceClock;
    readonly linkWatch: LinkWatch;
  };
  #isAsking = false;
  #askedMs = -Infinity;

  constructor(parts: {
    readonly pull: Pick<PullLink, 'listOffsets'>;
    readonly clock: SourceClock;
    readonly linkWatch: LinkWatch;
  }) {
    this.#parts = parts;
  }

  /** To be called from time to time with the sessions that are not fetched for. Rejects for programmer errors only. */
  async check(sessions: readonly PartitionSession[], signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    if (sessions.length === 0 || this.#isAsking || clock.steadyMs() - this.#askedMs < LOOK_MS) return;
    this.#isAsking = true;
    this.#askedMs = clock.steadyMs();
    try {
      for (const [node, led] of Map.groupBy(sessions, ({ leader }) => leader))
        await this.#ask(node, led, signal);
    } finally {
      this.#isAsking = false;
    }
  }

  async #ask(node: number, sessions: readonly PartitionSession[], signal: AbortSignal): Promise<void> {
    const { pull, linkWatch } = this.#parts;
    try {
      for (const timestampMs of [AT_THE_START, AT_THE_END]) {
        const partitions = sessions.map(({ opened: { ref } }) => ({
          topic: ref.topic,
          partition: ref.partition,
          timestampMs,
        }));
        for (const { topic, partition, error, offset } of await pull.listOffsets(
          { node, partitions },
          signal,
        )) {
          const session = sessions.find(
            ({ opened: { ref } }) => ref.topic === topic && ref.partition === partition,
          );
          if (session === undefined || error !== undefined || offset < 0) continue;
          if (timestampMs === AT_THE_END) session.logEnd = offset;
          else session.logStart = offset;
        }
      }
      linkWatch.answered();
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      if (!signal.aborted) linkWatch.failed(error);
    }
  }
}
