import { offset } from '../../shared/model/brand.ts';
import type { Fingerprint } from '../../shared/model/partition.ts';

/** A fingerprint as four columns of a row; all NULL: none. */
export interface FingerprintColumns {
  readonly fp_offset: number | null;
  readonly fp_crc: number | null;
  readonly fp_timestamp_ms: number | null;
  readonly fp_leader_epoch: number | null;
}

export function toFingerprintColumns(fingerprint: Fingerprint | undefined): FingerprintColumns {
  return {
    fp_offset: fingerprint?.offset ?? null,
    fp_crc: fingerprint?.crc ?? null,
    fp_timestamp_ms: fingerprint?.timestampMs ?? null,
    fp_leader_epoch: fingerprint?.leaderEpoch ?? null,
  };
}

export function toFingerprint(row: FingerprintColumns): Fingerprint | undefined {
  if (row.fp_offset === null) return undefined;
  return {
    offset: offset(row.fp_offset),
    crc: row.fp_crc ?? 0,
    timestampMs: row.fp_timestamp_ms ?? 0,
    leaderEpoch: row.fp_leader_epoch ?? -1,
  };
}
