import { GatewayError, type ErrorCode } from '../../../shared/errors.ts';
import { offset, type Offset } from '../../../shared/model/brand.ts';
import { decodeRuns } from '../../../shared/model/offset-runs.ts';
import type {
  Fingerprint,
  PartitionRef,
  PartitionState,
  TenureRow,
} from '../../../shared/model/partition.ts';
import type { Delivery, NewTenure, SourceStore } from '../../../main/sources/source.ts';

/** One put, as the tests look at it. */
export interface StoredPut {
  tenure: string;
  readonly ref: PartitionRef;
  readonly first: number;
  readonly next: number;
  readonly bodies: readonly { readonly offset: number; readonly body: string }[];
  readonly gaps: readonly { readonly from: number; readonly to: number }[];
  readonly absent: number;
  readonly quarantined: number;
}

interface Partition {
  ref: PartitionRef;
  clusterId: string;
  group: string;
  topicId: string;
  position: number;
  fingerprint: Fingerprint | undefined;
  tenures: TenureRow[];
}

/**
 * A SourceStore that keeps everything in memory and follows the contract's words, with assertions where the contract has them.
 * It outlives a source, as a state directory outlives a process; `clone` is the image of a disk.
 */
export class MemorySourceStore implements SourceStore {
  readonly identity: { readonly gatewayId: string; readonly stateId: string };
  puts: StoredPut[] = [];
  #partitions = new Map<string, Partition>();
  #notes = new Map<string, string>();
  #nextId = 1;

  constructor(gatewayId = 'gw-1', stateId = `state-${gatewayId}`) {
    this.identity = { gatewayId, stateId };
  }

  clone(): MemorySourceStore {
    const copy = new MemorySourceStore(this.identity.gatewayId, this.identity.stateId);
    copy.puts = structuredClone(this.puts);
    copy.#partitions = structuredClone(this.#partitions);
    copy.#notes = structuredClone(this.#notes);
    copy.#nextId = this.#nextId;
    return copy;
  }

  /** Puts that may land. */
  get accepted(): StoredPut[] {
    return this.puts.filter((put) => {
      const row = this.#row(put.tenure).row;
      return put.next <= row.acceptedTo;
    });
  }

  get held(): StoredPut[] {
    const accepted = new Set(this.accepted);
    return this.puts.filter((put) => !accepted.has(put));
  }

  async partitionState(key: {
    source: string;
    topic: string;
    partition: number;
  }): Promise<PartitionState | undefined> {
    const found = this.#partitions.get(keyOf(key));
    if (found === undefined) return undefined;
    const lastEnded = found.tenures.findLast((row) => row.state === 'ended');
    const tenures = found.tenures.filter((row) => row.state !== 'ended' || row === lastEnded);
    return { ...found, position: offset(found.position), tenures };
  }

  async beginTenure(next: NewTenure): Promise<TenureRow> {
    const known = this.#partitions.get(keyOf(next.ref));
    if (known?.tenures.some((row) => row.state === 'open'))
      throw new Error('an earlier tenure is still open');
    let putTo: number = next.startOffset;
    if (next.adopt !== undefined) {
      const old = this.#row(next.adopt).row;
      if (old.state !== 'doubt' || old.acceptedTo !== next.startOffset)
        throw new Error('nothing to adopt there');
      putTo = old.putTo;
      for (const put of this.puts)
        if (put.tenure === next.adopt && put.first >= next.startOffset) put.tenure = next.nonce;
      this.#set(next.adopt, { putTo: old.acceptedTo, state: 'ended' });
    }
    const row: TenureRow = {
      id: this.#nextId++,
      nonce: next.nonce,
      sequence: next.sequence,
      startOffset: next.startOffset,
      putTo: offset(putTo),
      acceptedTo: next.startOffset,
      state: 'open',
      startedAtMs: Date.now(),
    };
    this.#partitions.set(keyOf(next.ref), {
      ref: next.ref,
      clusterId: next.clusterId,
      group: next.group,
      topicId: next.topicId,
      position: putTo,
      fingerprint: next.adopt === undefined ? next.fingerprint : known?.fingerprint,
      tenures: [...(this.#partitions.get(keyOf(next.ref))?.tenures ?? []), row],
    });
    return row;
  }

  async accept(tenure: string, acceptedTo: Offset): Promise<void> {
    const { row } = this.#row(tenure);
    if (acceptedTo > row.putTo) throw new Error(`accepted to ${acceptedTo}, put to ${row.putTo}`);
    const isBoundary =
      acceptedTo === row.startOffset ||
      this.puts.some((put) => put.tenure === tenure && put.next === acceptedTo);
    if (!isBoundary && acceptedTo > row.acceptedTo) throw new Error(`${acceptedTo} lies within a put`);
    this.#set(tenure, { acceptedTo: offset(Math.max(row.acceptedTo, acceptedTo)) });
  }

  async endTenure(tenure: string): Promise<TenureRow> {
    const { row } = this.#row(tenure);
    if (row.state !== 'open') return row;
    return this.#set(tenure, { state: row.putTo > row.acceptedTo ? 'doubt' : 'ended' });
  }

  async resolveDoubt(tenure: string, verdict: 'accepted' | 'rejected'): Promise<void> {
    const { row, partition } = this.#row(tenure);
    if (verdict === 'accepted') {
      this.#set(tenure, { acceptedTo: row.putTo, state: 'ended' });
      return;
    }
    this.puts = this.puts.filter((put) => put.tenure !== tenure || put.next <= row.acceptedTo);
    this.#set(tenure, { putTo: row.acceptedTo, state: 'ended' });
    if (partition.tenures.at(-1)?.nonce === tenure) partition.position = row.acceptedTo;
  }

  async readNote(key: string): Promise<string | undefined> {
    return this.#notes.get(key);
  }

  async writeNote(key: string, value: string): Promise<void> {
    this.#notes.set(key, value);
  }

  /** The put transaction: whole, under the current tenure, at the position; else refused. */
  put(delivery: Delivery): void {
    const partition = this.#partitions.get(keyOf(delivery.partition));
    const row = partition?.tenures.at(-1);
    if (partition === undefined || row?.nonce !== delivery.tenure || row.state !== 'open') {
      throw refusal('stale-tenure', `tenure ${delivery.tenure} is not current`);
    }
    if (delivery.first !== partition.position) {
      throw refusal('position-mismatch', `${delivery.first} is not the position ${partition.position}`);
    }
    const put = storedPut(delivery);
    this.puts.push(put);
    partition.position = delivery.next;
    partition.fingerprint = delivery.fingerprint ?? partition.fingerprint;
    this.#set(row.nonce, { putTo: delivery.next });
  }

  #row(nonce: string): { partition: Partition; row: TenureRow } {
    for (const partition of this.#partitions.values()) {
      const row = partition.tenures.find((one) => one.nonce === nonce);
      if (row !== undefined) return { partition, row };
    }
    throw new Error(`no tenure ${nonce}`);
  }

  #set(nonce: string, change: Partial<TenureRow>): TenureRow {
    const { partition, row } = this.#row(nonce);
    const changed = { ...row, ...change };
    partition.tenures = partition.tenures.map((one) => (one.nonce === nonce ? changed : one));
    return changed;
  }
}

/** Asserts that the offsets of the delivery make up `[first, next)` exactly, each once. */
function storedPut(delivery: Delivery): StoredPut {
  const { events, first, next } = delivery;
  const seen = new Set<number>();
  const claim = (one: number): void => {
    if (one < first || one >= next || seen.has(one))
      throw new Error(`offset ${one} in [${first}, ${next}) is wrong or twice`);
    seen.add(one);
  };
  const bodies: { offset: number; body: string }[] = [];
  for (let index = 0; index < events.count; index++) {
    const at = events.offsets[index] ?? -1;
    claim(at);
    bodies.push({ offset: at, body: events.bodyText(index) });
  }
  const gaps: { from: number; to: number }[] = [];
  let absent = 0;
  for (const { kind, runs } of delivery.dispositions) {
    for (const run of decodeRuns(runs.first, runs.bytes)) {
      for (let at = run.from; at < run.to; at++) claim(at);
      if (kind === 'gap') gaps.push({ from: run.from, to: run.to });
      else absent += run.to - run.from;
    }
  }
  for (const event of delivery.quarantined) claim(event.offset);
  if (seen.size !== next - first)
    throw new Error(`${next - first - seen.size} offsets of [${first}, ${next}) are not told`);
  return {
    tenure: delivery.tenure,
    ref: delivery.partition,
    first,
    next,
    bodies,
    gaps,
    absent,
    quarantined: delivery.quarantined.length,
  };
}

function refusal(code: ErrorCode, message: string): GatewayError {
  return new GatewayError({ code, operation: 'put', place: 'memory', message, retry: 'now', hint: '' });
}

function keyOf(key: { source: string; topic: string; partition: number }): string {
  return `${key.source} ${key.topic} ${key.partition}`;
}
