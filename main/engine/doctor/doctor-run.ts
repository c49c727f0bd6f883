/**
 * The doctor before the flight: everything that a configuration names is tried from here, side by side, each under its own limit. Whatever hangs, the
 * run is over within a minute; whatever fails, the rest goes on. Of all it does only the probe files are written, and they are taken away.
 */
import { readdir } from 'node:fs/promises';
import type { DoctorCheck, DoctorReport } from '../../../shared/contract/control-what-if.ts';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { SECOND_MS } from '../../../shared/units.ts';
import type { LoadedConfig } from '../../config/config-file.ts';
import { plainProblems } from '../../config/config-render.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { CheckList } from './check-list.ts';
import { checkStateDirectory } from './disk-checks.ts';
import { checkKafkaSource } from './kafka-checks.ts';
import { checkSink } from './sink-checks.ts';

/** What is left of the minute is for taking probe files away. */
const RUN_LIMIT_MS = 45 * SECOND_MS;
const PROBLEMS_MAX = 20;

export interface DoctorWork {
  readonly loaded: LoadedConfig;
  /** Sinks whose write switch is off: nothing may be written there. */
  readonly pausedSinks: ReadonlySet<string>;
  readonly limitMs?: number | undefined;
}

export interface DoctorWatch {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** All checks that are done, in the order in which they were. */
  readonly onCheck: (checks: readonly DoctorCheck[]) => void;
}

/** Rejects with the signal's reason when it is cancelled, once everything that was written is taken away again. */
export async function runDoctor(
  work: DoctorWork,
  { clock, signal, onCheck }: DoctorWatch,
): Promise<DoctorReport> {
  const { loaded, pausedSinks, limitMs = RUN_LIMIT_MS } = work;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  const list = new CheckList({ clock, signal: limit, onCheck });
  checkConfig(list, loaded);
  if (loaded.config !== undefined) await checkAll(list, loaded.config, pausedSinks);
  signal.throwIfAborted();
  const checks = inOrder(list.checks);
  return { checks, isReady: !checks.some(({ state }) => state === 'failed') };
}

async function checkAll(
  list: CheckList,
  config: GatewayConfig,
  pausedSinks: ReadonlySet<string>,
): Promise<void> {
  const sources = Object.values(config.sources).map(async (source) => {
    if (source.type === 'kafka') return checkKafkaSource(list, source);
    await list.run({ area: 'topic', place: source.directory }, () => filesOf(source.directory));
  });
  const sinks = Object.keys(config.sinks).map((name) =>
    checkSink(list, { name, config, isPaused: pausedSinks.has(name) }),
  );
  const ends = await Promise.allSettled([checkStateDirectory(list, config), ...sources, ...sinks]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

function checkConfig(list: CheckList, loaded: LoadedConfig): void {
  const { problems } = loaded;
  if (problems.length === 0) {
    const config = loaded.config;
    const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
    const parts = `${counted(Object.keys(config?.sources ?? {}).length, 'source')}, ${counted(Object.keys(config?.sinks ?? {}).length, 'sink')}`;
    return list.add({ area: 'config', place: loaded.path }, { state: 'ok', message: `usable: ${parts}` });
  }
  for (const { severity, line, column, message, hint } of plainProblems(problems).slice(0, PROBLEMS_MAX)) {
    const place = line > 0 ? `${loaded.path}:${line}:${column}` : loaded.path;
    list.add(
      { area: 'config', place },
      { state: severity === 'error' ? 'failed' : 'warning', message, hint },
    );
  }
}

async function filesOf(directory: string) {
  const names = await readdir(directory);
  return { state: 'ok', message: `the directory is readable, with ${names.length} entries` } as const;
}

const AREAS = [
  'config',
  'disk',
  'broker',
  'topic',
  'group',
  'namenode',
  'clock',
  'datanode',
  'rights',
  'quota',
  'probe',
];

function inOrder(checks: readonly DoctorCheck[]): DoctorCheck[] {
  return [...checks].sort((left, right) => AREAS.indexOf(left.area) - AREAS.indexOf(right.area));
}
