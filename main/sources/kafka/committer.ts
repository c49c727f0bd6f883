import { GatewayError } from '../../../shared/errors.ts';
import { offset } from '../../../shared/model/brand.ts';
import type { SourceHost } from '../source.ts';
import { isFencedName } from './protocol-error.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import type { PartitionSession } from './partition-session.ts';
import type { SourceClock } from './source-clock.ts';
import type { MutableCounters } from './source-counters.ts';
import { formatTenureMetadata, parseTenureMetadata } from './tenure-metadata.ts';

/**
 * Commits run behind puts: about once a second for each partition, up to the last put that is durable, under its tenure.
 *
 * 1. Nothing beyond `durableTo` is ever committed. 2. One commit of a partition at a time. 3. The store hears `accept` only after the
 * outcome `accepted`; any other outcome ends the session, and the next opening finds out. 4. An idle partition's committed value is
 * read now and then: a value that is not ours ends the session too, and the opening decides whether to hold.
 */
export interface CommitterParts {
  readonly settings: KafkaSourceSettings;
  readonly host: SourceHost;
  readonly clock: SourceClock;
  readonly counters: MutableCounters;
  readonly sessions: () => readonly PartitionSession[];
}

/** Partitions that commit at the same time: their calls share the connections, which have as many under way (broker-connections.ts). */
const COMMITS_AT_ONCE_MAX = 32;
/** A stale coordinator may answer a read; a value that is not ours must be seen more than once. */
const CHECK_READS = 3;
const CHECK_SPACING_MS = 500;

export class Committer {
  readonly #parts: CommitterParts;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#parts;
    while (!signal.aborted) {
      await clock.wait(settings.timing.commitIntervalMs, signal);
      if (!signal.aborted) await this.commitAll(signal);
    }
  }

  /** Commits what is durable everywhere; resolves when all outcomes are known. Never rejects for a commit that failed. */
  async commitAll(signal: AbortSignal): Promise<void> {
    const due = this.#parts.sessions().filter((session) => !session.isEnded);
    for (let at = 0; at < due.length; at += COMMITS_AT_ONCE_MAX) {
      const some = due.slice(at, at + COMMITS_AT_ONCE_MAX);
      await Promise.all(some.map((session) => this.#tend(session, signal)));
    }
  }

  /** Commits up to `durableTo` unless that is done; also for a session that has ended and was not reopened. */
  async commit(session: PartitionSession, signal: AbortSignal): Promise<void> {
    while (session.commitUnderWay !== undefined) await session.commitUnderWay;
    const work = this.#commitNow(session, signal).finally(() => {
      session.commitUnderWay = undefined;
    });
    session.commitUnderWay = work;
    await work;
  }

  async #tend(session: PartitionSession, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#parts;
    const nowMs = clock.steadyMs();
    const isRenewalDue = nowMs - session.lastCommitMs >= settings.timing.renewMs;
    if (session.durableTo > session.acceptedTo || isRenewalDue) {
      await this.commit(session, signal);
    } else if (nowMs - Math.max(session.lastCheckMs, session.lastCommitMs) >= settings.timing.idleCheckMs) {
      await this.#check(session, signal);
    }
  }

  async #commitNow(session: PartitionSession, signal: AbortSignal): Promise<void> {
    const { host, clock, counters } = this.#parts;
    const { fence, metadata, tenure } = session.opened;
    const to = session.durableTo;
    const { fingerprint } = session;
    const value = {
      offset: to,
      leaderEpoch: fingerprint?.leaderEpoch ?? -1,
      metadata: formatTenureMetadata({ ...metadata, fingerprint }),
    };
    const outcome = await fence.commit(value, { signal, purpose: 'progress' });
    if (outcome.kind !== 'accepted') {
      this.#refused(session, outcome.error, outcome.kind === 'refused' && isFencedName(outcome.name));
      return;
    }
    session.lastCommitMs = clock.steadyMs();
    counters.commits++;
    if (to === session.acceptedTo) return;
    try {
      await host.store.accept(tenure.nonce, offset(to));
      session.acceptedTo = to;
    } catch (cause) {
      // The broker has it, the disk does not: the opening reads it from the broker.
      const message = 'the accepted offset could not be stored';
      session.reopen('commit', this.#error(session, { code: 'io-error', message, cause }));
    }
  }

  #refused(session: PartitionSession, error: GatewayError, isFenced: boolean): void {
    const { host, settings } = this.#parts;
    host.report({
      code: isFenced ? 'fenced' : 'doubt',
      level: 'warn',
      source: settings.name,
      place: session.place,
      message: `a commit of ${session.durableTo} was not accepted (${error.message}); puts from ${session.acceptedTo} are in doubt`,
      hint: 'The next opening of the partition finds out; nothing is lost or landed meanwhile.',
    });
    session.reopen('commit', error);
  }

  async #check(session: PartitionSession, signal: AbortSignal): Promise<void> {
    const { clock, host, settings } = this.#parts;
    session.lastCheckMs = clock.steadyMs();
    let found = '';
    for (let read = 1; read <= CHECK_READS; read++) {
      try {
        const value = await session.opened.fence.readStable(signal);
        if (session.isEnded || signal.aborted) return;
        const parsed = parseTenureMetadata(value.metadata);
        const nonce = parsed.kind === 'ours' ? parsed.metadata.entries.at(-1)?.nonce : undefined;
        if (value.offset === session.acceptedTo && nonce === session.opened.tenure.nonce) return;
        found = `offset ${value.offset} under ${nonce === undefined ? 'no tenure' : `tenure ${nonce}`}`;
      } catch {
        // A link that fails is reported where pulling fails; the check comes round again.
        return;
      }
      await clock.wait(CHECK_SPACING_MS, signal);
    }
    if (session.durableTo > session.acceptedTo || session.isEnded) return;
    const message = `the group's committed value is not ours: ${found}, we committed ${session.acceptedTo}`;
    const hint =
      'Somebody reset it, or another gateway took the partition. Use Headgate’s own command to move offsets.';
    host.report({ code: 'held', level: 'error', source: settings.name, place: session.place, message, hint });
    session.reopen('commit', this.#error(session, { code: 'group-reset', message, cause: undefined }));
  }

  #error(
    session: PartitionSession,
    what: { readonly code: 'io-error' | 'group-reset'; readonly message: string; readonly cause: unknown },
  ): GatewayError {
    return new GatewayError({
      ...what,
      operation: 'commit the offset',
      place: session.place,
      retry: 'backoff',
      hint: 'The partition is opened again.',
    });
  }
}
