import type { Clock } from '../telemetry/clock.ts';

/** The sleep of a loop that may be woken: a call of `wake` since `begin` counts too, so that no news is slept through. */
export class WakeableSleep {
  readonly #clock: Clock;
  #wakeUp: (() => void) | undefined;
  #isWoken = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From here on a call of `wake` ends the next sleep. */
  begin(): void {
    this.#isWoken = false;
  }

  wake(): void {
    this.#isWoken = true;
    this.#wakeUp?.();
  }

  async sleep(ms: number): Promise<void> {
    if (this.#isWoken) return;
    const woken = new AbortController();
    this.#wakeUp = () => {
      woken.abort();
    };
    try {
      await this.#clock.sleep(ms, woken.signal);
    } catch (error) {
      if (!woken.signal.aborted) throw error;
    } finally {
      this.#wakeUp = undefined;
    }
  }
}
