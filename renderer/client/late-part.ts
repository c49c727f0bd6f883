/**
 * Parts of the console whose code is fetched when they are first needed, from the engine; it may be away just then. A browser does not
 * ask again for a module that it once could not fetch: only the whole console, loaded again, has another chance.
 */
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';

const LOOK_MS = 1_000;
/** A second time within it loading everything again has not helped: the engine serves another build, or something is in between. */
const RELOAD_AGAIN_MS = 60_000;
/** Long enough for the page to go away, unless the person who was asked stays. */
const RELOAD_GRACE_MS = 10_000;
const RELOADED_AT = 'headgate.reloaded';

/** The code can't be had although somebody answers, and loading everything again has not helped, or was refused. */
export class PartNotLoaded extends Error {}

export interface LateSeams {
  readonly wait: (ms: number) => Promise<void>;
  /** Whether anybody answers where the console came from. */
  readonly isServed: () => Promise<boolean>;
  readonly reload: () => void;
  /** Kept over a reload. */
  readonly storage: Pick<Storage, 'getItem' | 'setItem'>;
  readonly nowMs: () => number;
}

/** A component of its own file. Who shows it waits (`Suspense`) for as long as the engine is away. */
export function latePart<Props>(
  load: () => Promise<ComponentType<Props>>,
): LazyExoticComponent<ComponentType<Props>> {
  return lazy(async () => ({ default: await fetchedPart(load) }));
}

/** Loads the console again, once the engine is back, when the part could not be fetched. Rejects with `PartNotLoaded`. */
export async function fetchedPart<Part>(
  load: () => Promise<Part>,
  seams: LateSeams = browserSeams(),
): Promise<Part> {
  try {
    return await load();
  } catch (cause) {
    while (!(await seams.isServed())) await seams.wait(LOOK_MS);
    const { storage, nowMs, reload, wait } = seams;
    if (nowMs() - Number(storage.getItem(RELOADED_AT) ?? -Infinity) > RELOAD_AGAIN_MS) {
      storage.setItem(RELOADED_AT, String(nowMs()));
      reload();
      await wait(RELOAD_GRACE_MS);
    }
    throw new PartNotLoaded(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function browserSeams(): LateSeams {
  return {
    wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    isServed: () =>
      fetch(location.pathname, { method: 'HEAD', cache: 'no-store' }).then(
        () => true,
        () => false,
      ),
    reload: () => location.reload(),
    storage: sessionStorage,
    nowMs: Date.now,
  };
}
