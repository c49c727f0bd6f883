import { crashPoint } from '../../telemetry/crash-point.ts';
import type { GatewayError } from '../../../shared/errors.ts';
import { isCoordinatorName, kafkaErrorName, wireError } from './protocol-error.ts';
import type { CommittedValue, GroupPartition, ProducerIdentity, ProtocolLink } from './protocol-link.ts';
import type { SourceClock } from './source-clock.ts';

/**
 * The fence: who may move a partition's committed offset (exactly-once.md §4).
 *
 * Promise: a commit is *accepted* only if every call of it returned without error, in order; and once another owner has opened the
 * partition, no commit of ours is accepted any more.
 *
 * 1. One transactional id for each group and partition. Opening it (InitProducerId) settles what the owner before left open and
 *    raises the producer epoch, so every later call under an older epoch is refused by the coordinators, whichever gateway sends it.
 * 2. A commit is one transaction of one offset: AddOffsetsToTxn, TxnOffsetCommit, EndTxn(commit), each awaited.
 * 3. `refused` means that the broker named an error; `unknown` that no answer came. Neither is ever taken for accepted, and after
 *    either the fence is used no more: the partition is opened again.
 * 4. Only calls that the broker says it did not act on (coordinator moved, an earlier end still being written) are repeated, and
 *    never EndTxn: its refusal may come after it was written to the log.
 *
 * Crash: a transaction that was not ended is invisible to stable reads and is settled by the next opening; one that was ended is
 * there. What the dead owner knew of it does not matter, for its puts are in doubt until the next opening reads the offset.
 */
export interface PartitionFence {
  readonly kind: 'transactions' | 'none';
  /** The committed value; waits until no transaction on it is open. */
  readStable(signal: AbortSignal): Promise<CommittedValue>;
  commit(value: CommittedValue, options: CommitOptions): Promise<CommitOutcome>;
}

export interface CommitOptions {
  readonly signal: AbortSignal;
  /** `tenure`: the commit that opens a partition; only the others pass the crash points `commit.*`. */
  readonly purpose: 'tenure' | 'progress';
  /** The value that must still be the committed one before the transaction ends; another one aborts it (a stale coordinator). */
  readonly expected?: CommittedValue;
}

export type CommitOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly name: string; readonly error: GatewayError }
  | { readonly kind: 'unknown'; readonly error: GatewayError };

/** The name under which a commit is refused because the committed value changed under it. */
export const VALUE_CHANGED = 'VALUE_CHANGED';

const ATTEMPTS_MAX = 40;
const ATTEMPT_SPACING_MS = 50;
const ATTEMPT_SPACING_MS_MAX = 1_000;

export interface FenceParts {
  readonly link: ProtocolLink;
  readonly clock: SourceClock;
  readonly place: GroupPartition;
  readonly transactionTimeoutMs: number;
}

/** `headgate:<topic>:<partition>:<group>`; the rights are given by its prefix. */
export function transactionalIdOf(place: GroupPartition): string {
  return `headgate:${place.topic}:${place.partition}:${place.group}`;
}

/** Takes the partition: whoever held it before is refused from here on. Throws GatewayError. */
export async function openTransactionalPartition(
  parts: FenceParts,
  signal: AbortSignal,
): Promise<PartitionFence> {
  const transactionalId = transactionalIdOf(parts.place);
  const producer = await repeatedly(parts.clock, signal, () =>
    parts.link.initProducerId(transactionalId, parts.transactionTimeoutMs),
  );
  return new TransactionalFence(parts, producer);
}

/** No fence: plain commits, for one gateway alone. */
export function openPlainPartition(parts: FenceParts): PartitionFence {
  return new PlainFence(parts);
}

class TransactionalFence implements PartitionFence {
  readonly kind = 'transactions';
  readonly #parts: FenceParts;
  readonly #producer: ProducerIdentity;

  constructor(parts: FenceParts, producer: ProducerIdentity) {
    this.#parts = parts;
    this.#producer = producer;
  }

  readStable(signal: AbortSignal): Promise<CommittedValue> {
    return readStableValue(this.#parts, signal);
  }

  async commit(value: CommittedValue, options: CommitOptions): Promise<CommitOutcome> {
    const { link, clock, place } = this.#parts;
    const { signal, purpose, expected } = options;
    try {
      // A transaction whose end the coordinator still writes is no obstacle, only a reason to ask again.
      await repeatedly(clock, signal, () => link.addOffsetsToTxn(this.#producer, place.group));
      if (purpose === 'progress') crashPoint('commit.before-offset-commit');
      await repeatedly(clock, signal, () => link.txnOffsetCommit(this.#producer, place, value));
      if (purpose === 'progress') crashPoint('commit.after-offset-commit');
      if (expected !== undefined) {
        // Not a stable read: it would wait for this very transaction. It shows the value before it.
        const current = await link.offsetFetch(place, false);
        if (!isSameValue(current, expected)) return await this.#abandon();
      }
      await link.endTxn(this.#producer, 'commit');
      if (purpose === 'progress') crashPoint('commit.after-end-txn');
      return { kind: 'accepted' };
    } catch (error) {
      return outcomeOf(error, place);
    }
  }

  async #abandon(): Promise<CommitOutcome> {
    await this.#parts.link.endTxn(this.#producer, 'abort');
    return valueChanged(this.#parts.place);
  }
}

class PlainFence implements PartitionFence {
  readonly kind = 'none';
  readonly #parts: FenceParts;

  constructor(parts: FenceParts) {
    this.#parts = parts;
  }

  readStable(signal: AbortSignal): Promise<CommittedValue> {
    return readStableValue(this.#parts, signal);
  }

  async commit(value: CommittedValue, options: CommitOptions): Promise<CommitOutcome> {
    const { link, clock, place } = this.#parts;
    try {
      if (options.expected !== undefined) {
        const current = await link.offsetFetch(place, true);
        if (!isSameValue(current, options.expected)) return valueChanged(place);
      }
      if (options.purpose === 'progress') crashPoint('commit.before-offset-commit');
      await repeatedly(clock, options.signal, () => link.offsetCommit(place, value));
      if (options.purpose === 'progress') crashPoint('commit.after-offset-commit');
      return { kind: 'accepted' };
    } catch (error) {
      return outcomeOf(error, place);
    }
  }
}

/** Waits until no transaction on the offset is open (error 88), then answers what is committed. */
export function readStableValue(
  parts: Pick<FenceParts, 'link' | 'clock' | 'place'>,
  signal: AbortSignal,
): Promise<CommittedValue> {
  return repeatedly(parts.clock, signal, () => parts.link.offsetFetch(parts.place, true));
}

export function isSameValue(a: CommittedValue, b: CommittedValue): boolean {
  return a.offset === b.offset && a.metadata === b.metadata;
}

/** Repeats a call only while the broker says that it did not act on it. */
async function repeatedly<Reply>(
  clock: SourceClock,
  signal: AbortSignal,
  call: () => Promise<Reply>,
): Promise<Reply> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const name = kafkaErrorName(error);
      const isOver = attempt >= ATTEMPTS_MAX || signal.aborted;
      if (name === undefined || !isCoordinatorName(name) || isOver) throw error;
      await clock.wait(Math.min(attempt * ATTEMPT_SPACING_MS, ATTEMPT_SPACING_MS_MAX), signal);
    }
  }
}

function outcomeOf(error: unknown, place: GroupPartition): CommitOutcome {
  const wrapped = wireError(error, {
    operation: 'commit the offset',
    place: `${place.topic}/${place.partition}`,
  });
  const name = kafkaErrorName(error);
  return name === undefined ? { kind: 'unknown', error: wrapped } : { kind: 'refused', name, error: wrapped };
}

function valueChanged(place: GroupPartition): CommitOutcome {
  const error = wireError(new Error('the committed value changed while the partition was being opened'), {
    operation: 'open the partition',
    place: `${place.topic}/${place.partition}`,
  });
  return { kind: 'refused', name: VALUE_CHANGED, error };
}
