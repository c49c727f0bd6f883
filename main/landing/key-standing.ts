/** What a landing key waits for, as operators are told: put together from its files, its target and the rolling rules. */
import type { ErrorReport } from '../../shared/errors.ts';
import type { FileStatus, GateStatus, KeyStatus } from './lander-status.ts';

export interface KeyStanding {
  readonly landingKeyId: number;
  /** As in the control contract. */
  readonly state: 'collecting' | 'due' | 'landing' | 'paused' | 'waiting' | 'held';
  /** Why it waits or is held. */
  readonly why?: string;
}

export interface StandingFacts {
  readonly landingKeyId: number;
  /** Files of this key that are on their way. */
  readonly files: readonly Pick<FileStatus, 'state' | 'why'>[];
  /** Undefined: nothing of it waits outside files, or it is not known yet. */
  readonly schedule: KeyStatus['state'] | undefined;
  readonly gate: GateStatus | undefined;
  readonly isPaused: boolean;
}

const NOT_ACCEPTED = 'Its events are not accepted yet: their commit in Kafka is still to come.';

/** What asks for a person comes first, then what moves, then what is in the way. */
export function keyStanding({ landingKeyId, files, schedule, gate, isPaused }: StandingFacts): KeyStanding {
  const standing = (state: KeyStanding['state'], why?: string): KeyStanding => ({
    landingKeyId,
    state,
    ...(why === undefined ? {} : { why }),
  });
  const held = files.find(({ state }) => state === 'held');
  if (held !== undefined) return standing('held', textOf(held.why));
  if (files.some(({ state }) => state === 'running')) return standing('landing');
  if (isPaused) return standing('paused');
  const failed = files.find(({ why }) => why !== undefined);
  if (failed !== undefined) return standing('waiting', textOf(failed.why));
  const isReady = files.length > 0 || schedule === 'due' || schedule === 'blocked';
  if (isReady && gate !== undefined) return standing('waiting', textOf(gate.why));
  if (isReady) return standing('due');
  return schedule === 'accepting' ? standing('waiting', NOT_ACCEPTED) : standing('collecting');
}

function textOf(why: ErrorReport | undefined): string | undefined {
  return why?.message;
}
