import type { ChannelDatabase } from './channel-database.ts';

/** Counters since the state directory was made. Gathered in memory and written once a transaction. */
export class Totals {
  readonly #pending = new Map<string, number>();
  readonly #add;
  readonly #all;

  constructor(db: ChannelDatabase) {
    this.#add = db.prepare<[string, number]>(`INSERT INTO totals (name, value) VALUES (?, ?)
      ON CONFLICT (name) DO UPDATE SET value = value + excluded.value`);
    this.#all = db.prepare<[], { name: string; value: number }>(
      'SELECT name, value FROM totals ORDER BY name',
    );
  }

  add(name: string, amount: number): void {
    if (amount !== 0) this.#pending.set(name, (this.#pending.get(name) ?? 0) + amount);
  }

  /** Writes what one operation gathered; called inside its savepoint. */
  flush(): void {
    for (const [name, amount] of this.#pending) this.#add.run(name, amount);
    this.#pending.clear();
  }

  /** Forgets what an operation gathered that was rolled back. */
  discard(): void {
    this.#pending.clear();
  }

  read(): Record<string, number> {
    return Object.fromEntries(this.#all.all().map(({ name, value }) => [name, value]));
  }
}
