/** Tasks that run beside a loop: their ends wake it, and the first failure, which none of them should have, is kept for it. */
export class TaskSet {
  readonly #onEnd: () => void;
  readonly #tasks = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
  }

  /** What no task should throw, once one did. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  add(task: Promise<void>): void {
    const tracked = task
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#tasks.delete(tracked);
        this.#onEnd();
      });
    this.#tasks.add(tracked);
  }

  /** Resolves when none runs, also of those that are added meanwhile. */
  async ended(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}
