import { openStateDirectory } from '../../main/channel/state-directory.ts';
import { startChannelWriter, type WriterClient } from '../../main/channel/writer-client.ts';
import { offset } from '../../shared/model/brand.ts';
import { singleRun } from '../../shared/model/offset-runs.ts';
import type { PartitionRef } from '../../shared/model/partition.ts';
import type { PutChunk, PutReceipt } from '../../shared/model/put.ts';
import { nginxLines } from '../rig/nginx-lines.ts';
import { CHANNEL, SINK } from './bench-engine.ts';
import { megabytes, progress } from './bench-output.ts';

const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 10, 20, 16);
/** A batch of the Kafka source has about as much. */
const CHUNKS_A_PUT = 2;
const PUTS_UNDER_WAY_MAX = 12;
const DIRECTORIES = 10;
const PATTERNS = 16;
const PARTITIONS = 3;
const PROGRESS_MS = 5_000;
const GROUP = 'headgate.backlog';

export interface BacklogOptions {
  readonly stateDir: string;
  readonly gatewayId: string;
  readonly rawBytes: number;
  readonly chunkBytes: number;
  readonly compression: 'none' | 'zstd' | 'gzip';
  readonly capacityBytes: number;
  /** Root of the landing directories. */
  readonly root: string;
}

export interface Backlog {
  readonly stateId: string;
  readonly chunks: number;
  readonly events: number;
  readonly rawBytes: number;
  readonly seconds: number;
}

/** Whole lines, as many as fit into a chunk. */
interface Pattern {
  readonly bytes: Buffer;
  readonly lines: number;
}

/** Where the filler is in one partition. */
interface Lane {
  readonly ref: PartitionRef;
  readonly tenure: string;
  position: number;
}

/**
 * Fills a state directory with a standing backlog through the channel's own writer, as the engine's sources do, but without Kafka: puts of
 * whole chunks of nginx lines, accepted, in hourly directories one after the other. The engine that is started on the directory
 * afterwards sees a backlog of a source that it no longer has.
 */
export async function fillBacklog(options: BacklogOptions): Promise<Backlog> {
  using directory = openStateDirectory(options.stateDir, Date.now());
  const { stateId } = directory.identity;
  const writer = await startChannelWriter(
    {
      directory: options.stateDir,
      stateId,
      capacityBytes: options.capacityBytes,
      minFreeDiskBytes: 0,
      compression: { [CHANNEL]: options.compression },
    },
    options.gatewayId,
  );
  try {
    return { stateId, ...(await fill(writer, options)) };
  } finally {
    await writer.close();
  }
}

async function fill(writer: WriterClient, options: BacklogOptions): Promise<Omit<Backlog, 'stateId'>> {
  const startedMs = performance.now();
  const patterns = makePatterns(options.chunkBytes);
  const lanes = await openLanes(writer);
  const chunksWanted = Math.ceil(options.rawBytes / options.chunkBytes);
  const underWay: Promise<PutReceipt>[] = [];
  let chunks = 0;
  let rawBytes = 0;
  let toldMs = startedMs;
  for (let turn = 0; chunks < chunksWanted; turn++) {
    const lane = lanes[turn % lanes.length];
    if (lane === undefined) throw new Error('no lanes');
    const hour = Math.floor((chunks / chunksWanted) * DIRECTORIES);
    const put = nextPut(lane, { first: chunks, hour, patterns, root: options.root });
    rawBytes += put.bytes.byteLength;
    chunks += put.chunks.length;
    underWay.push(
      writer.put({ ...put, dispositions: [], quarantined: [], configVersion: 1, channels: [CHANNEL] }),
    );
    if (underWay.length >= PUTS_UNDER_WAY_MAX) await underWay.shift();
    if (performance.now() - toldMs > PROGRESS_MS) {
      toldMs = performance.now();
      progress(`filled ${megabytes(rawBytes)} of ${megabytes(options.rawBytes)}`);
    }
  }
  await Promise.all(underWay);
  for (const { tenure, position } of lanes) {
    await writer.accept(tenure, position);
    await writer.endTenure(tenure);
  }
  const events = lanes.reduce((sum, lane) => sum + lane.position, 0);
  return { chunks, events, rawBytes, seconds: (performance.now() - startedMs) / 1_000 };
}

async function openLanes(writer: WriterClient): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const ref = { source: 'filler', topic: 'backlog', partition, incarnation: 'bench' };
    const tenure = partition.toString(16).padStart(16, 'f');
    await writer.beginTenure({
      ref,
      clusterId: 'bench',
      group: GROUP,
      topicId: 'backlog',
      nonce: tenure,
      sequence: 1,
      startOffset: offset(0),
      fingerprint: undefined,
      adopt: undefined,
    });
    lanes.push({ ref, tenure, position: 0 });
  }
  return lanes;
}

interface PutPlan {
  /** Number of its first chunk in the backlog. */
  readonly first: number;
  readonly hour: number;
  readonly patterns: readonly Pattern[];
  readonly root: string;
}

function nextPut(lane: Lane, { first, hour, patterns, root }: PutPlan) {
  const parts = Array.from({ length: CHUNKS_A_PUT }, (_, at) => patternAt(patterns, first + at));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.bytes.length, 0));
  const start = lane.position;
  const startMs = START_MS + hour * HOUR_MS;
  let byteOffset = 0;
  const chunks = parts.map((part): PutChunk => {
    bytes.set(part.bytes, byteOffset);
    const chunk: PutChunk = {
      channel: CHANNEL,
      landingKey: {
        sink: SINK,
        directory: `${root}/2026-11-21/${String(hour).padStart(2, '0')}`,
        prefix: 'logs',
        suffix: '.log',
        codec: 'none',
        serializer: 'text',
        version: 1,
      },
      byteOffset,
      byteLength: part.bytes.length,
      runs: singleRun(lane.position, lane.position + part.lines),
      oldestEventMs: startMs,
      newestEventMs: startMs + HOUR_MS - 1,
      bucketEndMs: startMs + HOUR_MS,
    };
    byteOffset += part.bytes.length;
    lane.position += part.lines;
    return chunk;
  });
  return {
    partition: lane.ref,
    tenure: lane.tenure,
    first: offset(start),
    next: offset(lane.position),
    fingerprint: { offset: offset(lane.position - 1), crc: 1, timestampMs: startMs, leaderEpoch: 0 },
    chunks,
    bytes: bytes.buffer,
  };
}

function patternAt(patterns: readonly Pattern[], at: number): Pattern {
  const pattern = patterns[at % patterns.length];
  if (pattern === undefined) throw new Error('no patterns');
  return pattern;
}

/** Some different chunks, used in turn: making every line anew would take longer than storing it. */
export function makePatterns(chunkBytes: number): Pattern[] {
  const lines = nginxLines(Infinity);
  return Array.from({ length: PATTERNS }, () => {
    const texts: string[] = [];
    let bytes = 0;
    for (;;) {
      const { value } = lines.next();
      if (value === undefined) throw new Error('the lines ended');
      // A whole chunk never holds more than it may; the last line is what is left out.
      if (bytes + value.value.length + 1 > chunkBytes) break;
      texts.push(value.value, '\n');
      bytes += value.value.length + 1;
    }
    if (texts.length === 0) throw new Error('a chunk is too small for one line');
    return { bytes: Buffer.from(texts.join(''), 'latin1'), lines: texts.length / 2 };
  });
}
