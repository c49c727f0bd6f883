/** The rules of the quarantine's model test, and what they must lead to: a map of offsets to fates. */
import { expect } from 'vitest';
import type { SourceRules } from '../../main/engine/source-host.ts';
import { EventBatch } from '../../shared/event-batch.ts';
import { landingKey } from '../channel/channel-fixture.ts';

export const NAMES = ['a', 'b', 'c'] as const;
const SETS = [['a'], ['a', 'b'], ['b', 'c'], ['c'], ['a', 'b', 'c']] as const;
/** Where a rule may send an event, before the channels and in each of them. */
type RuleFate = 'filtered' | 'quarantined' | 'live';
type ChannelFate = 'chunk' | 'not-routed' | 'unplaceable';

function roll(...parts: readonly number[]): number {
  let value = 2_166_136_261;
  for (const part of parts) {
    value = Math.imul(value ^ (part + 1), 16_777_619);
    value = Math.imul(value ^ (value >>> 13), 0x5bd1e995);
  }
  return (value ^ (value >>> 15)) >>> 0;
}

const ruleFate = (at: number, version: number): RuleFate =>
  (['filtered', 'quarantined', 'quarantined', 'live', 'live', 'live'] as const)[roll(at, version) % 6] ??
  'live';
const channelFate = (at: number, version: number, channel: string): ChannelFate =>
  (['chunk', 'chunk', 'unplaceable', 'not-routed'] as const)[roll(at, version, channel.charCodeAt(0)) % 4] ??
  'chunk';
const channelsOf = (version: number): readonly string[] => SETS[roll(version) % SETS.length] ?? SETS[0];

/** Rules of one version. They change body, header and time of each event first: what is retried must not be changed twice. */
export function rulesOf(version: number): SourceRules {
  const names = channelsOf(version);
  return {
    configVersion: version,
    interceptors: [
      {
        name: 'rule',
        intercept(batch) {
          for (let i = 0; i < batch.count; i++) {
            if (!batch.isLive(i)) continue;
            batch.setBody(i, Buffer.concat([Buffer.from('r'), batch.body(i)]));
            batch.setHeader(i, 'h', `${batch.getHeader(i, 'h') ?? ''}x`);
            batch.setTimestamp(i, (batch.timestamps[i] ?? NaN) + 1);
            const fate = ruleFate(batch.offsets[i] ?? 0, version);
            if (fate === 'filtered') batch.filter(i, `rule ${version}`);
            if (fate === 'quarantined')
              batch.quarantine(i, `no time in "${batch.offsets[i]}" by rule ${version}`);
          }
        },
      },
    ],
    router: {
      routesAll: false,
      routes: (batch, index, place) =>
        channelFate(batch.offsets[index] ?? 0, version, names[place] ?? '') !== 'not-routed',
    },
    channels: names.map((name) => ({
      name,
      appendNewline: true,
      keys: {
        keyFor: (batch: EventBatch, index: number) => {
          const at = batch.offsets[index] ?? 0;
          if (channelFate(at, version, name) === 'unplaceable')
            return { unplaceable: `no directory by rule ${version}` };
          const key = KEYS.get(`${name}${batch.getHeader(index, 'h')}${batch.timestamps[index]}`);
          if (key === undefined)
            throw new Error(`offset ${at} came with other headers than its source gave it`);
          return { key, bucketEndMs: undefined };
        },
      },
    })),
  };
}
const TIME_MS = 5_000;
/** Equal names give the same object, as the packer is promised. */
const KEYS = new Map(NAMES.map((name) => [`${name}sx${TIME_MS + 1}`, landingKey(`/logs/${name}`)]));

export function batchOf(offsets: readonly number[]): EventBatch {
  const bodies = offsets.map((at) => Buffer.from(`${at}`));
  return new EventBatch({
    count: offsets.length,
    offsets: Float64Array.from(offsets),
    sources: bodies,
    sourceOf: Uint16Array.from(offsets, (_, index) => index),
    starts: new Int32Array(offsets.length),
    ends: Int32Array.from(bodies, ({ length }) => length),
    timestamps: new Float64Array(offsets.length).fill(TIME_MS),
    sharedHeaders: { topic: 'www', h: 's' },
  });
}

export type Fate = 'chunk' | 'filtered' | 'not-routed' | 'waiting' | 'dropped';
/** One offset: its fate in each channel that had a part in it; `waiting` for all of them, or for some. */
interface Modelled {
  readonly fates: Map<string, Fate>;
  isWaitingForAll: boolean;
}

export class Model {
  readonly offsets = new Map<number, Modelled>();

  put(at: number, version: number): void {
    const fates = new Map<string, Fate>(channelsOf(version).map((name) => [name, 'waiting']));
    const one: Modelled = { fates, isWaitingForAll: true };
    this.offsets.set(at, one);
    this.#place(at, one, version);
  }

  retryAll(at: number, version: number): void {
    const one = this.offsets.get(at);
    if (one === undefined || !one.isWaitingForAll)
      throw new Error(`offset ${at} does not wait for all channels`);
    this.#place(at, one, version);
  }

  #place(at: number, one: Modelled, version: number): void {
    const rule = ruleFate(at, version);
    if (rule === 'quarantined') return;
    one.isWaitingForAll = false;
    for (const name of channelsOf(version)) one.fates.set(name, 'waiting');
    for (const name of one.fates.keys()) {
      if (rule === 'filtered') one.fates.set(name, 'filtered');
      else if (!channelsOf(version).includes(name)) one.fates.set(name, 'not-routed');
      else this.#placeIn(at, one, { name, version });
    }
  }

  retryIn(at: number, name: string, version: number): void {
    const one = this.offsets.get(at);
    expect(one?.fates.get(name), `offset ${at} in ${name}`).toBe('waiting');
    if (one === undefined || !channelsOf(version).includes(name)) return;
    const rule = ruleFate(at, version);
    if (rule === 'filtered') one.fates.set(name, 'filtered');
    if (rule === 'live') this.#placeIn(at, one, { name, version });
  }

  #placeIn(at: number, one: Modelled, to: { readonly name: string; readonly version: number }): void {
    const fate = channelFate(at, to.version, to.name);
    one.fates.set(to.name, fate === 'unplaceable' ? 'waiting' : fate);
  }

  drop(at: number, name: string | undefined): void {
    const one = this.offsets.get(at);
    if (one === undefined) throw new Error(`offset ${at} was never put`);
    for (const channel of name === undefined ? one.fates.keys() : [name]) {
      expect(one.fates.get(channel)).toBe('waiting');
      one.fates.set(channel, 'dropped');
    }
    one.isWaitingForAll = false;
  }
}
