/** Scripts of what happens to a fleet, and the stage that plays them: on the model of a broker, or on a real one. */
import type { CallFate } from './group-model.ts';
import type { FleetMember } from './fleet-member.ts';

export type Deed =
  | { readonly do: 'produce'; readonly partition: number; readonly count: number }
  /** Its process starts, or joins again after it was evicted. */
  | { readonly do: 'join'; readonly who: number }
  | { readonly do: 'leave'; readonly who: number }
  | { readonly do: 'crash'; readonly who: number }
  /** It stands still (SIGSTOP, a long pause) and the group gives its partitions to others; it finds out when it goes on. */
  | { readonly do: 'freeze'; readonly who: number }
  | { readonly do: 'thaw'; readonly who: number }
  /** It hears from the group what is its now. */
  | { readonly do: 'learn'; readonly who: number; readonly fates: readonly CallFate[] }
  | { readonly do: 'put'; readonly who: number; readonly partition: number; readonly count: number }
  | {
      readonly do: 'commit';
      readonly who: number;
      readonly partition: number;
      readonly fates: readonly CallFate[];
    }
  | { readonly do: 'doubts'; readonly who: number }
  /** Requests that were thought lost come in. */
  | { readonly do: 'late' }
  | { readonly do: 'time' };

export interface Stage {
  readonly members: readonly FleetMember[];
  readonly partitions: readonly number[];
  produce(partition: number, count: number): Promise<void>;
  logEnd(partition: number): number;
  late(): Promise<void>;
  time(): Promise<void>;
}

const SETTLE_ROUNDS = 3;
const ALL = 1_000_000;

/** Plays a script. After each deed no offset may land twice; after the last one, with every fault over, each has landed once. */
export class FleetPlay {
  readonly #stage: Stage;
  /** Who takes part, in the order in which they came. */
  #joined: FleetMember[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async play(deeds: readonly Deed[]): Promise<void> {
    for (const deed of deeds) {
      await this.#act(deed);
      this.#assertOnce();
    }
    await this.#settle();
    this.#assertWhole();
  }

  async #act(deed: Deed): Promise<void> {
    const stage = this.#stage;
    if (deed.do === 'produce') return stage.produce(deed.partition, deed.count);
    if (deed.do === 'late') return stage.late();
    if (deed.do === 'time') return stage.time();
    const member = stage.members[deed.who];
    if (member === undefined) return;
    if (deed.do === 'join') return this.#join(member);
    if (!member.isRunning) return;
    if (deed.do === 'thaw') {
      member.isFrozen = false;
      return;
    }
    if (member.isFrozen) {
      if (deed.do === 'crash') this.#crash(member);
      return;
    }
    switch (deed.do) {
      case 'leave':
        this.#joined = this.#joined.filter((one) => one !== member);
        await member.learn(new Set());
        member.die();
        return;
      case 'crash':
        return this.#crash(member);
      case 'freeze':
        member.isFrozen = true;
        this.#joined = this.#joined.filter((one) => one !== member);
        return;
      case 'learn':
        return this.#learn(member, deed.fates);
      case 'put':
        return member.put(deed.partition, deed.count);
      case 'commit':
        member.plan(deed.fates);
        return member.commit(deed.partition);
      case 'doubts':
        return member.keepDoubts(stage.partitions);
    }
  }

  #join(member: FleetMember): void {
    member.isRunning = true;
    if (!member.isFrozen && !this.#joined.includes(member)) this.#joined.push(member);
  }

  #crash(member: FleetMember): void {
    member.die();
    this.#joined = this.#joined.filter((one) => one !== member);
  }

  async #learn(member: FleetMember, fates: readonly CallFate[]): Promise<void> {
    member.plan(fates);
    // Who finds out that the group went on without it asks to be taken in again.
    const isMember = this.#joined.includes(member);
    if (!isMember) this.#joined.push(member);
    await member.learn(isMember ? this.#shareOf(member) : new Set());
    if (!member.isRunning) this.#joined = this.#joined.filter((one) => one !== member);
  }

  #shareOf(member: FleetMember): ReadonlySet<number> {
    const at = this.#joined.indexOf(member);
    const count = this.#joined.length;
    return new Set(at < 0 ? [] : this.#stage.partitions.filter((partition) => partition % count === at));
  }

  /** Every fault is over: all run, know their share, read to the end, commit, and look after their doubts. */
  async #settle(): Promise<void> {
    const { members, partitions } = this.#stage;
    for (const member of members) {
      member.isFrozen = false;
      member.plan([]);
    }
    for (let round = 0; round < SETTLE_ROUNDS; round++) {
      await this.#stage.late();
      for (const member of members) this.#join(member);
      for (const member of members) await this.#learn(member, []);
      for (const member of members)
        for (const partition of partitions) {
          member.put(partition, ALL);
          await member.commit(partition);
        }
      for (const member of members) await member.keepDoubts(partitions);
      this.#assertOnce();
    }
  }

  #accepted(partition: number): number[] {
    return this.#stage.members
      .flatMap(({ store }) => store.accepted.filter(({ ref }) => ref.partition === partition))
      .flatMap(({ first, next }) => Array.from({ length: next - first }, (_, index) => first + index))
      .sort((a, b) => a - b);
  }

  #assertOnce(): void {
    for (const partition of this.#stage.partitions) {
      const accepted = this.#accepted(partition);
      const twice = accepted.find((one, at) => accepted[at + 1] === one);
      if (twice !== undefined) throw new Error(`offset ${twice} of ${partition} may land twice`);
    }
  }

  #assertWhole(): void {
    for (const partition of this.#stage.partitions) {
      const accepted = this.#accepted(partition);
      const missing = Array.from({ length: this.#stage.logEnd(partition) }, (_, at) => at).find(
        (one, at) => accepted[at] !== one,
      );
      if (missing !== undefined) throw new Error(`offset ${missing} of ${partition} never lands`);
    }
    for (const { name, store } of this.#stage.members)
      if (store.held.length > 0) throw new Error(`${name} still holds ${JSON.stringify(store.held)}`);
  }
}
