import { mkdir, readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { progress, seconds, whole, type BenchResult } from './bench-output.ts';
import { BenchSite } from './bench-site.ts';
import { drainTopic } from './engine-drain.ts';
import { engineFigures, engineRows, type EngineOptions } from './pair-bench.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NAME_CHARS_MAX = 60;
/** V8's own entries of a profile that are no work. */
const IDLE = new Set(['(idle)', '(root)']);

export interface ProfileOptions extends EngineOptions {
  readonly events: number;
  /** Gets `thread-<id>.cpuprofile`, which Chrome's developer tools and VS Code open. It stays. */
  readonly outDirectory: string;
  readonly top: number;
}

/** As V8 writes it, the parts that are read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface SelfTime {
  readonly what: string;
  readonly seconds: number;
  /** Of all the time in which the thread did something, 0 … 1. */
  readonly share: number;
}

/** Headgate's part of `pair` under V8's profiler, which takes some of the speed itself. */
export async function profileBench(options: ProfileOptions): Promise<BenchResult> {
  const outDirectory = resolve(options.outDirectory);
  await mkdir(outDirectory, { recursive: true });
  await using site = await BenchSite.start();
  const topic = await site.fillTopic('logs', options.events);
  const { idleTimeout, environment, top } = options;
  const report = await drainTopic({
    site,
    topic,
    name: 'profile',
    codec: 'none',
    idleTimeout,
    environment,
    probe: 'profile',
    probeDirectory: outDirectory,
  });
  if (report.profile === undefined) throw new Error('no profile was taken');
  progress(`reading ${report.profile}`);
  const hottest = selfTimes(JSON.parse(await readFile(report.profile, 'utf8')) as CpuProfile).slice(0, top);
  return {
    bench: `profile: the main thread over ${whole(report.events)} events`,
    table: [
      ['', 'Headgate'],
      ...engineRows(report),
      [''],
      ['self time of the main thread', 'time', 'share'],
      ...hottest.map((one) => [one.what, seconds(one.seconds, 2), `${(one.share * 100).toFixed(1)} %`]),
    ],
    figures: { headgate: engineFigures(report), hottest },
    problems: report.problems,
    notes: [
      'the profiler slows the engine down: take speed and memory from pair',
      `profiles of all threads: ${outDirectory}`,
    ],
  };
}

/** Self time by function, longest first. A sample counts for the time until the next one. */
export function selfTimes(profile: CpuProfile): SelfTime[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, frameName(callFrame)]));
  const micros = new Map<string, number>();
  let busy = 0;
  profile.samples.forEach((id, at) => {
    const name = names.get(id) ?? '?';
    const took = profile.timeDeltas[at + 1] ?? 0;
    if (IDLE.has(name)) return;
    busy += took;
    micros.set(name, (micros.get(name) ?? 0) + took);
  });
  return [...micros]
    .map(([what, took]) => ({ what, seconds: took / 1e6, share: took / busy }))
    .sort((a, b) => b.seconds - a.seconds);
}

function frameName(frame: CpuProfile['nodes'][number]['callFrame']): string {
  const { functionName, url, lineNumber } = frame;
  const name = functionName === '' ? '(anonymous)' : functionName;
  // A regular expression's name is its source.
  if (url === '') return name.slice(0, NAME_CHARS_MAX);
  const place = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url;
  return `${name} ${place.replace(/^.*node_modules\//, '')}:${lineNumber + 1}`;
}
