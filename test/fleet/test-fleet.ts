/** Several gateways of one site in a test: one topic, one group, one root in HDFS; each with a state directory and an engine of its own. */
import type { FleetAuditReport, FleetStatus } from '../../shared/contract/control-fleet.ts';
import { describeVerdict, type Verdict } from '../rig/judge.ts';
import type { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { TestGateway, type GatewayOptions } from '../e2e/test-gateway.ts';

const LANDED_LIMIT_MS = 90_000;
export const PARTITIONS = 4;

export interface FleetOptions extends GatewayOptions {
  /** Members whose engine reaches Kafka past the rig's proxy; the others go through it, where there is one. */
  readonly direct?: readonly number[];
  /** What one member has for itself, by its number. */
  readonly own?: Readonly<Record<number, GatewayOptions>>;
}

/** `a` and `b` (and `c`): fleets are small, and a test speaks of each. */
export class TestFleet implements AsyncDisposable {
  readonly name: string;
  readonly members: readonly TestGateway[];

  private constructor(name: string, members: readonly TestGateway[]) {
    this.name = name;
    this.members = members;
  }

  static async create(rig: Rig, name: string, size: number, options: FleetOptions = {}): Promise<TestFleet> {
    const { direct = [], own = {}, ...common } = options;
    const members: TestGateway[] = [];
    for (let number = 0; number < size; number++) {
      const id = number === 0 ? name : `${name}-${'abcdefgh'.charAt(number)}`;
      const mine = own[number] ?? {};
      members.push(
        await TestGateway.create(rig, id, {
          partitions: PARTITIONS,
          ...common,
          ...mine,
          isTopicMissing: number > 0,
          source: {
            'kafka.topics': [name],
            'kafka.consumer.group.id': name,
            ...(direct.includes(number) ? { 'kafka.bootstrap.servers': [rig.kafka.directBootstrap] } : {}),
            ...common.source,
            ...mine.source,
          },
          sink: { 'hdfs.path': `/logs/${name}/%Y-%m-%d/%H`, ...common.sink, ...mine.sink },
          more: { alerts: { silentPeer: '10s' }, ...common.more, ...mine.more },
        }),
      );
    }
    return new TestFleet(name, members);
  }

  get a(): TestGateway {
    return this.#member(0);
  }

  get b(): TestGateway {
    return this.#member(1);
  }

  get c(): TestGateway {
    return this.#member(2);
  }

  /** What lands is counted over all of them. */
  produce(count: number): Promise<void> {
    return this.a.produce(count);
  }

  /** Owned partitions by the member's own word; [] when it does not answer. */
  async owned(member: TestGateway): Promise<number[]> {
    const status = await member.status().catch(() => undefined);
    const partitions = status?.sources[0]?.partitions ?? [];
    return partitions
      .filter(({ state }) => state === 'flowing' || state === 'caught-up')
      .map(({ partition }) => partition);
  }

  /** Until the member works on so many partitions. */
  untilOwns(member: TestGateway, count: number): Promise<void> {
    return this.#until(
      `${member.name} has ${count} partitions`,
      async () => (await this.owned(member)).length === count,
    );
  }

  /** Until each of these works on some partitions and together they have all. */
  async untilShared(...members: readonly TestGateway[]): Promise<void> {
    await this.#until('the partitions are shared', async () => {
      const shares = await Promise.all(members.map((member) => this.owned(member)));
      const all = shares.flat().sort();
      return shares.every((share) => share.length > 0) && all.join() === partitionsOf(this.a).join();
    });
  }

  /** Until everything that was produced stands in HDFS, by the judge's count, and nothing else does. */
  async verdict(): Promise<Verdict> {
    let verdict: Verdict | undefined;
    await this.#until(
      'all has landed',
      async () => {
        verdict = await this.a.judge();
        const isWrong = verdict.duplicates.count > 0 || verdict.unwanted.count > 0 || verdict.torn.count > 0;
        return isWrong || (verdict.found >= this.a.producedEvents && verdict.hidden.length === 0);
      },
      () => (verdict === undefined ? '' : describeVerdict(verdict)),
    );
    if (verdict === undefined || !verdict.isClean || verdict.hidden.length > 0)
      throw new Error(
        `${this.name}: ${verdict === undefined ? '' : describeVerdict(verdict)}\n${this.#tails()}`,
      );
    return verdict;
  }

  /** The verdict, and that the books of those that run agree. */
  async wholeVerdict(...members: readonly TestGateway[]): Promise<Verdict> {
    const verdict = await this.verdict();
    for (const member of members) {
      const report = await member.audit('hdfs');
      if (report.verdict === 'clean') continue;
      const { coverage: _left, ...short } = report;
      throw new Error(`${member.name}: the audit says ${JSON.stringify(short)}\n${member.engine.tail}`);
    }
    return verdict;
  }

  /** The fleet as one member sees it. */
  status(member: TestGateway): Promise<FleetStatus> {
    return member.engine.client.call('fleetStatus', {});
  }

  /** Until one member sees the fleet as the condition wants it. */
  async untilSeen(
    member: TestGateway,
    what: string,
    condition: (status: FleetStatus) => boolean,
  ): Promise<FleetStatus> {
    let last: FleetStatus | undefined;
    await this.#until(
      what,
      async () => condition((last = await this.status(member))),
      () => JSON.stringify(last, null, 1),
    );
    if (last === undefined) throw new Error('never asked');
    return last;
  }

  /** `headgate audit --fleet` from one member, to its end. */
  async audit(member: TestGateway, level: FleetAuditReport['level'] = 'files'): Promise<FleetAuditReport> {
    const { client } = member.engine;
    const { jobId } = await client.call('fleetAuditStart', { level, by: 'test' });
    await this.#until('the fleet audit ends', async () => {
      const { jobs } = await client.call('jobs', {});
      return jobs.find(({ id }) => id === jobId)?.state !== 'running';
    });
    return client.call('fleetAuditResult', { jobId });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.members) await member[Symbol.asyncDispose]();
  }

  #member(at: number): TestGateway {
    const member = this.members[at];
    if (member === undefined) throw new Error(`the fleet has no member ${at}`);
    return member;
  }

  #tails(): string {
    return this.members
      .filter((member) => member.wasStarted)
      .map((member) => `--- ${member.name}\n${member.engine.tail}`)
      .join('\n');
  }

  async #until(what: string, condition: () => Promise<boolean>, explain = () => ''): Promise<void> {
    await until(what, condition, LANDED_LIMIT_MS).catch((error: unknown) => {
      throw new Error(`${this.name}: ${String(error)}\n${explain()}\n${this.#tails()}`, { cause: error });
    });
  }
}

function partitionsOf(gateway: TestGateway): number[] {
  return Array.from({ length: gateway.partitions }, (_, partition) => partition);
}
