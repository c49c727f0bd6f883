/**
 * Landing of one file (exactly-once.md §3): every chunk of the plan ends in exactly one committed file, or the file is held and
 * says why.
 *
 * Invariants
 * 1. Every name that is written to stands durably in the plan before the first byte goes out, and is used for one CREATE only.
 *    If the outcome of that CREATE is not known to be good, the name is abandoned for ever.
 * 2. The final name comes into being by RENAME alone, never over anything, and only from an attempt whose length and checksum
 *    were compared in place.
 * 3. `renaming` is durable before the first RENAME goes out. From then on nothing is uploaded again: this attempt's file, known
 *    by its inode, either took the final name or is looked for, and a doubt that stays is held for the operator.
 * 4. Chunks leave the channel only in the transaction that writes the ledger row, after the file was seen in place by a reply
 *    to RENAME, or, where that reply was lost, by a write that succeeded after it.
 * 5. A plan belongs to the namespace it was made for; another target never touches it.
 * 6. No RENAME goes out before the target's marker knows of the step (landing-marker.ts): an older copy of our state directory
 *    can tell by it that it is one.
 *
 * A crash, step by step: before `renaming` nothing has the final name, so the only trace is a temp name that the plan knows:
 * `started` ⇒ abandoned (its bytes can't be trusted), `uploaded` ⇒ looked at again and used. After `renaming` the file is under
 * its temp name (rename again), or its inode is elsewhere (landed), or gone (held). After the rename, before the ledger: the
 * same look finds it. After the ledger transaction the plan is no longer open. No step depends on what a process remembered:
 * what is kept in memory here (`#created`, `#proof`) only saves work.
 */
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import type { ErrorReport } from '../../shared/errors.ts';
import type { FilePlan, UploadAttempt } from '../../shared/model/file-plan.ts';
import { asGatewayError } from './landing-failure.ts';
import { tempPath } from './file-name.ts';
import { fileStamp } from './file-stamp.ts';
import type { FileStamp } from './file-stamp.ts';
import type { LandingContext } from './lander-settings.ts';
import type { LandingStep } from './lander-status.ts';
import { OpenPlan } from './open-plan.ts';
import { landedProof } from './landed-proof.ts';
import type { FileProof } from './landed-proof.ts';
import { RenameStep } from './rename-step.ts';
import { writeSidecar } from './sidecar.ts';
import { stampOrFalse } from './stamp-or-false.ts';
import type { CreateResult, TargetStat } from './target.ts';
import { UploadStream } from './upload-stream.ts';

/** `gone`: the plan is open no more; `paused`: the write switch is off and nothing was begun. */
export type LandingOutcome = 'landed' | 'held' | 'gone' | 'paused';

/** Servers of failed attempts that the next one should not use; more would exclude a small cluster whole. */
const AVOIDED_SERVERS_MAX = 3;

export interface LandingProgress {
  readonly step: LandingStep;
  readonly attempt: number;
  readonly bytesSent: number;
}

export class FileLanding {
  readonly #context: LandingContext;
  readonly #open: OpenPlan;
  readonly #renameStep: RenameStep;
  #avoid: string[] = [];
  /** What this process knows of an attempt whose CREATE succeeded, until it is verified. */
  #created: { readonly number: number; readonly result: CreateResult } | undefined;
  /** What was proven about the uploaded attempt by this process. */
  #proof: FileProof | undefined;
  #step: LandingStep = 'queued';
  #stream: UploadStream | undefined;
  #heldWhy: ErrorReport | undefined;

  constructor(context: LandingContext, plan: FilePlan) {
    this.#context = context;
    this.#open = new OpenPlan(context.store, plan);
    this.#renameStep = new RenameStep(context, this.#open, {
      onStep: (step) => {
        this.#step = step;
      },
      sidecarText: async (path, signal) => (await this.#stampOf(this.#uploadedNow(), path, signal)).sidecar,
    });
    if (plan.state === 'held') this.#step = 'held';
  }

  get plan(): FilePlan {
    return this.#open.plan;
  }

  get progress(): LandingProgress {
    const attempt = this.plan.attempts.at(-1)?.number ?? 0;
    return { step: this.#step, attempt, bytesSent: this.#stream?.bytesSent ?? 0 };
  }

  /** Why it is held, when this process held it. */
  get heldWhy(): ErrorReport | undefined {
    return this.#heldWhy;
  }

  /** Whether the plan is still open is asked before anything else is done. */
  doubtPlan(): void {
    this.#open.doubt();
  }

  /**
   * Takes the file as far as it goes. Throws a GatewayError when a step failed; calling it again goes on from there.
   * When `signal` aborts, the running step ends, an unfinished attempt is abandoned durably, and `aborted` is thrown.
   */
  async run(signal: AbortSignal): Promise<LandingOutcome> {
    if (!(await this.#open.refresh())) return 'gone';
    if (this.plan.state === 'held') return this.#held(undefined);
    if (await this.#context.store.isPaused(this.plan.sink)) return 'paused';
    await this.#assertNamespace(signal);
    if (this.plan.state === 'planned') {
      const uploaded = await this.#uploadedAttempt(signal);
      if (typeof uploaded === 'string') return uploaded;
      await this.#stamp(uploaded, signal);
      await this.#open.startRename(uploaded.number);
      this.#context.crashPoint('land.after-renaming-durable');
      this.#renameStep.mayTryAtOnce();
    }
    return this.#rename(signal);
  }

  async #assertNamespace(signal: AbortSignal): Promise<void> {
    const namespace = await this.#context.target.namespace(signal);
    if (namespace === this.plan.namespace) {
      await this.#context.marker.checkedNamespace(signal);
      return;
    }
    throw new GatewayError({
      code: 'config-change-refused',
      operation: 'land a planned file',
      place: this.plan.finalPath,
      message: `The file was planned for ${this.plan.namespace}, but the sink now leads to ${namespace}.`,
      retry: 'never',
      hint: 'Point the sink back at its cluster until this file has landed; another cluster needs a sink of its own.',
    });
  }

  /** Steps 2 to 4: an attempt that stands complete and verified under its temp name. */
  async #uploadedAttempt(signal: AbortSignal): Promise<UploadAttempt | LandingOutcome> {
    const kept = await this.#attemptLeftOver(signal);
    if (kept !== undefined) return kept;
    // Each turn but the last takes a damaged chunk out of the plan, so the number of chunks bounds them.
    for (;;) {
      if (await this.#context.store.isPaused(this.plan.sink)) return 'paused';
      this.#step = 'mkdirs';
      await this.#context.target.mkdirs(this.plan.landingKey.directory, signal);
      const result = await this.#create(signal);
      if (result === 'gone') return 'gone';
      if (result !== 'rebuilt') {
        this.#created = result;
        return this.#verify(result.number, signal);
      }
    }
  }

  /** What an earlier run left: a file that is still good, or names to give up. */
  async #attemptLeftOver(signal: AbortSignal): Promise<UploadAttempt | undefined> {
    const live = this.plan.attempts.filter(({ state }) => state === 'started' || state === 'uploaded');
    const last = live.at(-1);
    for (const attempt of live) {
      const isLast = attempt === last;
      if (isLast && attempt.state === 'uploaded' && (await this.#isStillThere(attempt, signal)))
        return attempt;
      if (isLast && attempt.number === this.#created?.number) return this.#verify(attempt.number, signal);
      await this.#abandon(attempt.number, leftOverError(attempt), attempt.inode);
    }
    return undefined;
  }

  async #isStillThere(attempt: UploadAttempt, signal: AbortSignal): Promise<boolean> {
    this.#step = 'verify';
    const stat = await this.#context.target.stat(attempt.tempPath, signal);
    if (stat?.type !== 'file' || stat.lengthBytes !== this.plan.expectedBytes) return false;
    return stat.inode === attempt.inode;
  }

  /** Step 3. `rebuilt`: a chunk was damaged and the plan goes on without it. */
  async #create(signal: AbortSignal): Promise<{ number: number; result: CreateResult } | 'rebuilt' | 'gone'> {
    const { target, settings, random, clock } = this.#context;
    const stream = new UploadStream(this.plan, this.#context);
    const number = Math.max(0, ...this.plan.attempts.map((attempt) => attempt.number)) + 1;
    const nonce = Math.floor(random() * 36 ** 6).toString(36);
    const path = tempPath(this.plan.finalPath, this.plan.fileId, { attempt: number, nonce, ...settings });
    await this.#open.startAttempt(number, path, clock.nowMs());
    this.#step = 'create';
    this.#stream = stream;
    this.#context.crashPoint('land.before-create');
    try {
      const { permission, replication, blockSizeBytes } = settings;
      const how = { permission, replication, blockSizeBytes, avoid: this.#avoid };
      const upload = { lengthBytes: this.plan.expectedBytes, pieces: stream.pieces(), ...how };
      const result = await target.create(path, upload, signal);
      this.#context.crashPoint('land.after-create');
      return { number, result };
    } catch (thrown) {
      const error = asGatewayError(thrown, 'upload a file', path);
      await this.#abandon(number, error, undefined);
      if (stream.damaged === undefined) {
        this.#avoidServer(serverOf(error));
        throw error;
      }
      this.#context.report({ kind: 'chunk-damaged', fileId: this.plan.fileId, ...stream.damaged });
      return (await this.#open.withoutChunk(stream.damaged)) ? 'rebuilt' : 'gone';
    }
  }

  /** Step 4: the file in place is the file that was sent, and its inode is noted durably. */
  async #verify(number: number, signal: AbortSignal): Promise<UploadAttempt> {
    this.#step = 'verify';
    const created = this.#created;
    if (created?.number !== number) throw new Error(`attempt ${number} was not created by this process`);
    const { tempPath: path } = this.#open.attempt(number);
    const { result } = created;
    const stat = await this.#context.target.stat(path, signal);
    if (stat?.lengthBytes !== this.plan.expectedBytes || result.lengthBytes !== this.plan.expectedBytes) {
      return this.#refuse(created, stat, this.#lengthError(path, stat));
    }
    const stored = await this.#context.target.checksum(path, signal);
    if ('value' in stored && result.checksum !== undefined && stored.value !== result.checksum) {
      return this.#refuse(created, stat, this.#checksumError(path, result.checksum, stored.value));
    }
    const note =
      'unavailable' in stored ? stored.unavailable : 'not compared: it could not be computed while uploading';
    const isCompared = 'value' in stored && result.checksum !== undefined;
    this.#proof = {
      number,
      crc32c: result.crc32c,
      checksum: 'value' in stored ? stored.value : undefined,
      checksumNote: isCompared ? undefined : note,
    };
    await this.#open.uploaded(number, stat.inode);
    this.#created = undefined;
    this.#context.crashPoint('land.after-verify');
    return this.#open.attempt(number);
  }

  async #refuse(
    created: { readonly number: number; readonly result: CreateResult },
    stat: TargetStat | undefined,
    error: GatewayError,
  ): Promise<never> {
    this.#created = undefined;
    this.#avoidServer(created.result.server);
    await this.#abandon(created.number, error, stat?.inode);
    throw error;
  }

  async #abandon(number: number, why: GatewayError, inode: string | undefined): Promise<void> {
    await this.#open.abandon(number, inode);
    if (this.#created?.number === number) this.#created = undefined;
    this.#context.report({
      kind: 'attempt-abandoned',
      fileId: this.plan.fileId,
      number,
      why: toErrorReport(why),
    });
  }

  /** Step 5. */
  async #stamp(attempt: UploadAttempt, signal: AbortSignal): Promise<void> {
    this.#step = 'stamp';
    const { target } = this.#context;
    const stamp = await this.#stampOf(attempt, attempt.tempPath, signal);
    const isStamped = await stampOrFalse(() => target.stamp(attempt.tempPath, stamp.attributes, signal));
    if (!isStamped || stamp.isSidecarNeeded) {
      const { directory } = this.plan.landingKey;
      await writeSidecar(this.#context, { directory, fileId: this.plan.fileId, text: stamp.sidecar }, signal);
    }
    this.#context.crashPoint('land.after-stamp');
  }

  /** `path`: where the attempt's file stands. */
  async #stampOf(attempt: UploadAttempt, path: string, signal: AbortSignal): Promise<FileStamp> {
    this.#proof = await landedProof(
      this.#context,
      { plan: this.plan, attempt, path, known: this.#proof },
      signal,
    );
    return fileStamp(this.plan, { ...this.#context.settings, ...this.#proof });
  }

  #uploadedNow(): UploadAttempt {
    const attempt = this.plan.attempts.findLast(({ state }) => state === 'uploaded');
    if (attempt === undefined)
      throw new Error(`file ${this.plan.fileId} is renaming without an uploaded attempt`);
    return attempt;
  }

  /** Steps 6 and 7. */
  async #rename(signal: AbortSignal): Promise<LandingOutcome> {
    const attempt = this.#uploadedNow();
    const end = await this.#renameStep.run(attempt, signal);
    if ('heldWhy' in end) return this.#held(end.heldWhy);
    this.#context.crashPoint('land.after-rename');
    this.#step = 'ledger';
    const atHand = { plan: this.plan, attempt, path: end.finalPath, known: this.#proof };
    const proof = await landedProof(this.#context, atHand, signal);
    const nowMs = this.#context.clock.nowMs();
    const { retainAfterLandingMs } = this.#context.settings;
    this.#context.crashPoint('land.before-ledger-commit');
    await this.#open.landed(
      {
        finalPath: end.finalPath,
        inode: attempt.inode,
        checksum: proof.checksum,
        checksumNote: proof.checksumNote,
        crc32c: proof.crc32c,
        attempts: this.plan.attempts.length,
        landedAtMs: nowMs,
      },
      retainAfterLandingMs > 0 ? nowMs + retainAfterLandingMs : undefined,
    );
    this.#context.crashPoint('land.after-ledger-commit');
    return 'landed';
  }

  #held(why: GatewayError | undefined): LandingOutcome {
    this.#step = 'held';
    if (why !== undefined) this.#heldWhy = toErrorReport(why);
    return 'held';
  }

  #avoidServer(server: string | undefined): void {
    if (server === undefined || this.#avoid.includes(server)) return;
    this.#avoid = [...this.#avoid, server].slice(-AVOIDED_SERVERS_MAX);
  }

  #lengthError(path: string, stat: TargetStat | undefined): GatewayError {
    return new GatewayError({
      code: 'length-mismatch',
      operation: 'verify an uploaded file',
      place: path,
      message: `The file has ${stat?.lengthBytes ?? 'no'} bytes in place, ${this.plan.expectedBytes} were to be sent.`,
      retry: 'backoff',
      hint: 'It is uploaded again under another name; if this goes on, look at the link and the DataNodes.',
    });
  }

  #checksumError(path: string, sent: string, stored: string): GatewayError {
    return new GatewayError({
      code: 'checksum-mismatch',
      operation: 'verify an uploaded file',
      place: path,
      message: `The cluster computes ${stored} for the file, ${sent} was sent.`,
      retry: 'backoff',
      hint: 'It is uploaded again through another DataNode; check the memory and network of the one that took it.',
    });
  }
}

function leftOverError(attempt: UploadAttempt): GatewayError {
  const isUploaded = attempt.state === 'uploaded';
  return new GatewayError({
    code: isUploaded ? 'file-missing' : 'aborted',
    operation: 'go on with an interrupted upload',
    place: attempt.tempPath,
    message: isUploaded
      ? 'The uploaded file is gone or is not the one that was verified.'
      : 'The upload was interrupted; what became of it is unknown.',
    retry: 'now',
    hint: isUploaded ? 'Somebody removes or rewrites hidden files in this directory.' : 'Nothing to do.',
  });
}

/** The server that an error names as its place, `host:port`. */
function serverOf(error: GatewayError): string | undefined {
  return /^[a-z0-9.[\]-]+:\d{1,5}$/i.test(error.place) ? error.place : undefined;
}
