import type { AuditGap, AuditReport } from '../../shared/contract/control-audit.ts';
import type { LogTruth, StreamTruth } from './log-truth.ts';
import type { StreamName } from './numbered-events.ts';

/** What the engines list as gaps, held against what was deleted. An event that is in one must not have landed; the judge says so. */
export class ToldGaps {
  readonly #offsets = new Map<string, Set<number>>();
  readonly #truth: LogTruth;
  readonly findings: string[] = [];

  constructor(truth: LogTruth) {
    this.#truth = truth;
  }

  take(gateway: string, { gaps = [], gapsLeftOut = 0, coverage }: AuditReport): void {
    if (gapsLeftOut > 0) this.findings.push(`${gateway} does not name ${gapsLeftOut} gaps`);
    let named = 0;
    for (const gap of gaps) {
      named += gap.to - gap.from;
      this.#takeOne(gateway, gap);
    }
    const counted = coverage.reduce((sum, { gap }) => sum + gap, 0);
    if (named !== counted)
      this.findings.push(`${gateway} counts ${counted} offsets as gaps and names ${named}`);
  }

  #takeOne(gateway: string, { topic, partition, from, to, reason }: AuditGap): void {
    const stream: StreamName = `${topic}/${partition}`;
    const place = `${gateway}: the gap ${from}-${to - 1} of ${stream} (${reason})`;
    const start = this.#truth.streams.get(stream)?.start ?? 0;
    if (to > start) this.findings.push(`${place} is of what the broker has, from ${start} on`);
    if (reason === '') this.findings.push(`${place} has no reason`);
    let seen = this.#offsets.get(stream);
    if (seen === undefined) this.#offsets.set(stream, (seen = new Set()));
    for (let offset = from; offset < to; offset++) {
      if (seen.has(offset)) this.findings.push(`${place} tells of ${offset} a second time`);
      seen.add(offset);
    }
  }

  has(stream: string, offset: number): boolean {
    return this.#offsets.get(stream)?.has(offset) === true;
  }

  get size(): number {
    return [...this.#offsets.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** How many of the log's records of a kind, or offsets without one (`undefined`), are in no gap. */
  outside(kind: 'plain' | 'noise' | 'oversize' | undefined): number {
    let count = 0;
    for (const [name, truth] of this.#truth.streams) count += this.#outsideIn(name, truth, kind);
    return count;
  }

  #outsideIn(name: StreamName, { kinds, end }: StreamTruth, kind: string | undefined): number {
    let count = 0;
    for (let offset = 0; offset < end; offset++)
      if (kinds.get(offset) === kind && !this.has(name, offset)) count++;
    return count;
  }
}
