import { request } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { controlSocketPath } from '../../main/control/socket-path.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { FileGateway, SOURCE } from '../engine/file-gateway.ts';
import { progress, rounded, type BenchResult } from './bench-output.ts';
import { cpuBetween, ProcessMeter } from './process-meter.ts';

const WRITES_PER_SECOND = 10;
const LINE_BYTES = 250;
/** Compilers have work left over from the start. */
const SETTLE_MS = 5_000;
const FOLLOWERS = [0, 1, 4] as const;
const NEW_LINE = 10;

export interface FollowOptions {
  readonly eventsPerSecond: number;
  /** Of each measurement. */
  readonly seconds: number;
  /** The numbers of followers take turns so often, so that what else the machine does falls on all of them. */
  readonly rounds: number;
  readonly environment: Readonly<Record<string, string>>;
}

interface Sum {
  seconds: number;
  cpu: number;
  main: number;
  pushed: number;
  pushedBytes: number;
}

/** What it costs an engine under load that consoles follow it: lines of a file in, a directory out, no servers. */
export async function followBench(options: FollowOptions): Promise<BenchResult> {
  await using gateway = new FileGateway({
    source: { pollInterval: '100ms' },
    channel: { capacityBytes: '8GiB' },
    sink: { rollInterval: '20s', idleTimeout: '30s' },
  });
  const { configFile, stateDir } = gateway;
  const engine = new EngineProcess({ configFile, stateDir, environment: options.environment });
  await engine.ready();
  const stop = new AbortController();
  const feeding = feed(gateway, options.eventsPerSecond, stop.signal);
  const sums = new Map<number, Sum>();
  try {
    progress('settling');
    await wait(SETTLE_MS);
    const meter = new ProcessMeter(engine.pid);
    for (let round = 0; round < options.rounds; round++) {
      progress(`round ${round + 1} of ${options.rounds}`);
      for (const count of FOLLOWERS)
        await measure({ count, stateDir, meter, sums, seconds: options.seconds });
    }
    const { sources } = await engine.client.call('status', {});
    return resultOf(sums, sources.find(({ name }) => name === SOURCE)?.eventsPerSecond ?? 0);
  } finally {
    stop.abort();
    await feeding;
    await engine.kill();
  }
}

async function feed(gateway: FileGateway, eventsPerSecond: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && eventsPerSecond > 0) {
    gateway.write(Math.ceil(eventsPerSecond / WRITES_PER_SECOND), 'www.log', ' '.repeat(LINE_BYTES));
    // What was written is nobody's question here.
    gateway.written.length = 0;
    await wait(1_000 / WRITES_PER_SECOND);
  }
}

async function measure(what: {
  readonly count: number;
  readonly stateDir: string;
  readonly meter: ProcessMeter;
  readonly sums: Map<number, Sum>;
  readonly seconds: number;
}): Promise<void> {
  const { count, meter, sums, seconds } = what;
  const sum = sums.get(count) ?? { seconds: 0, cpu: 0, main: 0, pushed: 0, pushedBytes: 0 };
  sums.set(count, sum);
  let isMeasured = false;
  const followers = Array.from({ length: count }, () =>
    follow(what.stateDir, (part) => {
      if (!isMeasured) return;
      sum.pushedBytes += part.length;
      for (const byte of part) if (byte === NEW_LINE) sum.pushed++;
    }),
  );
  await wait(1_000);
  isMeasured = true;
  const before = meter.cpu();
  const startedMs = performance.now();
  await wait(seconds * 1_000);
  const cpu = cpuBetween(before, meter.cpu());
  sum.seconds += (performance.now() - startedMs) / 1_000;
  sum.cpu += cpu.total;
  sum.main += cpu.main;
  for (const end of followers) end();
}

/** A client that reads and does nothing else; answers how to end it. */
function follow(stateDir: string, onPart: (part: Buffer) => void): () => void {
  const call = request({ socketPath: controlSocketPath(stateDir), path: '/events' }, (response) => {
    response.on('data', onPart);
    response.on('error', () => call.destroy());
  });
  call.on('error', () => call.destroy());
  call.end();
  return () => void call.destroy();
}

function resultOf(sums: ReadonlyMap<number, Sum>, eventsPerSecond: number): BenchResult {
  const rows = [...sums].map(([count, { seconds, cpu, main, pushed, pushedBytes }]) => ({
    count,
    cpuPercent: rounded((cpu / seconds) * 100),
    mainPercent: rounded((main / seconds) * 100),
    pushesPerSecond: count === 0 ? 0 : rounded(pushed / seconds / count),
    bytesPerPush: pushed === 0 ? 0 : Math.round(pushedBytes / pushed),
  }));
  const [base] = rows;
  const over = (percent: number, of = 0): string =>
    `${percent - of >= 0 ? '+' : ''}${(percent - of).toFixed(2)} %`;
  return {
    bench: 'follow: an engine under load that consoles follow',
    table: [
      ['followers', 'CPU of a core', 'main thread', 'more than without', 'pushes/s', 'bytes each'],
      ...rows.map((row) => [
        String(row.count),
        `${row.cpuPercent.toFixed(2)} %`,
        `${row.mainPercent.toFixed(2)} %`,
        over(row.cpuPercent, base?.cpuPercent),
        row.pushesPerSecond.toFixed(1),
        String(row.bytesPerPush),
      ]),
    ],
    figures: { eventsPerSecond: Math.round(eventsPerSecond), rows },
    problems: rows
      .filter(({ count, pushesPerSecond }) => count > 0 && pushesPerSecond < 1)
      .map(({ count }) => `${count} followers were hardly told anything`),
    notes: [`${Math.round(eventsPerSecond)} events/s at the end`],
  };
}
