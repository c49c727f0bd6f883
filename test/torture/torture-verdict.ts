import { setTimeout as wait } from 'node:timers/promises';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { wholeLedger } from '../e2e/whole-ledger.ts';
import { describeVerdict, judge, type Verdict } from '../rig/judge.ts';
import type { LandedTree } from '../rig/landed-tree.ts';
import { until } from '../rig/until.ts';
import type { LogTruth } from './log-truth.ts';
import { eventDirectory, eventIdOf } from './numbered-events.ts';
import { ToldGaps } from './told-gaps.ts';
import type { TorturedGateway } from './tortured-gateway.ts';

const DRAIN_POLL_MS = 1_000;
const AUDIT_LIMIT_MS = 180_000;
const QUARANTINE_PAGE = 200;
/** What the engines write for each other stands in hidden names below this one. */
const MARKERS = '.headgate';
/** Hidden, and neither a sidecar nor what belongs to the markers. */
const TEMP_NAME = /^\.(?!headgate-).*\.tmp$/;

export interface TruthByLine {
  readonly truth: LogTruth;
  readonly tree: LandedTree;
  /** What the engines list as gaps; none without. */
  readonly gaps?: Pick<ToldGaps, 'has'>;
}

/**
 * The judge's word on a tree: every plain event of the log that is in no gap once, in the directory of its own time and in the order of the log; no other
 * line. Sequences are offsets here, because the log alone says what was written and in which order.
 */
export function judgeTree({ truth, tree, gaps }: TruthByLine): Promise<Verdict> {
  return judge({
    tree: {
      files: async () => (await tree.files()).filter(({ path }) => path.split('/')[0] !== MARKERS),
      open: (file) => tree.open(file),
    },
    produced: new Map([...truth.streams].map(([name, { end }]) => [name, end])),
    identify: (line) => {
      const id = eventIdOf(line);
      const offset = id && truth.streams.get(id.stream)?.offsets[id.sequence];
      return id === undefined || offset === undefined ? undefined : { stream: id.stream, sequence: offset };
    },
    expectedDirectory: eventDirectory,
    isWithheld: (stream, offset) =>
      gaps?.has(String(stream), offset) === true ||
      truth.streams.get(stream as `${string}/${number}`)?.kinds.get(offset) !== 'plain',
  });
}

/** What the engines themselves say of all that they took. */
export interface FleetBooks {
  readonly landed: number;
  readonly quarantined: number;
  readonly filtered: number;
  /** Markers of transactions, and what was aborted. */
  readonly absent: number;
  /** Deleted at the broker before they were pulled. */
  readonly gaps: number;
  /** Every other fate (dropped, not routed, claimed, held …): there was no cause for any. */
  readonly other: number;
  readonly reuploads: number;
  readonly files: number;
  /** What the audits found, by gateway. */
  readonly findings: readonly string[];
}

export interface TortureVerdict {
  readonly problems: readonly string[];
  readonly judged: Verdict;
  readonly books: FleetBooks;
}

/** Waits until nothing is on its way any more. Answers undefined, or why it still is when the time is over. */
export async function drained(
  gateways: readonly TorturedGateway[],
  truth: LogTruth,
  limitMs: number,
): Promise<string | undefined> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const reasons = await whatIsLeft(gateways, truth);
    if (reasons.length === 0) return undefined;
    if (performance.now() > deadlineMs) return reasons.join('\n');
    await wait(DRAIN_POLL_MS);
  }
}

async function whatIsLeft(gateways: readonly TorturedGateway[], truth: LogTruth): Promise<string[]> {
  const statuses: EngineStatus[] = [];
  for (const gateway of gateways) {
    if (!gateway.isRunning) return [`${gateway.id} does not run`];
    try {
      statuses.push(await gateway.status());
    } catch (error) {
      return [`${gateway.id} does not answer: ${String(error)}`];
    }
  }
  const left = statuses.flatMap(waitingIn);
  for (const [name, { end }] of truth.streams) {
    const reached = statuses.flatMap(({ sources }) =>
      sources.flatMap(({ partitions }) =>
        partitions
          .filter(({ topic, partition }) => `${topic}/${partition}` === name)
          .map(({ acceptedTo }) => acceptedTo),
      ),
    );
    if (!reached.some((acceptedTo) => acceptedTo >= end))
      left.push(`${name} is accepted to ${reached.join(' / ') || 'nowhere'} of ${end}`);
  }
  if (left.length === 0) return [];
  return [...left, ...statuses.map(describeStatus)];
}

function waitingIn({ gateway, channels, sinks }: EngineStatus): string[] {
  const left: string[] = [];
  for (const { name, events, heldEvents } of channels)
    if (events + heldEvents > 0)
      left.push(`${gateway}: ${events} events, ${heldEvents} held, in the channel ${name}`);
  for (const { name, uploads, heldFiles } of sinks)
    if (uploads.length + heldFiles > 0)
      left.push(`${gateway}: ${uploads.length} uploads, ${heldFiles} held files in ${name}`);
  return left;
}

function describeStatus({ gateway, sources, channels, sinks, alerts }: EngineStatus): string {
  const short = {
    sources: sources.map(({ state, cause, hint, nextTryMs, partitions }) => ({
      state,
      cause,
      hint,
      nextTryMs,
      partitions,
    })),
    channels: channels.map(({ state, cause, events, heldEvents }) => ({ state, cause, events, heldEvents })),
    sinks: sinks.map(({ state, cause, hint, paused, uploads }) => ({ state, cause, hint, paused, uploads })),
    alerts: alerts
      .filter(({ clearedMs }) => clearedMs === undefined)
      .map(({ code, place, message }) => ({ code, place, message })),
  };
  return `${gateway} says ${JSON.stringify(short)}`;
}

/** Waits until the janitors have removed every temp file that was given up. Answers those that are left when the time is over. */
export async function tidied(tree: LandedTree, limitMs: number): Promise<readonly string[]> {
  const deadlineMs = performance.now() + limitMs;
  for (;;) {
    const files = await tree.files();
    const left = files
      .map(({ path }) => path)
      .filter((path) => TEMP_NAME.test(path.slice(path.lastIndexOf('/') + 1)));
    if (left.length === 0 || performance.now() > deadlineMs) return left;
    await wait(DRAIN_POLL_MS);
  }
}

/** The judge's word and the engines' own books, held against each other. */
export async function verdictOf(
  gateways: readonly TorturedGateway[],
  { truth, tree }: TruthByLine,
): Promise<TortureVerdict> {
  const gaps = new ToldGaps(truth);
  const books = await booksOf(gateways, truth, gaps);
  const judged = await judgeTree({ truth, tree, gaps });
  const problems = [...books.findings];
  if (!judged.isClean) problems.push(`the judge: ${describeVerdict(judged)}`);
  const held = (what: string, said: number, is: number): void => {
    if (said !== is) problems.push(`the engines say ${said} ${what}, outside it is ${is}`);
  };
  held('landed', books.landed, judged.found);
  held('quarantined', books.quarantined, gaps.outside('oversize'));
  held('filtered', books.filtered, gaps.outside('noise'));
  held('absent at the broker', books.absent, gaps.outside(undefined));
  held('gaps', books.gaps, gaps.size);
  held('dropped or not routed', books.other, 0);
  if (truth.repeated.length > 0)
    problems.push(
      `the producer wrote numbers twice, so this run proves nothing: ${truth.repeated.slice(0, 5).join(', ')}`,
    );
  return { problems, judged, books };
}

async function booksOf(
  gateways: readonly TorturedGateway[],
  truth: LogTruth,
  gaps: ToldGaps,
): Promise<FleetBooks> {
  const books = {
    landed: 0,
    quarantined: 0,
    filtered: 0,
    absent: 0,
    gaps: 0,
    other: 0,
    reuploads: 0,
    files: 0,
  };
  const findings: string[] = [];
  const seenInQuarantine = new Set<string>();
  for (const gateway of gateways) {
    const report = await audit(gateway);
    if (report.state !== 'done' || report.verdict !== 'clean') {
      const { coverage: _left, ...short } = report;
      findings.push(`audit --hdfs of ${gateway.id}: ${JSON.stringify(short)}`);
    }
    gaps.take(gateway.id, report);
    for (const {
      channel: _c,
      topic: _t,
      partition: _p,
      incarnation: _i,
      from: _f,
      to: _to,
      ...fates
    } of report.coverage) {
      const { landed, quarantined, filtered, absent = 0, gap, ...others } = fates;
      books.gaps += gap;
      books.landed += landed;
      books.quarantined += quarantined;
      books.filtered += filtered;
      books.absent += absent;
      for (const count of Object.values(others)) books.other += count ?? 0;
    }
    for (const row of await wholeLedger(gateway.engine.client)) {
      books.files++;
      books.reuploads += Math.max(0, row.attempts - 1);
    }
    findings.push(...(await quarantineFindings(gateway, truth, seenInQuarantine)));
  }
  return { ...books, findings: [...findings, ...gaps.findings] };
}

/** Only events that are too large may be there, each once in the whole fleet, with a reason. */
async function quarantineFindings(
  gateway: TorturedGateway,
  truth: LogTruth,
  seen: Set<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await gateway.engine.client.call('quarantineList', {
      limit: QUARANTINE_PAGE,
      ...(after === undefined ? {} : { after }),
    });
    for (const { topic, partition, offset, reason } of page.rows) {
      const place = `${topic}/${partition} at ${offset}`;
      if (seen.has(place)) found.push(`twice in quarantine: ${place}`);
      seen.add(place);
      const kind = truth.streams.get(`${topic}/${partition}`)?.kinds.get(offset);
      if (kind !== 'oversize') found.push(`in quarantine without cause: ${place} (${kind}), ${reason}`);
      if (reason === '') found.push(`in quarantine without a reason: ${place}`);
    }
    if (page.next === undefined) return found;
    after = page.next;
  }
}

async function audit({ id, engine }: TorturedGateway): Promise<AuditReport> {
  const started = await engine.client.call('auditStart', { level: 'hdfs' });
  return until(
    `the audit of ${id} ends`,
    async () => {
      const report = await engine.client.call('auditReport', { id: started.id });
      return report.state === 'running' ? undefined : report;
    },
    AUDIT_LIMIT_MS,
  );
}
