/** Which state directories of this gateway the landing roots, and the group's offsets, know of; and which of them is the lost one. */
import { GatewayError } from '../../shared/errors.ts';
import { MINUTE_MS } from '../../shared/units.ts';
import type { FleetFacts } from '../landing/fleet-facts.ts';
import { readFacts } from '../landing/fleet-facts-object.ts';
import { writtenOffBy } from '../landing/written-off.ts';
import { patiently, type Patience } from './patience.ts';
import type { RecoverySink } from './recovery-parts.ts';

const FACTS_SUFFIX = '.facts';
/** Facts are published each minute at least; whoever wrote them so lately may well be alive. */
export const SIGN_OF_LIFE_MS = 3 * MINUTE_MS;

/** A state id of this gateway. */
export interface KnownState {
  readonly stateId: string;
  /** The newest that it published, by sink. */
  readonly facts: readonly FleetFacts[];
  /** The state id that took over, when it was written off before. */
  readonly writtenOffBy: string | undefined;
  readonly hasMarker: boolean;
}

/** Reads the markers at all roots; state ids that only the group's offsets name are added to them. */
export async function knownStates(
  sinks: readonly RecoverySink[],
  fromOffsets: ReadonlySet<string>,
  patience: Patience,
): Promise<readonly KnownState[]> {
  const { signal } = patience;
  const states = new Map<string, { facts: FleetFacts[]; by: string | undefined; hasMarker: boolean }>();
  const stateOf = (id: string) => {
    const state = states.get(id) ?? { facts: [], by: undefined, hasMarker: false };
    states.set(id, state);
    return state;
  };
  for (const { target, markerDirectory, name: sink } of sinks) {
    const entries = await patiently(patience, () => target.list(markerDirectory, signal));
    for (const { name, type } of entries ?? []) {
      const dot = name.indexOf('.');
      if (type !== 'directory' || dot <= 0) continue;
      const state = stateOf(name.slice(0, dot));
      const path = `${markerDirectory}/${name}`;
      if (name.endsWith(FACTS_SUFFIX)) {
        const facts = await patiently(patience, () => readFacts(target, path, signal));
        if (facts !== undefined && facts.sink === sink) state.facts.push(facts);
        continue;
      }
      state.hasMarker = true;
      state.by ??= await patiently(patience, () => writtenOffBy(target, path, signal));
    }
  }
  for (const id of fromOffsets) stateOf(id);
  return [...states].map(([stateId, { facts, by, hasMarker }]) => ({
    ...{ stateId, facts, hasMarker },
    writtenOffBy: by,
  }));
}

export interface LostChoice {
  readonly states: readonly KnownState[];
  /** Of the state directory at hand; undefined: it is empty. */
  readonly own: string | undefined;
  /** What the operator named. */
  readonly asked: readonly string[];
}

/**
 * The state ids to recover: the lost one, and those that it had recovered itself, because what they had accepted was its to land.
 * Throws `usage` when there is none, or more than one and none was named.
 */
export function lostStatesOf({ states, own, asked }: LostChoice): readonly KnownState[] {
  const byId = new Map(states.map((state) => [state.stateId, state]));
  for (const id of asked)
    if (!byId.has(id)) throw refused(`no state id ${id} of this gateway is known`, listed(states));
  if (own !== undefined && asked.includes(own))
    throw refused(
      `${own} is the state directory at hand: it is not lost`,
      'name the lost one with --lost-state',
    );
  const candidates = states.filter((state) => state.stateId !== own && !isDone(state, { byId, own }));
  const chosen = asked.length > 0 ? asked : candidates.map(({ stateId }) => stateId);
  if (chosen.length === 0)
    throw refused(
      'nothing of this gateway was lost: no marker and no tenure of another state id',
      listed(states),
    );
  if (asked.length === 0 && chosen.length > 1)
    throw refused(
      `several state directories of this gateway are known: ${chosen.join(', ')}`,
      'say which is lost with --lost-state (it may be given several times); headgate status of a running one prints its own',
    );
  const lost = new Set(chosen);
  for (let before = -1; before !== lost.size;) {
    before = lost.size;
    for (const { stateId, writtenOffBy: by } of states)
      if (by !== undefined && lost.has(by)) lost.add(stateId);
  }
  return [...lost].flatMap((id) => byId.get(id) ?? []);
}

/** Left for good; or written off, by a state directory that lived on and so has what it held. */
function isDone(
  { facts, writtenOffBy: by }: KnownState,
  { byId, own }: { readonly byId: ReadonlyMap<string, KnownState>; readonly own: string | undefined },
): boolean {
  if (facts.some(({ ended }) => ended?.why === 'retired')) return true;
  return by !== undefined && by !== own && byId.get(by)?.hasMarker === true;
}

/** Throws `usage` when one of them may still run. */
export function refuseTheLiving(lost: readonly KnownState[], nowMs: number): void {
  for (const { stateId, facts } of lost) {
    const lastMs = Math.max(...facts.map(({ writtenMs }) => writtenMs));
    const quietMs = nowMs - lastMs;
    if (quietMs >= SIGN_OF_LIFE_MS) continue;
    throw refused(
      `${stateId} gave a sign of life ${Math.max(0, Math.round(quietMs / 1_000))} s ago: its engine may run`,
      `make sure that it is off for good, wait until ${new Date(lastMs + SIGN_OF_LIFE_MS).toISOString()}, or say --declare-dead`,
    );
  }
}

function listed(states: readonly KnownState[]): string {
  if (states.length === 0)
    return 'the landing roots and the groups of this configuration know no state id of it';
  return `known are ${states.map(({ stateId }) => stateId).join(', ')}`;
}

export function refused(message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'recover a lost state directory',
    place: '',
    message,
    retry: 'never',
    hint,
  });
}
