import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../rig/until.ts';
import { BenchEngine } from './bench-engine.ts';
import { megabytes, progress, rounded, type BenchResult } from './bench-output.ts';
import { BenchSite, PARTITIONS } from './bench-site.ts';
import { cpuBetween, ProcessMeter } from './process-meter.ts';

/** After the start: compilers and collectors have work left over that is not idleness. */
const SETTLE_MS = 10_000;
const CAUGHT_UP_LIMIT_MS = 60_000;
const SOURCES_MAX = 50;

export interface IdleOptions {
  readonly connections: number;
  readonly seconds: number;
  readonly environment: Readonly<Record<string, string>>;
}

interface IdleEngine {
  readonly engine: BenchEngine;
  readonly meter: ProcessMeter;
  readonly connections: number;
}

/**
 * The rig has one broker, so the connections come from several sources: each keeps its own connections, its own group membership and a fetch
 * that waits at the broker. That is more work than ten brokers make for one source, which has one membership.
 */
export async function idleBench(options: IdleOptions): Promise<BenchResult> {
  await using site = await BenchSite.start();
  for (let at = 0; at < SOURCES_MAX; at++) await site.rig.kafka.createTopic(topicName(at), PARTITIONS);
  const each = await connectionsOfOne(site, options);
  const sources = Math.min(SOURCES_MAX, Math.ceil(options.connections / each));
  const { engine, meter, connections } = await caughtUp(site, sources, options);
  await using _engine = engine;
  progress(`${sources} sources hold ${connections} connections; settling`);
  await wait(SETTLE_MS);
  progress(`measuring for ${options.seconds} s`);
  const before = meter.cpu();
  const startedMs = performance.now();
  await wait(options.seconds * 1_000);
  const took = (performance.now() - startedMs) / 1_000;
  const cpu = cpuBetween(before, meter.cpu());
  const percent = (cpu.total / took) * 100;
  const after = meter.connectionsTo(site.rig.kafka.port);
  const rss = meter.rssBytes();
  const problems = after < options.connections ? [`only ${after} connections at the end`] : [];
  return {
    bench: 'idle: an engine that has nothing to do',
    table: [
      ['', 'Headgate'],
      ['broker connections', String(after)],
      ['sources', String(sources)],
      ['partitions', String(sources * PARTITIONS)],
      ['CPU of a core', `${percent.toFixed(2)} %`],
      ['of it the main thread', `${((cpu.main / took) * 100).toFixed(2)} %`],
      ['RSS', megabytes(rss)],
    ],
    figures: {
      connections: after,
      sources,
      seconds: rounded(took),
      cpuPercent: rounded(percent),
      rssBytes: rss,
    },
    problems,
    notes: [
      `one source holds ${each} connections to the rig's one broker; ${sources} of them stand for many brokers, with ${sources} memberships instead of one`,
      `the kernel counts CPU in hundredths of a second: ${(100 / took / 100).toFixed(3)} % is its least step`,
    ],
  };
}

function topicName(at: number): string {
  return `quiet-${at}`;
}

async function connectionsOfOne(site: BenchSite, options: IdleOptions): Promise<number> {
  const { engine, connections } = await caughtUp(site, 1, options);
  await using _engine = engine;
  progress(`one source holds ${connections} connections`);
  if (connections === 0) throw new Error('the source has no connection to the broker');
  return connections;
}

async function caughtUp(site: BenchSite, sources: number, options: IdleOptions): Promise<IdleEngine> {
  const engine = await BenchEngine.start({
    site,
    name: `idle-${sources}`,
    root: '/bench/idle',
    topicsBySource: Array.from({ length: sources }, (_, at) => [topicName(at)]),
    environment: options.environment,
  });
  await engine.process.ready();
  await until(
    'all partitions are caught up',
    async () => {
      engine.assertRunning();
      const status = await engine.status();
      const partitions = status.sources.flatMap((source) => source.partitions);
      return (
        partitions.length === sources * PARTITIONS && partitions.every((one) => one.state === 'caught-up')
      );
    },
    CAUGHT_UP_LIMIT_MS,
  );
  const meter = new ProcessMeter(engine.process.pid);
  return { engine, meter, connections: meter.connectionsTo(site.rig.kafka.port) };
}
