/**
 * One sink's part in a group of sinks that share a channel (Flume's sink processors): whose backlog it lands, and what it gives back.
 *
 * Promise: an event that several sinks may land is landed by exactly one of them.
 *
 * 1. Chunks wait under the group's name. The writer gives each of them to one plan, in one transaction; a plan belongs to one sink, its
 *    target and its namespace. Two sinks that want the same directory at once make two files of different chunks.
 * 2. A plan may go back to the group only as long as it is `planned`: nothing has its final name, and nothing ever will, because the
 *    transaction that allows the rename needs the plan. The writer checks this, whatever a process believes. Its temp names stay
 *    known as abandoned names of the sink that wrote them, for its janitor.
 * 3. Only the sink's own lander gives a plan back, and only while the file does not run; so nobody works on it any more.
 * 4. From `renaming` on, a plan stays with its sink until its fate is known there, however long that target is gone.
 *
 * Crash: giving back is one transaction. Before it the plan is the sink's, as after any restart; after it the chunks wait as if they had
 * never been planned, and the names are the janitor's. Who is on duty is not stored: it decides who works, never what is true.
 */
import type { LandingKeySummary } from '../../shared/model/file-plan.ts';
import type { LandingFile } from './file-queue.ts';
import type { LandingStore } from './landing-store.ts';

/** What the sink may do for its group now; decided from the standing of all members. */
export interface GroupDuty {
  /** It may begin new files of the group's backlog. */
  readonly isOnDuty: boolean;
  /** Another member works: what this one can't land goes back to the group. */
  readonly hasOthers: boolean;
}

/** Until it is told better a member begins nothing, and keeps what it has. */
const OFF_DUTY: GroupDuty = { isOnDuty: false, hasOthers: false };

export class GroupMembership {
  readonly #sink: string;
  readonly #group: string | undefined;
  #duty: GroupDuty = OFF_DUTY;

  constructor({ sink, group }: { readonly sink: string; readonly group?: string | undefined }) {
    this.#sink = sink;
    this.#group = group;
  }

  get isMember(): boolean {
    return this.#group !== undefined;
  }

  /** Undefined: it is in no group. */
  get isOnDuty(): boolean | undefined {
    return this.#group === undefined ? undefined : this.#duty.isOnDuty;
  }

  /** True when that is news. */
  change(duty: GroupDuty): boolean {
    const isNews = duty.isOnDuty !== this.#duty.isOnDuty || duty.hasOthers !== this.#duty.hasOthers;
    this.#duty = duty;
    return isNews;
  }

  /** The sink's own backlog, from before it was in the group, and the group's while it is on duty. */
  async keys(store: Pick<LandingStore, 'keys'>): Promise<readonly LandingKeySummary[]> {
    const own = await store.keys(this.#sink);
    if (this.#group === undefined || !this.#duty.isOnDuty) return own;
    const shared = await store.keys(this.#group);
    return own.length === 0 ? shared : [...own, ...shared];
  }

  /** Calls `listener` when any of that may have changed. Returns how to stop it. */
  onChange(store: Pick<LandingStore, 'onChange'>, listener: () => void): () => void {
    const names = this.#group === undefined ? [this.#sink] : [this.#sink, this.#group];
    const unsubscribe = names.map((name) => store.onChange(name, listener));
    return () => {
      for (const end of unsubscribe) end();
    };
  }

  /** Whether files of the group that wait go back to it now. */
  givesBack(isUnable: boolean): boolean {
    return this.#group !== undefined && isUnable && this.#duty.hasOthers;
  }

  /** Gives back what may go, file by file. Its own old backlog is nobody else's. Throws what the store throws. */
  async *givenBack(
    files: readonly LandingFile[],
    store: Pick<LandingStore, 'giveBack'>,
  ): AsyncGenerator<LandingFile, void, undefined> {
    for (const file of files) {
      const { state, fileId, landingKey } = file.landing.plan;
      if (state !== 'planned' || landingKey.sink !== this.#group) continue;
      try {
        if (await store.giveBack(fileId)) yield file;
      } catch (error) {
        // The answer was lost: whether the plan is still there is asked before anything is done with it.
        file.landing.doubtPlan();
        throw error;
      }
    }
  }
}
