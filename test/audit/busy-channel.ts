import { join } from 'node:path';
import fc from 'fast-check';
import { CHANNEL_FILE, openForReading } from '../../main/channel/channel-database.ts';
import { quarantineSlice, quarantineTarget } from '../../main/channel/quarantine-target.ts';
import type { SliceEvent } from '../../main/channel/quarantine-target.ts';
import { retryGroups } from '../../main/engine/quarantine-batch.ts';
import { offset } from '../../shared/model/brand.ts';
import type { Disposition } from '../../shared/model/partition.ts';
import {
  CHANNEL,
  fileRequest,
  land,
  offsetsOf,
  partition,
  putOf,
  quarantined,
  redemptionOf,
  runsOf,
  tenureStart,
} from '../channel/channel-fixture.ts';
import type { TestChunk } from '../channel/channel-fixture.ts';
import type { AuditedSite } from './audited-site.ts';

/** A source of two partitions into two channels, and a lander, that do whatever a random sequence of steps says. */
const CHANNELS = [CHANNEL, 'other'];
export const FATES = [
  'chunk',
  'late chunk',
  'filtered',
  'not-routed',
  'absent',
  'gap',
  'quarantine',
] as const;
export type Fate = (typeof FATES)[number];

export type Step =
  | {
      readonly kind: 'put';
      readonly partition: number;
      readonly fates: readonly Fate[];
      readonly repeat: number;
    }
  | { readonly kind: 'accept'; readonly partition: number; readonly back: number }
  | { readonly kind: 'land'; readonly maxEvents: number }
  | { readonly kind: 'retry'; readonly turn: number }
  | { readonly kind: 'drop'; readonly events: number }
  | { readonly kind: 'damage'; readonly turn: number }
  | { readonly kind: 'redeem'; readonly turn: number; readonly events: number }
  | { readonly kind: 'new tenure'; readonly partition: number; readonly verdict: 'accepted' | 'rejected' };

const partitionNumber = fc.integer({ min: 0, max: 1 });
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      partition: partitionNumber,
      fates: fc.array(fc.constantFrom(...FATES), { maxLength: 12 }),
      repeat: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('accept' as const),
      partition: partitionNumber,
      back: fc.integer({ min: 0, max: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('land' as const), maxEvents: fc.integer({ min: 0, max: 9 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('retry' as const), turn: fc.integer({ min: 0, max: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('drop' as const), events: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('damage' as const), turn: fc.integer({ min: 0, max: 4 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('redeem' as const),
      turn: fc.integer({ min: 0, max: 4 }),
      events: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('new tenure' as const),
      partition: partitionNumber,
      verdict: fc.constantFrom('accepted' as const, 'rejected' as const),
    }),
  },
);

export class BusyChannel {
  readonly site: AuditedSite;
  readonly #partitions = [0, 1].map(() => ({ nonce: '', position: 0, ends: [] as number[] }));
  #tenures = 0;

  constructor(site: AuditedSite) {
    this.site = site;
  }

  async begin(): Promise<void> {
    await this.#newTenure(0);
    await this.#newTenure(1);
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'put':
        return this.#put(one.partition, [
          'chunk',
          ...Array.from({ length: one.repeat }, () => one.fates).flat(),
        ]);
      case 'accept':
        return this.#accept(one.partition, one.back);
      case 'land':
        return this.#land(one.maxEvents);
      case 'retry':
        for (const group of retryGroups(this.#waiting())) await this.#retry(group, one.turn);
        return;
      case 'drop': {
        const ids = this.#waiting().map(({ id }) => id);
        const drop = { ids: ids.slice(0, one.events), by: 'li', why: 'no use' };
        return void (await this.site.writer.perform('dropQuarantined', drop));
      }
      case 'damage':
        return this.#damage(one.turn);
      case 'redeem':
        return this.#redeem(one);
      case 'new tenure': {
        const { nonce, ends } = this.#state(one.partition);
        await this.site.writer.perform('endTenure', nonce);
        if (ends.length > 0) await this.site.writer.perform('resolveDoubt', nonce, one.verdict);
        return this.#newTenure(one.partition);
      }
    }
  }

  #state(number: number) {
    const state = this.#partitions[number];
    if (state === undefined) throw new Error('no such partition');
    return state;
  }

  async #newTenure(number: number): Promise<void> {
    const ref = partition(number);
    const known = await this.site.writer.perform('partitionState', {
      source: ref.source,
      topic: ref.topic,
      partition: number,
    });
    const start = known?.position ?? 100 * number;
    const nonce = `t${++this.#tenures}`;
    await this.site.writer.perform('beginTenure', tenureStart(nonce, start, { ref }));
    Object.assign(this.#state(number), { nonce, position: start, ends: [] });
  }

  async #put(number: number, fates: readonly Fate[]): Promise<void> {
    const state = this.#state(number);
    const first = state.position;
    const at = (fate: Fate) => fates.flatMap((one, index) => (one === fate ? [first + index] : []));
    // The second channel has both in one place: where the first one's runs end, its runs go on.
    const late = at('late chunk');
    const chunks: TestChunk[] = [
      { offsets: at('chunk'), channel: CHANNEL },
      ...(late.length > 0 ? [{ offsets: late, channel: CHANNEL, directory: '/logs/late' }] : []),
      { offsets: [...at('chunk'), ...late].sort((a, b) => a - b), channel: 'other' },
    ];
    const told = (['filtered', 'absent', 'gap'] as const).flatMap((kind): Disposition[] =>
      at(kind).length === 0 ? [] : [{ kind, channel: undefined, runs: runsOf(at(kind)), reason: 'r' }],
    );
    const missed = at('not-routed');
    const notRouted = CHANNELS.flatMap((channel): Disposition[] =>
      missed.length === 0 ? [] : [{ kind: 'not-routed', channel, runs: runsOf(missed), reason: 'r' }],
    );
    const next = first + fates.length;
    await this.site.writer.perform(
      'put',
      putOf({
        ...{ tenure: state.nonce, first, next, chunks, channels: CHANNELS, partition: partition(number) },
        dispositions: [...told, ...notRouted],
        quarantined: at('quarantine').map((offset) => quarantined(offset)),
      }),
    );
    state.position = next;
    state.ends.push(next);
  }

  async #accept(number: number, back: number): Promise<void> {
    const { nonce, ends } = this.#state(number);
    const end = ends.at(-1 - back);
    if (end === undefined) return;
    await this.site.writer.perform('accept', nonce, end);
    ends.splice(0, ends.indexOf(end) + 1);
  }

  #waiting(): readonly SliceEvent[] {
    const db = openForReading(join(this.site.directory, CHANNEL_FILE));
    try {
      const selection = { all: true } as const;
      const { upTo } = quarantineTarget(db, selection);
      return quarantineSlice(db, { selection, upTo }, undefined).events;
    } finally {
      db.close();
    }
  }

  /** One after the other: into both channels, filtered, into one of two, and not at all; `turn` says with which it begins. */
  async #retry(group: readonly SliceEvent[], turn: number): Promise<void> {
    const at = (fate: number) =>
      group.flatMap(({ offset: one }, index) => ((index + turn) % 4 === fate ? [one] : []));
    const channel = group[0]?.channel;
    const channels = channel === undefined ? CHANNELS : [channel];
    const both = [...at(0), ...at(2)].sort((a, b) => a - b);
    const split = channel === undefined ? at(2) : [];
    const taken = new Set(split);
    const chunks = channels
      .map((name): TestChunk => {
        const offsets = name === CHANNEL ? both : both.filter((one) => !taken.has(one));
        return { offsets, channel: name, directory: '/logs/retried' };
      })
      .filter(({ offsets }) => offsets.length > 0);
    const put = putOf({ tenure: '', first: 0, next: 0, chunks, partition: partition(group[0]?.partition) });
    const filtered = at(1);
    await this.site.writer.perform('retryQuarantined', {
      events: group.map(({ id, offset: one }) => ({ id, offset: offset(one) })),
      ...{ channel, channels, chunks: put.chunks, bytes: put.bytes, configVersion: 2, by: 'li' },
      dispositions:
        filtered.length === 0 ? [] : [{ kind: 'filtered', channel, runs: runsOf(filtered), reason: 'r' }],
      stays: [
        ...at(3).map((one) => ({ offset: offset(one), channel, reason: 'still no time' })),
        ...split.map((one) => ({ offset: offset(one), channel: 'other', reason: 'no directory' })),
      ],
    });
  }

  /** The first chunk of a file that is planned is found damaged; the rest stays planned. */
  async #damage(turn: number): Promise<void> {
    const keys = await this.site.keys();
    const key = keys[turn % Math.max(1, keys.length)];
    if (key === undefined) return;
    const planned = await this.site.writer.perform('plan', fileRequest(key.id));
    const [chunk] = planned?.plan.chunks ?? [];
    if (planned === undefined || chunk === undefined) return;
    await this.site.writer.perform('damagedChunk', planned.plan.fileId, chunk.chunkId, 'CRC');
  }

  /** Some offsets from the middle of a claim: into a chunk, filtered, lost, and into quarantine, one after the other. */
  async #redeem({ turn, events }: { readonly turn: number; readonly events: number }): Promise<void> {
    const { claims } = await this.site.writer.perform('openClaims', partition().source, undefined);
    const claim = claims[turn % Math.max(1, claims.length)];
    if (claim === undefined) return;
    const offsets = offsetsOf(claim.runs);
    const taken = offsets.slice(Math.floor(offsets.length / 3)).slice(0, events);
    const at = (fate: number) => taken.filter((_, index) => (index + turn) % 4 === fate);
    const told = (
      [
        ['filtered', 1],
        ['gap', 2],
      ] as const
    ).flatMap(([kind, fate]): Disposition[] =>
      at(fate).length === 0
        ? []
        : [{ kind, channel: claim.channel, runs: runsOf(at(fate)), reason: 'pulled again' }],
    );
    const chunks = at(0).length === 0 ? [] : [{ offsets: at(0), directory: '/logs/again' }];
    const waiting = at(3).map((offset) => quarantined(offset));
    const redemption = redemptionOf({ claim, chunks, dispositions: told, quarantined: waiting });
    await this.site.writer.perform('redeemClaim', redemption);
  }

  async #land(maxEvents: number): Promise<void> {
    const keys = await this.site.keys();
    const key = keys[maxEvents % Math.max(1, keys.length)];
    if (key === undefined) return;
    const planned = await this.site.writer.perform('plan', fileRequest(key.id, { maxEvents }));
    // One in three stays planned: a file on its way.
    if (planned !== undefined && maxEvents % 3 !== 2) await land(this.site.writer, planned.plan.fileId);
  }
}
