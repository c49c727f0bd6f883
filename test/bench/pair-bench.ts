import { megabytes, progress, rounded, seconds, times, whole, type BenchResult } from './bench-output.ts';
import { BenchSite, type FilledTopic } from './bench-site.ts';
import { drainTopic, type DrainOptions, type DrainReport } from './engine-drain.ts';
import { drainWithFlume, type FlumeReport } from './flume-drain.ts';

const TOPIC = 'logs';

export interface EngineOptions {
  readonly idleTimeout: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly isThreadsWanted: boolean;
}

export interface PairOptions extends EngineOptions {
  readonly events: number;
  /** Of a topic of Flume's own when they are fewer than `events`; undefined: without Flume. */
  readonly flumeEvents: number | undefined;
}

/** Headgate and the tuned Flume on the same lines, in the same run, one after the other. */
export async function pairBench(options: PairOptions): Promise<BenchResult> {
  const { events, flumeEvents } = options;
  await using site = await BenchSite.start();
  const topic = await site.fillTopic(TOPIC, events);
  const engine = await drainTopic({ site, topic, name: 'pair', ...engineOptions(options), codec: 'none' });
  tellRate('Headgate', engine);
  let flume: FlumeReport | undefined;
  if (flumeEvents !== undefined) {
    flume = await drainWithFlume(site, await flumeTopic(site, topic, flumeEvents));
    tellRate('Flume', flume);
  }
  return pairResult(engine, flume);
}

/** The same with a zstd topic and zstd files, without Flume, whose zstd codec needs a native Hadoop. */
export async function zstdBench(options: EngineOptions & { readonly events: number }): Promise<BenchResult> {
  await using site = await BenchSite.start();
  const topic = await site.fillTopic(TOPIC, options.events, 'zstd');
  const engine = await drainTopic({ site, topic, name: 'zstd', ...engineOptions(options), codec: 'zstd' });
  return {
    bench: 'zstd: zstd topic to zstd files',
    table: [['', 'Headgate'], ...engineRows(engine), ...threadRows(engine)],
    figures: { headgate: engineFigures(engine) },
    problems: engine.problems,
    notes: notesOf(engine),
  };
}

export function engineOptions(
  options: EngineOptions,
): Pick<DrainOptions, 'idleTimeout' | 'environment' | 'probe'> {
  const { idleTimeout, environment, isThreadsWanted } = options;
  return { idleTimeout, environment, probe: isThreadsWanted ? 'threads' : 'none' };
}

function flumeTopic(site: BenchSite, topic: FilledTopic, events: number): Promise<FilledTopic> {
  if (events >= topic.events) return Promise.resolve(topic);
  // On the long topic its source would run ahead of its sinks and take the CPU from them to the very end of the short measurement.
  return site.fillTopic('short', events);
}

function tellRate(
  who: string,
  report: { readonly eventsPerSecond: number; readonly problems: readonly string[] },
): void {
  const verdict = report.problems.length === 0 ? 'right' : 'WRONG';
  progress(`${who}: ${whole(report.eventsPerSecond)} events a second, ${verdict}`);
}

function pairResult(engine: DrainReport, flume: FlumeReport | undefined): BenchResult {
  const rows = engineRows(engine);
  const ratio = flume === undefined ? undefined : engine.eventsPerSecond / flume.eventsPerSecond;
  return {
    bench: 'pair: Kafka to HDFS, Headgate and the tuned Flume',
    table:
      flume === undefined || ratio === undefined
        ? [['', 'Headgate'], ...rows, ...threadRows(engine)]
        : [
            ['', 'Headgate', 'Flume 1.11'],
            ...rows.map((row) => [...row, flumeCells(flume)[row[0] ?? ''] ?? '']),
            ['ratio of events a second', times(ratio), ''],
            ...threadRows(engine),
          ],
    figures: {
      headgate: engineFigures(engine),
      ...(flume === undefined ? {} : { flume: flumeFigures(flume), ratio: rounded(ratio ?? 0) }),
    },
    problems: [...engine.problems, ...(flume?.problems ?? [])],
    notes: notesOf(engine),
  };
}

export function engineRows(report: DrainReport): string[][] {
  return [
    ['events', whole(report.events)],
    ['time, first event to last landed', seconds(report.seconds)],
    ['events a second', whole(report.eventsPerSecond)],
    ['time to the last event in the channel', seconds(report.secondsToChannel)],
    ['time with the start of the process', seconds(report.secondsWithStart)],
    ['peak RSS', megabytes(report.peakRssBytes)],
    ['mean RSS', megabytes(report.meanRssBytes)],
    ['CPU', seconds(report.cpu.total)],
    ['events a CPU second', whole(report.events / report.cpu.total)],
    ['CPU of the main thread', seconds(report.cpu.main)],
    ['files', whole(report.files)],
  ];
}

function flumeCells(flume: FlumeReport): Readonly<Record<string, string>> {
  return {
    events: whole(flume.events),
    'time, first event to last landed': seconds(flume.seconds),
    'events a second': whole(flume.eventsPerSecond),
    'peak RSS': megabytes(flume.peakRssBytes),
    'mean RSS': megabytes(flume.meanRssBytes),
    CPU: seconds(flume.cpuSeconds),
    'events a CPU second': whole(flume.events / flume.cpuSeconds),
  };
}

/** Where the time and the memory are, when `--threads` asked for it. */
export function threadRows(report: DrainReport): string[][] {
  if (report.threads.length === 0) return [];
  const rows = [[''], ['thread (peaks)', 'loop busy', 'heap used', 'heap size', 'external', 'array buffers']];
  for (const one of report.threads) {
    rows.push([
      one.thread,
      `${whole(one.loopBusy * 100)} %`,
      megabytes(one.heapUsedPeak),
      megabytes(one.heapTotalPeak),
      megabytes(one.externalPeak),
      megabytes(one.arrayBuffersPeak),
    ]);
  }
  const resident = Object.entries(report.resident).sort(([, a], [, b]) => b - a);
  return [
    ...rows,
    [''],
    ['resident at the end'],
    ...resident.map(([kind, bytes]) => [kind, megabytes(bytes)]),
  ];
}

function notesOf(report: DrainReport): string[] {
  const mainShare = (report.cpu.main / report.seconds) * 100;
  const threads = Object.entries(report.cpu.byThread)
    .filter(([, used]) => used >= 0.1)
    .sort(([, a], [, b]) => b - a)
    .map(([name, used]) => `${name} ${used.toFixed(1)}`);
  const servers = Object.entries(report.serverCpu).map(([name, used]) => `${name} ${used.toFixed(1)}`);
  return [
    `Headgate's main thread was busy ${whole(mainShare)} % of the time; CPU seconds by thread: ${threads.join(', ')}`,
    `CPU seconds of the servers meanwhile, on the same cores: ${servers.join(', ')}`,
  ];
}

export function engineFigures(report: DrainReport): Record<string, unknown> {
  const { threads, resident, problems: _problems, profile: _profile, ...figures } = report;
  return {
    ...figures,
    eventsPerSecond: Math.round(report.eventsPerSecond),
    meanRssBytes: Math.round(report.meanRssBytes),
    mainThreadBusy: rounded(report.cpu.main / report.seconds),
    ...(threads.length === 0 ? {} : { threads, resident }),
  };
}

function flumeFigures(report: FlumeReport): Record<string, unknown> {
  const { problems: _problems, ...figures } = report;
  return {
    ...figures,
    eventsPerSecond: Math.round(report.eventsPerSecond),
    meanRssBytes: Math.round(report.meanRssBytes),
  };
}
