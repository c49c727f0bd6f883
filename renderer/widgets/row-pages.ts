/**
 * Rows of a long list in windows: a table asks for the rows it shows, this keeps the windows around them. What was shown stays until the
 * answer to a new question is here, so that a table doesn't flash while it is sorted or searched.
 */
import { isAborted, toCallError, type CallError } from '../client/call-error.ts';

export const PAGE_ROWS = 100;
/** Windows that are kept; those looked at longest ago go. */
const PAGES_MAX = 40;

export interface PageAnswer<T> {
  readonly rows: readonly T[];
  /** Of the whole list; absent where the engine doesn't count. */
  readonly total?: number | undefined;
  /** There is more after these rows; needed only without a total. */
  readonly hasMore?: boolean;
}

export type FetchPage<T> = (offset: number, limit: number, signal: AbortSignal) => Promise<PageAnswer<T>>;

/** What a table shows. */
export interface RowSource<T> {
  readonly total: number;
  readonly rowAt: (place: number) => T | undefined;
  /** Tells which rows are looked at; fetches what of them isn't here. */
  readonly ensure: (first: number, last: number) => void;
  /** Something is under way. */
  readonly isLoading: boolean;
  /** The rows answer an earlier question. */
  readonly isStale: boolean;
  readonly error: CallError | undefined;
  readonly reload: () => void;
}

interface Answers<T> {
  readonly pages: Map<number, readonly T[]>;
  total: number;
}

export class RowPages<T> {
  #fetch: FetchPage<T>;
  #answers: Answers<T> | undefined;
  /** Of the question that was asked before, until the first answer to this one. */
  #before: Answers<T> | undefined;
  #running = new Map<number, AbortController>();
  #error: CallError | undefined;
  #shown: readonly [number, number] = [0, PAGE_ROWS - 1];
  readonly #watchers = new Set<() => void>();
  #source: RowSource<T>;

  constructor(fetch: FetchPage<T>) {
    this.#fetch = fetch;
    this.#source = this.#makeSource();
  }

  readonly source = (): RowSource<T> => this.#source;

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Another question: other filters or another order. */
  ask(fetch: FetchPage<T>): void {
    this.stop();
    this.#fetch = fetch;
    this.#before = this.#answers ?? this.#before;
    this.#answers = undefined;
    this.#shown = [0, PAGE_ROWS - 1];
    this.#error = undefined;
    this.#load(0);
    this.#tell();
  }

  /** The same question again, for the rows that are looked at; the others are forgotten. */
  readonly reload = (): void => {
    this.stop();
    this.#error = undefined;
    const [first, last] = this.#pagesShown();
    for (const page of this.#answers?.pages.keys() ?? [])
      if (page < first || page > last) this.#answers?.pages.delete(page);
    for (let page = first; page <= last; page++) this.#load(page);
    this.#tell();
  };

  stop(): void {
    for (const abort of this.#running.values()) abort.abort();
    this.#running.clear();
  }

  #pagesShown(): readonly [number, number] {
    const [first, last] = this.#shown;
    return [Math.floor(first / PAGE_ROWS), Math.floor(Math.max(first, last) / PAGE_ROWS)];
  }

  readonly #ensure = (first: number, last: number): void => {
    this.#shown = [Math.max(0, first), last];
    if (this.#answers === undefined) return;
    const [from, to] = this.#pagesShown();
    // Windows that were scrolled past are no longer worth waiting for.
    for (const [page, abort] of this.#running) {
      if (page >= from - 1 && page <= to + 1) continue;
      abort.abort();
      this.#running.delete(page);
    }
    for (let page = from; page <= to; page++) {
      const isBeyond = page * PAGE_ROWS >= this.#answers.total;
      if (!isBeyond && !this.#answers.pages.has(page) && !this.#running.has(page)) this.#load(page);
    }
  };

  #load(page: number): void {
    const abort = new AbortController();
    this.#running.set(page, abort);
    this.#fetch(page * PAGE_ROWS, PAGE_ROWS, abort.signal).then(
      (answer) => {
        if (!abort.signal.aborted) this.#take(page, answer);
      },
      (error: unknown) => {
        if (abort.signal.aborted || isAborted(error)) return;
        this.#running.delete(page);
        this.#error = toCallError(error);
        this.#tell();
      },
    );
  }

  #take(page: number, { rows, total, hasMore }: PageAnswer<T>): void {
    this.#running.delete(page);
    this.#error = undefined;
    const answers: Answers<T> = this.#answers ?? { pages: new Map(), total: 0 };
    this.#answers = answers;
    this.#before = undefined;
    answers.pages.delete(page);
    answers.pages.set(page, rows);
    for (const old of answers.pages.keys()) {
      if (answers.pages.size <= PAGES_MAX) break;
      answers.pages.delete(old);
    }
    const known = page * PAGE_ROWS + rows.length;
    if (total !== undefined) answers.total = total;
    else if (hasMore === true) answers.total = Math.max(answers.total, known + PAGE_ROWS);
    else if (rows.length > 0 || page === 0) answers.total = known;
    this.#tell();
  }

  #makeSource(): RowSource<T> {
    const answers = this.#answers ?? this.#before;
    return {
      total: answers?.total ?? 0,
      rowAt: (place) => answers?.pages.get(Math.floor(place / PAGE_ROWS))?.[place % PAGE_ROWS],
      ensure: this.#ensure,
      isLoading: this.#running.size > 0 || (answers === undefined && this.#error === undefined),
      isStale: this.#answers === undefined && this.#before !== undefined,
      error: this.#error,
      reload: this.reload,
    };
  }

  #tell(): void {
    this.#source = this.#makeSource();
    for (const watcher of this.#watchers) watcher();
  }
}
