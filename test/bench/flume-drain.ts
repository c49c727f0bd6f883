import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { startFlume, type FlumeRig } from '../rig/flume-rig.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { until } from '../rig/until.ts';
import { progress, whole } from './bench-output.ts';
import type { BenchSite, FilledTopic } from './bench-site.ts';
import { ProcessMeter, RssTrace } from './process-meter.ts';

const PROPERTIES = new URL('./flume-tuned.properties', import.meta.url);
/** Where `flume-tuned.properties` lands. */
const ROOT = '/flume/logs';
const START_POLL_MS = 50;
const POLL_MS = 250;
const PROGRESS_MS = 10_000;
const START_LIMIT_MS = 60_000;
/** After its last event Flume closes and renames its files when they have been idle for five seconds. */
const RENAME_LIMIT_MS = 60_000;
const EVENTS_PER_SECOND_MIN = 5_000;
const LIMIT_MIN_MS = 120_000;

export interface FlumeReport {
  readonly events: number;
  /** From the first event in its channel to the last one drained: what idle files still wait for is not counted against it. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** Until all files had their final names. */
  readonly secondsToFinalNames: number;
  readonly peakRssBytes: number;
  readonly meanRssBytes: number;
  readonly cpuSeconds: number;
  readonly problems: readonly string[];
}

/** Runs the tuned Flume on a filled topic until its sinks have drained all of it. */
export async function drainWithFlume(site: BenchSite, topic: FilledTopic): Promise<FlumeReport> {
  progress('starting Flume');
  const { kafka, hdfs } = site.rig;
  const flume = await startFlume({
    properties: await readFile(PROPERTIES, 'utf8'),
    placeholders: { BROKERS: kafka.bootstrap, TOPIC: topic.name, NAMENODE: hdfs.authority },
    hadoopConfiguration: hdfs.configurationDirectory,
    onProgress: progress,
  });
  try {
    return await measure(site, topic, flume);
  } finally {
    progress('stopping Flume');
    await flume.stop();
  }
}

async function measure(site: BenchSite, topic: FilledTopic, flume: FlumeRig): Promise<FlumeReport> {
  const meter = new ProcessMeter(flume.pid);
  const startMs = await firstEvent(flume);
  const cpuBefore = meter.cpu().total;
  const trace = new RssTrace(meter);
  const drained = await untilDrained(flume, topic, startMs);
  const cpuSeconds = meter.cpu().total - cpuBefore;
  const rss = await trace.end();
  const took = (drained.atMs - startMs) / 1_000;
  progress('waiting until Flume has renamed its files');
  const tree = webHdfsTree(site.rig.hdfs.directWebhdfs, ROOT);
  const isFinal = await until(
    'Flume names its files',
    () => flume.hasLanded(tree, topic.bytes),
    RENAME_LIMIT_MS,
  ).catch(() => false);
  const finalMs = Date.now();
  const landed = await flume.landed(tree);
  const problems: string[] = [];
  if (!isFinal || landed.bytes !== topic.bytes)
    problems.push(
      `Flume landed ${landed.bytes} of ${topic.bytes} bytes, ${landed.temporaryFiles} files are temporary`,
    );
  return {
    events: drained.events,
    seconds: took,
    eventsPerSecond: drained.events / took,
    secondsToFinalNames: (finalMs - startMs) / 1_000,
    peakRssBytes: rss.peakBytes,
    meanRssBytes: rss.meanBytes,
    cpuSeconds,
    problems,
  };
}

async function firstEvent(flume: FlumeRig): Promise<number> {
  const deadline = Date.now() + START_LIMIT_MS;
  let emptyAtMs = Date.now();
  for (;;) {
    const askedAtMs = Date.now();
    const source = (await flume.metrics())['SOURCE.k'];
    if (Number(source?.['EventAcceptedCount'] ?? 0) > 0) return emptyAtMs;
    emptyAtMs = askedAtMs;
    if (Date.now() > deadline) throw new Error(`no event came to Flume\n${flume.logTail()}`);
    await wait(START_POLL_MS);
  }
}

async function untilDrained(
  flume: FlumeRig,
  topic: FilledTopic,
  startMs: number,
): Promise<{ readonly events: number; readonly atMs: number }> {
  const limitMs = Math.max(LIMIT_MIN_MS, (topic.events / EVENTS_PER_SECOND_MIN) * 1_000);
  let toldMs = startMs;
  for (;;) {
    const events = await flume.drainedEvents();
    const atMs = Date.now();
    if (events >= topic.events) return { events, atMs };
    if (atMs - startMs > limitMs)
      throw new Error(`Flume drained only ${events} of ${topic.events} events\n${flume.logTail()}`);
    if (atMs - toldMs >= PROGRESS_MS) {
      toldMs = atMs;
      const rate = (events / (atMs - startMs)) * 1_000;
      progress(`Flume drained ${whole(events)} of ${whole(topic.events)}, ${whole(rate)} a second`);
    }
    await wait(POLL_MS);
  }
}
