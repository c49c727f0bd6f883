import type { ClaimPage, OpenClaim } from '../../../shared/model/claim.ts';
import { decodeRuns, OffsetRunsBuilder, type EncodedRuns } from '../../../shared/model/offset-runs.ts';
import { withoutRuns } from '../../../shared/model/run-sets.ts';
import type { ClaimPort, PulledAgain } from '../../../main/sources/source.ts';
import type { TestGateway } from './test-gateway.ts';

/** What became of one claimed offset. */
export type Fate = `event ${string}` | `gap ${string}` | 'absent' | 'quarantined';

/**
 * The claims of a source, kept in memory by the contract's words: an offset is redeemed once, only as a part of its claim, and a redemption
 * accounts for exactly the offsets it takes.
 */
export class ClaimDesk implements ClaimPort {
  readonly fates = new Map<number, Fate>();
  readonly unfed = new Set<string>();
  readonly asked = new Map<string, number>();
  #claims: OpenClaim[] = [];

  get left(): number {
    return this.#claims.reduce((sum, { runs }) => sum + runs.count, 0);
  }

  /** Offsets `[from, to)` of what the gateway accepted; of a damaged chunk where nothing else is said. */
  async claim(
    gateway: TestGateway,
    [from, to]: readonly [number, number],
    change: Partial<OpenClaim> = {},
  ): Promise<void> {
    const topic = gateway.options.topicNames?.[0] ?? '';
    const state = await gateway.store.partitionState({ source: 'logs', topic, partition: 0 });
    if (state === undefined) throw new Error(`nothing is known of ${topic}`);
    const all = Array.from({ length: to - from }, (_, index) => from + index);
    this.#claims.push({
      id: this.#claims.length + 1,
      partitionId: 1,
      partition: state.ref,
      clusterId: state.clusterId,
      topicId: state.topicId,
      isCurrent: true,
      fingerprint: state.fingerprint,
      acceptedTo: state.position,
      claimedMs: 0,
      wereEvents: true,
      channel: 'disk',
      runs: runsOf(all),
      cause: 'damaged-chunk',
      detail: 'chunk 1',
      ...change,
    });
  }

  open(): Promise<ClaimPage> {
    const rising = this.#claims.toSorted(
      (a, b) => a.partitionId - b.partitionId || a.runs.first - b.runs.first,
    );
    return Promise.resolve({ claims: rising, next: undefined });
  }

  redeem({
    claim,
    runs,
    events,
    dispositions,
    quarantined,
  }: PulledAgain): Promise<'done' | 'changed' | 'unfed'> {
    this.asked.set(claim.channel, (this.asked.get(claim.channel) ?? 0) + 1);
    if (this.unfed.has(claim.channel)) return Promise.resolve('unfed');
    const told = new Map<number, Fate>();
    const tell = (at: number, fate: Fate): void => {
      if (told.has(at) || this.fates.has(at)) throw new Error(`offset ${at} is told twice`);
      told.set(at, fate);
    };
    for (let index = 0; index < events.count; index++)
      tell(events.offsets[index] ?? -1, `event ${events.bodyText(index)}`);
    for (const { kind, runs: of, reason } of dispositions)
      for (const at of offsetsOf(of)) tell(at, kind === 'gap' ? `gap ${reason}` : 'absent');
    for (const { offset } of quarantined) tell(offset, 'quarantined');
    const taken = offsetsOf(runs);
    if (taken.length !== told.size || taken.some((at) => !told.has(at)))
      throw new Error(`${taken.length} offsets are taken, ${told.size} are told of`);
    this.#claims = this.#claims.flatMap((one) => {
      if (one.id !== claim.id) return [one];
      const rest = withoutRuns(one.runs, runs);
      return rest === undefined ? [] : [{ ...one, runs: rest }];
    });
    for (const [at, fate] of told) this.fates.set(at, fate);
    return Promise.resolve('done');
  }

  /** In words, neighbours of one kind together. */
  story(): string {
    const lines: string[] = [];
    let from = -1;
    let before: { at: number; word: string } | undefined;
    const end = (): void => {
      if (before !== undefined) lines.push(`${from}-${before.at} ${before.word}`);
    };
    for (const [at, fate] of [...this.fates].sort(([a], [b]) => a - b)) {
      const word = fate.split(' ')[0] ?? '';
      if (before?.word !== word || before.at !== at - 1) {
        end();
        from = at;
      }
      before = { at, word };
    }
    end();
    return lines.join(', ');
  }

  bodies(): string[] {
    const rising = [...this.fates].sort(([a], [b]) => a - b);
    return rising.flatMap(([, fate]) => (fate.startsWith('event ') ? [fate.slice('event '.length)] : []));
  }

  gapReasons(): string[] {
    return [...new Set([...this.fates.values()].filter((fate) => fate.startsWith('gap ')))];
  }
}

function runsOf(offsets: readonly number[]): EncodedRuns {
  const builder = new OffsetRunsBuilder();
  for (const at of offsets) builder.add(at);
  return builder.finish();
}

function offsetsOf(runs: EncodedRuns): number[] {
  return [...decodeRuns(runs.first, runs.bytes)].flatMap(({ from, to }) =>
    Array.from({ length: to - from }, (_, index) => from + index),
  );
}
