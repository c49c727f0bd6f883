import { formatDuration } from '../../../shared/units.ts';
import type { SourceHost } from '../source.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import type { PartitionSession } from './partition-session.ts';
import type { SourceClock } from './source-clock.ts';

/**
 * A producer that never ends its transaction holds back the last stable offset: everything behind it is invisible, while the log
 * grows and retention goes on. Said once when it stood still for `stableStuckMs` below the end of the log.
 */
export class StableOffsetWatch {
  readonly #parts: {
    readonly settings: KafkaSourceSettings;
    readonly host: Pick<SourceHost, 'report'>;
    readonly clock: SourceClock;
  };
  readonly #standing = new WeakMap<
    PartitionSession,
    { readonly at: number; readonly sinceMs: number; isReported: boolean }
  >();

  constructor(parts: {
    readonly settings: KafkaSourceSettings;
    readonly host: Pick<SourceHost, 'report'>;
    readonly clock: SourceClock;
  }) {
    this.#parts = parts;
  }

  check(sessions: readonly PartitionSession[]): void {
    for (const session of sessions) this.#checkOne(session);
  }

  #checkOne(session: PartitionSession): void {
    const { settings, host, clock } = this.#parts;
    const { logEnd, highWatermark } = session;
    const known = this.#standing.get(session);
    if (logEnd < 0 || logEnd >= highWatermark) {
      this.#standing.delete(session);
      return;
    }
    if (known?.at !== logEnd) {
      this.#standing.set(session, { at: logEnd, sinceMs: clock.steadyMs(), isReported: false });
      return;
    }
    const stoodMs = clock.steadyMs() - known.sinceMs;
    if (known.isReported || stoodMs < settings.timing.stableStuckMs) return;
    known.isReported = true;
    host.report({
      code: 'stable-offset-stuck',
      level: 'error',
      source: settings.name,
      place: session.place,
      message: `the last stable offset stands at ${logEnd} for ${formatDuration(stoodMs)}, the log ends at ${highWatermark}`,
      hint: 'A producer left a transaction open. Find it with kafka-transactions.sh find-hanging, and abort it.',
    });
  }
}
