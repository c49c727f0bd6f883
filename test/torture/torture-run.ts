import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { webHdfsTree, type LandedTree } from '../rig/landed-tree.ts';
import { Adversary, type FaultCounts, type TimelineLine } from './adversary.ts';
import { EventProducers } from './event-producers.ts';
import { readLog } from './log-truth.ts';
import { STREAMS } from './numbered-events.ts';
import { SeededRandom } from './seeded-random.ts';
import { ROOT, TOPICS, TortureSite } from './torture-site.ts';
import { drained, tidied, verdictOf, type FleetBooks } from './torture-verdict.ts';

/** Some refusals are looked at again only after a minute, and a DataNode's silence may last almost three. */
const DRAIN_LIMIT_MS = 420_000;
/** Longer than a janitor waits before it looks at a name for the second time, by clocks that were up to two days ahead. */
const LATER_MS = 4 * 86_400_000;
const TIDY_SOON_MS = 5_000;
const TIDY_LIMIT_MS = 60_000;
/** A transaction that nobody ends holds the drain up for most of a minute. */
const HANGING_FROM_MINUTES = 1;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

export interface TortureOptions {
  readonly seed: number;
  readonly minutes: number;
  /** 1 to 3. */
  readonly gateways: number;
  /** Events a second. */
  readonly rate: number;
  /** 1 or 3. */
  readonly brokers: number;
  /** 1 or 2. */
  readonly namenodes: number;
  readonly datanodes: number;
  /** Kinds of faults by name; none means all. */
  readonly only: readonly string[];
  readonly print: (line: string) => void;
}

export interface TortureReport {
  readonly seed: number;
  readonly isClean: boolean;
  readonly problems: readonly string[];
  readonly gateways: number;
  readonly adversarySeconds: number;
  readonly seconds: number;
  readonly drainSeconds: number;
  /** In the log, by what must become of them. */
  readonly events: number;
  readonly landed: number;
  readonly filtered: number;
  readonly quarantined: number;
  /** Offsets that retention took before any gateway had them, as the engines list them. */
  readonly gaps: number;
  readonly files: number;
  readonly hiddenLeft: number;
  readonly faults: FaultCounts;
  readonly lives: number;
  readonly repulls: number;
  readonly failedPulls: number;
  readonly reuploads: number;
  readonly failedProduces: number;
  readonly timeline: readonly TimelineLine[];
  /** Kept when something was found. */
  readonly directory: string;
}

/** One run: servers, gateways, producers and the adversary; then healing, draining and the judgement. Throws when the rig itself fails. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const directory = await mkdtemp(join(tmpdir(), `hgt-${options.seed}-`));
  const temporaryBefore = process.env['TMPDIR'];
  // Servers keep their data below the run's directory, so that one place holds all that a finding needs.
  process.env['TMPDIR'] = directory;
  let isKept = true;
  try {
    const report = await onSite(options, directory);
    isKept = !report.isClean;
    await writeFile(join(directory, 'report.json'), JSON.stringify(report, null, 1));
    return report;
  } finally {
    if (temporaryBefore === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = temporaryBefore;
    if (!isKept) await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function onSite(options: TortureOptions, directory: string): Promise<TortureReport> {
  const beganMs = performance.now();
  const { seed, gateways, brokers, namenodes, datanodes, print } = options;
  await mkdir(directory, { recursive: true });
  const replication = Math.min(datanodes, 2);
  const site = await TortureSite.start({ directory, gateways, brokers, namenodes, datanodes, replication });
  print(`seed ${seed}: the servers run, ${directory}`);
  let isClean = false;
  try {
    const report = await roundOn(site, options, { directory, beganMs });
    isClean = report.isClean;
    return report;
  } finally {
    const keepBefore = process.env['HEADGATE_RIG_KEEP'];
    if (!isClean) process.env['HEADGATE_RIG_KEEP'] = '1';
    await site.stop();
    if (keepBefore === undefined) delete process.env['HEADGATE_RIG_KEEP'];
    else process.env['HEADGATE_RIG_KEEP'] = keepBefore;
  }
}

async function roundOn(
  site: TortureSite,
  options: TortureOptions,
  { directory, beganMs }: { directory: string; beganMs: number },
): Promise<TortureReport> {
  const { seed, minutes, rate, only, print } = options;
  const adversary = new Adversary({
    site,
    seed,
    only,
    print: ({ atMs, text }) => print(`${(atMs / 1_000).toFixed(1).padStart(7)} s  ${text}`),
  });
  for (const gateway of site.gateways) await gateway.begin();
  const producers = new EventProducers({
    bootstrap: site.kafka.directBootstrap,
    seed,
    streams: STREAMS,
    rate,
    codec: new SeededRandom(seed).pick(CODECS),
    mayHang: minutes >= HANGING_FROM_MINUTES,
  });
  const producing = producers.run();
  const actedFromMs = performance.now();
  await adversary.act(minutes * 60_000);
  const adversarySeconds = Math.round((performance.now() - actedFromMs) / 1_000);
  print('the adversary rests; healing');
  await site.heal((what) => adversary.note(what));
  producers.stop();
  await producing;
  const { jars, directBootstrap: bootstrap } = site.kafka;
  const truth = await readLog({ jars, bootstrap, topics: TOPICS }, site.deleted.records);
  const drainFromMs = performance.now();
  const notDrained = await drained(site.gateways, truth, DRAIN_LIMIT_MS);
  const drainSeconds = Math.round((performance.now() - drainFromMs) / 1_000);
  print(notDrained === undefined ? `drained after ${drainSeconds} s` : `NOT drained: ${notDrained}`);
  const url = await site.hdfs.activeWebhdfs();
  const tree = webHdfsTree(url, ROOT);
  const untidy = await untidyFiles(site, tree);
  const { problems, judged, books } = await verdictOf(site.gateways, { truth, tree });
  const all = [
    ...(notDrained === undefined ? [] : [`not drained after ${DRAIN_LIMIT_MS / 1_000} s: ${notDrained}`]),
    ...(untidy.length === 0 ? [] : [`temp files that no janitor removes: ${untidy.join(', ')}`]),
    ...problems,
    ...site.gateways.flatMap(({ surprises }) => surprises),
  ];
  const sum = (of: (gateway: TortureSite['gateways'][number]) => number): number =>
    site.gateways.reduce((total, gateway) => total + of(gateway), 0);
  await Promise.all(site.gateways.map((gateway) => gateway.rest()));
  return {
    seed,
    isClean: all.length === 0,
    problems: all,
    gateways: site.gateways.length,
    adversarySeconds,
    seconds: Math.round((performance.now() - beganMs) / 1_000),
    drainSeconds,
    events: truth.counts.plain + truth.counts.noise + truth.counts.oversize,
    ...figuresOf(books),
    hiddenLeft: judged.hidden.length,
    faults: adversary.counts,
    lives: sum(({ figures }) => figures.lives),
    repulls: sum(({ figures }) => figures.repulls),
    failedPulls: sum(({ figures }) => figures.failedPulls),
    failedProduces: producers.failedRequests,
    timeline: adversary.timeline,
    directory,
  };
}

/** Temp files that the janitors leave even days later: a janitor looks at its start, and again at a name after a day. */
async function untidyFiles(site: TortureSite, tree: LandedTree): Promise<readonly string[]> {
  const left = await tidied(tree, TIDY_SOON_MS);
  if (left.length === 0) return [];
  for (const gateway of site.gateways) {
    await gateway.moveClock(LATER_MS);
    await gateway.kill(0);
  }
  for (const gateway of site.gateways) await gateway.ready();
  return tidied(tree, TIDY_LIMIT_MS);
}

function figuresOf({
  landed,
  filtered,
  quarantined,
  gaps,
  files,
  reuploads,
}: FleetBooks): Pick<TortureReport, 'landed' | 'filtered' | 'quarantined' | 'gaps' | 'files' | 'reuploads'> {
  return { landed, filtered, quarantined, gaps, files, reuploads };
}
