/**
 * A model of what a Kafka does for a group: a log a partition, transactions on the group's offsets with their epochs and time-outs, and
 * who is given which partition. Calls may lose their request or their reply, come late, be refused although they were done, or be
 * the last thing a process does. Everything else of a gateway in the tests of the fleet is real: the fence, the opening, its verdict, the
 * keeper of doubts.
 */
import { BrokerConnections } from '../../main/sources/kafka/broker-connections.ts';
import { transactionalIdOf } from '../../main/sources/kafka/fence.ts';
import { isCoordinatorName, kafkaErrorName, wireError } from '../../main/sources/kafka/protocol-error.ts';
import {
  NO_COMMITTED_VALUE,
  ProtocolLink,
  type CommittedValue,
  type GroupPartition,
  type ProducerIdentity,
} from '../../main/sources/kafka/protocol-link.ts';
import { PullLink, type PartitionFetch } from '../../main/sources/kafka/wire/pull-link.ts';
import { GatewayError } from '../../shared/errors.ts';

export const TOPIC = 'fleet';
export const GROUP = 'fleet-group';
export const TOPIC_ID = 'topic-id-1';
/** Waits of a caller after which an open transaction times out. */
const WAITS_UNTIL_TIMEOUT = 3;

/**
 * What becomes of a call. `late`: the request comes in when the script says so, long after the caller gave up. `dies-…`: the
 * process ends before, or after, the broker did what was asked.
 */
export const CALL_FATES = [
  'done',
  'request-lost',
  'reply-lost',
  'late',
  'done-and-refused',
  'dies-before',
  'dies-after',
] as const;
export type CallFate = (typeof CALL_FATES)[number];

/** The process of the caller has ended: nothing catches it but the script. */
export class Death extends Error {}

/** An answer of the broker, in the form that `kafkaErrorName` reads. */
export class Refusal extends Error {
  readonly apiId: string;

  constructor(apiId: string) {
    super(`the broker answered ${apiId}`);
    this.apiId = apiId;
  }
}

interface Transaction {
  readonly epoch: number;
  pending: CommittedValue | undefined;
  waits: number;
}

class PartitionModel {
  logEnd = 0;
  epoch = 0;
  committed: CommittedValue = NO_COMMITTED_VALUE;
  open: Transaction | undefined;

  /** Ends what is open; its owner's epoch is over. */
  abort(): void {
    if (this.open === undefined) return;
    this.open = undefined;
    this.epoch++;
  }
}

export class GroupModel {
  readonly #partitions = new Map<number, PartitionModel>();
  readonly #late: (() => void)[] = [];

  partition(id: number): PartitionModel {
    let found = this.#partitions.get(id);
    if (found === undefined) this.#partitions.set(id, (found = new PartitionModel()));
    return found;
  }

  /** Requests that were on their way come in now, in any order that the script chose: oldest first. */
  deliverLate(): void {
    for (const act of this.#late.splice(0)) {
      try {
        act();
      } catch (error) {
        // Nobody waits for the answer any more.
        if (!(error instanceof Refusal)) throw error;
      }
    }
  }

  later(act: () => void): void {
    this.#late.push(act);
  }

  initProducerId(id: number): number {
    const at = this.partition(id);
    if (at.open !== undefined) {
      at.abort();
      throw new Refusal('CONCURRENT_TRANSACTIONS');
    }
    return ++at.epoch;
  }

  begin(id: number, epoch: number): void {
    const at = this.#current(id, epoch);
    at.open ??= { epoch, pending: undefined, waits: 0 };
  }

  commitOffset(id: number, epoch: number, value: CommittedValue): void {
    const { open } = this.#current(id, epoch);
    if (open === undefined) throw new Refusal('INVALID_TXN_STATE');
    open.pending = value;
  }

  end(id: number, epoch: number, outcome: 'commit' | 'abort'): void {
    const at = this.#current(id, epoch);
    if (at.open === undefined) throw new Refusal('INVALID_TXN_STATE');
    if (outcome === 'commit' && at.open.pending !== undefined) at.committed = at.open.pending;
    at.open = undefined;
  }

  fetch(id: number, isStable: boolean): CommittedValue {
    const { open, committed } = this.partition(id);
    if (isStable && open?.pending !== undefined) throw new Refusal('UNSTABLE_OFFSET_COMMIT');
    return committed;
  }

  /** Time passes for whoever waits; a transaction that stays open so long is ended by the coordinator. */
  wait(): void {
    for (const at of this.#partitions.values())
      if (at.open !== undefined && ++at.open.waits >= WAITS_UNTIL_TIMEOUT) at.abort();
  }

  #current(id: number, epoch: number): PartitionModel {
    const at = this.partition(id);
    if (epoch !== at.epoch) throw new Refusal('INVALID_PRODUCER_EPOCH');
    return at;
  }
}

/** How the calls of one process fare: a fate for each that changes something, then `done`. */
export class CallFates {
  /** Nothing is sent any more. */
  isDead = false;
  #fates: CallFate[] = [];

  set(fates: readonly CallFate[]): void {
    this.#fates = [...fates];
  }

  /** Runs a call as the next fate wants it; `later` takes a request that is still on its way. */
  async run<Answer>(call: () => Promise<Answer>, later: () => void): Promise<Answer> {
    if (this.isDead) throw new Death('a dead process calls nobody');
    const fate = this.#fates.shift() ?? 'done';
    try {
      return await fated(fate, call, later);
    } catch (error) {
      if (error instanceof Death) this.isDead = true;
      const name = kafkaErrorName(error);
      // The coordinator did nothing and wants to be asked again: the fate is of the call that does something.
      if (name !== undefined && isCoordinatorName(name)) this.#fates.unshift(fate);
      throw error instanceof Refusal ? wireError(error, { operation: 'call', place: 'model' }) : error;
    }
  }
}

async function fated<Answer>(
  fate: CallFate,
  call: () => Promise<Answer>,
  later: () => void,
): Promise<Answer> {
  if (fate === 'dies-before') throw new Death('before the call');
  if (fate === 'request-lost') throw unanswered();
  if (fate === 'late') {
    later();
    throw unanswered();
  }
  const answer = await call();
  if (fate === 'dies-after') throw new Death('after the call');
  if (fate === 'reply-lost') throw unanswered();
  if (fate === 'done-and-refused') throw new Refusal('INVALID_PRODUCER_EPOCH');
  return answer;
}

function unanswered(): GatewayError {
  return new GatewayError({
    code: 'timeout',
    operation: 'ask the broker',
    place: 'model',
    message: 'no answer came',
    retry: 'backoff',
    hint: 'a test’s fault',
  });
}

const NOWHERE = new BrokerConnections({
  clientId: 'model',
  tls: undefined,
  sasl: undefined,
  connectTimeoutMs: 1,
  requestTimeoutMs: 1,
});

/** The protocol calls of one process against the model. */
export class ModelLink extends ProtocolLink {
  readonly #model: GroupModel;
  readonly #fates: CallFates;

  constructor(model: GroupModel, fates: CallFates) {
    super(NOWHERE, ['model:9092']);
    this.#model = model;
    this.#fates = fates;
  }

  override groupMembers(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  override isTopicGone(): Promise<boolean> {
    return Promise.resolve(false);
  }

  override endOfLeaderEpoch(): Promise<number | undefined> {
    return Promise.resolve(undefined);
  }

  override async offsetFetch(place: GroupPartition, isStable: boolean): Promise<CommittedValue> {
    await Promise.resolve();
    try {
      return this.#model.fetch(place.partition, isStable);
    } catch (error) {
      throw wireError(error, { operation: 'fetch', place: 'model' });
    }
  }

  override initProducerId(transactionalId: string): Promise<ProducerIdentity> {
    const partition = Number(transactionalId.split(':')[2]);
    return this.#call(() => ({
      ...{ transactionalId, producerId: 1n },
      producerEpoch: this.#model.initProducerId(partition),
    }));
  }

  override addOffsetsToTxn(producer: ProducerIdentity): Promise<void> {
    return this.#call(() => this.#model.begin(partitionOf(producer), producer.producerEpoch));
  }

  override txnOffsetCommit(
    producer: ProducerIdentity,
    place: GroupPartition,
    value: CommittedValue,
  ): Promise<void> {
    return this.#call(() => this.#model.commitOffset(place.partition, producer.producerEpoch, value));
  }

  override endTxn(producer: ProducerIdentity, outcome: 'commit' | 'abort'): Promise<void> {
    return this.#call(() => this.#model.end(partitionOf(producer), producer.producerEpoch, outcome));
  }

  #call<Answer>(act: () => Answer): Promise<Answer> {
    return this.#fates.run(
      async () => act(),
      () => this.#model.later(act),
    );
  }
}

function partitionOf({ transactionalId }: ProducerIdentity): number {
  return Number(transactionalId.split(':')[2]);
}

export function placeOf(partition: number): GroupPartition {
  return { group: GROUP, topic: TOPIC, partition };
}

if (transactionalIdOf(placeOf(7)).split(':')[2] !== '7')
  throw new Error('the model reads the partition from the transactional id');

/** The logs of the model: no record can be read, so no fingerprint is compared; where they begin and end is known. */
export class ModelPull extends PullLink {
  readonly #model: GroupModel;

  constructor(model: GroupModel) {
    super({
      ...{ bootstrapServers: ['model:9092'], clientId: 'model', connectTimeoutMs: 1, requestTimeoutMs: 1 },
      log: () => undefined,
    });
    this.#model = model;
  }

  override listOffsets(
    ...[{ partitions }]: Parameters<PullLink['listOffsets']>
  ): ReturnType<PullLink['listOffsets']> {
    return Promise.resolve(
      partitions.map(({ topic, partition, timestampMs }) => ({
        ...{ topic, partition, error: undefined, timestampMs: -1 },
        offset: timestampMs === -2 ? 0 : this.#model.partition(partition).logEnd,
      })),
    );
  }

  override fetch(...[{ partitions }]: Parameters<PullLink['fetch']>): Promise<PartitionFetch[]> {
    return Promise.resolve(partitions.map(({ topic, partition }) => nothingAt(topic, partition)));
  }
}

function nothingAt(topic: string, partition: number): PartitionFetch {
  return {
    ...{ topic, partition, fetchOffset: 0, error: 'OFFSET_OUT_OF_RANGE', records: Buffer.alloc(0) },
    ...{ highWatermark: -1, lastStableOffset: -1, logStartOffset: 0, abortedTransactions: [] },
  };
}
