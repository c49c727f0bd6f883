import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../../shared/errors.ts';
import { offset } from '../../../shared/model/brand.ts';
import type {
  Fingerprint,
  PartitionRef,
  PartitionState,
  TenureRow,
} from '../../../shared/model/partition.ts';
import { crashPoint } from '../../telemetry/crash-point.ts';
import type { SourceEvent, SourceHost } from '../source.ts';
import {
  openPlainPartition,
  openTransactionalPartition,
  VALUE_CHANGED,
  type FenceParts,
  type PartitionFence,
} from './fence.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import { checkLog, readFingerprint } from './log-check.ts';
import {
  decideOpening,
  LOG_WITHOUT_ID,
  type DoubtVerdict,
  type OpeningVerdict,
  type OpenVerdict,
} from './opening-verdict.ts';
import { isCoordinatorName, kafkaErrorName } from './protocol-error.ts';
import type { CommittedValue, GroupPartition, PartitionInfo, ProtocolLink } from './protocol-link.ts';
import type { SourceClock } from './source-clock.ts';
import { resolveStartPoint } from './start-point.ts';
import {
  formatTenureMetadata,
  nextTenureMetadata,
  targetTag,
  type TenureMetadata,
} from './tenure-metadata.ts';
import type { PullLink } from './wire/pull-link.ts';

/**
 * Opening a partition (exactly-once.md §4): from "it is assigned to us" to "pull from exactly here, under this tenure".
 *
 * Promise: when `open` returns, no earlier owner can move the group's offset any more; the offset, its metadata and the state
 * directory agree on where we begin; and every put of ours from before is accepted, removed, part of the new tenure, or held.
 *
 * 0. A look before anything is taken: where the committed value is one to hold for, a gateway that must not open does not fence out
 *    the one that works (two sites that share a group by mistake).
 * 1. InitProducerId first: what is read after it can't be changed by the owner before. (Without a fence nothing holds him off.)
 * 2. Stable read; then the verdict (`opening-verdict.ts`); then the log is compared with what we know of it (`log-check.ts`).
 * 3. Doubts are settled by facts that 1 and 2 made final, so they may be settled before the new tenure exists, and twice.
 * 4. The tenure is committed over the same offset, in a transaction that ends only if the offset still reads as in 2.
 * 5. Only then the tenure is recorded here. A crash between leaves a listed tenure without a put: the next opening replaces it.
 */
export interface OpeningParts {
  readonly settings: KafkaSourceSettings;
  readonly host: SourceHost;
  readonly protocol: ProtocolLink;
  readonly pull: PullLink;
  readonly clock: SourceClock;
  readonly fenceKind: 'transactions' | 'none';
  readonly clusterId: string;
}

export interface OpenedPartition {
  readonly ref: PartitionRef;
  readonly info: PartitionInfo;
  readonly fence: PartitionFence;
  readonly tenure: TenureRow;
  /** What later commits carry; the fingerprint changes. */
  readonly metadata: TenureMetadata;
  /** The next offset to pull; beyond `committed` when puts in doubt were adopted. */
  readonly position: number;
  readonly committed: number;
  readonly fingerprint: Fingerprint | undefined;
  /** Offsets that somebody skipped: to be delivered as a gap before anything else. */
  readonly skipped: { readonly to: number; readonly reason: string } | undefined;
}

/** Since when a partition's log ends before our position; kept by the caller between attempts. */
export interface BeyondEndWatch {
  sinceMs: number | undefined;
}

/** Throws GatewayError: what can't be opened now, with `retry: never` for a hold that needs a person. */
export async function openPartition(
  parts: OpeningParts,
  info: PartitionInfo,
  options: { readonly watch: BeyondEndWatch; readonly signal: AbortSignal },
): Promise<OpenedPartition> {
  return new Opening(parts, info, options).run();
}

const OPENING_ATTEMPTS_MAX = 3;
const NONCE_BYTES = 12;

class Opening {
  readonly #parts: OpeningParts;
  readonly #info: PartitionInfo;
  readonly #watch: BeyondEndWatch;
  readonly #signal: AbortSignal;

  constructor(
    parts: OpeningParts,
    info: PartitionInfo,
    options: { readonly watch: BeyondEndWatch; readonly signal: AbortSignal },
  ) {
    this.#parts = parts;
    this.#info = info;
    this.#watch = options.watch;
    this.#signal = options.signal;
  }

  async run(): Promise<OpenedPartition> {
    await this.#refuseMembers();
    await this.#lookFirst();
    for (let attempt = 1; ; attempt++) {
      const opened = await this.#attempt();
      if (opened !== undefined) return opened;
      if (attempt >= OPENING_ATTEMPTS_MAX) {
        throw this.#error({
          code: 'group-reset',
          message: 'the committed offset changes while the partition is being opened',
          hint: 'Look for another program that commits to this group.',
          retry: 'backoff',
        });
      }
    }
  }

  /** undefined: the committed value changed under the opening, which begins again. */
  async #attempt(): Promise<OpenedPartition | undefined> {
    const fence = await this.#takeFence();
    const committed = await fence.readStable(this.#signal);
    const state = await this.#settledState();
    const choice = await this.#unusedChoice();
    const verdict = this.#decide(committed, state, choice);
    const plan = await this.#plan(verdict, state, committed);
    const nonce = randomBytes(NONCE_BYTES).toString('hex');
    const known = new Set(state?.tenures.map((row) => row.nonce));
    const { identity } = this.#parts.host.store;
    const metadata = nextTenureMetadata(
      verdict.previous,
      {
        nonce,
        stateId: identity.stateId,
        gatewayId: identity.gatewayId,
        target: targetTag(this.#parts.settings.landingTargetId),
        incarnation: plan.ref.incarnation,
        start: plan.start,
        previousEnd: committed.offset >= 0 ? committed.offset : plan.start,
        isNewLog: plan.isNewLog,
        movedTo: plan.commitAt > plan.start ? plan.commitAt : undefined,
        fingerprint: plan.fingerprint,
      },
      (one) => known.has(one),
    );
    await this.#settleDoubts(plan.doubts);
    crashPoint('tenure.before-begin');
    const value = {
      offset: plan.commitAt,
      leaderEpoch: plan.fingerprint?.leaderEpoch ?? -1,
      metadata: formatTenureMetadata(metadata),
    };
    const outcome = await fence.commit(value, {
      signal: this.#signal,
      purpose: 'tenure',
      expected: committed,
    });
    if (outcome.kind === 'refused' && outcome.name === VALUE_CHANGED) return undefined;
    if (outcome.kind !== 'accepted') throw outcome.error;
    crashPoint('tenure.after-end-txn');
    const tenure = await this.#parts.host.store.beginTenure({
      ref: plan.ref,
      clusterId: this.#parts.clusterId,
      group: this.#parts.settings.groupId,
      topicId: this.#info.topicId,
      nonce,
      sequence: metadata.sequence,
      startOffset: offset(plan.start),
      fingerprint: plan.fingerprint,
      adopt: plan.adopt,
    });
    crashPoint('tenure.after-begin');
    if (choice !== undefined) await this.#useWord();
    return {
      ref: plan.ref,
      info: this.#info,
      fence,
      tenure,
      metadata,
      position: tenure.putTo,
      committed: plan.commitAt,
      fingerprint: plan.adopt === undefined ? plan.fingerprint : state?.fingerprint,
      skipped: plan.commitAt > plan.start ? { to: plan.commitAt, reason: 'moved by an operator' } : undefined,
    };
  }

  /** Throws where the facts say hold already. An open transaction, or a coordinator that moves, says nothing: the fence waits for it. */
  async #lookFirst(): Promise<void> {
    let committed: CommittedValue;
    try {
      committed = await this.#parts.protocol.offsetFetch(this.#groupPlace(), true);
    } catch (error) {
      const name = kafkaErrorName(error);
      if (name !== undefined && isCoordinatorName(name)) return;
      throw error;
    }
    this.#decide(committed, await this.#settledState(), await this.#unusedChoice());
  }

  #groupPlace(): GroupPartition {
    const { topic, partition } = this.#info;
    return { group: this.#parts.settings.groupId, topic, partition };
  }

  #takeFence(): Promise<PartitionFence> {
    const { protocol, clock, settings, fenceKind } = this.#parts;
    const place = this.#groupPlace();
    const parts: FenceParts = {
      link: protocol,
      clock,
      place,
      transactionTimeoutMs: settings.timing.transactionTimeoutMs,
    };
    return fenceKind === 'none'
      ? Promise.resolve(openPlainPartition(parts))
      : openTransactionalPartition(parts, this.#signal);
  }

  async #refuseMembers(): Promise<void> {
    const { protocol, settings } = this.#parts;
    const members = await protocol.groupMembers(settings.groupId);
    if (members.length === 0) return;
    throw this.#error({
      code: 'group-has-members',
      message: `the group ${settings.groupId} has members that the fence does not bind: ${members.slice(0, 3).join(', ')}`,
      hint: 'Stop those consumers, or give this source a group of its own.',
      retry: 'never',
    });
  }

  /** What the store knows, with every tenure that a crash left open ended first. */
  async #settledState(): Promise<PartitionState | undefined> {
    const { host, settings } = this.#parts;
    const key = { source: settings.name, topic: this.#info.topic, partition: this.#info.partition };
    const state = await host.store.partitionState(key);
    const open = state?.tenures.filter((row) => row.state === 'open') ?? [];
    for (const row of open) await host.store.endTenure(row.nonce);
    return open.length === 0 ? state : host.store.partitionState(key);
  }

  #decide(
    committed: CommittedValue,
    state: PartitionState | undefined,
    choice: 'stored' | 'broker' | undefined,
  ): OpenVerdict {
    const { settings, host, clusterId } = this.#parts;
    const verdict: OpeningVerdict = decideOpening({
      committed,
      state,
      clusterId,
      topicId: this.#info.topicId,
      group: settings.groupId,
      stateId: host.store.identity.stateId,
      target: targetTag(settings.landingTargetId),
      choice,
    });
    if (verdict.kind === 'hold') throw this.#error({ ...verdict, retry: 'never' });
    return verdict;
  }

  /** The verdict, compared with the log as it is now. */
  async #plan(
    verdict: OpenVerdict,
    state: PartitionState | undefined,
    committed: CommittedValue,
  ): Promise<OpeningPlan> {
    const { settings } = this.#parts;
    const chain = verdict.previous;
    const ownIncarnation = this.#info.topicId === '' ? LOG_WITHOUT_ID : this.#info.topicId;
    const isNewLog = verdict.incarnation !== 'same';
    const known = isNewLog ? undefined : (chain?.incarnation ?? state?.ref.incarnation);
    const name =
      verdict.incarnation === 'replay'
        ? `${ownIncarnation}~r${randomBytes(4).toString('hex')}`
        : ownIncarnation;
    const ref = {
      source: settings.name,
      topic: this.#info.topic,
      partition: this.#info.partition,
      incarnation: known ?? name,
    };
    const start =
      verdict.start === 'start-point'
        ? await resolveStartPoint(this.#parts, this.#info, this.#signal)
        : verdict.start;
    const adopt = verdict.doubts.find((one) => one.rest === 'adopt')?.nonce;
    const position = adopt === undefined ? start : (state?.position ?? start);
    const plan = {
      ref,
      start,
      commitAt: verdict.commitAt === 'start' ? start : verdict.commitAt,
      adopt,
      doubts: verdict.doubts,
      isNewLog: verdict.basis === 'replaced',
      fingerprint: isNewLog ? undefined : knownFingerprint(state, chain, ref.incarnation),
    };
    if (verdict.basis === 'replaced') this.#reportReplaced(plan, 'its topic was deleted and created again');
    return this.#compareWithLog(plan, position, committed);
  }

  async #compareWithLog(
    plan: OpeningPlan,
    position: number,
    committed: CommittedValue,
  ): Promise<OpeningPlan> {
    const { pull, protocol, clock, settings } = this.#parts;
    const check = { pull, protocol, info: this.#info, fingerprint: plan.fingerprint, position };
    const finding = await checkLog(check, this.#signal);
    if (finding.kind === 'short') {
      this.#watch.sinceMs ??= clock.steadyMs();
      if (clock.steadyMs() - this.#watch.sinceMs < settings.timing.beyondEndMs) {
        throw this.#error({
          code: 'log-replaced',
          message: `our position ${position} lies beyond the log's end ${finding.logEnd}`,
          hint: 'A stale leader says so for a moment; if it stays, the log was truncated and is taken as a new one.',
          retry: 'backoff',
        });
      }
    }
    if (finding.kind === 'short' || finding.kind === 'replaced') {
      const why =
        finding.kind === 'replaced'
          ? finding.why
          : `its log ends at ${finding.logEnd}, before our position ${position}`;
      return this.#diverted(plan, finding.divergence, why);
    }
    this.#watch.sinceMs = undefined;
    const isBehind = plan.fingerprint !== undefined && plan.fingerprint.offset < plan.start;
    if (plan.adopt !== undefined || isBehind) return plan;
    // The stored record lies beyond the start (its puts were not accepted), or there is none: take the one before the start.
    const canRead = committed.offset >= 0 && plan.start > finding.logStart;
    return {
      ...plan,
      fingerprint: canRead ? await readFingerprint(check, plan.start, this.#signal) : undefined,
    };
  }

  /** The log was replaced or truncated: a new incarnation from the point of divergence; what we hold of the old one is all there is. */
  #diverted(plan: OpeningPlan, divergence: number, why: string): OpeningPlan {
    this.#watch.sinceMs = undefined;
    const base = plan.ref.incarnation.split('~')[0] ?? plan.ref.incarnation;
    const ref = { ...plan.ref, incarnation: `${base}~${divergence}e${this.#info.leaderEpoch}` };
    const doubts = plan.doubts.map((one): DoubtVerdict =>
      one.rest === 'adopt' ? { ...one, rest: 'accepted' } : one,
    );
    const diverted = {
      ref,
      start: divergence,
      commitAt: divergence,
      adopt: undefined,
      doubts,
      isNewLog: true,
      fingerprint: undefined,
    };
    this.#reportReplaced(diverted, why);
    return diverted;
  }

  #reportReplaced(plan: OpeningPlan, why: string): void {
    this.#report({
      code: 'incarnation',
      level: 'error',
      message: `the log is not the one we knew: ${why}; reading incarnation ${plan.ref.incarnation} from ${plan.start}`,
      hint: 'Find out why the broker lost or replaced the log. Nothing of the old incarnation is read again.',
    });
  }

  async #settleDoubts(doubts: readonly DoubtVerdict[]): Promise<void> {
    const { store } = this.#parts.host;
    for (const { nonce, acceptTo, rest } of doubts) {
      if (acceptTo !== undefined) await store.accept(nonce, offset(acceptTo));
      if (rest === 'accepted' || rest === 'rejected') await store.resolveDoubt(nonce, rest);
      const isOpen = rest === 'hold';
      this.#report({
        code: isOpen ? 'doubt' : 'doubt-resolved',
        level: isOpen ? 'error' : 'info',
        message: `puts in doubt of tenure ${nonce}: ${acceptTo === undefined ? '' : `accepted to ${acceptTo}, the rest `}${rest}`,
        hint: isOpen
          ? 'Nobody can tell whether they were accepted; they are held until you decide.'
          : undefined,
      });
    }
  }

  async #unusedChoice(): Promise<'stored' | 'broker' | undefined> {
    const word = this.#parts.settings.acceptReplay;
    if (word === undefined) return undefined;
    const used = await this.#parts.host.store.readNote(this.#wordKey());
    return used === word.word ? undefined : word.choice;
  }

  async #useWord(): Promise<void> {
    const word = this.#parts.settings.acceptReplay;
    if (word !== undefined) await this.#parts.host.store.writeNote(this.#wordKey(), word.word);
  }

  #wordKey(): string {
    return `kafka/${this.#parts.settings.name}/word/${this.#info.topic}/${this.#info.partition}`;
  }

  #report(event: Pick<SourceEvent, 'code' | 'level' | 'message' | 'hint'>): void {
    const place = `${this.#info.topic}/${this.#info.partition}`;
    this.#parts.host.report({ ...event, source: this.#parts.settings.name, place });
  }

  #error(error: Pick<GatewayError, 'code' | 'message' | 'hint' | 'retry'>): GatewayError {
    return new GatewayError({
      code: error.code,
      message: error.message,
      hint: error.hint,
      retry: error.retry,
      operation: 'open the partition',
      place: `${this.#info.topic}/${this.#info.partition}`,
    });
  }
}

interface OpeningPlan {
  readonly ref: PartitionRef;
  readonly start: number;
  readonly commitAt: number;
  readonly adopt: string | undefined;
  readonly doubts: readonly DoubtVerdict[];
  /** Its offsets are not those of the tenures before. */
  readonly isNewLog: boolean;
  readonly fingerprint: Fingerprint | undefined;
}

/** Our own, when it is of the log at hand; else the one that the last owner left in the metadata. */
function knownFingerprint(
  state: PartitionState | undefined,
  chain: TenureMetadata | undefined,
  incarnation: string,
): Fingerprint | undefined {
  if (state?.ref.incarnation === incarnation && state.fingerprint !== undefined) return state.fingerprint;
  return chain?.incarnation === incarnation ? chain.fingerprint : undefined;
}
