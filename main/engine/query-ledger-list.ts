/** Pages of the ledger in any order and through any filter, out of the columns in memory. */
import type { ParsedInput } from '../../shared/contract/control.ts';
import type { SortedPlace } from './query-cursor.ts';
import { matchingRows, type LedgerFilter } from './query-ledger-filter.ts';
import type { LedgerRows } from './query-ledger-rows.ts';
import { firstAtOrAfter, sortedByValue, withNewRows, type CompareRows } from './query-row-order.ts';

export type LedgerSort = ParsedInput<'landings'>['sort'];
export const LEDGER_SORTS: readonly LedgerSort[] = ['landed', 'path', 'events', 'bytes'];

export interface LedgerQuestion extends LedgerFilter {
  readonly sort: LedgerSort;
  readonly descending: boolean;
  readonly limit: number;
  readonly offset: number;
  readonly after: SortedPlace | undefined;
}

export interface LedgerPage {
  /** Ids of the ledger. */
  readonly ids: readonly number[];
  /** Where the page ends; undefined: there is nothing after it. */
  readonly next: SortedPlace | undefined;
  readonly total: number;
}

interface Matches {
  readonly text: string;
  readonly marks: Uint8Array | undefined;
  readonly total: number;
}

export class LedgerList {
  readonly #rows: LedgerRows;
  readonly #orders = new Map<LedgerSort, Uint32Array>();
  #generation = 0;
  /** Of the last filter: whoever scrolls asks with the same one again. */
  #matches: Matches | undefined;

  constructor(rows: LedgerRows) {
    this.#rows = rows;
  }

  page(question: LedgerQuestion): LedgerPage {
    this.#rows.refresh();
    const order = this.order(question.sort);
    const { marks, total } = this.#matching(question);
    const { limit, descending } = question;
    const step = descending ? -1 : 1;
    let at = this.#start(order, question);
    let skip = question.offset;
    if (marks === undefined) {
      at += step * skip;
      skip = 0;
    }
    const found: number[] = [];
    for (; at >= 0 && at < order.length; at += step) {
      const row = order[at] ?? 0;
      if (marks !== undefined && marks[row] === 0) continue;
      if (skip-- > 0) continue;
      if (found.length === limit) break;
      found.push(row);
    }
    const last = found.at(-1);
    const isMore = at >= 0 && at < order.length;
    return {
      ids: found.map((row) => this.#rows.columns.ids[row] ?? 0),
      next: isMore && last !== undefined ? this.#place(question.sort, last) : undefined,
      total,
    };
  }

  /** All rows, ascending. Made when it is asked for first, then kept up. */
  order(sort: LedgerSort): Uint32Array {
    const rows = this.#rows;
    if (rows.generation !== this.#generation) {
      this.#generation = rows.generation;
      this.#orders.clear();
    }
    const known = this.#orders.get(sort);
    const order =
      (known === undefined ? undefined : withNewRows(known, rows.count, this.#compare(sort))) ??
      (sort === 'path' ? this.#byPath() : sortedByValue(this.#values(sort), rows.count));
    this.#orders.set(sort, order);
    return order;
  }

  #start(order: Uint32Array, { after, sort, descending }: LedgerQuestion): number {
    if (after === undefined) return descending ? order.length - 1 : 0;
    const compare = this.#compareTo(sort, after);
    if (descending) return firstAtOrAfter(order, compare) - 1;
    return firstAtOrAfter(order, (row) => (compare(row) <= 0 ? -1 : 1));
  }

  #matching(question: LedgerQuestion): Matches {
    const { sinceMs, untilMs, path, text, topic } = question;
    const { count, generation } = this.#rows;
    const name = JSON.stringify([generation, count, sinceMs, untilMs, path, text, topic]);
    if (this.#matches?.text === name) return this.#matches;
    const marks = matchingRows(this.#rows, question);
    let total = 0;
    if (marks !== undefined) for (const mark of marks) total += mark;
    return (this.#matches = { text: name, marks, total: marks === undefined ? count : total });
  }

  /** By directory, and by name within it; so a directory's files stand together. */
  #byPath(): Uint32Array {
    const { count, directories, columns, names } = this.#rows;
    const sorted = directories
      .map((_, id) => id)
      .sort((a, b) => compareTexts(directories[a], directories[b]));
    const ranks = new Uint32Array(directories.length);
    sorted.forEach((id, rank) => (ranks[id] = rank));
    const values = Float64Array.from({ length: count }, (_, row) => ranks[columns.directory[row] ?? 0] ?? 0);
    const order = sortedByValue(values, count);
    for (let from = 0; from < count;) {
      const rank = values[order[from] ?? 0];
      let to = from + 1;
      let isSorted = true;
      for (; to < count && values[order[to] ?? 0] === rank; to++)
        isSorted &&= names.compare(order[to - 1] ?? 0, order[to] ?? 0) <= 0;
      // Names begin with their time as a rule, so that they are in order already.
      if (!isSorted) order.subarray(from, to).sort((a, b) => names.compare(a, b) || a - b);
      from = to;
    }
    return order;
  }

  #compare(sort: LedgerSort): CompareRows {
    const { columns, directories, names } = this.#rows;
    if (sort !== 'path') {
      const values = this.#values(sort);
      return (a, b) => (values[a] ?? 0) - (values[b] ?? 0) || a - b;
    }
    const { directory } = columns;
    return (a, b) =>
      compareTexts(directories[directory[a] ?? 0], directories[directory[b] ?? 0]) ||
      names.compare(a, b) ||
      a - b;
  }

  #compareTo(sort: LedgerSort, { value, id }: SortedPlace): (row: number) => number {
    const { columns, directories, names } = this.#rows;
    const { ids, directory } = columns;
    if (sort !== 'path') {
      const values = this.#values(sort);
      return (row) => (values[row] ?? 0) - Number(value) || (ids[row] ?? 0) - id;
    }
    const path = String(value);
    const slash = path.lastIndexOf('/');
    const folder = path.slice(0, Math.max(0, slash));
    const name = Buffer.from(path.slice(slash + 1));
    return (row) =>
      compareTexts(directories[directory[row] ?? 0], folder) ||
      names.compareTo(row, name) ||
      (ids[row] ?? 0) - id;
  }

  #place(sort: LedgerSort, row: number): SortedPlace {
    const id = this.#rows.columns.ids[row] ?? 0;
    if (sort !== 'path') return { value: this.#values(sort)[row] ?? 0, id };
    const { directory, name } = this.#rows.pathOf(row);
    return { value: `${directory}/${name}`, id };
  }

  #values(sort: Exclude<LedgerSort, 'path'>): Float64Array {
    const { landedMs, events, bytes } = this.#rows.columns;
    return { landed: landedMs, events, bytes }[sort];
  }
}

function compareTexts(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
