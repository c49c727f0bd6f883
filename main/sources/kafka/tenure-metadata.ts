import * as z from 'zod';
import { createHash } from 'node:crypto';
import type { Fingerprint } from '../../../shared/model/partition.ts';
import { offset } from '../../../shared/model/brand.ts';

/**
 * The metadata of a committed offset: under which tenure it was committed, and which tenures came before (exactly-once.md §4).
 *
 * It is what a gateway that was away resolves its doubts with: for each state id the last tenure stays listed with the offset at
 * which its successor started (`end`), whatever else is evicted; so do the last tenure of an old log and the first of the next, for
 * offsets of two logs can't be compared. Compact JSON, below `METADATA_BYTES_MAX` (the broker's own limit
 * is 4096 by default); only when the tenures that must stay do not fit may it grow up to `PINNED_BYTES_MAX`.
 */
export const METADATA_BYTES_MAX = 1_024;
export const PINNED_BYTES_MAX = 3_072;
const VERSION = 1;
const TARGET_CHARS_MAX = 48;

export interface TenureEntry {
  readonly nonce: string;
  readonly stateId: string;
  readonly start: number;
  /** Where its successor started; undefined for the last one. */
  readonly end: number | undefined;
  /** Set when another log begins with this tenure (topic created anew, truncated): the offset committed for the log before. */
  readonly oldLogEnd: number | undefined;
}

export interface TenureMetadata {
  /** `targetTag` of the landing target. */
  readonly target: string;
  readonly incarnation: string;
  /** Of the last tenure; each opening takes the next one. */
  readonly sequence: number;
  /** State id -> gateway id. */
  readonly gateways: Readonly<Record<string, string>>;
  /** Oldest first; the last one is the tenure under which the offset was committed. Never empty. */
  readonly entries: readonly TenureEntry[];
  /** The committed offset when the last tenure opened, where somebody had moved it beyond the tenure's start. */
  readonly movedTo: number | undefined;
  /** Of the last record below the committed offset, as far as known. */
  readonly fingerprint: Fingerprint | undefined;
}

export type ParsedMetadata =
  | { readonly kind: 'empty' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'ours'; readonly metadata: TenureMetadata };

/** Short enough for the metadata, and equal only for equal targets. */
export function targetTag(landingTargetId: string): string {
  if (landingTargetId.length <= TARGET_CHARS_MAX) return landingTargetId;
  return `sha256:${createHash('sha256').update(landingTargetId).digest('hex').slice(0, 32)}`;
}

const whole = z.int().min(0);
const text = z.string().min(1).max(256);
const wireSchema = z.object({
  headgate: z.literal(VERSION),
  t: text,
  i: text,
  q: whole,
  g: z
    .array(z.tuple([text, text]))
    .min(1)
    .max(256),
  c: z
    .array(z.tuple([text, whole, whole, z.int().min(-1), whole.optional()]))
    .min(1)
    .max(256),
  m: whole.optional(),
  f: z.tuple([whole, whole, z.int(), z.int()]).optional(),
});

/** Never throws: what does not read as ours is not ours. */
export function parseTenureMetadata(textOfOffset: string): ParsedMetadata {
  if (textOfOffset === '') return { kind: 'empty' };
  let json: unknown;
  try {
    json = JSON.parse(textOfOffset);
  } catch {
    return { kind: 'foreign' };
  }
  if (typeof json !== 'object' || json === null) return { kind: 'foreign' };
  const version: unknown = Reflect.get(json, 'headgate');
  if (typeof version === 'number' && version > VERSION) return { kind: 'newer', version };
  const parsed = wireSchema.safeParse(json);
  if (!parsed.success) return { kind: 'foreign' };
  const metadata = fromWire(parsed.data);
  return metadata === undefined ? { kind: 'foreign' } : { kind: 'ours', metadata };
}

function fromWire(wire: z.infer<typeof wireSchema>): TenureMetadata | undefined {
  const entries: TenureEntry[] = [];
  for (const [nonce, stateIndex, start, end, oldLogEnd] of wire.c) {
    const stateId = wire.g[stateIndex]?.[0];
    if (stateId === undefined) return undefined;
    entries.push({ nonce, stateId, start, end: end < 0 ? undefined : end, oldLogEnd });
  }
  const isChain = entries.every((one, index) => (one.end === undefined) === (index === entries.length - 1));
  if (!isChain) return undefined;
  const [at, crc, timestampMs, leaderEpoch] = wire.f ?? [];
  const hasFingerprint =
    at !== undefined && crc !== undefined && timestampMs !== undefined && leaderEpoch !== undefined;
  return {
    target: wire.t,
    incarnation: wire.i,
    sequence: wire.q,
    gateways: Object.fromEntries(wire.g),
    entries,
    movedTo: wire.m,
    fingerprint: hasFingerprint ? { offset: offset(at), crc, timestampMs, leaderEpoch } : undefined,
  };
}

/** The text to commit; at most `PINNED_BYTES_MAX` bytes. */
export function formatTenureMetadata(metadata: TenureMetadata): string {
  const stateIds = [...new Set(metadata.entries.map((one) => one.stateId))];
  const f = metadata.fingerprint;
  return JSON.stringify({
    headgate: VERSION,
    t: metadata.target,
    i: metadata.incarnation,
    q: metadata.sequence,
    g: stateIds.map((stateId) => [stateId, metadata.gateways[stateId] ?? stateId]),
    c: metadata.entries.map((one) => [
      one.nonce,
      stateIds.indexOf(one.stateId),
      one.start,
      one.end ?? -1,
      ...(one.oldLogEnd === undefined ? [] : [one.oldLogEnd]),
    ]),
    ...(metadata.movedTo === undefined ? {} : { m: metadata.movedTo }),
    ...(f === undefined ? {} : { f: [f.offset, f.crc, f.timestampMs, f.leaderEpoch] }),
  });
}

export interface NewTenureEntry {
  readonly nonce: string;
  readonly stateId: string;
  readonly gatewayId: string;
  readonly target: string;
  readonly incarnation: string;
  readonly start: number;
  /** Where the tenure before ends: its committed offset, which is `start` unless the log was replaced or somebody moved it. */
  readonly previousEnd: number;
  /** Another log begins here: its offsets have nothing to do with those of the tenures before. */
  readonly isNewLog: boolean;
  /** Where somebody moved the offset to, beyond `start`; undefined: nobody did. */
  readonly movedTo: number | undefined;
  readonly fingerprint: Fingerprint | undefined;
}

/**
 * The metadata of the next tenure. A last entry of the same state id at the same place, which its own database does not know
 * (`isKnown`), was an opening that a crash cut off: it never had a put, and is replaced instead of pushing others out.
 */
export function nextTenureMetadata(
  previous: TenureMetadata | undefined,
  next: NewTenureEntry,
  isKnown: (nonce: string) => boolean,
): TenureMetadata {
  const before = [...(previous?.entries ?? [])];
  const last = before.pop();
  let oldLogEnd = next.isNewLog && last !== undefined ? next.previousEnd : undefined;
  if (last !== undefined) {
    const isCutOff = last.stateId === next.stateId && last.start === next.previousEnd && !isKnown(last.nonce);
    const hasOlder = before.some((one) => one.stateId === next.stateId);
    if (!isCutOff || !hasOlder) before.push({ ...last, end: next.previousEnd });
    else {
      healEnd(before, next.previousEnd);
      oldLogEnd = last.oldLogEnd ?? oldLogEnd;
    }
  }
  const { nonce, stateId, start } = next;
  const entry: TenureEntry = { nonce, stateId, start, end: undefined, oldLogEnd };
  const metadata: TenureMetadata = {
    target: next.target,
    incarnation: next.incarnation,
    sequence: (previous?.sequence ?? 0) + 1,
    gateways: { ...previous?.gateways, [next.stateId]: next.gatewayId },
    entries: [...before, entry],
    movedTo: next.movedTo,
    fingerprint: next.fingerprint,
  };
  return evicted(metadata);
}

/** The entry before a replaced one ends where the replaced one started, which is where the new one starts. */
function healEnd(entries: TenureEntry[], end: number): void {
  const last = entries.pop();
  if (last !== undefined) entries.push({ ...last, end: last.end ?? end });
}

/** Drops the oldest entries that need not stay; then, beyond the hard limit, the oldest of all but the last. */
function evicted(metadata: TenureMetadata): TenureMetadata {
  let current = metadata;
  while (sizeOf(current) > METADATA_BYTES_MAX) {
    const index = current.entries.findIndex((one, at) => !isPinned(current.entries, one, at));
    if (index < 0) break;
    current = { ...current, entries: current.entries.toSpliced(index, 1) };
  }
  // More state ids than fit: the one that was away longest will be held when it comes back, which loses nothing.
  while (sizeOf(current) > PINNED_BYTES_MAX && current.entries.length > 1) {
    current = { ...current, entries: current.entries.slice(1) };
  }
  return current;
}

function isPinned(entries: readonly TenureEntry[], entry: TenureEntry, at: number): boolean {
  if (entry.oldLogEnd !== undefined || entries[at + 1]?.oldLogEnd !== undefined) return true;
  return !entries.slice(at + 1).some((later) => later.stateId === entry.stateId);
}

/** With room for the fingerprint, which later commits under the tenure bring. */
const FINGERPRINT_BYTES = 56;

function sizeOf(metadata: TenureMetadata): number {
  return Buffer.byteLength(formatTenureMetadata({ ...metadata, fingerprint: undefined })) + FINGERPRINT_BYTES;
}
