/**
 * Goal: what a landed file says of itself is read back whole and exact, or refused. Method: stamps are made by landing's own code, for
 * few and many partitions, and then damaged in each way that somebody could.
 */
import { describe, expect, it } from 'vitest';
import { fileStamp } from '../../main/landing/file-stamp.ts';
import { stampIn, stampInSidecar } from '../../main/recovery/stamped-file.ts';
import { fileId } from '../../shared/model/brand.ts';
import type { FilePart, FilePlan } from '../../shared/model/file-plan.ts';
import { OffsetRunsBuilder } from '../../shared/model/offset-runs.ts';

function partOf(partition: number, holes: number): FilePart {
  const runs = new OffsetRunsBuilder();
  for (let hole = 0; hole <= holes; hole++) runs.addRun(100 + 5 * hole, 103 + 5 * hole);
  return { source: 'weblogs', topic: 'www', partition, incarnation: 'topic-id', runs: runs.finish() };
}

function planOf(parts: readonly FilePart[]): FilePlan {
  const events = parts.reduce((sum, { runs }) => sum + runs.count, 0);
  return {
    fileId: fileId('20261121-115830123-0a1b2c3d-00012345'),
    sink: 'hadoop',
    landingKeyId: 1,
    landingKey: {
      ...{ sink: 'hadoop', directory: '/logs', prefix: 'www', suffix: '.log' },
      ...{ codec: 'gzip', serializer: 'text', version: 1 },
    },
    channel: 'disk',
    finalPath: '/logs/www.gw.20261121-115830123-0a1b2c3d-00012345.log',
    namespace: 'n',
    ...{ expectedBytes: 50, rawBytes: 500, events, lines: events, chunks: [], parts, state: 'renaming' },
    ...{ heldReason: undefined, attempts: [], plannedAtMs: 1 },
  };
}

const FACTS = { gatewayId: 'gw', stateId: 'lost', crc32c: 7, checksum: 'CRC32C:00000007' };

describe('the stamp of a landed file', () => {
  it.each([
    ['one partition', [partOf(0, 3)]],
    ['partitions that need several attributes', [partOf(0, 900), partOf(1, 900), partOf(2, 20)]],
  ])('is read back exactly: %s', (_name, parts) => {
    const stamp = fileStamp(planOf(parts), FACTS);
    expect(stamp.isSidecarNeeded).toBe(false);
    const read = stampIn(stamp.attributes);
    expect(read?.identity).toMatchObject({ state: 'lost', channel: 'disk', raw: 500, codec: 'gzip' });
    expect(read?.parts).toEqual(parts);
    expect(stampInSidecar(stamp.sidecar)).toEqual(read);
  });

  it('says that its offsets stand in the sidecar when they do not fit, and the sidecar has them', () => {
    const parts = Array.from({ length: 40 }, (_, partition) => partOf(partition, 400));
    const stamp = fileStamp(planOf(parts), FACTS);
    expect(stamp.isSidecarNeeded).toBe(true);
    expect(stampIn(stamp.attributes)).toMatchObject({ identity: { state: 'lost' }, parts: undefined });
    expect(stampInSidecar(stamp.sidecar)?.parts).toEqual(parts);
  });

  it('is refused when its offsets are not those that the digest was made of', () => {
    const { attributes } = fileStamp(planOf([partOf(0, 3)]), FACTS);
    const other = fileStamp(planOf([partOf(1, 3)]), FACTS).attributes['parts'] ?? '';
    expect(() => stampIn({ ...attributes, parts: other })).toThrow(/digest/);
    expect(() => stampIn({ ...attributes, parts: '[["weblogs"' })).toThrow(/cut off/);
    expect(() => stampIn({ ...attributes, parts: '[]' })).toThrow(/12 events, its parts give 0/);
  });

  it('of somebody else’s is none', () => {
    expect(stampIn(undefined)).toBeUndefined();
    expect(stampIn({ file: 'mine' })).toBeUndefined();
    expect(stampIn({ file: '{"v":2}' })).toBeUndefined();
  });
});
