import { join } from 'node:path';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { describeVerdict, judge } from '../rig/judge.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { nginxHourDirectory, nginxIdOf } from '../rig/nginx-lines.ts';
import { setTimeout as wait } from 'node:timers/promises';
import { BenchEngine } from './bench-engine.ts';
import { megabytes, progress, whole } from './bench-output.ts';
import type { BenchSite, FilledTopic } from './bench-site.ts';
import { EngineProbe, type ThreadFigures } from './engine-probe.ts';
import { cpuBetween, ProcessMeter, RssTrace, type CpuSeconds } from './process-meter.ts';

/** Until the first event the status is asked often, so that the start of the clock is known to this much. */
const START_POLL_MS = 20;
const POLL_MS = 250;
const PROGRESS_MS = 3_000;
const READY_LIMIT_MS = 60_000;
/** A run slower than this (events a second) is broken off as stuck. */
const EVENTS_PER_SECOND_MIN = 10_000;
const LIMIT_MIN_MS = 120_000;

export interface DrainOptions {
  readonly site: BenchSite;
  readonly topic: FilledTopic;
  readonly name: string;
  readonly codec: 'none' | 'zstd';
  readonly idleTimeout: string;
  /** For the engine's process, such as MALLOC_ARENA_MAX or NODE_OPTIONS. */
  readonly environment: Readonly<Record<string, string>>;
  /** `threads`: heap and event loop of every thread too; `profile`: a CPU profile besides, in `probeDirectory`. */
  readonly probe: 'none' | 'threads' | 'profile';
  readonly probeDirectory?: string;
}

export interface DrainReport {
  readonly events: number;
  /** From the last moment without an event in the channel to the ledger row of the last file. */
  readonly seconds: number;
  readonly eventsPerSecond: number;
  /** The same from the start of the process. */
  readonly secondsWithStart: number;
  /** Until the last event was durable in the channel. */
  readonly secondsToChannel: number;
  readonly files: number;
  readonly landedBytes: number;
  readonly peakRssBytes: number;
  readonly meanRssBytes: number;
  /** Between the first event and the end. */
  readonly cpu: CpuSeconds;
  readonly serverCpu: Readonly<Record<string, number>>;
  readonly threads: readonly ThreadFigures[];
  readonly resident: Readonly<Record<string, number>>;
  readonly profile: string | undefined;
  readonly problems: readonly string[];
}

interface Times {
  readonly startMs: number;
  readonly channelMs: number;
  readonly endMs: number;
}

/** Runs the engine on a filled topic until all of it has landed, measures that, and then lets the result be judged. */
export async function drainTopic(options: DrainOptions): Promise<DrainReport> {
  const { site, topic, name } = options;
  const root = `/bench/${name}`;
  const probe = await probeOf(options);
  await using engine = await BenchEngine.start({
    site,
    name,
    root,
    topicsBySource: [[topic.name]],
    sink: {
      'hdfs.codeC': options.codec,
      'hdfs.fileSuffix': options.codec === 'none' ? '.log' : '.log.zst',
      'hdfs.idleTimeout': options.idleTimeout,
    },
    environment: { ...options.environment, ...probe?.environment },
  });
  const meter = new ProcessMeter(engine.process.pid);
  const servers = serverMeters(site);
  await engine.process.ready();
  await probe?.beginProfile();
  const before = await firstEvent(engine, () => ({
    atMs: Date.now(),
    cpu: meter.cpu(),
    servers: servers.map((one) => one.meter.cpu().total),
  }));
  const trace = new RssTrace(meter);
  const times = await untilLanded({ engine, meter, topic, startMs: before.atMs });
  const cpu = cpuBetween(before.cpu, meter.cpu());
  const rss = await trace.end();
  const resident = meter.residentByKind();
  const serverCpu = Object.fromEntries(
    servers.map(({ name: server, meter: one }, at) => [server, one.cpu().total - (before.servers[at] ?? 0)]),
  );
  const profile = options.probe === 'profile' ? await probe?.endProfile() : undefined;
  const threads = (await probe?.threads(times.startMs, times.endMs)) ?? [];
  const ledger = await engine.ledger();
  const events = ledger.reduce((sum, row) => sum + row.events, 0);
  const took = (times.endMs - times.startMs) / 1_000;
  return {
    events,
    seconds: took,
    eventsPerSecond: events / took,
    secondsWithStart: (times.endMs - engine.spawnedAtMs) / 1_000,
    secondsToChannel: (times.channelMs - times.startMs) / 1_000,
    files: ledger.length,
    landedBytes: ledger.reduce((sum, row) => sum + row.bytes, 0),
    peakRssBytes: rss.peakBytes,
    meanRssBytes: rss.meanBytes,
    cpu,
    serverCpu,
    threads,
    resident,
    profile,
    problems: await problemsOf({ engine, site, topic, root, events }),
  };
}

async function probeOf(options: DrainOptions): Promise<EngineProbe | undefined> {
  if (options.probe === 'none') return undefined;
  const directory = options.probeDirectory ?? join(options.site.directory, `${options.name}-probe`);
  return EngineProbe.in(directory, {
    isProfiling: options.probe === 'profile',
    nodeOptions: options.environment['NODE_OPTIONS'] ?? process.env['NODE_OPTIONS'],
  });
}

function serverMeters({ rig }: BenchSite): { readonly name: string; readonly meter: ProcessMeter }[] {
  return [
    { name: 'kafka', meter: new ProcessMeter(rig.kafka.pid) },
    { name: 'namenode', meter: new ProcessMeter(rig.hdfs.namenode.server.pid) },
    { name: 'datanode', meter: new ProcessMeter(rig.hdfs.datanodes[0]?.server.pid) },
  ];
}

/** What `look` saw the last time that the source had no event yet: never later than the first one. */
async function firstEvent<Seen>(engine: BenchEngine, look: () => Seen): Promise<Seen> {
  const deadline = Date.now() + READY_LIMIT_MS;
  let empty = look();
  for (;;) {
    engine.assertRunning();
    const seen = look();
    const isEngineUp = await engine.process.answers();
    const events = isEngineUp ? ((await engine.status()).sources[0]?.events ?? 0) : 0;
    if (events > 0) return empty;
    empty = seen;
    if (Date.now() > deadline)
      throw new Error(
        `no event came\n${engine.process.tail}\n${JSON.stringify(await engine.status(), null, 1)}`,
      );
    await wait(START_POLL_MS);
  }
}

interface Landing {
  readonly engine: BenchEngine;
  readonly meter: ProcessMeter;
  readonly topic: FilledTopic;
  readonly startMs: number;
}

async function untilLanded({ engine, meter, topic, startMs }: Landing): Promise<Times> {
  const limitMs = Math.max(LIMIT_MIN_MS, (topic.events / EVENTS_PER_SECOND_MIN) * 1_000);
  let channelMs: number | undefined;
  let toldMs = startMs;
  for (;;) {
    engine.assertRunning();
    const status = await engine.status();
    const nowMs = Date.now();
    const { pulled, landed, quarantined } = countsOf(status);
    if (pulled >= topic.events) channelMs ??= nowMs;
    if (landed + quarantined >= topic.events) break;
    if (nowMs - startMs > limitMs)
      throw new Error(
        `only ${landed} of ${topic.events} events landed in ${limitMs} ms\n${engine.process.tail}`,
      );
    if (nowMs - toldMs >= PROGRESS_MS) {
      toldMs = nowMs;
      progress(
        `in ${whole(pulled)}, landed ${whole(landed)} of ${whole(topic.events)}, ${megabytes(meter.rssBytes())}`,
      );
    }
    await wait(POLL_MS);
  }
  // The ledger has the moment itself; the poll sees it up to half a second later.
  const ledger = await engine.ledger();
  const endMs = Math.max(...ledger.map((row) => row.landedMs));
  return { startMs, channelMs: Math.min(channelMs ?? endMs, endMs), endMs };
}

function countsOf(status: EngineStatus): { pulled: number; landed: number; quarantined: number } {
  return {
    pulled: status.sources.reduce((sum, source) => sum + source.events, 0),
    landed: status.sinks.reduce((sum, sink) => sum + sink.events, 0),
    quarantined: status.channels.reduce((sum, channel) => sum + channel.quarantined, 0),
  };
}

interface Judged {
  readonly engine: BenchEngine;
  readonly site: BenchSite;
  readonly topic: FilledTopic;
  readonly root: string;
  /** By the ledger. */
  readonly events: number;
}

/** A fast wrong result is a failed one: the ledger's sum, the engine's audit, and the judge, who shares no code with the engine. */
async function problemsOf({ engine, site, topic, root, events }: Judged): Promise<string[]> {
  const problems = await engine.auditProblems('hdfs');
  if (events !== topic.events) problems.push(`the ledger has ${events} of ${topic.events} events`);
  progress('judging every landed line');
  const verdict = await judge({
    tree: webHdfsTree(site.rig.hdfs.directWebhdfs, root),
    produced: topic.produced,
    identify: nginxIdOf,
    expectedDirectory: nginxHourDirectory,
  });
  if (!verdict.isClean) problems.push(`the judge says ${describeVerdict(verdict)}`);
  return problems;
}
