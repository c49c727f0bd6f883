/**
 * Removes what abandoned attempts left behind.
 *
 * It touches nothing but names that our own plans know as abandoned, and even those only when what stands there is a file that
 * neither an open plan nor the ledger knows by its inode: somebody may have moved a landed file onto such a name. A name is
 * looked at again 24 h later, because a late DataNode may create it after it was removed. While the sink is paused nothing is
 * removed: that is a write too.
 */
import { isGatewayError, toErrorReport } from '../../shared/errors.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { isTimeFor } from './backoff.ts';
import type { LandingContext } from './lander-settings.ts';
import { asGatewayError, failureScope } from './landing-failure.ts';
import type { AbandonedName } from './landing-store.ts';

export const SECOND_LOOK_MS = DAY_MS;
export const JANITOR_PERIOD_MS = 5 * MINUTE_MS;
/** After an attempt was abandoned its file goes soon: a full directory quota may be waiting for the room. */
export const JANITOR_SOON_MS = 10 * SECOND_MS;
/** Names of one round; the rest has its turn in the next. */
export const NAMES_PER_ROUND_MAX = 500;

/** When the janitor works: at the start, each few minutes, and soon after an attempt was abandoned. One round at a time. */
export class JanitorShift {
  readonly #context: LandingContext;
  #atMs = 0;
  #isRunning = false;

  constructor(context: LandingContext) {
    this.#context = context;
  }

  /** When the next round is due; undefined while one runs. */
  get nextMs(): number | undefined {
    return this.#isRunning ? undefined : this.#atMs;
  }

  bringForward(): void {
    this.#atMs = Math.min(this.#atMs, this.#context.clock.nowMs() + JANITOR_SOON_MS);
  }

  /** Starts a round when it is time; the caller waits for what it returns. Rejects on programmer errors only. */
  start(signal: AbortSignal): Promise<void> | undefined {
    const nowMs = this.#context.clock.nowMs();
    if (this.#isRunning || !isTimeFor(this.#atMs, nowMs, JANITOR_PERIOD_MS)) return undefined;
    this.#isRunning = true;
    this.#atMs = nowMs + JANITOR_PERIOD_MS;
    return this.#round(signal);
  }

  async #round(signal: AbortSignal): Promise<void> {
    try {
      await removeAbandoned(this.#context, signal);
    } catch (error) {
      if (!isGatewayError(error)) throw error;
      this.#context.report({ kind: 'janitor-failed', why: toErrorReport(error) });
    } finally {
      this.#isRunning = false;
    }
  }
}

/** Returns how many names were settled. What fails is reported and has its turn in the next round. */
export async function removeAbandoned(context: LandingContext, signal: AbortSignal): Promise<number> {
  const { store, settings, clock } = context;
  if (await store.isPaused(settings.sink)) return 0;
  // The store forgets a name when it was removed for the second time, a day after the first.
  const known = await store.abandonedNames(settings.sink, clock.nowMs() - SECOND_LOOK_MS);
  const due = known.slice(0, NAMES_PER_ROUND_MAX);
  if (due.length === 0) return 0;
  const inodes = await inodesInUse(context);
  let settled = 0;
  for (const name of due) {
    if (signal.aborted) break;
    try {
      await removeOne(context, name, { inodes, signal });
      settled++;
    } catch (thrown) {
      const error = asGatewayError(thrown, 'remove an abandoned temp file', name.tempPath);
      if (error.code === 'aborted') break;
      context.report({ kind: 'janitor-failed', why: toErrorReport(error) });
      if (failureScope(error) === 'sink') break;
    }
  }
  return settled;
}

/** Inodes of attempts that may still become files. */
async function inodesInUse(context: LandingContext): Promise<ReadonlySet<string>> {
  const plans = await context.store.openPlans(context.settings.sink);
  const live = plans
    .flatMap((plan) => plan.attempts)
    .filter(({ state }) => state === 'started' || state === 'uploaded');
  return new Set(live.flatMap(({ inode }) => (inode === undefined ? [] : [inode])));
}

async function removeOne(
  context: LandingContext,
  name: AbandonedName,
  { inodes, signal }: { readonly inodes: ReadonlySet<string>; readonly signal: AbortSignal },
): Promise<void> {
  const { store, target, clock } = context;
  const stat = await target.stat(name.tempPath, signal);
  const isOursToRemove = stat?.type === 'file' && !(await isInUse(context, stat.inode, inodes));
  let wasThere = false;
  if (isOursToRemove) {
    context.crashPoint('janitor.before-remove');
    wasThere = await target.remove(name.tempPath, signal);
    context.crashPoint('janitor.after-remove');
  }
  await store.abandonedRemoved([{ fileId: name.fileId, number: name.number, atMs: clock.nowMs() }]);
  context.report({ kind: 'temp-removed', fileId: name.fileId, tempPath: name.tempPath, wasThere });
}

async function isInUse(
  context: LandingContext,
  inode: string | undefined,
  inodes: ReadonlySet<string>,
): Promise<boolean> {
  if (inode === undefined) return false;
  if (inodes.has(inode)) return true;
  return (await context.store.landedInodes(context.settings.sink, [inode])).length > 0;
}
