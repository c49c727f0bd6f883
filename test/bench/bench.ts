/**
 * `npm run bench -- <name>`: measurements that people start by hand on a machine that does nothing else. They are no tests: nothing here
 * has a limit of time or speed that must be met, only results that must be right.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { backlogBench } from './backlog-bench.ts';
import { printResult, type BenchResult } from './bench-output.ts';
import { consoleBench } from './console-bench.ts';
import { followBench } from './follow-bench.ts';
import { idleBench } from './idle-bench.ts';
import { listsBench } from './lists-bench.ts';
import { pairBench, zstdBench, type EngineOptions } from './pair-bench.ts';
import { profileBench } from './profile-bench.ts';

const EVENTS = 5_000_000;
const PROFILE_EVENTS = 2_000_000;

interface Common {
  readonly json?: true;
  readonly env: readonly string[];
  readonly idleTimeout: string;
  readonly threads?: true;
}

const program = new Command('bench')
  .description(
    'Benches of Headgate on a real Kafka and a real HDFS of this machine. See test/bench/README.md.',
  )
  .showHelpAfterError();

function bench(name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--json', 'also print one line of JSON')
    .addOption(
      new Option(
        '--env <NAME=VALUE>',
        'environment of the engine, e.g. MALLOC_ARENA_MAX=2 or NODE_OPTIONS=--max-semi-space-size=8; may be repeated',
      )
        .argParser(collected)
        .default([], 'none'),
    );
}

function drainBench(name: string, description: string, events: number): Command {
  return bench(name, description)
    .option('--events <n>', 'events in the topic', positive, events)
    .option(
      '--idle-timeout <time>',
      'hdfs.idleTimeout of the engine: how long a directory waits for more',
      '1s',
    )
    .option(
      '--threads',
      'heap, buffers and event loop of every thread, and what is resident (a probe runs in the engine)',
    );
}

drainBench(
  'pair',
  'Kafka to HDFS: Headgate, then the tuned Flume on the same lines; prints the ratio',
  EVENTS,
)
  .option(
    '--flume-events <n>',
    'fewer events for Flume, in a topic of its own (default: the same topic)',
    positive,
  )
  .option('--skip-flume', 'Headgate only')
  .action((options: Common & { events: number; flumeEvents?: number; skipFlume?: true }) => {
    const { events, flumeEvents = events, skipFlume } = options;
    const ownFlumeEvents = skipFlume === true ? undefined : Math.min(events, flumeEvents);
    return run(options, () => pairBench({ ...engineOptions(options), events, flumeEvents: ownFlumeEvents }));
  });

drainBench('zstd', 'the same with zstd topics and zstd files, Headgate only', EVENTS).action(
  (options: Common & { events: number }) =>
    run(options, () => zstdBench({ ...engineOptions(options), events: options.events })),
);

drainBench(
  'profile',
  "pair's Headgate part under V8's CPU profiler; prints where the main thread's time went",
  PROFILE_EVENTS,
)
  .option('--out <directory>', 'where the profiles stay', join(tmpdir(), `headgate-profile-${process.pid}`))
  .option('--top <n>', 'how many functions are printed', positive, 25)
  .action((options: Common & { events: number; out: string; top: number }) => {
    const { events, out: outDirectory, top } = options;
    return run(options, () => profileBench({ ...engineOptions(options), events, outDirectory, top }));
  });

bench(
  'backlog',
  'opens a standing backlog, then drains it; prints the ratio to curl -T into the same WebHDFS',
)
  .option('--gib <n>', 'raw GiB of events in the backlog', positiveNumber, 10)
  .addOption(
    new Option('--compression <codec>', 'of chunks at rest; none makes the database as large as the events')
      .choices(['none', 'zstd', 'gzip'])
      .default('none'),
  )
  .option('--chunk-kib <n>', 'raw size of a chunk', positive, 1_024)
  .option('--uploads <n>', 'parallel uploads of the sink', positive, 2)
  .option('--upload-gib <n>', 'size of the file that curl uploads', positiveNumber, 1)
  .action(
    (
      options: Common & {
        gib: number;
        compression: 'none' | 'zstd' | 'gzip';
        chunkKib: number;
        uploads: number;
        uploadGib: number;
      },
    ) => run(options, () => backlogBench({ ...options, environment: environmentOf(options) })),
  );

bench('idle', 'CPU of an engine that has nothing to do, with many broker connections')
  .option('--connections <n>', 'at least so many established connections to the broker', positive, 10)
  .option('--seconds <n>', 'how long is measured', positive, 60)
  .action((options: Common & { connections: number; seconds: number }) =>
    run(options, () => idleBench({ ...options, environment: environmentOf(options) })),
  );

bench('follow', 'what it costs an engine under load that consoles follow it; needs no servers')
  .option('--events-per-second <n>', 'lines that are written to the files it reads', positive, 20_000)
  .option('--seconds <n>', 'how long each measurement takes', positive, 5)
  .option('--rounds <n>', 'how often the numbers of followers take turns', positive, 4)
  .action((options: Common & { eventsPerSecond: number; seconds: number; rounds: number }) =>
    run(options, () => followBench({ ...options, environment: environmentOf(options) })),
  );

bench('lists', 'pages, orders and filters of a long backlog and a long ledger, without servers')
  .option('--keys <n>', 'landing keys that wait, three chunks each', positive, 100_000)
  .option('--ledger <n>', 'rows of the ledger', positive, 1_000_000)
  .action((options: Common & { keys: number; ledger: number }) =>
    run(options, () => listsBench({ keys: options.keys, ledgerRows: options.ledger })),
  );

bench('console', 'first paint, first figures and long tasks of the console in Chromium, without servers')
  .option('--loads <n>', 'how often each page is loaded', positive, 9)
  .option('--seconds <n>', 'how long updates are watched on each page', positive, 20)
  .action((options: Common & { loads: number; seconds: number }) =>
    run(options, () => consoleBench(options)),
  );

program
  .command('interceptors')
  .description('what the event-time path costs alone, without servers')
  .action(async () => {
    await import('./interceptors.bench.ts');
  });

await program.parseAsync();

async function run(options: Common, work: () => Promise<BenchResult>): Promise<void> {
  printResult(await work(), options.json === true);
}

function engineOptions(options: Common): EngineOptions {
  return {
    idleTimeout: options.idleTimeout,
    environment: environmentOf(options),
    isThreadsWanted: options.threads === true,
  };
}

function environmentOf({ env }: Common): Record<string, string> {
  return Object.fromEntries(
    env.map((one) => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]),
  );
}

function collected(value: string, before: readonly string[]): string[] {
  if (!/^[A-Za-z_]\w*=/.test(value)) throw new InvalidArgumentError('expected NAME=VALUE');
  return [...before, value];
}

function positive(text: string): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('expected a whole number from 1');
  return value;
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number above 0');
  return value;
}
