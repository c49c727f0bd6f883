/** A gateway of the model tests: the real opening, fence and keeper of doubts over a store in memory; its broker is given. */
import { NO_CLAIMS } from '../../main/sources/claim-keeper.ts';
import { DoubtKeeper } from '../../main/sources/kafka/doubt-keeper.ts';
import { kafkaSourceSettings } from '../../main/sources/kafka/kafka-source-settings.ts';
import { openPartition, type OpenedPartition, type OpeningParts } from '../../main/sources/kafka/opening.ts';
import type { ProtocolLink } from '../../main/sources/kafka/protocol-link.ts';
import type { SourceClock } from '../../main/sources/kafka/source-clock.ts';
import { formatTenureMetadata } from '../../main/sources/kafka/tenure-metadata.ts';
import type { PullLink } from '../../main/sources/kafka/wire/pull-link.ts';
import type { SourceHost } from '../../main/sources/source.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { emptyBatch } from '../../shared/event-batch.ts';
import { offset } from '../../shared/model/brand.ts';
import { singleRun } from '../../shared/model/offset-runs.ts';
import { MemorySourceStore } from '../sources/kafka/memory-source-store.ts';
import type { CallFate, CallFates } from './group-model.ts';

const SOURCE = 's';
const NO_SIGNAL = new AbortController().signal;
const EMPTY = emptyBatch();

/** What a member talks to. */
export interface MemberPlace {
  readonly topic: string;
  readonly group: string;
  readonly topicId: string;
  readonly clusterId: string;
  readonly leader: number;
  readonly link: ProtocolLink;
  readonly pull: PullLink;
  readonly clock: SourceClock;
  readonly fates: CallFates;
  logEnd(partition: number): number;
}

interface Session {
  readonly opened: OpenedPartition;
  position: number;
}

export class FleetMember {
  readonly name: string;
  readonly store: MemorySourceStore;
  readonly #place: MemberPlace;
  readonly #sessions = new Map<number, Session>();
  readonly #parts: OpeningParts;
  readonly #doubts: DoubtKeeper;
  /** Whether each commit was accepted, in order: what a script on the model and on a broker must have in common. */
  readonly outcomes: string[] = [];
  isRunning = false;
  /** Stopped in its tracks: it sends no sign of life, and knows nothing of the time that passes. */
  isFrozen = false;

  constructor(name: string, place: MemberPlace, store = new MemorySourceStore(name)) {
    this.name = name;
    this.store = store;
    this.#place = place;
    const settings = kafkaSourceSettings({
      name: SOURCE,
      bootstrapServers: ['unused:9092'],
      topics: { kind: 'list', names: [place.topic] },
      groupId: place.group,
      landingTargetId: 'x',
    });
    const host: SourceHost = {
      store: this.store,
      claims: NO_CLAIMS,
      deliver: () => Promise.reject(new Error('nothing is delivered here')),
      whenOpen: () => Promise.resolve(),
      report: () => undefined,
    };
    const { link: protocol, pull, clock, clusterId } = place;
    this.#parts = { settings, host, protocol, pull, clock, fenceKind: 'transactions', clusterId };
    const isOurs = ({ partition }: { readonly partition: number }): boolean => this.#sessions.has(partition);
    this.#doubts = new DoubtKeeper({ settings, host, protocol, clock, isOurs });
  }

  /** The calls of the next deed fare so; those after them are done. */
  plan(fates: readonly CallFate[]): void {
    this.#place.fates.set(fates);
  }

  /** What it has is given up with a last commit, what is new is opened. */
  async learn(assigned: ReadonlySet<number>): Promise<void> {
    for (const partition of [...this.#sessions.keys()])
      if (!assigned.has(partition)) await this.release(partition);
    for (const partition of assigned)
      if (!this.#sessions.has(partition) && this.isRunning) await this.open(partition);
  }

  async open(partition: number): Promise<void> {
    const { topic, topicId, leader } = this.#place;
    const info = { topic, partition, topicId, leader, leaderEpoch: 0 };
    try {
      const opened = await openPartition(this.#parts, info, {
        watch: { sinceMs: undefined },
        signal: NO_SIGNAL,
      });
      this.#sessions.set(partition, { opened, position: opened.position });
    } catch (error) {
      if (this.#isOver()) return;
      if (!isGatewayError(error)) throw error;
      // A link that fails is tried again; a hold means that the facts do not fit, which no script here may bring about.
      if (error.retry === 'never')
        throw new Error(`${this.name} holds ${partition}: ${error.message}`, { cause: error });
    }
  }

  put(partition: number, count: number): void {
    const session = this.#sessions.get(partition);
    if (session === undefined) return;
    const first = session.position;
    const next = Math.min(first + count, this.#place.logEnd(partition));
    if (next <= first) return;
    const { ref, tenure } = session.opened;
    this.store.put({
      ...{ partition: ref, tenure: tenure.nonce, first: offset(first), next: offset(next) },
      ...{ fingerprint: undefined, events: EMPTY, quarantined: [] },
      dispositions: [{ kind: 'absent', channel: undefined, runs: singleRun(first, next), reason: 'model' }],
    });
    session.position = next;
  }

  async commit(partition: number): Promise<void> {
    const session = this.#sessions.get(partition);
    if (session === undefined) return;
    const { fence, tenure, metadata } = session.opened;
    const { position } = session;
    const value = { offset: position, leaderEpoch: -1, metadata: formatTenureMetadata(metadata) };
    const outcome = await fence.commit(value, { signal: NO_SIGNAL, purpose: 'progress' });
    if (this.#isOver()) return;
    this.outcomes.push(`${partition}@${position} ${outcome.kind}`);
    if (outcome.kind === 'accepted') await this.store.accept(tenure.nonce, offset(position));
    else await this.#end(partition, tenure.nonce);
  }

  async release(partition: number): Promise<void> {
    await this.commit(partition);
    const nonce = this.#sessions.get(partition)?.opened.tenure.nonce;
    if (nonce !== undefined) await this.#end(partition, nonce);
  }

  async keepDoubts(partitions: readonly number[]): Promise<void> {
    const { topic } = this.#place;
    const places = partitions.filter((one) => !this.#sessions.has(one));
    await this.#doubts.check(
      places.map((partition) => ({ topic, partition })),
      NO_SIGNAL,
    );
    this.#isOver();
  }

  /** SIGKILL: what is not in the store did not happen. */
  die(): void {
    this.#sessions.clear();
    this.#place.fates.isDead = false;
    this.isRunning = false;
    this.isFrozen = false;
  }

  async #end(partition: number, nonce: string): Promise<void> {
    await this.store.endTenure(nonce);
    this.#sessions.delete(partition);
  }

  /** Its process ended in one of the calls. */
  #isOver(): boolean {
    if (!this.#place.fates.isDead) return false;
    this.die();
    return true;
  }
}
