import type { ChannelDatabase } from './channel-database.ts';

/** The name under which the switch for all sinks is kept. */
export const ALL_SINKS = '*';

/** An operator's write switch: who moved it last, when and why. */
export interface WriteSwitch {
  /** A sink's name, or `ALL_SINKS`. */
  readonly sink: string;
  readonly isPaused: boolean;
  readonly who: string;
  readonly why: string;
  readonly atMs: number;
}

interface SwitchColumns {
  readonly sink: string;
  readonly is_paused: number;
  readonly who: string;
  readonly why: string;
  readonly at_ms: number;
}

/** Write switches: a sink's own and the one for all; either holds. They survive restarts, as operators expect. */
export class SwitchStore {
  readonly #set;
  readonly #all;
  readonly #paused;

  constructor(db: ChannelDatabase) {
    this.#set = db.prepare(`INSERT INTO switches (sink, is_paused, who, why, at_ms)
      VALUES (@sink, @isPaused, @who, @why, @atMs) ON CONFLICT (sink) DO UPDATE SET
      is_paused = excluded.is_paused, who = excluded.who, why = excluded.why, at_ms = excluded.at_ms`);
    this.#all = db.prepare<[], SwitchColumns>('SELECT * FROM switches ORDER BY sink');
    this.#paused = db.prepare<[string], { found: number }>(
      `SELECT 1 AS found FROM switches WHERE sink IN (?, '${ALL_SINKS}') AND is_paused = 1`,
    );
  }

  set(value: WriteSwitch): void {
    this.#set.run({ ...value, isPaused: value.isPaused ? 1 : 0 });
  }

  /** The start value of a sink that never had a switch. */
  setInitially(value: WriteSwitch): void {
    if (!this.list().some((known) => known.sink === value.sink)) this.set(value);
  }

  list(): WriteSwitch[] {
    return this.#all.all().map((row) => toWriteSwitch(row));
  }

  isPaused(sink: string): boolean {
    return this.#paused.get(sink) !== undefined;
  }
}

export function toWriteSwitch(row: SwitchColumns): WriteSwitch {
  return { sink: row.sink, isPaused: row.is_paused === 1, who: row.who, why: row.why, atMs: row.at_ms };
}
