import { isGatewayError } from '../../../shared/errors.ts';
import { offset } from '../../../shared/model/brand.ts';
import type { PartitionState, TenureRow } from '../../../shared/model/partition.ts';
import type { SourceHost } from '../source.ts';
import { readStableValue } from './fence.ts';
import type { TopicPartition } from './group-protocol.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import { boundaryAfter, doubtOf, type DoubtVerdict } from './opening-verdict.ts';
import type { CommittedValue, ProtocolLink } from './protocol-link.ts';
import type { SourceClock } from './source-clock.ts';
import { parseTenureMetadata } from './tenure-metadata.ts';

/**
 * Settles doubts about partitions that are not ours any more, so that what we accepted lands although we never open them again
 * (exactly-once.md §4): by a later tenure that the offset's metadata shows, or because the topic itself is gone.
 *
 * 1. A doubt is settled only by the end of its tenure as its successor wrote it, within what the database knows of it.
 * 2. A deleted topic's puts land only when its id is unknown to the brokers and the group has no offset for it either: then no later
 *    tenure is seen, and nobody can pull those events again. Everything else stays in doubt.
 */
export interface DoubtKeeperParts {
  readonly settings: KafkaSourceSettings;
  readonly host: SourceHost;
  readonly protocol: ProtocolLink;
  readonly clock: SourceClock;
  /** A worker has it, which settles its doubts when it opens. */
  readonly isOurs: (place: TopicPartition) => boolean;
}

export class DoubtKeeper {
  readonly #parts: DoubtKeeperParts;

  constructor(parts: DoubtKeeperParts) {
    this.#parts = parts;
  }

  /** Looks at each of the partitions, none of which may be open. A link that fails is no matter: they are looked at again. */
  async check(places: readonly TopicPartition[], signal: AbortSignal): Promise<void> {
    for (const place of places) {
      if (signal.aborted) return;
      try {
        await this.#checkOne(place, signal);
      } catch (error) {
        if (!isGatewayError(error)) throw error;
      }
    }
  }

  async #checkOne(place: TopicPartition, signal: AbortSignal): Promise<void> {
    const { host, settings, protocol, clock } = this.#parts;
    const key = { source: settings.name, ...keyOf(place) };
    let state = await host.store.partitionState(key);
    // A crash left it open, and the partition was not given to us again.
    const left = state?.tenures.find((row) => row.state === 'open');
    if (this.#parts.isOurs(place)) return;
    if (left !== undefined) {
      await host.store.endTenure(left.nonce);
      state = await host.store.partitionState(key);
    }
    const rows = state?.tenures.filter((row) => row.state === 'doubt') ?? [];
    if (state === undefined || rows.length === 0) return;
    const at = { group: settings.groupId, ...keyOf(place) };
    const committed = await readStableValue({ link: protocol, clock, place: at }, signal);
    const isGone =
      committed.offset < 0 && state.topicId !== '' && (await protocol.isTopicGone(state.topicId));
    for (const row of rows) {
      const verdict = isGone ? landable(row) : verdictOf(row, committed);
      if (verdict !== undefined) await this.#settle(state, verdict, isGone);
    }
  }

  async #settle(state: PartitionState, verdict: DoubtVerdict, isGone: boolean): Promise<void> {
    const { host, settings } = this.#parts;
    const { nonce, acceptTo, rest } = verdict;
    // Given to us meanwhile: its opening decides, and reads the state after all that was sent to the store before.
    if (this.#parts.isOurs(state.ref)) return;
    const accepting = acceptTo === undefined ? undefined : host.store.accept(nonce, offset(acceptTo));
    const isSettled = rest === 'accepted' || rest === 'rejected';
    await Promise.all([accepting, isSettled ? host.store.resolveDoubt(nonce, rest) : undefined]);
    const why = isGone ? 'the topic is gone and no later tenure was seen' : 'a later tenure shows it';
    host.report({
      code: 'doubt-resolved',
      level: 'info',
      source: settings.name,
      place: `${state.ref.topic}/${state.ref.partition}`,
      message: `puts in doubt of tenure ${nonce}: ${acceptTo === undefined ? '' : `accepted to ${acceptTo}, the rest `}${rest} (${why})`,
      hint: undefined,
    });
  }
}

function keyOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}

function landable(row: TenureRow): DoubtVerdict {
  return { nonce: row.nonce, acceptTo: undefined, rest: 'accepted' };
}

/** undefined: still in doubt. */
function verdictOf(row: TenureRow, committed: CommittedValue): DoubtVerdict | undefined {
  const parsed = parseTenureMetadata(committed.metadata);
  if (parsed.kind !== 'ours') return undefined;
  const entry = parsed.metadata.entries.find((one) => one.nonce === row.nonce);
  const end = entry?.end;
  if (entry === undefined || end === undefined || end < row.acceptedTo || end > row.putTo) return undefined;
  const verdict = doubtOf(row, end, boundaryAfter(parsed.metadata, entry));
  return verdict.rest === 'hold' && verdict.acceptTo === undefined ? undefined : verdict;
}
