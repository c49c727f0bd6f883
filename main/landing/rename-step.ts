/**
 * Step 6 of exactly-once.md §3: the verified file takes its final name, once.
 *
 * It is entered only when the plan durably says `renaming`. The RENAME may be sent again as long as our file stands under its
 * temp name: it never overwrites, so a late twin of it finds the source missing and changes nothing. Once the temp name is empty
 * our file is looked for by its inode. Absence proves nothing, and neither does a single read: a NameNode that is dying can show
 * a rename it never journaled, so a file that was found is confirmed by a write, and a file that was not found is looked for a
 * second time, later, before the operator is asked.
 */
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import type { UploadAttempt } from '../../shared/model/file-plan.ts';
import { stampedFileId } from './file-stamp.ts';
import type { LandingContext } from './lander-settings.ts';
import type { LandingStep } from './lander-status.ts';
import type { OpenPlan } from './open-plan.ts';
import { writeSidecar } from './sidecar.ts';
import type { TargetStat } from './target.ts';

export type RenameEnd = { readonly finalPath: string } | { readonly heldWhy: GatewayError };

/** What the step needs of the file's landing. */
export interface RenameDelegate {
  readonly onStep: (step: LandingStep) => void;
  /** The file's whole sidecar text; `path` is where the file stands. */
  readonly sidecarText: (path: string, signal: AbortSignal) => Promise<string>;
}

/** So often in a row must a file not be found before it is held. */
const LOOKS_BEFORE_HOLD = 2;

/** What a look at the target tells about our file. */
type Found =
  | { readonly kind: 'at-temp' }
  | { readonly kind: 'in-place'; readonly stat: TargetStat }
  | { readonly kind: 'foreign'; readonly stat: TargetStat }
  | { readonly kind: 'lost' };

export class RenameStep {
  readonly #context: LandingContext;
  readonly #open: OpenPlan;
  readonly #delegate: RenameDelegate;
  #isUntried = false;
  #timesLost = 0;

  constructor(context: LandingContext, open: OpenPlan, delegate: RenameDelegate) {
    this.#context = context;
    this.#open = open;
    this.#delegate = delegate;
  }

  /** This very process has just made `renaming` durable, so no RENAME can be on its way: the first one needs no look. */
  mayTryAtOnce(): void {
    this.#isUntried = true;
  }

  /** Throws when an outcome is open; the next call looks first. */
  async run(attempt: UploadAttempt, signal: AbortSignal): Promise<RenameEnd> {
    if (!this.#isUntried) {
      this.#delegate.onStep('look-for-renamed');
      const found = await this.#look(attempt, signal);
      if (found.kind !== 'at-temp') return this.#settle(found, attempt, signal);
    }
    this.#isUntried = false;
    this.#delegate.onStep('rename');
    await this.#context.marker.advance(signal);
    const { finalPath } = this.#open.plan;
    const { renamed, why } = await this.#context.target.rename(attempt.tempPath, finalPath, signal);
    if (renamed) return { finalPath };
    this.#delegate.onStep('look-for-renamed');
    if (why === 'parent-missing')
      await this.#context.target.mkdirs(this.#open.plan.landingKey.directory, signal);
    const stat = await this.#context.target.stat(finalPath, signal);
    if (stat !== undefined && !(await this.#isOurs(stat, attempt, signal))) {
      return this.#hold(this.#foreignError(stat));
    }
    const found = await this.#look(attempt, signal);
    if (found.kind === 'at-temp') throw this.#refusedError(why);
    return this.#settle(found, attempt, signal);
  }

  async #look(attempt: UploadAttempt, signal: AbortSignal): Promise<Found> {
    const { target } = this.#context;
    const temp = await target.stat(attempt.tempPath, signal);
    if (temp !== undefined && this.#isSameFile(temp, attempt)) return { kind: 'at-temp' };
    const final = await target.stat(this.#open.plan.finalPath, signal);
    if (final !== undefined && (await this.#isOurs(final, attempt, signal)))
      return { kind: 'in-place', stat: final };
    if (attempt.inode !== undefined) {
      const moved = await target.statInode(attempt.inode, signal);
      if (moved !== undefined && moved !== 'unsupported') return { kind: 'in-place', stat: moved };
    }
    return final === undefined ? { kind: 'lost' } : { kind: 'foreign', stat: final };
  }

  /** By inode; where the target has none, by what the file says of itself and by its length. */
  async #isOurs(stat: TargetStat, attempt: UploadAttempt, signal: AbortSignal): Promise<boolean> {
    if (stat.type !== 'file') return false;
    if (attempt.inode !== undefined && stat.inode !== undefined) return stat.inode === attempt.inode;
    if (stat.lengthBytes !== this.#open.plan.expectedBytes) return false;
    const attributes = await this.#context.target.attributes(stat.path, signal);
    return stampedFileId(attributes) === this.#open.fileId;
  }

  #isSameFile(stat: TargetStat, attempt: UploadAttempt): boolean {
    if (stat.type !== 'file') return false;
    if (attempt.inode !== undefined && stat.inode !== undefined) return stat.inode === attempt.inode;
    return stat.lengthBytes === this.#open.plan.expectedBytes;
  }

  async #settle(
    found: Exclude<Found, { kind: 'at-temp' }>,
    attempt: UploadAttempt,
    signal: AbortSignal,
  ): Promise<RenameEnd> {
    if (found.kind === 'foreign') return this.#hold(this.#foreignError(found.stat));
    if (found.kind === 'lost') {
      this.#timesLost++;
      if (this.#timesLost >= LOOKS_BEFORE_HOLD) return this.#hold(this.#lostError('never'));
      throw this.#lostError('backoff');
    }
    if (found.stat.lengthBytes !== this.#open.plan.expectedBytes)
      return this.#hold(this.#changedError(found.stat));
    await this.#confirm(found.stat.path, signal);
    const again = await this.#look(attempt, signal);
    if (again.kind !== 'in-place') throw this.#lostError('backoff');
    this.#timesLost = 0;
    return { finalPath: again.stat.path };
  }

  /** A write that the NameNode journals after the rename: when it succeeds, the rename before it is durable too. */
  async #confirm(path: string, signal: AbortSignal): Promise<void> {
    this.#delegate.onStep('confirm');
    const { target, clock, random } = this.#context;
    // A new value each time, so that no NameNode can hold the write for a repetition that needs no journal.
    const confirmed = `${new Date(clock.nowMs()).toISOString()} ${Math.floor(random() * 2 ** 32).toString(16)}`;
    try {
      if (await target.stamp(path, { confirmed }, signal)) return;
    } catch (error) {
      // Whoever moved our file may have put it where we may not write; any other journaled write serves as well.
      const isOtherWayOpen =
        isGatewayError(error) && ['permission-denied', 'xattr-unavailable'].includes(error.code);
      if (!isOtherWayOpen) throw error;
    }
    const { fileId, landingKey } = this.#open.plan;
    const text = await this.#delegate.sidecarText(path, signal);
    await target.mkdirs(landingKey.directory, signal);
    await writeSidecar(this.#context, { directory: landingKey.directory, fileId, text }, signal);
  }

  async #hold(heldWhy: GatewayError): Promise<RenameEnd> {
    await this.#open.hold(`${heldWhy.code}: ${heldWhy.message}`);
    return { heldWhy };
  }

  #foreignError(stat: TargetStat): GatewayError {
    return new GatewayError({
      code: 'file-exists',
      operation: 'rename the temp file',
      place: this.#open.plan.finalPath,
      message: `A ${stat.type} that is not ours (inode ${stat.inode ?? 'unknown'}, ${stat.lengthBytes} bytes) stands at the final name.`,
      retry: 'never',
      hint: 'Move it away and release the file; Headgate never overwrites. The events are still in the channel.',
    });
  }

  #lostError(retry: 'never' | 'backoff'): GatewayError {
    const { plan } = this.#open;
    return new GatewayError({
      code: 'rename-uncertain',
      operation: 'look for the renamed file',
      place: plan.finalPath,
      message:
        'The verified file stands neither under its temp name nor at the final name, and its inode is not found.',
      retry,
      hint: 'It may have landed and been moved or removed by others: find out, then release the file as landed or to be sent again.',
    });
  }

  #changedError(stat: TargetStat): GatewayError {
    return new GatewayError({
      code: 'rename-uncertain',
      operation: 'look for the renamed file',
      place: stat.path,
      message: `Our file was found, but has ${stat.lengthBytes} bytes instead of ${this.#open.plan.expectedBytes}.`,
      retry: 'never',
      hint: 'Somebody changed it after it landed: decide whether it counts as landed or is to be sent again.',
    });
  }

  #refusedError(why: string | undefined): GatewayError {
    return new GatewayError({
      code: 'namenode-refused',
      operation: 'rename the temp file',
      place: this.#open.plan.finalPath,
      message: `The rename was refused (${why ?? 'no reason given'}); the file still stands under its temp name.`,
      retry: 'backoff',
      hint: 'It is tried again; look at the directory if this goes on.',
    });
  }
}
