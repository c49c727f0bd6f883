import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../rig/until.ts';
import type { ThreadSample } from './thread-probe.ts';

const PROBE = fileURLToPath(new URL('./thread-probe.ts', import.meta.url));
const PROFILE_LIMIT_MS = 60_000;

/** What one thread of the engine looked like at its largest; bytes. */
export interface ThreadFigures {
  readonly thread: string;
  /** Share of the time between its first and its last sample in which the event loop was busy. */
  readonly loopBusy: number;
  readonly heapUsedPeak: number;
  readonly heapTotalPeak: number;
  readonly externalPeak: number;
  readonly arrayBuffersPeak: number;
}

/** The measuring side of `thread-probe.ts`: how an engine is started with it, and what it wrote. */
export class EngineProbe {
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;

  private constructor(directory: string, environment: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.environment = environment;
  }

  static async in(
    directory: string,
    options: { readonly isProfiling: boolean; readonly nodeOptions?: string | undefined },
  ): Promise<EngineProbe> {
    await mkdir(directory, { recursive: true });
    const nodeOptions = [options.nodeOptions, `--import="${PROBE}"`].filter((one) => one !== undefined);
    return new EngineProbe(directory, {
      NODE_OPTIONS: nodeOptions.join(' '),
      HEADGATE_BENCH_PROBE: directory,
      ...(options.isProfiling ? { HEADGATE_BENCH_PROFILE: '1' } : {}),
    });
  }

  /** Loading and compiling the program is no part of the profile; without profiling this does nothing. */
  beginProfile(): Promise<void> {
    return writeFile(join(this.directory, 'start'), '');
  }

  /** Ends sampling, and the profiles; resolves when the main thread's has been written. Gives its path. */
  async endProfile(): Promise<string> {
    await writeFile(join(this.directory, 'stop'), '');
    const path = join(this.directory, 'thread-0.cpuprofile');
    await until(
      'the main thread writes its profile',
      async () => (await readdir(this.directory)).includes('thread-0.cpuprofile') && isWhole(path),
      PROFILE_LIMIT_MS,
    );
    return path;
  }

  /** Figures of each thread over the samples between the two times. */
  async threads(fromMs: number, toMs: number): Promise<ThreadFigures[]> {
    const files = (await readdir(this.directory)).filter((name) => name.endsWith('.jsonl')).sort();
    const figures: ThreadFigures[] = [];
    for (const file of files) {
      const text = await readFile(join(this.directory, file), 'utf8');
      const samples = text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as ThreadSample)
        .filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
      const [first] = samples;
      if (first !== undefined) figures.push(figuresOf(first.thread, samples));
    }
    return figures;
  }
}

async function isWhole(path: string): Promise<boolean> {
  return (await readFile(path, 'utf8')).endsWith('}');
}

function figuresOf(thread: string, samples: readonly ThreadSample[]): ThreadFigures {
  const peak = (of: (sample: ThreadSample) => number): number => Math.max(...samples.map(of));
  return {
    thread,
    loopBusy: samples.reduce((sum, sample) => sum + sample.loopBusy, 0) / samples.length,
    heapUsedPeak: peak((sample) => sample.heapUsed),
    heapTotalPeak: peak((sample) => sample.heapTotal),
    externalPeak: peak((sample) => sample.external),
    arrayBuffersPeak: peak((sample) => sample.arrayBuffers),
  };
}
