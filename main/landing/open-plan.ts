import type { FileId } from '../../shared/model/brand.ts';
import type { FilePlan, LandedFacts, UploadAttempt } from '../../shared/model/file-plan.ts';
import type { LandingStore } from './landing-store.ts';
import type { DamagedChunk } from './upload-stream.ts';

/**
 * One plan as the store has it, and the only way by which landing changes it: first the durable transaction, then this copy.
 * When a transaction fails, its outcome is not known, so the copy counts as stale until `refresh` has read the plan again.
 */
export class OpenPlan {
  readonly #store: LandingStore;
  #plan: FilePlan;
  #isStale = false;

  constructor(store: LandingStore, plan: FilePlan) {
    this.#store = store;
    this.#plan = plan;
  }

  get plan(): FilePlan {
    return this.#plan;
  }

  get fileId(): FileId {
    return this.#plan.fileId;
  }

  /** Reads the plan again if need be. False: it is open no more, so it landed, or nothing was left of it. */
  async refresh(): Promise<boolean> {
    if (!this.#isStale) return true;
    const plans = await this.#store.openPlans(this.#plan.sink);
    const found = plans.find((plan) => plan.fileId === this.fileId);
    if (found === undefined) return false;
    this.#plan = found;
    this.#isStale = false;
    return true;
  }

  /** Something may have changed it whose outcome is not known. */
  doubt(): void {
    this.#isStale = true;
  }

  /** The attempt with this number; programmer error when there is none. */
  attempt(number: number): UploadAttempt {
    const found = this.#plan.attempts.find((attempt) => attempt.number === number);
    if (found === undefined) throw new Error(`file ${this.fileId} has no attempt ${number}`);
    return found;
  }

  async startAttempt(number: number, tempPath: string, startedAtMs: number): Promise<void> {
    await this.#write(this.#store.startAttempt(this.fileId, { number, tempPath }));
    const attempt: UploadAttempt = { number, tempPath, state: 'started', inode: undefined, startedAtMs };
    this.#plan = { ...this.#plan, attempts: [...this.#plan.attempts, attempt] };
  }

  async uploaded(number: number, inode: string | undefined): Promise<void> {
    await this.#write(this.#store.attemptUploaded(this.fileId, { number, inode }));
    this.#change(number, { state: 'uploaded', inode });
  }

  async abandon(number: number, inode: string | undefined): Promise<void> {
    await this.#write(this.#store.abandonAttempt(this.fileId, { number, inode }));
    this.#change(number, { state: 'abandoned', inode });
  }

  async startRename(number: number): Promise<void> {
    await this.#write(this.#store.startRename(this.fileId, number));
    this.#plan = { ...this.#plan, state: 'renaming' };
  }

  async landed(facts: LandedFacts, retainUntilMs: number | undefined): Promise<void> {
    await this.#write(this.#store.landed(this.fileId, facts, retainUntilMs));
    this.#plan = { ...this.#plan, state: 'landed' };
  }

  async hold(reason: string): Promise<void> {
    await this.#write(this.#store.hold(this.fileId, reason));
    this.#plan = { ...this.#plan, state: 'held', heldReason: reason };
  }

  /** Goes on without a damaged chunk; false: nothing is left to land. */
  async withoutChunk(damaged: DamagedChunk): Promise<boolean> {
    const rebuilt = await this.#write(this.#store.damagedChunk(this.fileId, damaged.chunkId, damaged.reason));
    if (rebuilt === undefined) return false;
    this.#plan = rebuilt;
    return true;
  }

  async #write<T>(transaction: Promise<T>): Promise<T> {
    try {
      return await transaction;
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
  }

  #change(number: number, facts: Pick<UploadAttempt, 'state' | 'inode'>): void {
    const attempts = this.#plan.attempts.map((one) => (one.number === number ? { ...one, ...facts } : one));
    this.#plan = { ...this.#plan, attempts };
  }
}
