import { createHash } from 'node:crypto';

import { fileId } from '../../shared/model/brand.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type { Clock, Random } from '../telemetry/clock.ts';

const STATE_CHARS = 8;
const COUNTER_CHARS = 3;
const NONCE_CHARS = 5;
const COUNTER_MAX = 36 ** COUNTER_CHARS - 1;

/**
 * Makes file ids: `20261121-115830123-<state>-<counter><nonce>`, UTC, 36 characters.
 *
 * They sort by time as text. They are unique in the fleet for ever: the state part tells gateways (and clones that got an
 * identity of their own) apart, the counter the files of one millisecond, the nonce two makers of one gateway and a restart
 * under a clock that was set back. Within one maker ids only grow, also when the clock steps back.
 */
export class FileIdMaker {
  readonly #clock: Clock;
  readonly #state: string;
  readonly #nonce: string;
  #lastMs = 0;
  #counter = 0;

  constructor(stateId: string, clock: Clock, random: Random) {
    this.#clock = clock;
    this.#state = statePart(stateId);
    this.#nonce = base36(Math.floor(random() * 36 ** NONCE_CHARS), NONCE_CHARS);
  }

  next(): FileId {
    const nowMs = Math.max(this.#clock.nowMs(), this.#lastMs);
    if (nowMs > this.#lastMs) this.#counter = 0;
    else if (++this.#counter > COUNTER_MAX) this.#counter = 0;
    // A counter that ran over moves into the next millisecond, so that ids go on growing.
    this.#lastMs = nowMs === this.#lastMs && this.#counter === 0 ? nowMs + 1 : nowMs;
    const time = new Date(this.#lastMs).toISOString().replace(/[-:.TZ]/g, '');
    const count = base36(this.#counter, COUNTER_CHARS);
    return fileId(`${time.slice(0, 8)}-${time.slice(8)}-${this.#state}-${count}${this.#nonce}`);
  }
}

/** The state id's first characters as people see them elsewhere; a hash where those would not fit a file name. */
export function statePart(stateId: string): string {
  const start = stateId.slice(0, STATE_CHARS);
  if (/^[0-9a-z]{8}$/.test(start)) return start;
  return createHash('sha256').update(stateId).digest('hex').slice(0, STATE_CHARS);
}

function base36(value: number, width: number): string {
  return value.toString(36).padStart(width, '0');
}
