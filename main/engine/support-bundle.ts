/**
 * The support bundle: one zip that an operator can hand to whoever helps, with what that person would ask for, and without events' bodies
 * or secrets. It is made of the engine's own answers; a part that can't be had is left out and said, so a sick engine still gives its bundle.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { procedures, type Input, type Output, type ProcedureName } from '../../shared/contract/control.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { toErrorReport } from '../../shared/errors.ts';
import { KIB } from '../../shared/units.ts';
import { keptSecrets, maskText } from '../config/config-secret.ts';
import { ConfigStore } from '../config/config-store.ts';
import { readConsoleToken } from '../control/console-token.ts';
import type { EngineApi } from '../control/engine-api.ts';
import type { JobRun } from './desks/job-desk.ts';
import { SupportBundleFile } from './support-bundle-file.ts';
import { databaseFacts, diskFacts, machineFacts } from './support-bundle-machine.ts';
import { Scrubber, secretsIn } from './support-bundle-scrubber.ts';

const VERSIONS_MAX = 20;
const LOG_LINES_MAX = 5_000;
const LOG_PAGE = 1_000;
const LINES_AT_A_TIME = 100;
const ROWS_MAX = 200;
const VERSIONS_FOLDER = 'configuration/versions/';
/** For the manifest, which is written last and must have room. */
const MANIFEST_BYTES = 256 * KIB;

export interface SupportBundleOptions {
  readonly stateDir: string;
  readonly api: EngineApi;
  /** The running configuration, with its secrets: so that they are known, and nowhere in the bundle. */
  readonly config: GatewayConfig;
  readonly path: string;
  readonly nowMs: number;
  readonly run: Pick<JobRun, 'signal' | 'progress'>;
}

/** By the ending of the name: `.json` any plain value, `.jsonl` a list of them, else a text. */
interface Part {
  readonly name: string;
  readonly make: () => Promise<unknown>;
}

/** Writes the bundle. Answers how many parts it has and how many had to be left out. */
export async function writeSupportBundle(
  options: SupportBundleOptions,
): Promise<{ readonly parts: number; readonly leftOut: number }> {
  const { path, nowMs, run } = options;
  const versions = await keptVersions(options.stateDir);
  const scrubber = new Scrubber(knownSecrets(options, versions));
  const file = await SupportBundleFile.create(path, nowMs);
  const leftOut: { readonly name: string; readonly why: string }[] = [];
  try {
    const parts = partsOf(options, versions);
    for (const [index, { name, make }] of parts.entries()) {
      run.signal.throwIfAborted();
      run.progress(name, index, parts.length);
      try {
        await file.add(name, await cleanText(name, await make(), scrubber), MANIFEST_BYTES);
      } catch (error) {
        if (run.signal.aborted || isOfDisk(error)) throw error;
        leftOut.push({ name, why: scrubber.text(toErrorReport(error).message) });
      }
    }
    await file.add('manifest.json', manifest({ nowMs, file, leftOut }));
    await file.finish();
    return { parts: file.entries.length, leftOut: leftOut.length };
  } finally {
    await file.close();
  }
}

/** Plain values are cleaned as trees, where a key tells what its value is, and what is written stays JSON. */
async function cleanText(name: string, value: unknown, scrubber: Scrubber): Promise<string> {
  if (name.endsWith('.json')) return toJson(scrubber.json(value));
  if (name.endsWith('.jsonl') && Array.isArray(value)) {
    const lines: string[] = [];
    for (const line of value) {
      lines.push(`${JSON.stringify(scrubber.json(line))}\n`);
      // The engine does its own work in between.
      if (lines.length % LINES_AT_A_TIME === 0) await nextTurn();
    }
    return lines.join('');
  }
  // These were masked as configurations, where a reference to a secret is none and stays readable.
  return name.startsWith(VERSIONS_FOLDER) ? scrubber.known(String(value)) : scrubber.text(String(value));
}

function partsOf(options: SupportBundleOptions, versions: readonly KeptVersion[]): Part[] {
  const { api, stateDir, nowMs, run } = options;
  const ask = async <N extends ProcedureName>(name: N, input: Input<N>): Promise<Output<N>> => {
    const call = api[name] as (parsed: unknown) => Promise<Output<N>>;
    return call(procedures[name].input.parse(input));
  };
  const part = (name: string, make: Part['make']): Part => ({ name, make });
  return [
    part('machine.json', () => machineFacts(nowMs)),
    part('status.json', () => ask('status', {})),
    part('configuration/effective.yaml', async () => (await ask('configShow', {})).yaml),
    part('configuration/history.json', () => ask('configHistory', {})),
    ...versions.map(({ number, text }) =>
      part(`${VERSIONS_FOLDER}${String(number).padStart(6, '0')}.yaml`, async () => maskText(text).text),
    ),
    part('alerts.json', () => ask('alertHistory', { limit: 1000 })),
    part('log.jsonl', () => lastLines((input) => ask('logTail', input))),
    part('jobs.json', () => ask('jobs', {})),
    part('backlog.json', () => ask('backlogList', { limit: ROWS_MAX })),
    part('landings.json', () => ask('landings', { limit: ROWS_MAX })),
    part('quarantine-groups.json', () => ask('quarantineGroups', {})),
    part('quarantine.json', async () => {
      const { rows, total } = await ask('quarantineList', { limit: ROWS_MAX });
      // The preview is the beginning of a body.
      return { total, rows: rows.map(({ preview: _, ...row }) => row) };
    }),
    part('database.json', () => databaseFacts(stateDir, run.signal)),
    part('disk.json', () => diskFacts(stateDir)),
  ];
}

/** The last lines, oldest first, as the engine wrote them. */
async function lastLines(
  tail: (input: Input<'logTail'>) => Promise<Output<'logTail'>>,
): Promise<Output<'logTail'>['lines']> {
  const lines: Output<'logTail'>['lines'] = [];
  let before: number | undefined;
  do {
    const answer = await tail({
      level: 'debug',
      limit: LOG_PAGE,
      ...(before === undefined ? {} : { before }),
    });
    lines.push(...answer.lines);
    before = answer.next;
  } while (before !== undefined && lines.length < LOG_LINES_MAX);
  return lines.sort((left, right) => left.id - right.id);
}

interface KeptVersion {
  readonly number: number;
  readonly text: string;
}

/** The last texts that were applied. One that can't be read is missing here; the history says that it was. */
async function keptVersions(stateDir: string): Promise<KeptVersion[]> {
  const store = new ConfigStore(stateDir);
  const read = async ({ number }: { readonly number: number }): Promise<KeptVersion[]> => {
    try {
      return [{ number, text: await store.read(number) }];
    } catch (error) {
      return [{ number, text: `# ${toErrorReport(error).message}\n` }];
    }
  };
  try {
    return (await Promise.all((await store.list()).slice(-VERSIONS_MAX).map(read))).flat();
  } catch {
    // A disk that can't be read: the part `configuration/history.json` fails as well, and says why.
    return [];
  }
}

function knownSecrets(
  { config, stateDir }: SupportBundleOptions,
  versions: readonly KeptVersion[],
): string[] {
  const written = versions.flatMap(({ text }) => [...keptSecrets(text).values()]);
  const token = tokenIfThere(stateDir);
  return [...secretsIn(config), ...written, ...(token === undefined ? [] : [token])];
}

function tokenIfThere(stateDir: string): string | undefined {
  try {
    return readConsoleToken(stateDir);
  } catch {
    // What the engine can't read it can't have written anywhere either.
    return undefined;
  }
}

function manifest(made: {
  readonly nowMs: number;
  readonly file: SupportBundleFile;
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
}): string {
  return toJson({
    what: 'Headgate support bundle',
    made: new Date(made.nowMs).toISOString(),
    parts: made.file.entries,
    couldNotBeHad: made.leftOut,
    leftOutOnPurpose: [
      'bodies, keys and headers of events, in the backlog and in quarantine',
      'secrets of the configuration: passwords, tokens, keys, and what references to files and variables stand for',
      'the token of the console',
      'variables of the environment',
      'the channel database itself',
    ],
    bounds: { logLines: LOG_LINES_MAX, rowsOfEachList: ROWS_MAX, configurationVersions: VERSIONS_MAX },
  });
}

function isOfDisk(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'].includes(String(code));
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
