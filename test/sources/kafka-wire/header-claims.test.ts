/**
 * Goal: what stands in a batch header outside of its CRC is believed when it proves itself or comes twice, and never else.
 * Method: sets from the independent encoder, with and without damage, through the memory that an open partition keeps.
 */
import { describe, expect, it } from 'vitest';
import { ClaimMemory } from '../../../main/sources/kafka/wire/header-claims.ts';
import { encodeBatch } from './record-batch-encoder.ts';
import { readerOf } from './reading.ts';

function batch(baseOffset: number, count: number, leaderEpoch = 2): Buffer {
  const records = Array.from({ length: count }, (_, offsetDelta) => ({
    offsetDelta,
    timestampMs: 1,
    key: null,
    value: Buffer.from('x'),
  }));
  return encodeBatch({ baseOffset, records, leaderEpoch });
}

function claimsIn(batches: readonly Buffer[], fetchOffset = 10, highWatermark = 1_000) {
  const facts = { fetchOffset, logStartOffset: 0, highWatermark };
  return readerOf(Buffer.concat(batches), facts, { knownEpochs: [2] }).claims;
}

describe('a set claims', () => {
  it('nothing when each batch begins where the one before ended, in a known epoch', () => {
    expect(claimsIn([batch(10, 5), batch(15, 1), batch(16, 4)])).toEqual([]);
  });

  it('holes, a begin before the fetch offset, and unknown epochs', () => {
    expect(claimsIn([batch(12, 3), batch(17, 3)])).toEqual([
      { kind: 'hole', from: 10, to: 12 },
      { kind: 'hole', from: 15, to: 17 },
    ]);
    expect(claimsIn([batch(8, 5)])).toEqual([{ kind: 'overlap', from: 8, to: 10 }]);
    expect(claimsIn([batch(10, 5), batch(15, 5, 3), batch(20, 5, 3)])).toEqual([
      { kind: 'epoch', from: 3, to: 15 },
    ]);
  });

  it('to lie beyond the end of the log', () => {
    expect(claimsIn([batch(10, 5)], 10, 14)).toEqual([{ kind: 'beyond', from: 14, to: 15 }]);
  });

  it('a batch wholly before the fetch offset is refused: its events would be taken for a hole', () => {
    expect(() => claimsIn([batch(2, 5), batch(20, 5)])).toThrow('was sent for offset 10');
  });
});

describe('a claim', () => {
  const hole = claimsIn([batch(12, 3)]);
  const otherHole = claimsIn([batch(13, 3)]);

  it('is believed when the next answer says the same', () => {
    const memory = new ClaimMemory();
    expect(memory.judge(hole)).toBe('ask-again');
    expect(memory.judge(hole)).toBe('believed');
  });

  it('is dropped when the next answer proves itself', () => {
    const memory = new ClaimMemory();
    expect(memory.judge(hole)).toBe('ask-again');
    expect(memory.judge([])).toBe('believed');
    expect(memory.judge(hole)).toBe('ask-again');
  });

  it('that is another one each time ends in an error', () => {
    const memory = new ClaimMemory();
    const verdicts = Array.from({ length: 12 }, (_, at) => memory.judge(at % 2 === 0 ? hole : otherHole));
    expect(verdicts).not.toContain('believed');
    expect(verdicts.at(-1)).toBe('contradiction');
  });

  it('of a place beyond the log is never believed', () => {
    const memory = new ClaimMemory();
    const beyond = claimsIn([batch(10, 5)], 10, 14);
    const verdicts = Array.from({ length: 12 }, () => memory.judge(beyond));
    expect(verdicts).not.toContain('believed');
  });

  it('of a hole is believed at once in a log that turned out to be full of them, one of an epoch is not', () => {
    const memory = new ClaimMemory();
    for (let round = 0; round < 3; round++) {
      expect(memory.judge(hole)).toBe('ask-again');
      expect(memory.judge(hole)).toBe('believed');
    }
    expect(memory.judge(otherHole)).toBe('believed');
    expect(memory.judge(claimsIn([batch(10, 1, 9)]))).toBe('ask-again');
  });
});
