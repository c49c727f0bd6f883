import { cpSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { coverage, knownPartitions } from '../../main/channel/coverage-reader.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import type { FilePlan } from '../../shared/model/file-plan.ts';
import {
  CHANNEL,
  disposition,
  fileRequest,
  land,
  offsetsOf,
  openWriter,
  partition,
  putOf,
  redemptionOf,
  runsOf,
  SINK,
} from '../channel/channel-fixture.ts';
import { step, type Step } from './channel-steps.ts';
import { tenureStart, TestDirectory } from '../channel/channel-fixture.ts';

/**
 * Goal: whatever sources, landing and power do in whatever order, the channel's books are those of a model that is simple
 * enough to be believed: a list of offsets with their fate.
 * Method: random sequences over two partitions and two directories against a real database, with bodies on the disk or in memory; a crash
 * is a copy of the files as they lie, opened elsewhere. After every step positions, backlog and coverage are compared. The seed is printed.
 */
const DIRECTORIES = ['/logs/even', '/logs/odd'] as const;
/** Some ten chunks of a test. */
const MEMORY_BYTES = 6_000;

interface ModelOffset {
  readonly at: number;
  tenure: ModelTenure;
  /** -1: filtered. */
  directory: number;
  file: string | undefined;
  isLanded: boolean;
  /** Its body is in this process's memory and nowhere else. */
  isInMemory: boolean;
  isClaimed: boolean;
  isGap: boolean;
}
interface ModelTenure {
  readonly nonce: string;
  acceptedTo: number;
  putTo: number;
  state: 'open' | 'doubt' | 'ended';
  ends: number[];
}
interface ModelPartition {
  position: number;
  tenures: ModelTenure[];
  offsets: ModelOffset[];
}

class Trial {
  directory = new TestDirectory();
  hasMemory = true;
  writer: ChannelWriter = this.opened();
  readonly partitions: ModelPartition[] = [0, 1].map(() => ({ position: 0, tenures: [], offsets: [] }));
  /** A chunk that was pulled again stands behind newer ones: a plan may leave it out. */
  hasLateChunks = false;
  plans: FilePlan[] = [];
  isPaused = false;
  #nonces = 0;

  async take(action: Step): Promise<void> {
    switch (action.do) {
      case 'begin':
        return this.begin(action.p, action.adopt);
      case 'put':
        return this.put(action);
      case 'redeem':
        return this.redeem(action);
      case 'giveUp':
        return this.giveUp(action.which);
      case 'stale':
        return this.stale(action.p);
      case 'accept':
        return this.accept(action.p, action.which);
      case 'end':
        return this.end(action.p);
      case 'resolve':
        return this.resolve(action.p, action.which, action.verdict);
      case 'plan':
        return this.plan(action.directory, action.maxEvents);
      case 'land':
        return this.land(action.which);
      case 'hold':
        return this.hold(action.which);
      case 'damage':
        return this.damage(action.which);
      case 'pause':
        this.isPaused = action.isPaused;
        return this.writer.perform('setSwitch', {
          sink: SINK,
          isPaused: action.isPaused,
          who: 'test',
          why: '',
          atMs: 1,
        });
      case 'spill':
        expect(await this.writer.perform('spill', 'all')).toEqual({ more: false });
        return this.kept();
      case 'reopen':
        this.writer.close();
        this.hasMemory = action.memory;
        this.writer = this.opened();
        return this.kept();
      case 'crash':
        return this.crash(action.memory);
    }
  }

  /** Small enough to be full at times: then bodies go to the disk, and nobody can tell the difference but a crash. */
  opened(): ChannelWriter {
    const use = { capacityBytes: MEMORY_BYTES, stopsIntake: false, spillAfterMs: undefined };
    return openWriter(this.directory.path, { memory: this.hasMemory ? { [CHANNEL]: use } : {} });
  }

  part(p: number): ModelPartition {
    const found = this.partitions[p];
    if (found === undefined) throw new Error(`no partition ${p}`);
    return found;
  }

  async begin(p: number, wantsAdoption: boolean): Promise<void> {
    const part = this.part(p);
    const last = part.tenures.at(-1);
    if (last?.state === 'open') return;
    // As the broker would have it: the next tenure starts where acceptance ended, if nothing is in doubt beyond it.
    const earlierDoubt = part.tenures.slice(0, -1).some((tenure) => tenure.state === 'doubt');
    const start = last?.acceptedTo ?? 0;
    const adopt = wantsAdoption && last?.state === 'doubt' && !earlierDoubt ? last : undefined;
    const nonce = `p${p}n${++this.#nonces}`;
    await this.writer.perform(
      'beginTenure',
      tenureStart(nonce, start, { ref: partition(p), adopt: adopt?.nonce }),
    );
    const tenure: ModelTenure = { nonce, acceptedTo: start, putTo: start, state: 'open', ends: [] };
    part.tenures.push(tenure);
    part.position = start;
    if (adopt === undefined) return;
    for (const entry of part.offsets) if (entry.tenure === adopt && entry.at >= start) entry.tenure = tenure;
    Object.assign(tenure, { putTo: adopt.putTo, ends: adopt.ends });
    Object.assign(adopt, { putTo: start, ends: [], state: 'ended' });
    part.position = tenure.putTo;
  }

  async put({ p, count, filtered: hasFiltered }: Extract<Step, { do: 'put' }>): Promise<void> {
    const part = this.part(p);
    const tenure = part.tenures.at(-1);
    if (tenure?.state !== 'open') return;
    const first = part.position;
    const next = first + count;
    const fates = Array.from({ length: count }, (_, index) => ({
      at: first + index,
      tenure,
      directory: hasFiltered && (first + index) % 5 === 0 ? -1 : (first + index) % 2,
      file: undefined,
      isLanded: false,
      isInMemory: false,
      isClaimed: false,
      isGap: false,
    }));
    const chunks = DIRECTORIES.map((directory, index) => ({
      directory,
      offsets: fates.filter((fate) => fate.directory === index).map(({ at }) => at),
    })).filter((chunk) => chunk.offsets.length > 0);
    const dispositions = fates
      .filter((fate) => fate.directory < 0)
      .map((fate) => disposition('filtered', fate.at, fate.at + 1, { reason: 'rule' }));
    const named = { tenure: tenure.nonce, partition: partition(p), channels: [CHANNEL] };
    await this.writer.perform('put', putOf({ ...named, first, next, chunks, dispositions }));
    this.noteMemory(p, tenure, fates);
    part.offsets.push(...fates);
    part.position = next;
    tenure.putTo = next;
    if (count > 0) tenure.ends.push(next);
  }

  /** Claims that may be pulled again, each with the model's entries. An offset in doubt may stand in an older tenure as well. */
  async openClaims() {
    const { claims } = await this.writer.perform('openClaims', 'weblogs', undefined);
    return claims.map((claim) => {
      const { offsets } = this.part(claim.partition.partition);
      const accepted = offsets.filter(({ at, tenure }) => at < tenure.acceptedTo);
      return { claim, entries: offsetsOf(claim.runs).map((at) => accepted.find((entry) => entry.at === at)) };
    });
  }

  async redeem({ which, count, into }: Extract<Step, { do: 'redeem' }>): Promise<void> {
    const open = await this.openClaims();
    const found = open[which % Math.max(1, open.length)];
    if (found === undefined) return;
    const { claim } = found;
    // From its middle on, so that claims get holes.
    const from = Math.floor(found.entries.length / 3);
    const taken = found.entries.slice(from, from + count).flatMap((entry) => entry ?? []);
    const offsets = taken.map(({ at }) => at);
    if (offsets.length === 0) return;
    const directory = into === 'even' ? 0 : 1;
    const isChunk = into === 'even' || into === 'odd';
    const told = isChunk ? [] : [{ ...disposition(into, 0, 1), runs: runsOf(offsets) }];
    const chunks = isChunk ? [{ offsets, directory: DIRECTORIES[directory] }] : [];
    const redeem = () =>
      this.writer.perform('redeemClaim', redemptionOf({ claim, chunks, dispositions: told }));
    expect(await redeem()).toMatchObject({ isDone: true });
    expect(await redeem(), 'no offset is redeemed twice').toMatchObject({ isDone: false });
    for (const entry of taken) {
      const [file, isLanded] = [undefined, false];
      Object.assign(entry, { isClaimed: false, isInMemory: false, isGap: into === 'gap', file, isLanded });
      entry.directory = isChunk ? directory : -1;
    }
    this.hasLateChunks = true;
  }

  async giveUp(which: number): Promise<void> {
    const open = await this.openClaims();
    const found = open[which % Math.max(1, open.length)];
    if (found === undefined) return;
    const given = { ids: [found.claim.id], by: 'li', why: 'test' };
    const { offsets } = await this.writer.perform('giveUpClaims', given);
    expect(offsets).toBe(found.entries.length);
    expect((await this.writer.perform('giveUpClaims', given)).offsets).toBe(0);
    for (const entry of found.entries)
      if (entry !== undefined) Object.assign(entry, { isClaimed: false, isGap: true, directory: -1 });
  }

  /** Where the writer put the bodies of this put: the one thing that is read from it, for it may do as it likes. */
  noteMemory(p: number, tenure: ModelTenure, fates: readonly ModelOffset[]): void {
    const db = openForReading(join(this.directory.path, 'channel.sqlite'));
    const rows = db
      .prepare<
        [string],
        { partition: number; first: number; next: number; events: number; runs: Uint8Array }
      >(
        `SELECT p.partition, c.first, c.next, c.events, c.runs FROM chunks c JOIN partitions p ON p.id = c.partition_id
        JOIN tenures t ON t.id = c.tenure_id WHERE c.body_id < 0 AND t.nonce = ?`,
      )
      .all(tenure.nonce);
    db.close();
    const inMemory = new Set(
      rows
        .filter(({ partition: of }) => of === p)
        .flatMap(({ first, next, events, runs }) => offsetsOf({ first, next, count: events, bytes: runs })),
    );
    expect(this.hasMemory || inMemory.size === 0, 'nothing is in a memory that there is not').toBe(true);
    for (const fate of fates) fate.isInMemory = inMemory.has(fate.at);
  }

  /** All that was in memory is on the disk. */
  kept(): void {
    for (const part of this.partitions) for (const entry of part.offsets) entry.isInMemory = false;
  }

  /** Memory is gone: files that were only planned are planned anew, and what they had there is to be pulled again. */
  forget(): void {
    const lost = this.partitions.flatMap(({ offsets }) =>
      offsets.filter(({ isInMemory, isLanded }) => isInMemory && !isLanded),
    );
    const files = new Set(lost.map(({ file }) => file));
    for (const { offsets } of this.partitions)
      for (const entry of offsets)
        if (entry.file !== undefined && !entry.isLanded && files.has(entry.file)) entry.file = undefined;
    this.plans = this.plans.filter((plan) => !files.has(plan.fileId));
    for (const entry of lost) entry.isClaimed = true;
    this.kept();
  }

  async stale(p: number): Promise<void> {
    const part = this.part(p);
    const old = part.tenures.find((tenure) => tenure.state !== 'open');
    const put = putOf({
      tenure: old?.nonce ?? 'never',
      partition: partition(p),
      first: part.position,
      next: part.position + 1,
    });
    await expect(this.writer.perform('put', put)).rejects.toMatchObject({ code: 'stale-tenure' });
    const open = part.tenures.at(-1);
    if (open?.state !== 'open') return;
    const far = part.position + 3;
    const ahead = putOf({ tenure: open.nonce, partition: partition(p), first: far, next: far + 1 });
    await expect(this.writer.perform('put', ahead)).rejects.toMatchObject({ code: 'position-mismatch' });
  }

  async accept(p: number, which: number): Promise<void> {
    const tenure = this.part(p).tenures.at(-1);
    const end = tenure?.ends[which % Math.max(1, tenure.ends.length)];
    if (tenure === undefined || end === undefined || tenure.state !== 'open') return;
    await this.writer.perform('accept', tenure.nonce, end);
    tenure.acceptedTo = end;
    tenure.ends = tenure.ends.filter((later) => later > end);
  }

  async end(p: number): Promise<void> {
    const tenure = this.part(p).tenures.at(-1);
    if (tenure?.state !== 'open') return;
    tenure.state = tenure.putTo > tenure.acceptedTo ? 'doubt' : 'ended';
    expect((await this.writer.perform('endTenure', tenure.nonce)).state).toBe(tenure.state);
  }

  async resolve(p: number, which: number, wanted: 'accepted' | 'rejected'): Promise<void> {
    const part = this.part(p);
    const doubts = part.tenures.filter((tenure) => tenure.state === 'doubt');
    const tenure = doubts[which % Math.max(1, doubts.length)];
    if (tenure === undefined) return;
    const isLast = part.tenures.at(-1) === tenure;
    // A later tenure started where this one's acceptance ended: then the broker cannot have accepted the rest.
    const verdict = isLast ? wanted : 'rejected';
    await this.writer.perform('resolveDoubt', tenure.nonce, verdict);
    tenure.state = 'ended';
    tenure.ends = [];
    if (verdict === 'accepted') {
      tenure.acceptedTo = tenure.putTo;
      return;
    }
    part.offsets = part.offsets.filter((entry) => entry.tenure !== tenure || entry.at < tenure.acceptedTo);
    tenure.putTo = tenure.acceptedTo;
    if (isLast) part.position = tenure.acceptedTo;
  }

  /** Offsets that may be planned: each partition's waiting ones in order of tenures, up to the first held one. */
  plannable(directory: number): ModelOffset[] {
    return this.partitions.flatMap((part) => {
      const waiting = part.tenures.flatMap((tenure) =>
        part.offsets.filter(
          (entry) => entry.tenure === tenure && entry.directory === directory && isWaiting(entry),
        ),
      );
      const held = waiting.findIndex((entry) => entry.at >= entry.tenure.acceptedTo);
      return held < 0 ? waiting : waiting.slice(0, held);
    });
  }

  async plan(directory: number, maxEvents: number): Promise<void> {
    const keys = await this.writer.perform('keys', SINK);
    const key = keys.find((candidate) => candidate.key.directory === DIRECTORIES[directory]);
    const expected = this.plannable(directory);
    const planned =
      key === undefined ? undefined : await this.writer.perform('plan', fileRequest(key.id, { maxEvents }));
    if (planned === undefined) return expect(this.hasLateChunks ? [] : expected).toEqual([]);
    const chosen = planned.plan.parts.flatMap((filePart) =>
      [...decodeRuns(filePart.runs.first, filePart.runs.bytes)].flatMap(({ from, to }) =>
        Array.from({ length: to - from }, (_, index) => {
          const found = expected.find(
            (entry) => entry.at === from + index && this.part(filePart.partition).offsets.includes(entry),
          );
          expect(found, `offset ${from + index} may not be planned`).toBeDefined();
          return found;
        }),
      ),
    );
    expect(chosen.length, 'a plan is of something').toBeGreaterThan(0);
    if (!this.hasLateChunks) expect(planned.more).toBe(chosen.length < expected.length);
    if (maxEvents === 0 && !this.hasLateChunks) expect(chosen.length).toBe(expected.length);
    for (const entry of chosen) if (entry !== undefined) entry.file = planned.plan.fileId;
    this.plans.push(planned.plan);
  }

  async land(which: number): Promise<void> {
    const plan = this.plans[which % Math.max(1, this.plans.length)];
    if (plan === undefined) return;
    await this.writer.perform('release', plan.fileId);
    await land(this.writer, plan.fileId);
    for (const part of this.partitions)
      for (const entry of part.offsets) if (entry.file === plan.fileId) entry.isLanded = true;
    this.plans = this.plans.filter((other) => other !== plan);
  }

  async hold(which: number): Promise<void> {
    const plan = this.plans[which % Math.max(1, this.plans.length)];
    if (plan !== undefined) await this.writer.perform('hold', plan.fileId, 'test');
  }

  async damage(which: number): Promise<void> {
    const plan = this.plans[which % Math.max(1, this.plans.length)];
    const [chunk] = plan?.chunks ?? [];
    if (plan === undefined || chunk === undefined) return;
    await this.writer.perform('release', plan.fileId);
    const left = await this.writer.perform('damagedChunk', plan.fileId, chunk.chunkId, 'test');
    for (const [p, part] of this.partitions.entries()) {
      const kept = new Set(
        (left?.parts ?? [])
          .filter((one) => one.partition === p)
          .flatMap((one) => [...decodeRuns(one.runs.first, one.runs.bytes)])
          .flatMap(({ from, to }) => Array.from({ length: to - from }, (_, index) => from + index)),
      );
      for (const entry of part.offsets)
        if (entry.file === plan.fileId && !kept.has(entry.at))
          Object.assign(entry, { isClaimed: true, isInMemory: false });
    }
    this.plans = this.plans.flatMap((other) =>
      other === plan ? (left === undefined ? [] : [left]) : [other],
    );
  }

  crash(memory: boolean): void {
    const elsewhere = new TestDirectory();
    cpSync(this.directory.path, elsewhere.path, { recursive: true });
    this.writer.close();
    this.directory[Symbol.dispose]();
    this.directory = elsewhere;
    this.hasMemory = memory;
    this.writer = this.opened();
    this.forget();
  }

  async compare(): Promise<void> {
    for (const [p, part] of this.partitions.entries()) {
      const state = await this.writer.perform('partitionState', {
        source: 'weblogs',
        topic: 'www',
        partition: p,
      });
      expect(state?.position ?? 0).toBe(part.position);
    }
    const keys = await this.writer.perform('keys', SINK);
    const events = DIRECTORIES.map(
      (directory) => keys.find((key) => key.key.directory === directory)?.events ?? 0,
    );
    const waiting = this.partitions.flatMap((part) => part.offsets.filter((entry) => isWaiting(entry)));
    expect(events).toEqual(
      [0, 1].map((index) => waiting.filter((entry) => entry.directory === index).length),
    );
    expect(new Set((await this.writer.perform('openPlans', SINK)).map((plan) => plan.fileId))).toEqual(
      new Set(this.plans.map((plan) => plan.fileId)),
    );
    expect(await this.writer.perform('isPaused', SINK)).toBe(this.isPaused);
    const claimed = (await this.openClaims()).flatMap(({ entries }) => entries);
    const open = this.partitions.flatMap(({ offsets }) =>
      offsets.filter((entry) => entry.isClaimed && entry.at < entry.tenure.acceptedTo),
    );
    expect(new Set(claimed), 'what may be pulled again').toEqual(new Set(open));
    expect(claimed.length).toBe(open.length);
    const db = openForReading(join(this.directory.path, 'channel.sqlite'));
    for (const known of knownPartitions(db)) {
      const found = [...coverage(db, known.id, CHANNEL)].flatMap(({ from, to, kind, isHeld }) =>
        Array.from(
          { length: to - from },
          (_, index) => `${String(from + index).padStart(5)} ${kind} ${isHeld}`,
        ),
      );
      expect(found.map((text) => text.slice(0, 5))).toEqual(found.map((text) => text.slice(0, 5)).toSorted());
      expect(found.toSorted()).toEqual(
        this.part(known.partition)
          .offsets.map((entry) => this.fateText(entry))
          .toSorted(),
      );
    }
    db.close();
  }

  fateText(entry: ModelOffset): string {
    const isHeld = entry.at >= entry.tenure.acceptedTo;
    const inPlace = entry.isLanded ? 'landed' : 'in-channel';
    const fallen = entry.isGap ? 'gap' : 'filtered';
    const kind = entry.isClaimed ? 'claimed' : entry.directory < 0 ? fallen : inPlace;
    return `${String(entry.at).padStart(5)} ${kind} ${isHeld}`;
  }
}

function isWaiting(entry: ModelOffset): boolean {
  return entry.directory >= 0 && entry.file === undefined && !entry.isClaimed;
}

test('the channel does what the model does', { timeout: 300_000 }, async () => {
  const seed = Number(process.env['HEADGATE_SEED'] ?? Date.now() % 2 ** 31);
  console.info(`channel model: HEADGATE_SEED=${seed}`);
  const run = async (steps: readonly Step[]): Promise<void> => {
    const trial = new Trial();
    try {
      for (const action of steps) {
        await trial.take(action);
        await trial.compare();
      }
    } finally {
      trial.writer.close();
      trial.directory[Symbol.dispose]();
    }
  };
  const opening: Step[] = [
    { do: 'begin', p: 0, adopt: false },
    { do: 'begin', p: 1, adopt: false },
  ];
  const steps = fc.array(step, { minLength: 10, maxLength: 60, size: 'max' });
  await fc.assert(
    fc.asyncProperty(steps, (more) => run([...opening, ...more])),
    { seed, numRuns: 40 },
  );
});
