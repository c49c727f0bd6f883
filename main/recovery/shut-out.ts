/** Keeps a lost state directory from landing anything more, and says at the target what became of it. */
import { GatewayError } from '../../shared/errors.ts';
import { endFacts, factsPath, readFacts } from '../landing/fleet-facts-object.ts';
import type { Target } from '../landing/target.ts';
import { writeOff, writtenOffBy } from '../landing/written-off.ts';
import type { KnownState } from './lost-states.ts';
import { patiently } from './patience.ts';
import type { RecoveryOptions, RecoverySink } from './recovery-parts.ts';

const FACTS_SUFFIX = '.facts';

interface MarkerPlace {
  readonly target: Target;
  readonly path: string;
  readonly facts: string;
}

export class ShutOut {
  readonly #options: RecoveryOptions;
  readonly #lost: readonly string[];
  readonly #by: string;
  #places: readonly MarkerPlace[] = [];
  /** Sequence of the facts when it was shut out, by path. */
  readonly #sequences = new Map<string, number>();

  constructor(options: RecoveryOptions, facts: { readonly lost: readonly string[]; readonly by: string }) {
    this.#options = options;
    this.#lost = facts.lost;
    this.#by = facts.by;
  }

  /** The note stands in the marker of each lost state id at each sink when it resolves. */
  async write(): Promise<void> {
    const { signal } = this.#options;
    this.#places = await this.#findPlaces();
    for (const { target, path, facts } of this.#places) {
      await patiently(this.#options, () => writeOff(target, { path, by: this.#by }, signal));
      const seen = await patiently(this.#options, () => readFacts(target, facts, signal));
      this.#sequences.set(facts, seen?.sequence ?? 0);
    }
  }

  /** Throws `state-cloned` when the note is gone, or the lost engine has published since. */
  async confirm(): Promise<void> {
    const { signal } = this.#options;
    for (const { target, path, facts } of this.#places) {
      const by = await patiently(this.#options, () => writtenOffBy(target, path, signal));
      const seen = await patiently(this.#options, () => readFacts(target, facts, signal));
      if (by === undefined) throw alive(path, 'its marker was removed or written anew');
      if ((seen?.sequence ?? 0) > (this.#sequences.get(facts) ?? 0))
        throw alive(facts, 'it has published facts since it was shut out');
    }
  }

  /** Where a write shows that the target's active server is asked. */
  proofPathFor(sink: RecoverySink): string {
    return `${sink.markerDirectory}/${this.#lost[0] ?? ''}.${sink.name}`;
  }

  /** A marker for each sink of the configuration, there or not, and those that are there besides: of a sink that was renamed since. */
  async #findPlaces(): Promise<readonly MarkerPlace[]> {
    const places: MarkerPlace[] = [];
    for (const { target, markerDirectory, name } of this.#options.sinks) {
      const entries = await patiently(this.#options, () =>
        target.list(markerDirectory, this.#options.signal),
      );
      for (const stateId of this.#lost) {
        const found = (entries ?? [])
          .filter(({ name: entry, type }) => type === 'directory' && entry.startsWith(`${stateId}.`))
          .map(({ name: entry }) => entry.slice(stateId.length + 1))
          .filter((sink) => !sink.endsWith(FACTS_SUFFIX));
        for (const sink of new Set([name, ...found]))
          places.push({
            target,
            path: `${markerDirectory}/${stateId}.${sink}`,
            facts: factsPath(markerDirectory, stateId, sink),
          });
      }
    }
    return places;
  }
}

/** Nobody waits for a sign of life of the lost one any more. */
export async function endLost(
  options: RecoveryOptions,
  { lost, by }: { readonly lost: readonly KnownState[]; readonly by: string },
): Promise<void> {
  const end = { atMs: options.clock.nowMs(), why: 'recovered', by } as const;
  for (const { target, markerDirectory, name } of options.sinks)
    for (const { stateId } of lost) {
      const path = factsPath(markerDirectory, stateId, name);
      await patiently(options, () => endFacts(target, path, { end, signal: options.signal }));
    }
}

function alive(place: string, message: string): GatewayError {
  return new GatewayError({
    code: 'state-cloned',
    operation: 'shut the lost state directory out',
    place,
    message: `The lost engine is alive: ${message}.`,
    retry: 'never',
    hint: 'Stop it for good, then recover again: it goes on where it ended.',
  });
}
