/** The backlog by landing key, by the page, in any order. */
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import type { BacklogKey, BacklogKeys, KeySnapshot } from './query-backlog-keys.ts';
import { placeOf, placeText, type SortedPlace } from './query-cursor.ts';
import { firstAtOrAfter, rowNumbers, sortedByValue } from './query-row-order.ts';

type Question = ParsedInput<'backlogList'>;
type Sort = Question['sort'];

/** An order of the keys of a list, as their numbers in it. */
interface KeyOrder {
  readonly snapshot: KeySnapshot;
  /** What is sorted by, by number. */
  readonly values: Float64Array | readonly string[];
  /** Ascending. */
  readonly order: Uint32Array;
}

interface Matches {
  readonly name: string;
  /** One byte a key; undefined: all match. */
  readonly marks: Uint8Array | undefined;
  readonly totals: Pick<
    Output<'backlogList'>,
    'totalKeys' | 'totalEvents' | 'totalRawBytes' | 'totalStoredBytes'
  >;
}

export class BacklogList {
  readonly #keys: BacklogKeys;
  readonly #orders = new Map<Sort, KeyOrder>();
  #matches: Matches | undefined;
  #topicKeys: { readonly name: string; readonly ids: ReadonlySet<number> } | undefined;

  constructor(keys: BacklogKeys) {
    this.#keys = keys;
  }

  /**
   * Rows as they are now, in the order of the latest list; `bytes` are those that are stored, `oldest` and `newest` the times of
   * events, where the newest is that which came in since the key was empty last. Totals are of all keys that match. Throws `usage` for a cursor of another order.
   */
  page(question: Question): Output<'backlogList'> {
    const { sort, descending, limit, offset = 0 } = question;
    const after = placeOf(question.after, sort === 'directory' ? 'text' : 'number');
    // Whoever looks at this order will look at it again in a moment.
    const snapshot = this.#keys.snapshot((fresh) => this.#sorted(fresh, sort));
    const sorted = this.#sorted(snapshot, sort);
    const { order } = sorted;
    const { marks, totals } = this.#matching(question, snapshot);
    const step = descending ? -1 : 1;
    let at = after === undefined ? (descending ? order.length - 1 : 0) : placeAfter(sorted, after, step);
    let skip = offset;
    const found: number[] = [];
    for (; at >= 0 && at < order.length; at += step) {
      const number = order[at] ?? 0;
      if (marks !== undefined && marks[number] === 0) continue;
      if (skip-- > 0) continue;
      if (found.length === limit) break;
      found.push(number);
    }
    const last = found.at(-1);
    const isMore = at >= 0 && at < order.length && last !== undefined;
    return {
      rows: found.flatMap((number) => this.#keys.shown(snapshot.keys[number]?.id ?? 0) ?? []),
      ...(isMore ? { next: placeText(placeIn(sorted, last)) } : {}),
      ...totals,
    };
  }

  #sorted(snapshot: KeySnapshot, sort: Sort): KeyOrder {
    const known = this.#orders.get(sort);
    if (known?.snapshot === snapshot) return known;
    const sorted = sort === 'directory' ? byDirectory(snapshot, known) : this.#byNumber(snapshot, sort);
    this.#orders.set(sort, sorted);
    return sorted;
  }

  #byNumber(snapshot: KeySnapshot, sort: Exclude<Sort, 'directory'>): KeyOrder {
    const { keys } = snapshot;
    const values =
      sort === 'oldest'
        ? this.#keys.oldestEvents(keys)
        : Float64Array.from(keys, (key) => NUMBERS[sort](key));
    // Times of events may lie before 1970.
    const least = values.reduce((low, value) => Math.min(low, value), 0);
    const order = sortedByValue(least < 0 ? values.map((value) => value - least) : values, keys.length);
    return { snapshot, values, order };
  }

  #matching({ sink, topic, text = '' }: Question, snapshot: KeySnapshot): Matches {
    const name = JSON.stringify([snapshot.number, sink, topic, text]);
    if (this.#matches?.name === name) return this.#matches;
    const ids = topic === undefined ? undefined : this.#keysOfTopic(topic, snapshot);
    const isFiltered = sink !== undefined || ids !== undefined || text !== '';
    const marks = new Uint8Array(isFiltered ? snapshot.keys.length : 0);
    const totals = { totalKeys: 0, totalEvents: 0, totalRawBytes: 0, totalStoredBytes: 0 };
    snapshot.keys.forEach((key, number) => {
      const isMatching =
        (sink === undefined || key.sink === sink) &&
        (ids === undefined || ids.has(key.id)) &&
        (text === '' || key.directory.includes(text));
      if (!isMatching) return;
      if (isFiltered) marks[number] = 1;
      totals.totalKeys++;
      totals.totalEvents += key.events;
      totals.totalRawBytes += key.rawBytes;
      totals.totalStoredBytes += key.storedBytes;
    });
    return (this.#matches = { name, marks: isFiltered ? marks : undefined, totals });
  }

  #keysOfTopic(topic: string, snapshot: KeySnapshot): ReadonlySet<number> {
    const name = JSON.stringify([snapshot.number, topic]);
    if (this.#topicKeys?.name !== name) this.#topicKeys = { name, ids: this.#keys.ofTopic(topic) };
    return this.#topicKeys.ids;
  }
}

const NUMBERS = {
  id: ({ id }: BacklogKey) => id,
  events: ({ events }: BacklogKey) => events,
  bytes: ({ storedBytes }: BacklogKey) => storedBytes,
  newest: ({ newestEventMs }: BacklogKey) => newestEventMs,
};

/** Begins with the order of before, new keys at the end: nearly sorted already, which the sort takes to its advantage. */
function byDirectory(snapshot: KeySnapshot, before: KeyOrder | undefined): KeyOrder {
  const { keys } = snapshot;
  const values = keys.map(({ directory }) => directory);
  const numbers = before === undefined ? [...rowNumbers(keys.length)] : numbersLike(before, keys);
  numbers.sort((a, b) => compare(values[a] ?? '', values[b] ?? '') || a - b);
  return { snapshot, values, order: Uint32Array.from(numbers) };
}

function numbersLike({ snapshot, order }: KeyOrder, keys: readonly BacklogKey[]): number[] {
  const left = new Map(keys.map(({ id }, number) => [id, number]));
  const numbers: number[] = [];
  for (const old of order) {
    const id = snapshot.keys[old]?.id ?? 0;
    const number = left.get(id);
    if (number === undefined) continue;
    numbers.push(number);
    left.delete(id);
  }
  return [...numbers, ...left.values()];
}

function compare(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function placeIn({ snapshot, values }: KeyOrder, number: number): SortedPlace {
  return { value: values[number] ?? 0, id: snapshot.keys[number]?.id ?? 0 };
}

/** The first place beyond, in the direction of the step. */
function placeAfter(sorted: KeyOrder, after: SortedPlace, step: 1 | -1): number {
  const order = (number: number): number => {
    const { value, id } = placeIn(sorted, number);
    return compare(value, after.value) || id - after.id;
  };
  if (step === -1) return firstAtOrAfter(sorted.order, order) - 1;
  return firstAtOrAfter(sorted.order, (number) => (order(number) <= 0 ? -1 : 1));
}
