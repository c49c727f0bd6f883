/** A channel on which the steps of the quarantine's model test are taken, and held against the model. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect } from 'vitest';
import { runAudit } from '../../main/audit/audit.ts';
import { openForReading, type ChannelDatabase } from '../../main/channel/channel-database.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { coverage, knownPartitions } from '../../main/channel/coverage-reader.ts';
import { quarantineIds, quarantineSlice, quarantineTarget } from '../../main/channel/quarantine-target.ts';
import type { SliceEvent } from '../../main/channel/quarantine-target.ts';
import { PackedBatch } from '../../main/engine/batch-packer.ts';
import { RetryBatch, retryGroups, tallyOf } from '../../main/engine/quarantine-batch.ts';
import type { SourceRules } from '../../main/engine/source-host.ts';
import type { QuarantineSelection } from '../../shared/contract/control-rows.ts';
import { offset } from '../../shared/model/brand.ts';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import { hasty } from '../audit/audited-site.ts';
import {
  fileRequest,
  land,
  openWriter,
  partition,
  SINK,
  tenureStart,
  TestDirectory,
} from '../channel/channel-fixture.ts';
import { batchOf, Model, NAMES, rulesOf, type Fate } from './quarantine-model.ts';

export type Step =
  | { readonly kind: 'put'; readonly events: number; readonly version: number }
  | { readonly kind: 'accept'; readonly back: number }
  | { readonly kind: 'tenure'; readonly how: 'accepted' | 'rejected' | 'adopted' }
  | {
      readonly kind: 'retry';
      readonly version: number;
      readonly of: 'all' | 'some' | 'reason';
      /** Somebody drops between reading and storing; the writer is cut off at the commit; or it is closed and opened again. */
      readonly trouble: 'none' | 'drop' | 'cut' | 'reopen';
    }
  | { readonly kind: 'drop'; readonly pick: number }
  | { readonly kind: 'land' };

export class Site implements Disposable {
  readonly directory = new TestDirectory();
  readonly model = new Model();
  writer: ChannelWriter;
  db: ChannelDatabase;
  isCut = false;
  #nonce = 't0';
  #tenures = 0;
  #position = 0;
  #accepted = 0;
  #ends: number[] = [];
  readonly #landed = new Map<string, string[]>();

  constructor() {
    this.writer = this.#open();
    this.db = openForReading(join(this.directory.path, 'channel.sqlite'));
  }

  [Symbol.dispose](): void {
    this.db.close();
    this.writer.close();
    this.directory[Symbol.dispose]();
  }

  #open(): ChannelWriter {
    const beforeCommit = (): void => {
      if (!this.isCut) return;
      this.isCut = false;
      throw new Database.SqliteError('the disk is gone for a moment', 'SQLITE_IOERR_FSYNC');
    };
    return openWriter(this.directory.path, {}, { beforeCommit });
  }

  reopen(): void {
    this.writer.close();
    this.writer = this.#open();
  }

  async begin(how: 'first' | 'accepted' | 'rejected' | 'adopted'): Promise<void> {
    const nonce = `t${++this.#tenures}`;
    let adopt: string | undefined;
    if (how !== 'first') {
      await this.writer.perform('endTenure', this.#nonce);
      if (this.#ends.length > 0 && how === 'adopted') adopt = this.#nonce;
      else if (this.#ends.length > 0) {
        await this.writer.perform('resolveDoubt', this.#nonce, how === 'accepted' ? 'accepted' : 'rejected');
        if (how === 'accepted') this.#accepted = this.#position;
        else this.#takeBack();
        this.#ends = [];
      }
    }
    const start = adopt === undefined ? this.#position : this.#accepted;
    await this.writer.perform('beginTenure', tenureStart(nonce, start, { adopt }));
    this.#nonce = nonce;
  }

  #takeBack(): void {
    for (const at of this.model.offsets.keys()) if (at >= this.#accepted) this.model.offsets.delete(at);
    this.#position = this.#accepted;
  }

  async put(events: number, version: number): Promise<void> {
    const first = this.#position;
    const offsets = Array.from({ length: events }, (_, index) => first + index);
    const rules = rulesOf(version);
    const batch = batchOf(offsets);
    for (const one of rules.interceptors) one.intercept(batch);
    const next = offset(first + events);
    const range = { tenure: this.#nonce, first: offset(first), next, fingerprint: undefined };
    const delivery = { partition: partition(), ...range, events: batch, dispositions: [], quarantined: [] };
    const packed = new PackedBatch(delivery, rules.channels, rules.router);
    await this.writer.perform('put', packed.fill(new ArrayBuffer(packed.totalBytes), version));
    for (const at of offsets) this.model.put(at, version);
    this.#position = first + events;
    this.#ends.push(this.#position);
  }

  async accept(back: number): Promise<void> {
    const end = this.#ends.at(-1 - back);
    if (end === undefined) return;
    await this.writer.perform('accept', this.#nonce, end);
    this.#accepted = end;
    this.#ends = this.#ends.filter((one) => one > end);
  }

  waiting(selection: QuarantineSelection): readonly SliceEvent[] {
    const { events, upTo, held } = quarantineTarget(this.db, selection);
    const slice = quarantineSlice(this.db, { selection, upTo }, undefined);
    expect(slice.events).toHaveLength(events);
    expect(held).toBeGreaterThanOrEqual(0);
    for (const one of slice.events)
      expect(one.offset, 'held events are not offered').toBeLessThan(this.#accepted);
    return slice.events;
  }

  async retry(one: Extract<Step, { kind: 'retry' }>): Promise<void> {
    const all = this.waiting({ all: true });
    const some = all.filter((_, index) => index % 2 === 0).map(({ id }) => id);
    if (one.of === 'some' && some.length === 0) return;
    const selection: QuarantineSelection =
      one.of === 'all'
        ? { all: true }
        : one.of === 'some'
          ? { ids: some }
          : { reason: `no time in "…" by rule ${one.version}`.replace(/\d+$/, '#') };
    const rules = rulesOf(one.version);
    for (const group of retryGroups(this.waiting(selection))) {
      const [head] = group;
      if (head === undefined) throw new Error('an empty group');
      if (one.trouble === 'drop') await this.#retryLate(group, head, rules);
      else {
        if (one.trouble === 'cut') await this.#retryCut(group, rules);
        if (one.trouble === 'reopen') this.reopen();
        expect(await this.#store(group, rules)).toBe(true);
        this.#modelRetry(group, one.version);
        // Once: the same again changes nothing, unless all of them stayed.
        const stay = this.waiting({ ids: group.map(({ id }) => id) });
        if (stay.length < group.length) expect(await this.#store(group, rules)).toBe(false);
      }
    }
  }

  /** One event is dropped after it was read: nothing of the group may be stored; the others go once they are read again. */
  async #retryLate(group: readonly SliceEvent[], head: SliceEvent, rules: SourceRules): Promise<void> {
    await this.#drop([head]);
    expect(await this.#store(group, rules)).toBe(false);
    const left = this.waiting({ ids: group.map(({ id }) => id) });
    expect(left).toHaveLength(group.length - 1);
    if (left.length === 0) return;
    expect(await this.#store(left, rules)).toBe(true);
    this.#modelRetry(left, rules.configVersion);
  }

  async #retryCut(group: readonly SliceEvent[], rules: SourceRules): Promise<void> {
    this.isCut = true;
    await expect(this.#store(group, rules)).rejects.toThrow();
    this.writer.tidy();
    this.check();
  }

  async #store(group: readonly SliceEvent[], rules: SourceRules): Promise<boolean> {
    const batch = new RetryBatch(group, rules);
    const retry = batch.fill(new ArrayBuffer(batch.totalBytes), 'alice');
    const tally = tallyOf(retry);
    expect(tally.placed + tally.filtered + tally.notRouted + tally.stays).toBeGreaterThanOrEqual(
      group.length,
    );
    return (await this.writer.perform('retryQuarantined', retry)).isDone;
  }

  #modelRetry(group: readonly SliceEvent[], version: number): void {
    for (const { offset: at, channel } of group) {
      if (channel === undefined) this.model.retryAll(at, version);
      else this.model.retryIn(at, channel, version);
    }
  }

  async #drop(events: readonly SliceEvent[]): Promise<void> {
    const ids = events.map(({ id }) => id);
    const { dropped } = await this.writer.perform('dropQuarantined', { ids, by: 'bob', why: 'no use' });
    expect(dropped).toBe(events.length);
    expect((await this.writer.perform('dropQuarantined', { ids, by: 'bob', why: 'again' })).dropped).toBe(0);
    for (const { offset: at, channel } of events) this.model.drop(at, channel);
  }

  async drop(pick: number): Promise<void> {
    const all = this.waiting({ all: true });
    const { upTo } = quarantineTarget(this.db, { all: true });
    const listed = quarantineIds(this.db, { selection: { all: true }, upTo }, undefined);
    expect(listed.ids).toEqual(all.map(({ id }) => id));
    await this.#drop(all.slice(pick, pick + 2));
  }

  async land(): Promise<void> {
    for (const key of await this.writer.perform('keys', SINK)) {
      const planned = await this.writer.perform('plan', fileRequest(key.id));
      if (planned === undefined) continue;
      const lines = planned.plan.chunks.flatMap(({ chunkId }) => linesOf(this.db, chunkId));
      const offsets = planned.plan.parts.flatMap(({ runs }) => offsetsOf(runs));
      expect(lines, 'offsets rise within a file').toEqual(offsets.map((at) => `r${at}`));
      this.#landed.set(key.channel, [...(this.#landed.get(key.channel) ?? []), ...lines]);
      await land(this.writer, planned.plan.fileId);
    }
  }

  /** Every offset has the fate that the model says, once, in each channel; every body stands once. */
  check(): void {
    const [known] = knownPartitions(this.db);
    if (known === undefined) return;
    for (const name of NAMES) {
      const found = new Map<number, string>();
      for (const { from, to, kind } of coverage(this.db, known.id, name)) {
        for (let at = from; at < to; at++) {
          if (this.model.offsets.get(at)?.fates.has(name) !== true) continue;
          expect(found.get(at), `offset ${at} in ${name} twice`).toBeUndefined();
          found.set(at, kind);
        }
      }
      const expected = new Map<number, string>();
      for (const [at, { fates }] of this.model.offsets) {
        const fate = fates.get(name);
        if (fate !== undefined) expected.set(at, KINDS[fate](found.get(at)));
      }
      expect(sorted(found), `in ${name}`).toEqual(sorted(expected));
      const placed = [...this.model.offsets].filter(([, { fates }]) => fates.get(name) === 'chunk');
      const bodies = [...(this.#landed.get(name) ?? []), ...this.#chunkLines(name)].sort();
      expect(bodies, `bodies in ${name}`).toEqual(placed.map(([at]) => `r${at}`).sort());
    }
  }

  #chunkLines(channel: string): string[] {
    return this.db
      .prepare<[string], { id: number; first: number; runs: Buffer }>(
        'SELECT id, first, runs FROM chunks WHERE channel = ? ORDER BY id',
      )
      .all(channel)
      .flatMap(({ id, first, runs }) => {
        const lines = linesOf(this.db, id);
        expect(lines, 'a chunk holds the bodies of its runs').toEqual(
          offsetsOf({ first, bytes: runs }).map((at) => `r${at}`),
        );
        return lines;
      });
  }

  async audit(): Promise<void> {
    const report = await runAudit({
      ...{
        id: 'a',
        level: 'ledger' as const,
        directory: this.directory.path,
        gatewayId: 'g',
        targets: new Map(),
      },
      ...{ clock: hasty, signal: new AbortController().signal },
    });
    expect(report.findings).toEqual([]);
    expect(report.verdict).toBe('clean');
    const dropped = [...this.model.offsets.values()].flatMap(({ fates }) =>
      [...fates.values()].filter((fate) => fate === 'dropped'),
    );
    expect(report.coverage.reduce((sum, one) => sum + (one.dropped ?? 0), 0)).toBe(dropped.length);
    if (dropped.length > 0) expect(report.notes?.join('\n')).toContain('dropped by bob (no use)');
  }
}

const KINDS: Readonly<Record<Fate, (found: string | undefined) => string>> = {
  chunk: (found) => (found === 'landed' ? 'landed' : 'in-channel'),
  filtered: () => 'filtered',
  'not-routed': () => 'not-routed',
  waiting: () => 'quarantined',
  dropped: () => 'quarantined',
};

const sorted = (map: ReadonlyMap<number, string>) => [...map].sort(([a], [b]) => a - b);

/** These channels keep their chunks uncompressed. */
function linesOf(db: ChannelDatabase, chunkId: number): string[] {
  const body = db
    .prepare<[number], { bytes: Buffer }>(
      'SELECT b.bytes FROM chunks c JOIN chunk_bodies b ON b.id = c.body_id WHERE c.id = ?',
    )
    .get(chunkId);
  const text = body?.bytes.toString() ?? '';
  return text === '' ? [] : text.slice(0, -1).split('\n');
}

function offsetsOf({ first, bytes }: { readonly first: number; readonly bytes: Uint8Array }): number[] {
  return [...decodeRuns(first, bytes)].flatMap(({ from, to }) =>
    Array.from({ length: to - from }, (_, at) => from + at),
  );
}
