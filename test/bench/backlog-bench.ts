import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CHANNEL_FILE } from '../../main/channel/channel-database.ts';
import { closeChannel, openChannel } from '../../main/channel/channel.ts';
import { openStateDirectory } from '../../main/channel/state-directory.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { fillBacklog, type Backlog } from './backlog-filler.ts';
import { BenchEngine } from './bench-engine.ts';
import { megabytes, progress, rounded, seconds, times, whole, type BenchResult } from './bench-output.ts';
import { BenchSite } from './bench-site.ts';
import { dropFromCache } from './outside-program.ts';
import { cpuBetween, ProcessMeter, RssTrace, type CpuSeconds } from './process-meter.ts';
import { uploadFile, writeLinesFile, type UploadReport } from './webhdfs-upload.ts';

const GIB = 1024 ** 3;
const ROOT = '/bench/backlog';
const TOPIC = 'quiet';
const STARTS = 3;
/** Reading figures of a backlog goes on after the socket answers; the resident size is taken when that is over. */
const SETTLE_MS = 5_000;
const POLL_MS = 250;
const PROGRESS_MS = 5_000;
const BYTES_PER_SECOND_MIN = 10e6;
const LIMIT_MIN_MS = 120_000;

export interface BacklogBenchOptions {
  readonly gib: number;
  readonly compression: 'none' | 'zstd' | 'gzip';
  readonly chunkKib: number;
  readonly uploads: number;
  readonly uploadGib: number;
  readonly environment: Readonly<Record<string, string>>;
}

interface Opening {
  /** Seconds of each start, the first with a cold database. */
  readonly engine: readonly number[];
  readonly channel: readonly number[];
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

interface Draining {
  readonly seconds: number;
  readonly bytes: number;
  readonly events: number;
  readonly files: number;
  readonly bytesPerSecond: number;
  readonly peakRssBytes: number;
  readonly meanRssBytes: number;
  readonly cpu: CpuSeconds;
  readonly problems: readonly string[];
}

/** What a start costs on a full channel, compared with an empty one; then how fast it drains, compared with an upload by curl. */
export async function backlogBench(options: BacklogBenchOptions): Promise<BenchResult> {
  await using site = await BenchSite.start();
  await site.rig.kafka.createTopic(TOPIC, 1);
  const empty = await openings(site, 'empty', options);
  progress(`filling ${options.gib} GiB through the channel's own writer, without Kafka`);
  const name = 'backlog';
  const stateDir = join(site.directory, name, 'state');
  const backlog = await fillBacklog({
    stateDir,
    gatewayId: name,
    rawBytes: options.gib * GIB,
    chunkBytes: options.chunkKib * 1024,
    compression: options.compression,
    capacityBytes: capacityGib(options) * GIB,
    root: ROOT,
  });
  const databaseBytes = (await stat(join(stateDir, CHANNEL_FILE))).size;
  progress(
    `${megabytes(backlog.rawBytes)} are in ${megabytes(databaseBytes)} on the disk, in ${seconds(backlog.seconds)}`,
  );
  const full = await openings(site, name, options);
  const uploads = [await upload(site, options)];
  const draining = await drain(site, options, backlog);
  uploads.push(await upload(site, options));
  return backlogResult({ options, backlog, databaseBytes, empty, full, draining, uploads });
}

function capacityGib({ gib }: BacklogBenchOptions): number {
  return Math.ceil(gib * 1.5) + 2;
}

/** Opens the channel alone, then the engine, several times; the first time after the kernel was asked to forget the database. */
async function openings(site: BenchSite, name: string, options: BacklogBenchOptions): Promise<Opening> {
  const stateDir = join(site.directory, name, 'state');
  const database = join(stateDir, CHANNEL_FILE);
  const engine: number[] = [];
  const channel: number[] = [];
  let rssBytes = 0;
  let peakRssBytes = 0;
  for (let start = 0; start < STARTS; start++) {
    if (start === 0) await dropFromCache(database);
    channel.push(openingOfChannel(stateDir));
    if (start === 0) await dropFromCache(database);
    await using running = await startPaused(site, name, options);
    await running.process.ready();
    engine.push((Date.now() - running.spawnedAtMs) / 1_000);
    if (start < STARTS - 1) continue;
    await wait(SETTLE_MS);
    const meter = new ProcessMeter(running.process.pid);
    rssBytes = meter.rssBytes();
    peakRssBytes = meter.peakRssBytes();
  }
  progress(`${name}: the engine answers after ${engine.map((one) => seconds(one, 2)).join(', ')}`);
  return { engine, channel, rssBytes, peakRssBytes };
}

function openingOfChannel(stateDir: string): number {
  using directory = openStateDirectory(stateDir, Date.now());
  const startedMs = performance.now();
  const channel = openChannel(stateDir, directory.identity.stateId);
  const took = (performance.now() - startedMs) / 1_000;
  closeChannel(channel);
  return took;
}

function startPaused(site: BenchSite, name: string, options: BacklogBenchOptions): Promise<BenchEngine> {
  return BenchEngine.start({
    site,
    name,
    root: ROOT,
    topicsBySource: [[TOPIC]],
    channel: { capacityBytes: `${capacityGib(options)}GiB`, compression: options.compression },
    sink: { paused: true, uploads: options.uploads },
    environment: options.environment,
  });
}

async function upload(site: BenchSite, options: BacklogBenchOptions): Promise<UploadReport> {
  const file = join(site.directory, 'upload.txt');
  await writeLinesFile(file, options.uploadGib * GIB);
  const report = await uploadFile(site.rig.hdfs.directWebhdfs, '/bench/upload', file);
  await rm(file);
  progress(`${report.tool} -T: ${megabytes(report.bytesPerSecond)} a second`);
  return report;
}

async function drain(site: BenchSite, options: BacklogBenchOptions, backlog: Backlog): Promise<Draining> {
  await using engine = await startPaused(site, 'backlog', options);
  await engine.process.ready();
  const meter = new ProcessMeter(engine.process.pid);
  const cpuBefore = meter.cpu();
  const trace = new RssTrace(meter);
  const startMs = Date.now();
  await engine.process.client.call('resume', { by: 'bench' });
  await untilDrained(engine, backlog, startMs);
  const cpu = cpuBetween(cpuBefore, meter.cpu());
  const rss = await trace.end();
  const ledger = await engine.ledger();
  const bytes = ledger.reduce((sum, row) => sum + row.bytes, 0);
  const events = ledger.reduce((sum, row) => sum + row.events, 0);
  const took = (Math.max(...ledger.map((row) => row.landedMs)) - startMs) / 1_000;
  const problems = await engine.auditProblems('hdfs');
  if (events !== backlog.events) problems.push(`the ledger has ${events} of ${backlog.events} events`);
  const files = await webHdfsTree(site.rig.hdfs.directWebhdfs, ROOT).files();
  const length = files.reduce((sum, file) => sum + file.length, 0);
  if (length !== backlog.rawBytes) problems.push(`${length} of ${backlog.rawBytes} bytes are in HDFS`);
  return {
    seconds: took,
    bytes,
    events,
    files: ledger.length,
    bytesPerSecond: bytes / took,
    peakRssBytes: rss.peakBytes,
    meanRssBytes: rss.meanBytes,
    cpu,
    problems,
  };
}

async function untilDrained(engine: BenchEngine, backlog: Backlog, startMs: number): Promise<void> {
  const limitMs = Math.max(LIMIT_MIN_MS, (backlog.rawBytes / BYTES_PER_SECOND_MIN) * 1_000);
  let toldMs = startMs;
  for (;;) {
    engine.assertRunning();
    const [sink] = (await engine.status()).sinks;
    if (sink !== undefined && sink.events >= backlog.events) return;
    const nowMs = Date.now();
    if (nowMs - startMs > limitMs)
      throw new Error(`only ${sink?.events ?? 0} of ${backlog.events} events landed\n${engine.process.tail}`);
    if (nowMs - toldMs >= PROGRESS_MS) {
      toldMs = nowMs;
      progress(`drained ${megabytes(sink?.bytes ?? 0)} of ${megabytes(backlog.rawBytes)}`);
    }
    await wait(POLL_MS);
  }
}

interface Outcome {
  readonly options: BacklogBenchOptions;
  readonly backlog: Backlog;
  readonly databaseBytes: number;
  readonly empty: Opening;
  readonly full: Opening;
  readonly draining: Draining;
  readonly uploads: readonly UploadReport[];
}

function backlogResult(outcome: Outcome): BenchResult {
  const { options, backlog, databaseBytes, empty, full, draining, uploads } = outcome;
  const fastest = Math.max(...uploads.map((one) => one.bytesPerSecond));
  const ratio = draining.bytesPerSecond / fastest;
  const list = (values: readonly number[]): string => values.map((one) => one.toFixed(2)).join(' / ');
  const ms = (values: readonly number[]): string => values.map((one) => (one * 1_000).toFixed(0)).join(' / ');
  return {
    bench: `backlog: ${options.gib} GiB of events, ${options.compression} at rest`,
    table: [
      ['', 'empty', 'backlog'],
      ['events', '0', whole(backlog.events)],
      ['chunks', '0', whole(backlog.chunks)],
      ['database', '', megabytes(databaseBytes)],
      ['process start to first answer, s', list(empty.engine), list(full.engine)],
      ['channel alone, ms', ms(empty.channel), ms(full.channel)],
      ['RSS after opening', megabytes(empty.rssBytes), megabytes(full.rssBytes)],
      ['peak RSS while draining', '', megabytes(draining.peakRssBytes)],
      ['mean RSS while draining', '', megabytes(draining.meanRssBytes)],
      ['drained in', '', seconds(draining.seconds)],
      ['drained a second', '', megabytes(draining.bytesPerSecond)],
      ['CPU while draining', '', seconds(draining.cpu.total)],
      [
        `${uploads[0]?.tool ?? ''} -T before and after, a second`,
        '',
        uploads.map((one) => megabytes(one.bytesPerSecond)).join(' / '),
      ],
      ['ratio to the faster upload', '', times(ratio)],
    ],
    figures: {
      backlog,
      databaseBytes,
      empty,
      full,
      draining: { ...draining, problems: undefined },
      uploads,
      ratio: rounded(ratio),
    },
    problems: draining.problems,
    notes: [
      'the first of each row of openings was made after the kernel was asked to forget the database',
      "the backlog was written through the channel's own writer, not over Kafka; sinks were paused while it was opened",
    ],
  };
}
