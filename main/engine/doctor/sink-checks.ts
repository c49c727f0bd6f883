/** A sink's target: its servers, every DataNode by name, clocks, the root's rights and quota, and a probe file on its whole way. */
import { statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { GatewayConfig, SinkConfig } from '../../../shared/contract/config.ts';
import { isGatewayError } from '../../../shared/errors.ts';
import { formatBytes, formatCount, formatDuration, GIB, SECOND_MS } from '../../../shared/units.ts';
import type { TargetSettings } from '../../sinks/create-target.ts';
import { HdfsSurvey, type QuotaFacts } from '../../sinks/hdfs/hdfs-survey.ts';
import type { HdfsSettings } from '../../sinks/hdfs/hdfs-settings.ts';
import { rootOf, sinkSettings } from '../sink-mapping.ts';
import { eachOf, type CheckList, type Outcome } from './check-list.ts';
import { probe } from './probe-check.ts';

/** Shorter than landing's: landing waits for a fail-over, a person waits for this. */
const LIMITS = {
  connectMs: 4 * SECOND_MS,
  answerMs: 8 * SECOND_MS,
  inactivityMs: 10 * SECOND_MS,
  uploadAnswerMs: 20 * SECOND_MS,
  uploadBaseMs: 25 * SECOND_MS,
};
const PROBE_LIMIT_MS = 30 * SECOND_MS;
const DATANODES_AT_ONCE = 32;
/** Each has its line; with more of them the rest is counted. */
const DATANODES_MAX = 200;
/** HTTP tells whole seconds. */
const CLOCK_DIFFERENCE_MS = 5 * SECOND_MS;
const QUOTA_LEFT_SHARE = 0.1;
const FREE_BYTES_LOW = GIB;
/** Nothing is stored under it; a sink's settings only want a name. */
const NO_STATE_ID = 'doctor';

export interface SinkWork {
  readonly name: string;
  readonly config: GatewayConfig;
  /** Why nothing may be written; undefined: it may. */
  readonly isPaused: boolean;
}

export async function checkSink(list: CheckList, { name, config, isPaused }: SinkWork): Promise<void> {
  const sink = config.sinks[name];
  if (sink === undefined) throw new Error(`no sink ${name}`);
  const root = rootOf(sink.path);
  let settings: TargetSettings;
  try {
    settings = sinkSettings(name, config, NO_STATE_ID).target;
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return list.add(
      { area: 'namenode', place: name },
      { state: 'failed', message: error.message, hint: error.hint },
    );
  }
  if (settings.type === 'directory') {
    await list.run({ area: 'disk', place: root }, () => roomOf(root));
    return checkProbe(list, { root, sink, settings, isPaused });
  }
  const quick = { ...settings, limits: LIMITS };
  const survey = new HdfsSurvey(quick);
  try {
    if (!(await checkServers(list, survey, quick))) {
      const message = 'no NameNode can be asked';
      for (const area of ['datanode', 'rights', 'quota', 'probe'])
        list.add({ area, place: area === 'datanode' ? name : root }, { state: 'skipped', message });
      return;
    }
    await Promise.all([
      checkDataNodes(list, survey, { name, settings: quick }),
      list.run({ area: 'rights', place: root }, (signal) =>
        rightsOn(survey, { root, user: quick.user }, signal),
      ),
      checkQuotas(list, survey, root),
      checkProbe(list, { root, sink, settings: quick, isPaused }),
    ]);
  } finally {
    survey.close();
  }
}

/** Each server by itself; false: none is active. */
async function checkServers(
  list: CheckList,
  survey: HdfsSurvey,
  { urls, server }: HdfsSettings,
): Promise<boolean> {
  const word = server === 'httpfs' ? 'HttpFS' : 'NameNode';
  let actives = 0;
  let standbys = 0;
  await eachOf(urls, urls.length, async (url) => {
    const { host } = new URL(url);
    const look = await list.run({ area: 'namenode', place: host }, async (signal) => {
      const found = await survey.look(url, signal);
      const message =
        found.state === 'active'
          ? `${word} answers${urls.length > 1 ? '; it is active' : ''}`
          : 'NameNode on standby';
      return { state: 'ok', message, found };
    });
    if (look?.state === 'standby') standbys++;
    if (look?.state !== 'active') return;
    actives++;
    checkClock(list, host, look.dateMs);
  });
  if (actives === 0 && standbys > 0) {
    const hint = 'See `hdfs haadmin -getAllServiceState`; landing waits until one is active.';
    list.add(
      { area: 'namenode', place: urls.join(', ') },
      { state: 'failed', message: 'no NameNode is active', hint },
    );
  }
  return actives > 0;
}

function checkClock(list: CheckList, place: string, dateMs: number | undefined): void {
  const name = { area: 'clock', place };
  if (dateMs === undefined)
    return list.add(name, { state: 'skipped', message: 'the server does not tell its time' });
  const aheadMs = list.clock.nowMs() - dateMs;
  const text = `this machine's clock is ${formatDuration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead of' : 'behind'} the server's`;
  if (Math.abs(aheadMs) <= CLOCK_DIFFERENCE_MS)
    return list.add(name, { state: 'ok', message: 'the clocks agree to a few seconds' });
  list.add(name, {
    state: 'warning',
    message: text,
    hint: 'Run NTP on both. Directories go by the events’ own times, but ages and waiting do not.',
  });
}

async function checkDataNodes(
  list: CheckList,
  survey: HdfsSurvey,
  { name, settings }: { readonly name: string; readonly settings: HdfsSettings },
): Promise<void> {
  if (settings.server === 'httpfs')
    return list.add(
      { area: 'datanode', place: name },
      { state: 'skipped', message: 'HttpFS reaches them itself' },
    );
  const nodes = await list.run({ area: 'datanode', place: name }, async (signal) => {
    const found = await survey.liveDataNodes(signal);
    if (found === undefined)
      return {
        state: 'warning',
        message:
          'the NameNode’s /jmx is closed, so its DataNodes are not known; the probe file reaches one of them',
        hint: 'See that every DataNode’s web port (9864) can be reached from here.',
      };
    if (found.length > 0)
      return { state: 'ok', message: `the NameNode has ${formatCount(found.length)} live DataNodes`, found };
    return {
      state: 'failed',
      message: 'the NameNode has no live DataNode',
      hint: 'Start the DataNodes, or look why they do not register.',
    };
  });
  if (nodes === undefined) return;
  await eachOf(nodes.slice(0, DATANODES_MAX), DATANODES_AT_ONCE, ({ server, state }) =>
    list.run({ area: 'datanode', place: server }, async (signal) => {
      const { address } = await survey.reachDataNode(server, signal);
      const mapped = address === server ? '' : ` at ${address}, by hdfs.hostMap`;
      return {
        state: 'ok',
        message: `reachable${mapped}${state === '' || state === 'In Service' ? '' : ` (${state})`}`,
      };
    }),
  );
  if (nodes.length > DATANODES_MAX) {
    const message = `${formatCount(nodes.length - DATANODES_MAX)} more DataNodes were not tried`;
    list.add({ area: 'datanode', place: name }, { state: 'skipped', message });
  }
}

async function rightsOn(
  survey: HdfsSurvey,
  { root, user }: { readonly root: string; readonly user: string },
  signal: AbortSignal,
): Promise<Outcome> {
  let path = root;
  let facts = await survey.directory(path, signal);
  for (; facts === undefined && path !== '/'; facts = await survey.directory(path, signal))
    path = dirname(path);
  if (facts === undefined) return { state: 'failed', message: 'not even / is there' };
  if (facts.type === 'file')
    return { state: 'failed', message: `${path} is a file`, hint: 'Choose another directory for hdfs.path.' };
  const owned = `${path} belongs to ${facts.owner}:${facts.group}, mode ${facts.permission}; files are written as ${user}`;
  if (path === root) return { state: 'ok', message: owned };
  return { state: 'ok', message: `${root} is not there yet and is made when the first file lands; ${owned}` };
}

/** A quota on any directory above counts too. */
async function checkQuotas(list: CheckList, survey: HdfsSurvey, root: string): Promise<void> {
  await list.run({ area: 'quota', place: root }, async (signal) => {
    const problems: string[] = [];
    const told: string[] = [];
    for (let path = root; ; path = dirname(path)) {
      const quota = await survey.quota(path, signal);
      if (quota !== undefined)
        for (const [isLow, text] of quotaTexts(path, quota)) (isLow ? problems : told).push(text);
      if (quota === undefined && path === '/')
        return {
          state: 'skipped',
          message: 'the server does not tell about quotas',
          hint: 'The probe file shows whether there is room now.',
        };
      if (path === '/') break;
    }
    if (problems.length > 0)
      return {
        state: 'warning',
        message: problems.join('; '),
        hint: 'Ask for more (hdfs dfsadmin -setQuota, -setSpaceQuota), or make room.',
      };
    return { state: 'ok', message: told.length === 0 ? 'there is no quota' : told.join('; ') };
  });
}

/** The root of a file system has a quota of names by itself, which means none. */
const NO_QUOTA_FROM = 2 ** 62;

function quotaTexts(path: string, quota: QuotaFacts): [isLow: boolean, text: string][] {
  const texts: [boolean, string][] = [];
  const { names, namesUsed, spaceBytes, spaceUsedBytes } = quota;
  if (names > 0 && names < NO_QUOTA_FROM) {
    const left = Math.max(0, names - namesUsed);
    texts.push([
      left < names * QUOTA_LEFT_SHARE,
      `${path}: ${formatCount(left)} of ${formatCount(names)} names are left`,
    ]);
  }
  if (spaceBytes > 0) {
    const left = Math.max(0, spaceBytes - spaceUsedBytes);
    const text = `${path}: ${formatBytes(left)} of ${formatBytes(spaceBytes)} are left (each replica counts)`;
    texts.push([left < spaceBytes * QUOTA_LEFT_SHARE, text]);
  }
  return texts;
}

async function roomOf(root: string): Promise<Outcome> {
  let path = root;
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  const { bavail, bsize, blocks } = await statfs(path);
  const free = bavail * bsize;
  const message = `${formatBytes(free)} of ${formatBytes(blocks * bsize)} are free${path === root ? '' : `; ${root} is made when the first file lands`}`;
  if (free >= FREE_BYTES_LOW) return { state: 'ok', message };
  return { state: 'warning', message, hint: 'Make room, or choose another disk for this sink.' };
}

interface ProbeWork {
  readonly root: string;
  readonly sink: SinkConfig;
  readonly settings: TargetSettings;
  readonly isPaused: boolean;
}

async function checkProbe(list: CheckList, { root, sink, settings, isPaused }: ProbeWork): Promise<void> {
  const name = { area: 'probe', place: root };
  if (isPaused)
    return list.add(name, {
      state: 'skipped',
      message: 'writing to this sink is paused, so no file was written',
      hint: 'Resume the sink, and run the doctor again.',
    });
  let cleaned: Promise<unknown> = Promise.resolve();
  await list.run(
    name,
    (signal) => {
      const running = probe({ root, sink, settings, clock: list.clock }, signal);
      cleaned = running.then(
        () => undefined,
        () => undefined,
      );
      return running;
    },
    PROBE_LIMIT_MS,
  );
  // After a cancel the check is over at once, but not its taking away.
  await cleaned;
}
