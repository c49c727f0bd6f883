import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { epochMs, fileId, offset } from '../../shared/model/brand.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type { ClaimRedemption, OpenClaim } from '../../shared/model/claim.ts';
import type { LandedFacts } from '../../shared/model/file-plan.ts';
import type { LandingKey } from '../../shared/model/landing-key.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import { decodeRuns, mergeRuns, OffsetRunsBuilder, singleRun } from '../../shared/model/offset-runs.ts';
import type { Disposition, PartitionRef } from '../../shared/model/partition.ts';
import type { Put, QuarantinedEvent } from '../../shared/model/put.ts';
import { openForReading } from '../../main/channel/channel-database.ts';
import { ChannelWriter } from '../../main/channel/channel-writer.ts';
import type { ChannelSettings, WriterListener, WriterSeams } from '../../main/channel/channel-writer.ts';
import { coverage } from '../../main/channel/coverage-reader.ts';
import type { FileRequest } from '../../main/channel/plan-store.ts';
import type { TenureStart } from '../../main/channel/tenure-store.ts';

/** What the channel's tests share: a directory that goes away, and puts and plans in few words. */
export const STATE_ID = '00000000-0000-4000-8000-000000000001';
export const SINK = 'hdfs';
export const CHANNEL = 'disk';
export const QUIET: WriterListener = { touched: () => undefined, room: () => undefined };

export class TestDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'headgate-channel-'));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function settings(directory: string, changes: Partial<ChannelSettings> = {}): ChannelSettings {
  return {
    directory,
    stateId: STATE_ID,
    capacityBytes: 1024 ** 3,
    minFreeDiskBytes: 0,
    compression: { [CHANNEL]: 'zstd' },
    ballastBytes: 0,
    ...changes,
  };
}

export function openWriter(
  directory: string,
  changes: Partial<ChannelSettings> = {},
  seams: WriterSeams = {},
): ChannelWriter {
  return new ChannelWriter(settings(directory, changes), QUIET, seams);
}

export function partition(number = 0, incarnation = 'a'): PartitionRef {
  return { source: 'weblogs', topic: 'www', partition: number, incarnation };
}

export function landingKey(directory = '/logs/08', changes: Partial<LandingKey> = {}): LandingKey {
  return {
    sink: SINK,
    directory,
    prefix: 'www',
    suffix: '.log',
    codec: 'none',
    serializer: 'text',
    version: 1,
    ...changes,
  };
}

export function tenureStart(
  nonce: string,
  startOffset: number,
  changes: Partial<TenureStart> = {},
): TenureStart {
  return {
    ref: partition(),
    clusterId: 'cluster',
    group: 'group',
    topicId: 'topic-id',
    nonce,
    sequence: 1,
    startOffset: offset(startOffset),
    fingerprint: undefined,
    adopt: undefined,
    ...changes,
  };
}

/** One chunk of a test put: which offsets, and where they go. */
export interface TestChunk {
  readonly offsets: readonly number[];
  readonly directory?: string;
  readonly channel?: string;
  readonly codec?: LandingKey['codec'];
}

export function lineOf(partitionNumber: number, at: number): string {
  return `${partitionNumber}:${at}\n`;
}

export function runsOf(offsets: readonly number[]): EncodedRuns {
  const builder = new OffsetRunsBuilder();
  for (const value of offsets) builder.add(value);
  return builder.finish();
}

export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/** What became of offsets of a claim: chunks as in a put, the rest by name. */
export interface TestRedemption {
  readonly claim: OpenClaim;
  readonly chunks?: readonly TestChunk[];
  readonly dispositions?: readonly Disposition[];
  readonly quarantined?: readonly QuarantinedEvent[];
}

/** A redemption of what its parts say, all in the claim's channel. */
export function redemptionOf({ claim, ...parts }: TestRedemption): ClaimRedemption {
  const { channel } = claim;
  const { dispositions = [], quarantined: waiting = [] } = parts;
  const wanted = (parts.chunks ?? []).map((chunk) => ({ ...chunk, channel }));
  const { chunks, bytes } = putOf({
    ...{ tenure: '', first: 0, next: 0, chunks: wanted, partition: claim.partition },
  });
  const runs = mergeRuns([
    ...chunks.map((chunk) => chunk.runs),
    ...dispositions.map((one) => one.runs),
    ...waiting.map(({ offset: at }) => singleRun(at, at + 1)),
  ]);
  return {
    ...{ claimId: claim.id, channel, runs, chunks, bytes, configVersion: 2 },
    dispositions: dispositions.map((one) => ({ ...one, channel })),
    quarantined: waiting.map((one) => ({ ...one, channel })),
  };
}

/** Offsets of a claim, in order. */
export function offsetsOf(runs: EncodedRuns): number[] {
  return [...decodeRuns(runs.first, runs.bytes)].flatMap(({ from, to }) => range(from, to));
}

export interface TestPut {
  readonly tenure: string;
  readonly first: number;
  readonly next: number;
  readonly chunks?: readonly TestChunk[];
  readonly partition?: PartitionRef;
  readonly dispositions?: readonly Disposition[];
  readonly quarantined?: readonly QuarantinedEvent[];
  readonly fingerprintCrc?: number;
  readonly channels?: readonly string[];
  /** Instead of `partition:offset`. */
  readonly line?: (partition: number, at: number) => string;
}

/** A put whose events are the lines `partition:offset`; without chunks, one chunk takes the whole range. */
export function putOf(test: TestPut): Put {
  const ref = test.partition ?? partition();
  const wanted = test.chunks ?? [{ offsets: range(test.first, test.next) }];
  let byteOffset = 0;
  const texts: Buffer[] = [];
  const chunks = wanted.map((chunk) => {
    const line = test.line ?? lineOf;
    const bytes = Buffer.from(chunk.offsets.map((at) => line(ref.partition, at)).join(''));
    texts.push(bytes);
    byteOffset += bytes.length;
    return {
      channel: chunk.channel ?? CHANNEL,
      landingKey: landingKey(chunk.directory, { codec: chunk.codec ?? 'none' }),
      byteOffset: byteOffset - bytes.length,
      byteLength: bytes.length,
      runs: runsOf(chunk.offsets),
      oldestEventMs: 1_000_000 + (chunk.offsets[0] ?? 0),
      newestEventMs: 1_000_000 + (chunk.offsets.at(-1) ?? 0),
      bucketEndMs: undefined,
    };
  });
  const bytes = Uint8Array.from(Buffer.concat(texts)).buffer;
  const crc = test.fingerprintCrc ?? test.next;
  const fingerprint =
    test.next > test.first
      ? { offset: offset(test.next - 1), crc, timestampMs: 1, leaderEpoch: 0 }
      : undefined;
  return {
    partition: ref,
    tenure: test.tenure,
    first: offset(test.first),
    next: offset(test.next),
    fingerprint,
    chunks,
    bytes,
    dispositions: test.dispositions ?? [],
    quarantined: test.quarantined ?? [],
    configVersion: 1,
    ...(test.channels === undefined ? {} : { channels: test.channels }),
  };
}

export function disposition(
  kind: Disposition['kind'],
  from: number,
  to: number,
  changes: Partial<Disposition> = {},
): Disposition {
  return { kind, channel: undefined, runs: singleRun(from, to), reason: `${kind} in a test`, ...changes };
}

export function quarantined(at: number, body = `bad ${at}`): QuarantinedEvent {
  const bytes = Buffer.from(body);
  return {
    offset: offset(at),
    channel: undefined,
    reason: 'no time',
    timestampMs: 5,
    headers: { a: 'b' },
    key: undefined,
    body: bytes,
  };
}

let files = 0;
/** File ids that are never used twice in one test process. */
export function newFileId(): FileId {
  return fileId(`file-${String(++files).padStart(8, '0')}`);
}

export function fileRequest(landingKeyId: number, changes: Partial<FileRequest> = {}): FileRequest {
  const id = changes.fileId ?? newFileId();
  return {
    sink: SINK,
    landingKeyId,
    fileId: id,
    finalPath: `/logs/${id}`,
    namespace: 'ns',
    maxBytes: 0,
    maxEvents: 0,
    nowMs: epochMs(1),
    ...changes,
  };
}

export function landedFacts(changes: Partial<LandedFacts> = {}): LandedFacts {
  return {
    finalPath: '/logs/final',
    inode: undefined,
    checksum: undefined,
    checksumNote: 'test',
    crc32c: 7,
    attempts: 1,
    landedAtMs: 10,
    ...changes,
  };
}

/** Takes a planned file through its attempt and books it. */
export async function land(
  writer: ChannelWriter,
  id: FileId,
  facts: Partial<LandedFacts> = {},
  retainUntilMs?: number,
): Promise<void> {
  await writer.perform('startAttempt', id, { number: 1, tempPath: `/logs/.${id}.1` });
  await writer.perform('attemptUploaded', id, { number: 1, inode: `inode-${id}` });
  await writer.perform('startRename', id, 1);
  await writer.perform('landed', id, landedFacts({ inode: `inode-${id}`, ...facts }), retainUntilMs);
}

/** What became of the first partition's offsets, in order: `0-9 landed, 10-19 claimed held`. */
export function fatesIn(directory: string): string {
  const db = openForReading(join(directory, 'channel.sqlite'));
  try {
    return [...coverage(db, 1, CHANNEL)]
      .map(({ from, to, kind, isHeld }) => `${from}-${to - 1} ${kind}${isHeld ? ' held' : ''}`)
      .join(', ');
  } finally {
    db.close();
  }
}
