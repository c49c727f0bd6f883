/**
 * Goal: the metadata of an offset reads back as written, stays small, never forgets a state id's last tenure, and believes nobody else.
 * Method: round trips and long chains; fast-check throws text at the parser.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatTenureMetadata,
  METADATA_BYTES_MAX,
  nextTenureMetadata,
  parseTenureMetadata,
  targetTag,
  type TenureMetadata,
} from '../../../main/sources/kafka/tenure-metadata.ts';

function chainOf(count: number, stateIdOf: (index: number) => string): TenureMetadata {
  let chain: TenureMetadata | undefined;
  for (let index = 0; index < count; index++) {
    chain = nextTenureMetadata(
      chain,
      {
        nonce: `nonce-${String(index).padStart(18, '0')}`,
        stateId: stateIdOf(index),
        gatewayId: `gateway-of-${stateIdOf(index)}`,
        target: 'beijing',
        incarnation: '0f8fad5b-d9cb-469f-a165-70867728950e',
        start: index * 1_000_000_007,
        previousEnd: index * 1_000_000_007,
        isNewLog: false,
        movedTo: undefined,
        fingerprint: undefined,
      },
      () => true,
    );
  }
  if (chain === undefined) throw new Error('an empty chain');
  return chain;
}

describe('tenure metadata', () => {
  it('reads back as it was written', () => {
    const chain = chainOf(3, (index) => `state-${index % 2}`);
    expect(parseTenureMetadata(formatTenureMetadata(chain))).toEqual({ kind: 'ours', metadata: chain });
  });

  it('stays below 1 KiB over any number of openings, and keeps the last tenure of each state id with its end', () => {
    const chain = chainOf(500, (index) => (index === 3 ? 'state-away' : `state-${index % 3}`));
    expect(Buffer.byteLength(formatTenureMetadata(chain))).toBeLessThanOrEqual(METADATA_BYTES_MAX);
    expect(chain.entries.find((one) => one.stateId === 'state-away')).toMatchObject({
      nonce: 'nonce-000000000000000003',
      end: 4 * 1_000_000_007,
    });
    expect(chain.sequence).toBe(500);
  });

  it('an opening that a crash cut off is replaced by the next one, so that crash loops push nobody out', () => {
    const known = chainOf(1, () => 'state-a');
    const next = (previous: TenureMetadata, nonce: string): TenureMetadata =>
      nextTenureMetadata(
        previous,
        {
          nonce,
          stateId: 'state-a',
          gatewayId: 'a',
          target: 'beijing',
          incarnation: 'i',
          start: 50,
          previousEnd: 50,
          isNewLog: false,
          movedTo: undefined,
          fingerprint: undefined,
        },
        (one) => one === known.entries[0]?.nonce,
      );
    let chain = next(known, 'cut-off-0');
    for (let index = 1; index < 50; index++) chain = next(chain, `cut-off-${index}`);
    expect(chain.entries.map((one) => [one.nonce, one.end])).toEqual([
      [known.entries[0]?.nonce, 50],
      ['cut-off-49', undefined],
    ]);
  });

  it('the border between two logs stays listed, however many tenures follow, and outlives a cut-off opening', () => {
    const open = (previous: TenureMetadata | undefined, index: number, isNewLog: boolean): TenureMetadata =>
      nextTenureMetadata(
        previous,
        {
          nonce: `nonce-${index}`,
          stateId: 'state-b',
          gatewayId: 'b',
          target: 'beijing',
          incarnation: isNewLog ? 'new' : 'old',
          start: isNewLog ? 0 : 70,
          previousEnd: isNewLog ? 70 : 0,
          isNewLog,
          movedTo: undefined,
          fingerprint: undefined,
        },
        // The opening that began the new log was cut off by a crash, before it was recorded.
        (nonce) => nonce !== 'nonce-1',
      );
    let chain = open(undefined, 0, false);
    chain = open(chain, 1, true);
    for (let index = 2; index < 100; index++) chain = { ...open(chain, index, false), incarnation: 'new' };
    expect(Buffer.byteLength(formatTenureMetadata(chain))).toBeLessThanOrEqual(METADATA_BYTES_MAX);
    expect(chain.entries[0]).toMatchObject({ nonce: 'nonce-0', end: 70, oldLogEnd: undefined });
    expect(chain.entries[1]).toMatchObject({ oldLogEnd: 70 });
    expect(parseTenureMetadata(formatTenureMetadata(chain))).toEqual({ kind: 'ours', metadata: chain });
  });

  it('what is not ours is told as such and never throws', () => {
    expect(parseTenureMetadata('')).toEqual({ kind: 'empty' });
    expect(parseTenureMetadata('{"headgate":2}')).toEqual({ kind: 'newer', version: 2 });
    for (const text of [
      'x',
      '{}',
      '[]',
      'null',
      '{"headgate":1}',
      '{"headgate":1,"t":"x","i":"i","q":1,"g":[],"c":[]}',
    ]) {
      expect(parseTenureMetadata(text).kind).toBe('foreign');
    }
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => parseTenureMetadata(text).kind !== 'ours'),
    );
  });

  it('long targets get a short name of their own', () => {
    expect(targetTag('beijing')).toBe('beijing');
    expect(targetTag(`${'x'.repeat(100)}a`)).not.toBe(targetTag(`${'x'.repeat(100)}b`));
    expect(targetTag('x'.repeat(100)).length).toBeLessThan(48);
  });
});
