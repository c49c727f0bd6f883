import type { MemoryRoom } from '../channel/memory-room.ts';
import { SECOND_MS } from '../../shared/units.ts';

/** Landing that is asked for takes about so long; asked again sooner it would only make small files. */
const ASKED_AGAIN_MS = 10 * SECOND_MS;

/**
 * Has the files of a memory channel landed before their time when its memory fills up: else intake would stand still until they roll by
 * their size or age, which may be more than the memory holds, or hours.
 */
export class MemoryRelief {
  readonly #landNow: (channel: string) => void;
  readonly #askedMs = new Map<string, number>();

  constructor(landNow: (channel: string) => void) {
    this.#landNow = landNow;
  }

  look(memory: readonly MemoryRoom[], steadyMs: number): void {
    for (const { channel, isFilling } of memory) {
      if (!isFilling) this.#askedMs.delete(channel);
      else if (steadyMs - (this.#askedMs.get(channel) ?? -Infinity) >= ASKED_AGAIN_MS) {
        this.#askedMs.set(channel, steadyMs);
        this.#landNow(channel);
      }
    }
  }
}
