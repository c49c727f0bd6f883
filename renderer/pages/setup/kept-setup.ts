/** The wizard's answers between reloads: in this tab's session storage, by engine, without secrets. */
import { EMPTY_DRAFT, type Draft } from './draft.ts';
import { STEPS, type StepName } from './draft-problems.ts';

export interface KeptSetup {
  readonly draft: Draft;
  readonly step: StepName;
  /** The furthest step that was open, from 0. */
  readonly reached: number;
  /** The file was written: what is shown is how the engine begins. */
  readonly isStarting: boolean;
}

function keyOf(stateId: string): string {
  return `headgate.setup.${stateId}`;
}

export function keptSetup(stateId: string): KeptSetup | undefined {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(keyOf(stateId)) ?? 'null');
    if (typeof kept !== 'object' || kept === null || !('draft' in kept)) return undefined;
    const { draft, step, reached, isStarting } = kept as Partial<KeptSetup>;
    return {
      draft: sameKinds({ ...EMPTY_DRAFT }, draft),
      step: STEPS.find((known) => known === step) ?? 'gateway',
      reached: typeof reached === 'number' ? reached : 0,
      isStarting: isStarting === true,
    };
  } catch {
    // Nothing kept, or by another version: the wizard begins anew.
    return undefined;
  }
}

/** Answers of an older page whose kind has changed are left out. */
function sameKinds(empty: Draft, kept: unknown): Draft {
  if (typeof kept !== 'object' || kept === null) return empty;
  const known = Object.entries(kept).filter(
    ([name, value]) =>
      Object.hasOwn(empty, name) && typeof value === typeof empty[name as keyof Draft] && value !== null,
  );
  return { ...empty, ...Object.fromEntries(known) };
}

export function keepSetup(stateId: string, setup: KeptSetup): void {
  try {
    sessionStorage.setItem(keyOf(stateId), JSON.stringify(setup));
  } catch {
    // A browser that keeps nothing: the answers hold until the page is closed.
  }
}

export function forgetSetup(stateId: string): void {
  try {
    sessionStorage.removeItem(keyOf(stateId));
  } catch {
    // Nothing was kept either.
  }
}
