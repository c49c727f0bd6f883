import { heartbeatV3, joinGroupV5, leaveGroupV3, syncGroupV3 } from '@platformatic/kafka';
import type { GatewayError } from '../../../shared/errors.ts';
import type { BrokerConnections } from './broker-connections.ts';
import {
  assignSticky,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type Subscription,
  type TopicPartition,
} from './group-protocol.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import { kafkaErrorName, replyOf, wireError } from './protocol-error.ts';
import type { PartitionInfo, ProtocolLink } from './protocol-link.ts';
import { backoffMs, type Random, type SourceClock } from './source-clock.ts';
import { WakeUp } from './wake-up.ts';

/** Which partitions this gateway should work on. Says nothing about who may commit: that is the fence's. */
export interface Membership {
  /** Until the signal aborts. Waits through every fault of the broker. */
  run(signal: AbortSignal): Promise<void>;
  /** The topics, or their partitions, changed. */
  topicsChanged(): void;
  /** Resolves once a heartbeat that was sent from now on was answered under the generation of our assignment. */
  confirm(signal: AbortSignal): Promise<void>;
  readonly problem: GatewayError | undefined;
}

export interface MembershipParts {
  readonly settings: KafkaSourceSettings;
  readonly clock: SourceClock;
  readonly random: Random;
  readonly partitions: () => readonly PartitionInfo[];
  readonly onAssigned: (partitions: readonly TopicPartition[]) => void;
}

/** All partitions, without asking anybody: one gateway alone, or the topics are shared out by configuration. */
export class FixedMembership implements Membership {
  readonly problem = undefined;
  readonly #parts: MembershipParts;

  constructor(parts: MembershipParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    this.topicsChanged();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  topicsChanged(): void {
    const { fixedPartitions } = this.#parts.settings;
    const isOurs = ({ topic, partition }: TopicPartition): boolean =>
      fixedPartitions === undefined || (fixedPartitions[topic]?.includes(partition) ?? false);
    this.#parts.onAssigned(this.#parts.partitions().filter(isOurs));
  }

  /** Two gateways with the same fixed assignment would fence each other for ever: slowly, then. */
  confirm(signal: AbortSignal): Promise<void> {
    return this.#parts.clock.wait(this.#parts.settings.timing.sessionTimeoutMs, signal);
  }
}

export interface GroupMembershipParts extends MembershipParts {
  readonly protocol: ProtocolLink;
  /** Connections of its own: a join may wait for minutes, and a broker answers the requests of a connection in order. */
  readonly connections: BrokerConnections;
  /** A rebalance begins: what can be committed now should be. */
  readonly onRebalance: () => Promise<void>;
}

const PROTOCOL_NAME = 'headgate-sticky';

/**
 * Membership of `<group>.members`, whose offsets mean nothing: join, let the leader share the partitions out, send heartbeats on a
 * timer of its own, join again when told to. Partitions are kept until an assignment says otherwise: a gateway whose heartbeats fail
 * is fenced when another one opens its partitions, not before.
 */
export class GroupMembership implements Membership {
  readonly #parts: GroupMembershipParts;
  readonly #wake = new WakeUp();
  readonly #confirmations = new Set<() => void>();
  #memberId = '';
  #generation = -1;
  #owned: readonly TopicPartition[] = [];
  #mustRejoin = false;
  #failures = 0;
  #problem: GatewayError | undefined;

  constructor(parts: GroupMembershipParts) {
    this.#parts = parts;
  }

  get problem(): GatewayError | undefined {
    return this.#problem;
  }

  get groupId(): string {
    return `${this.#parts.settings.groupId}.members`;
  }

  topicsChanged(): void {
    this.#mustRejoin = true;
    this.#wake.call();
  }

  confirm(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#confirmations.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) {
        resolve();
        return;
      }
      this.#confirmations.add(done);
      signal.addEventListener('abort', done);
      this.#wake.call();
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#parts;
    while (!signal.aborted) {
      try {
        await this.#join();
        this.#problem = undefined;
        this.#failures = 0;
        while (!signal.aborted && !this.#mustRejoin) {
          await this.#heartbeat();
          await this.#wake.sleep(settings.timing.heartbeatMs, { clock, signal });
        }
        if (!signal.aborted) await this.#parts.onRebalance();
      } catch (error) {
        if (signal.aborted) break;
        await this.#failed(error, signal);
      }
    }
    await this.#leave();
  }

  /** Throws what the broker answered; REBALANCE_IN_PROGRESS and the like lead to the next join. */
  async #heartbeat(): Promise<void> {
    // Those who ask while this one is under way wait for the next: it must have been sent after they asked.
    const asked = [...this.#confirmations];
    const connection = await this.#connection();
    await heartbeatV3.api.async(connection, this.groupId, this.#generation, this.#memberId, null);
    this.#problem = undefined;
    for (const done of asked) done();
  }

  async #join(): Promise<void> {
    const { settings, partitions } = this.#parts;
    const { sessionTimeoutMs, rebalanceTimeoutMs } = settings.timing;
    this.#mustRejoin = false;
    const topics = [...new Set(partitions().map((one) => one.topic))].sort();
    const metadata = encodeSubscription({ topics, owned: this.#owned });
    const connection = await this.#connection();
    const joined = await joinGroupV5.api.async(
      connection,
      this.groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      this.#memberId,
      null,
      'consumer',
      [{ name: PROTOCOL_NAME, metadata }],
    );
    this.#memberId = joined.memberId;
    this.#generation = joined.generationId;
    const isLeader = joined.leader === joined.memberId;
    const assignments = isLeader ? this.#share(joined.members) : [];
    const synced = await syncGroupV3.api.async(
      connection,
      this.groupId,
      joined.generationId,
      joined.memberId,
      null,
      null,
      null,
      assignments,
    );
    this.#owned = decodeAssignment(synced.assignment);
    this.#parts.onAssigned(this.#owned);
  }

  #share(members: readonly { readonly memberId: string; readonly metadata: Buffer }[]) {
    const subscriptions = new Map<string, Subscription>(
      members.map((one) => [one.memberId, decodeSubscription(one.metadata)]),
    );
    const shares = assignSticky(subscriptions, this.#parts.partitions());
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment(partitions),
    }));
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, random, settings, protocol, onRebalance } = this.#parts;
    const name = kafkaErrorName(error);
    if (name === 'MEMBER_ID_REQUIRED') {
      this.#memberId = memberIdOf(error) ?? '';
      return;
    }
    if (name === 'REBALANCE_IN_PROGRESS') {
      await onRebalance();
      return;
    }
    if (name === 'UNKNOWN_MEMBER_ID' || name === 'ILLEGAL_GENERATION') this.#memberId = '';
    protocol.forgetCoordinator('group', this.groupId);
    this.#problem = wireError(error, { operation: 'stay in the group', place: this.groupId });
    const { backoffFirstMs, heartbeatMs } = settings.timing;
    const limits = { firstMs: Math.min(backoffFirstMs, heartbeatMs), lastMs: heartbeatMs };
    await clock.wait(backoffMs(++this.#failures, limits, random), signal);
  }

  /** So that the others need not wait for the session's end. A broker that does not answer will notice by itself. */
  async #leave(): Promise<void> {
    if (this.#memberId === '' || this.#generation < 0) return;
    try {
      const connection = await this.#connection();
      await leaveGroupV3.api.async(connection, this.groupId, [
        { memberId: this.#memberId, groupInstanceId: null },
      ]);
    } catch (error) {
      // Nothing depends on it: the session times out.
      this.#problem = wireError(error, { operation: 'leave the group', place: this.groupId });
    }
  }

  async #connection() {
    return this.#parts.connections.to(await this.#parts.protocol.groupCoordinator(this.groupId));
  }
}

function memberIdOf(error: unknown): string | undefined {
  const reply = replyOf(error);
  const id: unknown = reply === undefined ? undefined : Reflect.get(Object(reply), 'memberId');
  return typeof id === 'string' ? id : undefined;
}
