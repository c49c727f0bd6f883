import type { ErrorCode } from '../../../shared/errors.ts';
import type { PartitionState, TenureRow } from '../../../shared/model/partition.ts';
import type { CommittedValue } from './protocol-link.ts';
import { parseTenureMetadata, type TenureEntry, type TenureMetadata } from './tenure-metadata.ts';

/**
 * What the facts at an opening allow (exactly-once.md §4). Pure: the same facts give the same verdict.
 *
 * Promise: never a guess. Where the committed offset, its metadata and the state directory do not fit together in exactly one way,
 * the verdict is `hold`.
 *
 * 1. A put in doubt of tenure T is accepted as far as T's successor started beyond it, and not accepted beyond that, and only when T
 *    itself is listed.
 * 2. Puts of T are adopted only if nobody accepted anything after them: every tenure after T started, and the group still stands,
 *    at the offset where T's commits ended.
 * 3. Offsets of two logs are not compared. When the log was replaced after T, nobody can pull T's puts again: they are accepted if T
 *    was the old log's last tenure, not accepted if somebody read beyond them, and else nobody can tell.
 * 4. The database may not know less than the broker about our own state id: else it went back in time (a restored image).
 * 5. Our last tenure must be listed, unless nothing was put under it and whatever else is listed of our state id ends at or before our
 *    position: then a copy of the state directory opened and got nothing, and its entry took the place of our empty one.
 */
export interface OpeningFacts {
  readonly committed: CommittedValue;
  /** Everything open is ended or in doubt before. */
  readonly state: PartitionState | undefined;
  readonly clusterId: string;
  /** '' where the broker has none. */
  readonly topicId: string;
  readonly group: string;
  readonly stateId: string;
  /** `targetTag` of our landing target. */
  readonly target: string;
  /** The operator's word, unless it was used for this partition before. */
  readonly choice: 'stored' | 'broker' | undefined;
}

export type OpeningBasis =
  | 'new'
  | 'continued'
  | 'taken-over'
  | 'migrated'
  | 'moved'
  | 'replaced'
  | 'by-word-stored'
  | 'by-word-broker';

export interface DoubtVerdict {
  readonly nonce: string;
  /** Puts below it were accepted; undefined: none beyond what the database knows. */
  readonly acceptTo: number | undefined;
  /** What becomes of the puts from there on. `adopt`: they become the new tenure's. `hold`: nobody can tell. */
  readonly rest: 'accepted' | 'rejected' | 'adopt' | 'hold';
}

export interface OpenVerdict {
  readonly kind: 'open';
  readonly basis: OpeningBasis;
  /** Where the new tenure starts; `start-point`: nothing is known, see `startAt`. */
  readonly start: number | 'start-point';
  /** Where the group's offset stands or is moved to; differs from `start` only for a gap that somebody made. */
  readonly commitAt: number | 'start';
  readonly incarnation: 'same' | 'topic' | 'replay';
  readonly previous: TenureMetadata | undefined;
  readonly doubts: readonly DoubtVerdict[];
}

export interface HoldVerdict {
  readonly kind: 'hold';
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

export type OpeningVerdict = OpenVerdict | HoldVerdict;

const WORD_HINT =
  'Look who moved the offset; then choose with --accept-replay: the stored position, or the broker’s offset (events may come twice).';

/** The operator's word answers a hold; where the facts fit together without it, it changes nothing. */
export function decideOpening(facts: OpeningFacts): OpeningVerdict {
  const verdict = decideByFacts({ ...facts, choice: undefined });
  return verdict.kind === 'hold' && facts.choice !== undefined ? decideByFacts(facts) : verdict;
}

function decideByFacts(facts: OpeningFacts): OpeningVerdict {
  const { committed, state, choice } = facts;
  const parsed = parseTenureMetadata(committed.metadata);
  if (parsed.kind === 'newer') {
    return hold(
      'kafka-unsupported',
      `the offset's metadata is of a newer Headgate (${parsed.version})`,
      'Update this gateway.',
    );
  }
  const chain = committed.offset >= 0 && parsed.kind === 'ours' ? parsed.metadata : undefined;
  // An operator may move his own gateway to another NameNode; what another gateway accepted lands at another site.
  const isOwnTenure = chain?.entries.at(-1)?.stateId === facts.stateId;
  if (chain !== undefined && chain.target !== facts.target && !isOwnTenure) {
    const hint =
      'Two sites: give each a consumer group of its own. One site: write the NameNodes and the root of hdfs.path alike on all its gateways.';
    return hold(
      'other-target',
      `the group ${facts.group} is used by a gateway that lands in ${chain.target}`,
      hint,
    );
  }
  if (state !== undefined && choice === undefined) {
    const stranger = strangerTo(facts, state);
    if (stranger !== undefined) return stranger;
  }
  if (isOtherLog(facts, chain)) return decideReplaced(facts, chain);
  if (state === undefined) return decideWithoutState(facts, chain, parsed.kind === 'foreign');
  if (chain !== undefined) return decideByChain(facts, state, chain);
  return decideWithoutChain(facts, state, parsed.kind === 'foreign');
}

function strangerTo(facts: OpeningFacts, state: PartitionState): HoldVerdict | undefined {
  if (state.clusterId !== facts.clusterId) {
    return hold(
      'log-replaced',
      `this state directory knows the partition from cluster ${state.clusterId}, not ${facts.clusterId}`,
      WORD_HINT,
    );
  }
  if (state.group !== facts.group) {
    return hold(
      'group-reset',
      `this state directory knows the partition under group ${state.group}, not ${facts.group}`,
      WORD_HINT,
    );
  }
  return undefined;
}

/** The topic was deleted and created again since the state directory, or the group, last saw it. */
function isOtherLog(facts: OpeningFacts, chain: TenureMetadata | undefined): boolean {
  if (facts.topicId === '') return false;
  if (chain !== undefined) return ![facts.topicId, LOG_WITHOUT_ID].includes(topicOf(chain.incarnation));
  const known = facts.state?.topicId ?? '';
  return known !== '' && known !== facts.topicId;
}

/** Names the first incarnation where the broker has no topic ids; after its upgrade the log is still the same. */
export const LOG_WITHOUT_ID = 'log';

/** An incarnation's name begins with the topic id. */
export function topicOf(incarnation: string): string {
  return incarnation.split('~')[0] ?? incarnation;
}

/**
 * The old log is gone, and with it everybody's chance to pull it: what we hold of it lands unless a later tenure of the old log is
 * seen. The new one is read from its beginning.
 */
function decideReplaced(facts: OpeningFacts, chain: TenureMetadata | undefined): OpeningVerdict {
  const { committed, state } = facts;
  if (chain === undefined && committed.offset > 0 && facts.choice === undefined) {
    return hold(
      'group-reset',
      `somebody else committed ${committed.offset} for a topic that was created anew`,
      WORD_HINT,
    );
  }
  const doubts = doubtsOf(state).map((row): DoubtVerdict => {
    const entry = chain?.entries.find((one) => one.nonce === row.nonce);
    if (chain === undefined || entry?.end === undefined)
      return { nonce: row.nonce, acceptTo: undefined, rest: 'accepted' };
    return doubtOf(row, entry.end, boundaryAfter(chain, entry) ?? { end: committed.offset, isNext: false });
  });
  return {
    kind: 'open',
    basis: 'replaced',
    start: 0,
    commitAt: 'start',
    incarnation: 'topic',
    previous: chain,
    doubts,
  };
}

function decideWithoutState(
  facts: OpeningFacts,
  chain: TenureMetadata | undefined,
  isForeign: boolean,
): OpeningVerdict {
  const { committed } = facts;
  const base = { kind: 'open', commitAt: 'start', incarnation: 'same', doubts: [] } as const;
  if (committed.offset < 0) return { ...base, basis: 'new', start: 'start-point', previous: undefined };
  if (chain === undefined) {
    if (isForeign && facts.choice === undefined) {
      return hold(
        'group-reset',
        `the offset ${committed.offset} carries metadata that is not Headgate's`,
        WORD_HINT,
      );
    }
    return { ...base, basis: 'migrated', start: committed.offset, previous: undefined };
  }
  const lost = unknownProgress(facts, chain, undefined);
  if (lost !== undefined && facts.choice === undefined) return lost;
  return takenOver(facts, chain);
}

/** Tenures of our own state id that accepted something, and that the database does not know. */
function unknownProgress(
  facts: OpeningFacts,
  chain: TenureMetadata,
  latest: TenureRow | undefined,
): HoldVerdict | undefined {
  const after = latest === undefined ? -1 : chain.entries.findIndex((one) => one.nonce === latest.nonce);
  const known = new Set(facts.state?.tenures.map((row) => row.nonce));
  // Without its last tenure in the list the database can't tell old entries of its own from lost ones.
  const progressed = chain.entries
    .slice(after + 1)
    .find((one) => one.stateId === facts.stateId && !known.has(one.nonce) && endOf(one, facts) > one.start);
  if (progressed === undefined) return undefined;
  return hold(
    'group-reset',
    `the broker accepted offsets up to ${endOf(progressed, facts)} from this state id, which the database does not know: it went back in time`,
    'A restored image or a copy of the state directory: run headgate recover, or give this copy an identity of its own.',
  );
}

function endOf(entry: TenureEntry, facts: OpeningFacts): number {
  return entry.end ?? facts.committed.offset;
}

function decideByChain(facts: OpeningFacts, state: PartitionState, chain: TenureMetadata): OpeningVerdict {
  const { committed } = facts;
  if (facts.choice !== undefined) return decideByWord(facts, state, chain);
  if (isMoveCutOff(facts, state, chain)) return moved(state, committed.offset);
  const latest = state.tenures.at(-1);
  if (isOnlyReplaced(facts, state, chain)) return takenOver(facts, chain);
  const lost = unknownProgress(facts, chain, latest);
  if (lost !== undefined) return lost;
  // A deleted topic takes its group's offsets, and so the list, with it; what we have of it is of that log.
  const isOfOldTopic = facts.topicId !== '' && state.topicId !== '' && state.topicId !== facts.topicId;
  const listed = latest === undefined ? undefined : chain.entries.find((one) => one.nonce === latest.nonce);
  if (latest !== undefined && listed === undefined && !isOfOldTopic) {
    return hold(
      'group-reset',
      `our tenure ${latest.nonce} is not listed in the offset's metadata`,
      WORD_HINT,
    );
  }
  const doubts: DoubtVerdict[] = [];
  for (const row of state.tenures) {
    const entry = chain.entries.find((one) => one.nonce === row.nonce);
    if (entry === undefined) {
      // The list was begun anew after it. Somebody moved the offset: its puts stay held, the intake does not depend on them. The topic
      // was deleted: nobody can pull them again, and no later tenure of that log is seen.
      const rest = isOfOldTopic ? 'accepted' : 'hold';
      if (row.state === 'doubt') doubts.push({ nonce: row.nonce, acceptTo: undefined, rest });
      continue;
    }
    const end = endOf(entry, facts);
    if (end < row.acceptedTo || end > row.putTo) {
      return hold(
        'group-reset',
        `the broker has ${end} as the end of tenure ${row.nonce}, the database ${row.acceptedTo} to ${row.putTo}`,
        WORD_HINT,
      );
    }
    if (row.state !== 'doubt') continue;
    doubts.push(
      isAdoptable(facts, chain, entry) && end < row.putTo
        ? { nonce: row.nonce, acceptTo: end, rest: 'adopt' }
        : doubtOf(row, end, boundaryAfter(chain, entry)),
    );
  }
  // Only the last one can become the new tenure's: its puts reach the position.
  const settled = doubts.map((one, at): DoubtVerdict =>
    one.rest === 'adopt' && at < doubts.length - 1 ? { ...one, rest: 'rejected' } : one,
  );
  const last = chain.entries.at(-1);
  if (last !== undefined && committed.offset < last.start) {
    return hold(
      'group-reset',
      `the committed offset ${committed.offset} lies before ${last.start}, where its tenure began`,
      WORD_HINT,
    );
  }
  return {
    kind: 'open',
    basis: last?.nonce === latest?.nonce ? 'continued' : 'taken-over',
    start: committed.offset,
    commitAt: 'start',
    incarnation: 'same',
    previous: chain,
    doubts: settled,
  };
}

/** Rule 5. The last entry of each state id is never evicted, so one that ends beyond our position would be seen. */
function isOnlyReplaced(facts: OpeningFacts, state: PartitionState, chain: TenureMetadata): boolean {
  const ours = chain.entries.filter((one) => one.stateId === facts.stateId);
  const isListed = state.tenures.some((row) => ours.some((one) => one.nonce === row.nonce));
  const isEmpty =
    state.tenures.length > 0 &&
    state.tenures.every((row) => row.state !== 'doubt' && row.putTo === row.startOffset);
  return (
    chain.incarnation === state.ref.incarnation &&
    facts.committed.offset >= state.position &&
    !isListed &&
    isEmpty &&
    ours.length > 0 &&
    ours.every((one) => endOf(one, facts) <= state.position)
  );
}

function takenOver(facts: OpeningFacts, chain: TenureMetadata): OpenVerdict {
  return {
    kind: 'open',
    basis: 'taken-over',
    start: facts.committed.offset,
    commitAt: 'start',
    incarnation: 'same',
    previous: chain,
    doubts: [],
  };
}

function isAdoptable(facts: OpeningFacts, chain: TenureMetadata, entry: TenureEntry): boolean {
  // Offsets of another incarnation may be equal by chance.
  if (chain.incarnation !== facts.state?.ref.incarnation) return false;
  const end = endOf(entry, facts);
  const later = chain.entries.slice(chain.entries.indexOf(entry) + 1);
  return (
    end === facts.committed.offset && later.every((one) => one.start === end && one.oldLogEnd === undefined)
  );
}

/** Where the log of a tenure ended, when a later tenure began another one. */
interface LogBoundary {
  /** The offset committed for the old log. */
  readonly end: number;
  /** The tenure in question was the last one of the old log. */
  readonly isNext: boolean;
}

export function boundaryAfter(chain: TenureMetadata, entry: TenureEntry): LogBoundary | undefined {
  const later = chain.entries.slice(chain.entries.indexOf(entry) + 1);
  const at = later.findIndex((one) => one.oldLogEnd !== undefined);
  const end = later[at]?.oldLogEnd;
  return end === undefined ? undefined : { end, isNext: at === 0 };
}

/** Rules 1 and 3 for a tenure that ended at `end`. */
export function doubtOf(row: TenureRow, end: number, boundary: LogBoundary | undefined): DoubtVerdict {
  if (boundary === undefined || end >= row.putTo || boundary.end >= row.putTo) return endedDoubt(row, end);
  const rest = boundary.isNext ? 'accepted' : 'hold';
  return { nonce: row.nonce, acceptTo: end > row.acceptedTo ? end : undefined, rest };
}

/** Rule 1 for a tenure whose successor is known. */
function endedDoubt(row: TenureRow, end: number): DoubtVerdict {
  if (end >= row.putTo) return { nonce: row.nonce, acceptTo: undefined, rest: 'accepted' };
  return { nonce: row.nonce, acceptTo: end > row.acceptedTo ? end : undefined, rest: 'rejected' };
}

/** Someone committed, or removed, the offset without a tenure. */
function decideWithoutChain(facts: OpeningFacts, state: PartitionState, isForeign: boolean): OpeningVerdict {
  const { committed } = facts;
  if (facts.choice !== undefined) return decideByWord(facts, state, undefined);
  if (committed.offset < 0) {
    return hold(
      'group-reset',
      `the group's offset is gone (expired or deleted), the state directory knows ${state.position}`,
      'If no other gateway read on meanwhile, choose the stored position with --accept-replay.',
    );
  }
  if (isForeign)
    return hold(
      'group-reset',
      `the offset ${committed.offset} carries metadata that is not Headgate's`,
      WORD_HINT,
    );
  const isBackward = committed.offset < state.position;
  if (isBackward) {
    return hold(
      'group-reset',
      `somebody moved the offset from ${state.position} back to ${committed.offset}`,
      WORD_HINT,
    );
  }
  return moved(state, committed.offset);
}

/** Goes on where the offset was moved to; what lies between becomes a gap. The list of tenures is lost, so nobody can tell of doubts. */
function moved(state: PartitionState, to: number): OpenVerdict {
  const doubts = doubtsOf(state).map((row): DoubtVerdict => ({
    nonce: row.nonce,
    acceptTo: undefined,
    rest: 'hold',
  }));
  return {
    kind: 'open',
    basis: 'moved',
    start: state.position,
    commitAt: to,
    incarnation: 'same',
    previous: undefined,
    doubts,
  };
}

/** A crash cut off the opening, or the first put, after somebody moved the offset: the tenure listed has nothing yet. */
function isMoveCutOff(facts: OpeningFacts, state: PartitionState, chain: TenureMetadata): boolean {
  const [only, ...others] = chain.entries;
  if (only === undefined || others.length > 0 || only.stateId !== facts.stateId) return false;
  const row = state.tenures.find((one) => one.nonce === only.nonce);
  const isEmpty = row === undefined || row.putTo === row.startOffset;
  return isEmpty && only.start === state.position && chain.movedTo === facts.committed.offset;
}

/** The operator decided: `stored` takes what was put as done; `broker` reads again from there, under a name of its own. */
function decideByWord(
  facts: OpeningFacts,
  state: PartitionState,
  chain: TenureMetadata | undefined,
): OpeningVerdict {
  const { committed } = facts;
  const rows = doubtsOf(state);
  const base = { kind: 'open', previous: chain } as const;
  if (facts.choice === 'stored') {
    const doubts = rows.map((row): DoubtVerdict => ({
      nonce: row.nonce,
      acceptTo: undefined,
      rest: 'accepted',
    }));
    return {
      ...base,
      basis: 'by-word-stored',
      start: state.position,
      commitAt: 'start',
      incarnation: 'same',
      doubts,
    };
  }
  const from = committed.offset;
  const doubts = rows.map((row): DoubtVerdict =>
    endedDoubt(row, Math.min(Math.max(from, row.acceptedTo), row.putTo)),
  );
  if (from > state.position && chain === undefined) {
    return { ...base, basis: 'moved', start: state.position, commitAt: from, incarnation: 'same', doubts };
  }
  const isReplay = from < state.position;
  return {
    ...base,
    basis: 'by-word-broker',
    start: from < 0 ? 'start-point' : from,
    commitAt: 'start',
    incarnation: isReplay ? 'replay' : 'same',
    doubts,
  };
}

function doubtsOf(state: PartitionState | undefined): TenureRow[] {
  return (state?.tenures ?? []).filter((row) => row.state === 'doubt');
}

function hold(code: ErrorCode, message: string, hint: string): HoldVerdict {
  return { kind: 'hold', code, message, hint };
}
