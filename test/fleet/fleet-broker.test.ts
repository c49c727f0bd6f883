/**
 * Goal: the model of the group (fleet-model.test.ts) speaks the truth where it matters: the scripts by which owners meet end on a real broker as
 * they do on the model, call by call.
 * Method: each script is played on both; the outcomes of all commits and what each gateway may land are compared. The calls are the real ones, and
 * lose their request or reply in the process that sends them.
 */
import { afterEach, describe, expect, it } from 'vitest';
import { PullLink } from '../../main/sources/kafka/wire/pull-link.ts';
import { systemClock } from '../../main/sources/kafka/source-clock.ts';
import {
  ProtocolLink,
  type CommittedValue,
  type GroupPartition,
  type ProducerIdentity,
} from '../../main/sources/kafka/protocol-link.ts';
import { BrokerConnections } from '../../main/sources/kafka/broker-connections.ts';
import { isWithoutKafka, kafkaSuite, type KafkaSuite } from '../sources/kafka/kafka-suite.ts';
import { FleetMember } from './fleet-member.ts';
import { FleetPlay, type Deed, type Stage } from './fleet-script.ts';
import { CallFates, type CallFate } from './group-model.ts';
import { modelStage } from './model-stage.ts';
import { until } from '../rig/until.ts';

const [a, b] = [0, 1];
const start: readonly Deed[] = [
  { do: 'produce', partition: 0, count: 10 },
  { do: 'join', who: a },
  { do: 'learn', who: a, fates: [] },
  { do: 'put', who: a, partition: 0, count: 10 },
];
const commit = (who: number, ...fates: CallFate[]): Deed => ({ do: 'commit', who, partition: 0, fates });
const learn = (who: number, ...fates: CallFate[]): Deed => ({ do: 'learn', who, fates });
/** The other one takes the partition, reads it to its end and commits. */
const takenOver = (...fates: CallFate[]): readonly Deed[] => [
  { do: 'join', who: b },
  learn(b),
  learn(b, ...fates),
  { do: 'put', who: b, partition: 0, count: 10 },
  commit(b),
];
const frozen: readonly Deed[] = [{ do: 'freeze', who: a }, ...takenOver(), { do: 'thaw', who: a }];

/** Begin, write the offset, end: the calls of a commit. */
const SCRIPTS: readonly { readonly name: string; readonly deeds: readonly Deed[] }[] = [
  { name: 'a stale member’s late commit', deeds: [...start, ...frozen, commit(a), learn(a)] },
  {
    name: 'A → B → A',
    deeds: [
      ...start,
      commit(a),
      { do: 'leave', who: a },
      { do: 'produce', partition: 0, count: 5 },
      ...takenOver(),
      { do: 'leave', who: b },
      { do: 'produce', partition: 0, count: 5 },
      { do: 'join', who: a },
      learn(a),
    ],
  },
  {
    name: 'a commit whose last reply was lost, and another takes over',
    deeds: [...start, commit(a, 'done', 'done', 'reply-lost'), { do: 'crash', who: a }, ...takenOver()],
  },
  {
    name: 'a commit whose last request was lost, and another takes over',
    deeds: [...start, commit(a, 'done', 'done', 'request-lost'), { do: 'crash', who: a }, ...takenOver()],
  },
  {
    name: 'a commit whose last request was lost, and the same one opens again',
    deeds: [...start, commit(a, 'done', 'done', 'request-lost'), learn(a)],
  },
  {
    name: 'a commit that was taken and then refused',
    deeds: [...start, commit(a, 'done', 'done', 'done-and-refused'), learn(a), ...takenOver()],
  },
  {
    name: 'death between the offset and the end',
    deeds: [...start, commit(a, 'done', 'dies-after'), ...takenOver(), { do: 'join', who: a }, learn(a)],
  },
  {
    name: 'death after the end, before it was noted',
    deeds: [
      ...start,
      commit(a, 'done', 'done', 'dies-after'),
      ...takenOver(),
      { do: 'join', who: a },
      learn(a),
    ],
  },
  {
    name: 'an end that comes in after another took over',
    deeds: [
      ...start,
      commit(a, 'done', 'done', 'late'),
      { do: 'freeze', who: a },
      ...takenOver(),
      { do: 'late' },
      { do: 'thaw', who: a },
      learn(a),
    ],
  },
  {
    name: 'an offset that comes in after another took over',
    deeds: [
      ...start,
      commit(a, 'done', 'late'),
      { do: 'freeze', who: a },
      ...takenOver(),
      { do: 'late' },
      { do: 'thaw', who: a },
      learn(a),
    ],
  },
  {
    name: 'an opening whose last reply was lost',
    deeds: [
      ...start,
      commit(a),
      { do: 'freeze', who: a },
      ...takenOver('done', 'done', 'done', 'reply-lost'),
      learn(b),
    ],
  },
  {
    name: 'death in an opening, after its end',
    deeds: [
      ...start,
      { do: 'freeze', who: a },
      ...takenOver('done', 'done', 'done', 'dies-after'),
      { do: 'thaw', who: a },
      commit(a),
      { do: 'join', who: b },
      learn(b),
    ],
  },
  {
    name: 'puts in doubt that are adopted',
    deeds: [...start, { do: 'crash', who: a }, { do: 'join', who: a }, learn(a), commit(a)],
  },
];

describe.skipIf(isWithoutKafka)('the scripts of the fleet on a real broker', () => {
  const suite = kafkaSuite('fleet');
  const closing: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((one) => one.close()));
  });

  it.each(SCRIPTS)('$name: as on the model', async ({ deeds }) => {
    const model = modelStage([0]);
    await new FleetPlay(model).play(deeds);
    await suite.newTopic();
    const real = await brokerStage(suite, closing);
    await new FleetPlay(real).play(deeds);
    const told = ({ members }: Stage) =>
      members.map(({ name, outcomes, store }) => ({
        name,
        outcomes,
        lands: store.accepted.map(({ first, next }) => [first, next]),
      }));
    expect(told(real)).toEqual(told(model));
  });
});

const LIMITS = { connectTimeoutMs: 3_000, requestTimeoutMs: 5_000 };

async function brokerStage(suite: KafkaSuite, closing: { close(): Promise<void> }[]): Promise<Stage> {
  const late: (() => Promise<unknown>)[] = [];
  const bootstrap = suite.kafka.directBootstrap;
  const { topic, group } = suite;
  const look = suite.newLink();
  // A topic that was made a moment ago may not be known yet.
  const { view, info } = await until('the topic has a leader', async () => {
    const found = await look.metadata([topic]);
    const [first] = found.partitions;
    return first === undefined || first.leader < 0 ? undefined : { view: found, info: first };
  });
  let logEnd = 0;
  const members = ['a', 'b', 'c'].map((name) => {
    const fates = new CallFates();
    const connections = new BrokerConnections({ clientId: name, tls: undefined, sasl: undefined, ...LIMITS });
    const link = new FatedLink(connections, bootstrap, fates, late);
    const pull = new PullLink({
      bootstrapServers: [bootstrap],
      clientId: name,
      ...LIMITS,
      log: () => undefined,
    });
    closing.push(link, pull);
    return {
      pull,
      member: new FleetMember(name, {
        ...{ topic, group, topicId: info.topicId, clusterId: view.clusterId, leader: info.leader },
        ...{ link, pull, clock: systemClock, fates, logEnd: () => logEnd },
      }),
    };
  });
  await Promise.all(members.map(({ pull }) => pull.connect(new AbortController().signal)));
  return {
    members: members.map(({ member }) => member),
    partitions: [0],
    produce: async (_partition, count) => {
      await suite.produce(logEnd, logEnd + count);
      logEnd += count;
    },
    logEnd: () => logEnd,
    late: async () => {
      for (const act of late.splice(0))
        await act().catch((error: unknown) => expect(error).toBeInstanceOf(Error));
    },
    time: () => Promise.resolve(),
  };
}

/** The real calls, which fare as the script says. */
class FatedLink extends ProtocolLink {
  readonly #fates: CallFates;
  readonly #late: (() => Promise<unknown>)[];

  constructor(
    connections: BrokerConnections,
    bootstrap: string,
    ...[fates, late]: [CallFates, (() => Promise<unknown>)[]]
  ) {
    super(connections, [bootstrap]);
    this.#fates = fates;
    this.#late = late;
  }

  override initProducerId(transactionalId: string, timeoutMs: number): Promise<ProducerIdentity> {
    return this.#call(() => super.initProducerId(transactionalId, timeoutMs));
  }

  override addOffsetsToTxn(producer: ProducerIdentity, group: string): Promise<void> {
    return this.#call(() => super.addOffsetsToTxn(producer, group));
  }

  override txnOffsetCommit(
    producer: ProducerIdentity,
    place: GroupPartition,
    value: CommittedValue,
  ): Promise<void> {
    return this.#call(() => super.txnOffsetCommit(producer, place, value));
  }

  override endTxn(producer: ProducerIdentity, outcome: 'commit' | 'abort'): Promise<void> {
    return this.#call(() => super.endTxn(producer, outcome));
  }

  #call<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    return this.#fates.run(act, () => void this.#late.push(act));
  }
}
