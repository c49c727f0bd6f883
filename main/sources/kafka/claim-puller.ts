/**
 * Reads claimed offsets from the log once more.
 *
 * Promise: a record that is handed over was read from the very log that it was taken from, and an offset is called lost only when that log
 * is proven not to have it any more.
 *
 * 1. A topic with another id is another log: all of the claim is lost. The id is read again after each fetch: what the source knows of the
 *    topic may be minutes old, and the fetch names no id.
 * 2. After each fetch, before anything of it is handed over, the last accepted record of the claim's tenure is compared (log-check.ts): a
 *    log that is the old one now was the old one when it was fetched, for a replaced log does not come back.
 * 3. Below the log's start all is lost (retention); from the point of divergence of a replaced log on, too. A log that ends before the
 *    claim is a leader that is behind, or an operator's matter: it is waited for.
 * 4. Bytes are believed as those of live events are: CRC-32C, and what it leaves out only when a second answer says the same.
 *
 * It has connections of its own, made when the first claim is pulled and closed when the last one is: a live fetch that waits at the broker
 * for data neither delays a claim nor is delayed by it.
 */
import { emptyBatch } from '../../../shared/event-batch.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { OpenClaim } from '../../../shared/model/claim.ts';
import type { ClaimPuller, Stretch } from '../claim-keeper.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import { checkLog, isLeaderError, readLogRange, throwOnError } from './log-check.ts';
import { topicOf, LOG_WITHOUT_ID } from './opening-verdict.ts';
import type { PartitionInfo, ProtocolLink } from './protocol-link.ts';
import { ClaimMemory } from './wire/header-claims.ts';
import type { PartitionFetch, PullLink } from './wire/pull-link.ts';
import { undecodable } from './wire/record-batch.ts';
import { RecordSetReader } from './wire/record-set-reader.ts';

export interface KafkaClaimPullerParts {
  readonly settings: KafkaSourceSettings;
  readonly protocol: ProtocolLink;
  /** A new link; closed by `rest`. */
  readonly connect: () => PullLink;
  readonly clusterId: () => string;
  /** As last seen; undefined: the topic, or the partition, is not there. */
  readonly info: (topic: string, partition: number) => PartitionInfo | undefined;
  readonly onStaleMetadata: () => void;
}

const FETCH_WAIT_MS = 250;
/** Answers that are not to be believed yet, one after the other, before the claim waits. */
const ASK_AGAIN_MAX = 16;

/** Where a claim's log is the old one, and where it is not. */
interface Proof {
  /** Offsets below are gone. */
  readonly logStart: number;
  /** From here on another log begins; undefined: it does not. */
  readonly divergence: { readonly at: number; readonly why: string } | undefined;
}

export class KafkaClaimPuller implements ClaimPuller {
  readonly #parts: KafkaClaimPullerParts;
  #link: PullLink | undefined;

  constructor(parts: KafkaClaimPullerParts) {
    this.#parts = parts;
  }

  async rest(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    await link?.close();
  }

  async *pull(claim: OpenClaim, signal: AbortSignal): AsyncGenerator<Stretch> {
    const info = this.#leaderOf(claim);
    const { first, next } = claim.runs;
    const memory = new ClaimMemory();
    let { partitionBytes: maxBytes } = this.#parts.settings;
    let asked = 0;
    for (let position = first; position < next;) {
      const fetched = await this.#fetch(info, { position, maxBytes }, signal);
      if (isOtherTopic(claim, await this.#infoNow(claim))) {
        yield lost(position, next, 'the topic was deleted and created again');
        return;
      }
      const proof = await this.#prove(claim, info, signal);
      const lostTo = Math.min(next, Math.max(position, proof.logStart));
      if (lostTo > position) {
        const why = `the broker has deleted them (retention): its log starts at ${proof.logStart}`;
        yield lost(position, lostTo, why);
        position = lostTo;
        continue;
      }
      const end = Math.min(next, proof.divergence?.at ?? next);
      if (position >= end) {
        yield lost(position, next, proof.divergence?.why ?? '');
        return;
      }
      if (fetched.error === 'OFFSET_OUT_OF_RANGE' || fetched.records.length === 0)
        throw notThere(claim, position);
      const reader = this.#readerOf(fetched, info);
      if (reader.needsBytes !== undefined) {
        maxBytes = this.#raised(claim, reader.needsBytes);
        continue;
      }
      const verdict = memory.judge(reader.claims);
      if (verdict !== 'believed' || reader.nextOffset <= position) {
        if (verdict === 'contradiction' || ++asked > ASK_AGAIN_MAX)
          throw undecodable(claim.partition, 'the broker says something else each time');
        continue;
      }
      asked = 0;
      yield* this.#slicesOf(reader, { position, end });
      position = Math.min(end, reader.nextOffset);
    }
  }

  *#slicesOf(
    reader: RecordSetReader,
    { position, end }: { readonly position: number; readonly end: number },
  ): Generator<Stretch> {
    const { batchSize: maxEvents, batchBytes: maxBytes } = this.#parts.settings;
    for (let at = position; at < end;) {
      const slice = reader.next({ maxEvents, maxBytes });
      if (slice === undefined) return;
      const { first, events, oversized, gap } = slice;
      const next = Math.min(end, slice.next);
      const lostBecause =
        gap === undefined ? undefined : 'the log started beyond them when they were fetched';
      yield { first, next, events, quarantined: oversized, lostBecause };
      at = next;
    }
  }

  #leaderOf(claim: OpenClaim): PartitionInfo {
    const { topic, partition } = claim.partition;
    assertCluster(claim, this.#parts.clusterId());
    return this.#there(claim, this.#parts.info(topic, partition));
  }

  /** As the brokers say at this moment. */
  async #infoNow(claim: OpenClaim): Promise<PartitionInfo> {
    const { topic, partition } = claim.partition;
    const view = await this.#parts.protocol.metadata([topic]);
    assertCluster(claim, view.clusterId);
    const info = view.partitions.find((one) => one.topic === topic && one.partition === partition);
    return this.#there(claim, info);
  }

  #there(claim: OpenClaim, info: PartitionInfo | undefined): PartitionInfo {
    if (info !== undefined && info.leader >= 0) return info;
    this.#parts.onStaleMetadata();
    throw waiting(claim, {
      code: info === undefined ? 'topic-missing' : 'leader-missing',
      message: info === undefined ? 'the topic is not there' : 'the partition has no leader',
      hint:
        info === undefined
          ? 'If it is gone for good, give the events up with `headgate channel skip`; if the source reads it no more, add it again.'
          : 'This passes when the partition has a leader again.',
    });
  }

  async #fetch(
    { topic, partition, leader }: PartitionInfo,
    at: { readonly position: number; readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<PartitionFetch> {
    this.#link ??= this.#parts.connect();
    const partitions = [{ topic, partition, offset: at.position, maxBytes: at.maxBytes }];
    const request = {
      node: leader,
      partitions,
      maxBytes: at.maxBytes,
      minBytes: 1,
      maxWaitMs: FETCH_WAIT_MS,
    };
    const [answer] = await this.#link.fetch(request, signal);
    if (answer === undefined) throw new RangeError('a fetch without an answer');
    if (answer.error !== undefined && isLeaderError(answer.error)) this.#parts.onStaleMetadata();
    if (answer.error !== 'OFFSET_OUT_OF_RANGE') throwOnError(answer);
    return answer;
  }

  /** What of the log is the one that the claim was taken from. Throws: it can't be told now. */
  async #prove(claim: OpenClaim, info: PartitionInfo, signal: AbortSignal): Promise<Proof> {
    const pull = (this.#link ??= this.#parts.connect());
    const { fingerprint, acceptedTo } = claim;
    const { protocol } = this.#parts;
    const finding = await checkLog({ pull, protocol, info, fingerprint, position: acceptedTo }, signal);
    switch (finding.kind) {
      case 'same':
        return { logStart: finding.logStart, divergence: undefined };
      case 'unverified':
        this.#assertKnown(claim, info, finding.logStart);
        return { logStart: finding.logStart, divergence: undefined };
      case 'replaced':
        return {
          logStart: (await readLogRange({ pull, info }, signal)).logStart,
          divergence: { at: finding.divergence, why: finding.why },
        };
      case 'short':
        throw waiting(claim, {
          code: 'log-replaced',
          message: `the log ends at ${finding.logEnd}, the events were taken up to ${acceptedTo}`,
          hint: 'A broker that is behind catches up. If the log was truncated, give the events up with `headgate channel skip`.',
        });
    }
  }

  /** Nothing can be compared: then only a log that is named like the old one counts, or one whose old part is gone anyway. */
  #assertKnown(claim: OpenClaim, info: PartitionInfo, logStart: number): void {
    if (logStart >= claim.runs.next) return;
    const isNamed = info.topicId !== '' && claim.partition.incarnation === info.topicId;
    if (claim.isCurrent || isNamed) return;
    throw waiting(claim, {
      code: 'log-replaced',
      message: 'nothing proves that the log is the one the events were taken from',
      hint: 'Give the events up with `headgate channel skip`, or ask for help with a support bundle.',
    });
  }

  #readerOf(fetched: PartitionFetch, info: PartitionInfo): RecordSetReader {
    const { maxEventBytes, topicHeader, recordHeaders } = this.#parts.settings;
    const knownEpochs = [info.leaderEpoch];
    return new RecordSetReader({ fetched, maxEventBytes, topicHeader, recordHeaders, knownEpochs });
  }

  #raised(claim: OpenClaim, needsBytes: number): number {
    const { partitionBytesMax } = this.#parts.settings;
    if (needsBytes <= partitionBytesMax) return needsBytes;
    throw waiting(claim, {
      code: 'batch-undecodable',
      message: `a record batch has ${needsBytes} bytes, more than the limit of ${partitionBytesMax}`,
      hint: 'Raise the limit of the source for this topic; nothing is skipped meanwhile.',
    });
  }
}

/** Both ids are known and differ; a broker that was upgraded gives an id to the log that had none. */
function isOtherTopic({ partition, topicId }: OpenClaim, info: PartitionInfo): boolean {
  const known = topicId === '' ? topicOf(partition.incarnation) : topicId;
  return info.topicId !== '' && known !== '' && known !== LOG_WITHOUT_ID && known !== info.topicId;
}

function lost(first: number, next: number, lostBecause: string): Stretch {
  return { first, next, events: emptyBatch(), quarantined: [], lostBecause };
}

function notThere(claim: OpenClaim, position: number): GatewayError {
  return waiting(claim, {
    code: 'offset-out-of-range',
    message: `the broker gives nothing at offset ${position}, which is within its log`,
    hint: 'A broker that is behind catches up; it is asked again.',
  });
}

function assertCluster(claim: OpenClaim, clusterId: string): void {
  if (claim.clusterId === '' || clusterId === '' || claim.clusterId === clusterId) return;
  throw waiting(claim, {
    code: 'log-replaced',
    message: `the events were taken from cluster ${claim.clusterId}, the source reads ${clusterId} now`,
    hint: 'Point the source at the old cluster until the claims are gone, or give them up with `headgate channel skip`.',
  });
}

function waiting(
  { partition: { topic, partition } }: OpenClaim,
  what: Pick<GatewayError, 'code' | 'message' | 'hint'>,
): GatewayError {
  return new GatewayError({
    ...{ code: what.code, message: what.message, hint: what.hint },
    operation: 'pull claimed events again',
    place: `${topic}/${partition}`,
    retry: 'backoff',
  });
}
