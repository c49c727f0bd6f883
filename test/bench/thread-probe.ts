/**
 * Preloaded into the measured engine (`node --import`, through NODE_OPTIONS, which worker threads obey as well) when a bench is asked for more
 * than the kernel knows: heap and buffers of every thread, how busy its event loop is, and a CPU profile.
 *
 * Writes to the directory HEADGATE_BENCH_PROBE: `thread-<id>.jsonl`, a line every fifth of a second; with HEADGATE_BENCH_PROFILE=1 also
 * `thread-<id>.cpuprofile`, of the time between the appearance there of files named `start` and `stop`: loading, audit and shutdown
 * would hide what is looked for.
 */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { basename, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { isMainThread, threadId } from 'node:worker_threads';

const SAMPLE_MS = 200;
/** A profile of a quarter of a million samples a minute is large enough. */
const PROFILE_INTERVAL_US = 500;

/** One line of `thread-<id>.jsonl`. Memory in bytes; `external` contains `arrayBuffers`, which threads share by transfer. */
export interface ThreadSample {
  readonly thread: string;
  readonly atMs: number;
  /** Share of the time since the last line in which the event loop was busy, 0 … 1. */
  readonly loopBusy: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

const directory = process.env['HEADGATE_BENCH_PROBE'];
if (directory !== undefined) observe(directory);

function observe(into: string): void {
  const thread = isMainThread ? 'main' : basename(process.argv[1] ?? '', '.ts');
  const isProfiling = process.env['HEADGATE_BENCH_PROFILE'] === '1';
  let endProfile: (() => void) | undefined;
  let last = performance.eventLoopUtilization();
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage();
    const loopBusy = performance.eventLoopUtilization(now, last).utilization;
    last = now;
    const sample: ThreadSample = {
      thread,
      atMs: Date.now(),
      loopBusy,
      heapUsed,
      heapTotal,
      external,
      arrayBuffers,
    };
    appendFileSync(join(into, `thread-${threadId}.jsonl`), `${JSON.stringify(sample)}\n`);
    if (isProfiling && existsSync(join(into, 'start'))) endProfile ??= startProfile(into);
    if (!existsSync(join(into, 'stop'))) return;
    clearInterval(timer);
    endProfile?.();
  }, SAMPLE_MS);
  timer.unref();
}

function startProfile(into: string): () => void {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: PROFILE_INTERVAL_US });
  session.post('Profiler.start');
  return () => {
    // A session of the same thread answers before `post` returns.
    session.post('Profiler.stop', (error, answer) => {
      if (error !== null) throw new Error(`the profile was not taken: ${error.message}`);
      writeFileSync(join(into, `thread-${threadId}.cpuprofile`), JSON.stringify(answer.profile));
    });
    session.disconnect();
  };
}
