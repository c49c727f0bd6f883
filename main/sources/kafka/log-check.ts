import type { Fingerprint } from '../../../shared/model/partition.ts';
import { KIB } from '../../../shared/units.ts';
import type { PartitionInfo, ProtocolLink } from './protocol-link.ts';
import { kafkaErrorName } from './protocol-error.ts';
import { GatewayError } from '../../../shared/errors.ts';
import { fingerprintAt } from './wire/record-set-reader.ts';
import type { PartitionFetch, PullLink } from './wire/pull-link.ts';

/**
 * Is the log still the one we knew (exactly-once.md §1)? The last accepted record is read again and compared.
 *
 * - `same`: it is, or the record was compacted away while the log of its leader epoch still reaches beyond it.
 * - `unverified`: nothing is known that could be compared (no record yet, or retention removed it).
 * - `replaced`: another record, or none, stands there; the log is the old one only below `divergence`.
 * - `short`: the log ends before our position. After a while that is `replaced` too; a stale leader may say it for a moment.
 */
export type LogFinding =
  | { readonly kind: 'same' | 'unverified'; readonly logStart: number }
  | { readonly kind: 'replaced'; readonly divergence: number; readonly why: string }
  | { readonly kind: 'short'; readonly logEnd: number; readonly divergence: number };

export interface LogCheck {
  readonly pull: PullLink;
  readonly protocol: ProtocolLink;
  readonly info: PartitionInfo;
  readonly fingerprint: Fingerprint | undefined;
  /** The next offset to pull. */
  readonly position: number;
}

const CHECK_BYTES = 64 * KIB;
const CHECK_WAIT_MS = 250;

/** Throws GatewayError when the log could not be read. */
export async function checkLog(check: LogCheck, signal: AbortSignal): Promise<LogFinding> {
  const { fingerprint, info, position } = check;
  const { logStart, logEnd } = await readLogRange(check, signal);
  if (position > logEnd) {
    return { kind: 'short', logEnd, divergence: await divergenceOf(check, logStart, logEnd) };
  }
  if (fingerprint === undefined || fingerprint.offset < logStart) return { kind: 'unverified', logStart };
  const found = await recordAt(check, fingerprint.offset, signal);
  if (found === 'removed') return { kind: 'unverified', logStart };
  if (found !== undefined && isSameRecord(found, fingerprint)) return { kind: 'same', logStart };
  // Offset and leader epoch stand outside of the CRC: such a verdict is not based on one answer.
  const again = await recordAt(check, fingerprint.offset, signal);
  if (!isSameAnswer(found, again)) throw contradiction(info, fingerprint.offset);
  const epochEnd = await epochEndOf(check);
  if (found === undefined && epochEnd !== undefined && epochEnd > fingerprint.offset)
    return { kind: 'same', logStart };
  const what = found === undefined ? 'is gone, while later ones exist' : 'is another one now';
  return {
    kind: 'replaced',
    divergence: await divergenceOf(check, logStart, logEnd),
    why: `the record at offset ${fingerprint.offset} of ${info.topic}/${info.partition} ${what}`,
  };
}

/** The fingerprint of the record at an offset; undefined: none is there; `removed`: the log begins after it. */
async function recordAt(
  check: LogCheck,
  at: number,
  signal: AbortSignal,
): Promise<Fingerprint | 'removed' | undefined> {
  const fetched = await fetchAt(check, at, signal);
  if (fetched.error === 'OFFSET_OUT_OF_RANGE') return 'removed';
  throwOnError(fetched);
  return fingerprintAt(fetched, at);
}

function isSameAnswer(a: Fingerprint | undefined, b: Fingerprint | 'removed' | undefined): boolean {
  if (a === undefined || b === undefined || b === 'removed') return a === b;
  return isSameRecord(a, b);
}

function contradiction(info: PartitionInfo, at: number): GatewayError {
  return new GatewayError({
    code: 'transport',
    operation: 'compare the log',
    place: `${info.topic}/${info.partition}`,
    message: `two answers about the record at offset ${at} differ`,
    retry: 'backoff',
    hint: 'It is asked again. If it stays, look at the network between, and at the log with kafka-dump-log.',
  });
}

/** The fingerprint of the record before `position`; undefined where no data record stands there. */
export async function readFingerprint(
  check: LogCheck,
  position: number,
  signal: AbortSignal,
): Promise<Fingerprint | undefined> {
  if (position <= 0) return undefined;
  const fetched = await fetchAt(check, position - 1, signal);
  return fetched.error === undefined ? fingerprintAt(fetched, position - 1) : undefined;
}

/** Start and end of the partition's log, in that order as the leader has them. */
export async function readLogRange(
  check: Pick<LogCheck, 'pull' | 'info'>,
  signal: AbortSignal,
): Promise<{ logStart: number; logEnd: number }> {
  const { topic, partition, leader } = check.info;
  const ask = async (timestampMs: number): Promise<number> => {
    const answers = await check.pull.listOffsets(
      { node: leader, partitions: [{ topic, partition, timestampMs }] },
      signal,
    );
    const answer = answers[0];
    if (answer === undefined) throw new RangeError('a reply without the partition that was asked for');
    throwOnError(answer);
    return answer.offset;
  };
  return { logStart: await ask(-2), logEnd: await ask(-1) };
}

export function isSameRecord(a: Fingerprint, b: Fingerprint): boolean {
  return (
    a.offset === b.offset &&
    a.crc === b.crc &&
    a.timestampMs === b.timestampMs &&
    a.leaderEpoch === b.leaderEpoch
  );
}

/** Throws for the error that a broker named for one partition. */
export function throwOnError(answer: {
  readonly topic: string;
  readonly partition: number;
  readonly error: string | undefined;
}): void {
  if (answer.error === undefined) return;
  const isMissing = answer.error.startsWith('UNKNOWN_TOPIC');
  throw new GatewayError({
    code: isMissing ? 'topic-missing' : isLeaderError(answer.error) ? 'leader-missing' : 'kafka-refused',
    operation: 'read the log',
    place: `${answer.topic}/${answer.partition}`,
    message: `the broker answered ${answer.error}`,
    retry: 'backoff',
    hint: isMissing
      ? 'Create the topic, or take it out of the configuration.'
      : 'This passes when the partition has a leader again.',
  });
}

const LEADER_ERRORS: ReadonlySet<string> = new Set([
  'NOT_LEADER_OR_FOLLOWER',
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'REPLICA_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'OFFSET_NOT_AVAILABLE',
]);

/** True for the answers of a broker that does not lead the partition, or not yet. */
export function isLeaderError(name: string): boolean {
  return LEADER_ERRORS.has(name);
}

/**
 * Where the old log ends within the new one: where its leader epoch ends. A broker that can't say, or says that the epoch reaches
 * beyond a record which is not there, has a wholly other log: it counts from its start.
 */
async function divergenceOf(check: LogCheck, logStart: number, logEnd: number): Promise<number> {
  const epochEnd = await epochEndOf(check);
  const known = check.fingerprint?.offset ?? check.position - 1;
  if (epochEnd === undefined || epochEnd > Math.min(known, logEnd)) {
    return check.position > logEnd && check.fingerprint === undefined ? logEnd : logStart;
  }
  return Math.max(epochEnd, logStart);
}

async function epochEndOf(check: LogCheck): Promise<number | undefined> {
  if (check.fingerprint === undefined || check.fingerprint.leaderEpoch < 0) return undefined;
  try {
    return await check.protocol.endOfLeaderEpoch(check.info, check.fingerprint.leaderEpoch);
  } catch (error) {
    // The broker knows no such call or no such epoch: that is an answer. A broken link is not.
    if (kafkaErrorName(error) === undefined) throw error;
    return undefined;
  }
}

async function fetchAt(check: LogCheck, at: number, signal: AbortSignal): Promise<PartitionFetch> {
  const { topic, partition, leader } = check.info;
  const partitions = [{ topic, partition, offset: at, maxBytes: CHECK_BYTES }];
  const request = { node: leader, partitions, maxBytes: CHECK_BYTES, minBytes: 1, maxWaitMs: CHECK_WAIT_MS };
  const [answer] = await check.pull.fetch(request, signal);
  if (answer === undefined) throw new RangeError('a reply without the partition that was asked for');
  return answer;
}
