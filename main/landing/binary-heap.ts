/** A binary min-heap: the smallest first, in O(log n), built from a list in O(n). */
export class BinaryHeap<T> {
  readonly #order: (item: T) => number;
  #items: T[] = [];

  /** `order` gives each item's rank; it must not change while the item is in the heap. */
  constructor(order: (item: T) => number) {
    this.#order = order;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    let at = this.#items.length - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (this.#items.length > 0 && last !== undefined) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return first;
  }

  /** Replaces everything; the heap keeps the array. */
  rebuild(items: T[]): void {
    this.#items = items;
    for (let at = (items.length >> 1) - 1; at >= 0; at--) this.#sink(at);
  }

  #sink(from: number): void {
    let at = from;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#items.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    return this.#order(this.#items[a] as T) < this.#order(this.#items[b] as T);
  }

  #swap(a: number, b: number): void {
    const held = this.#items[a] as T;
    this.#items[a] = this.#items[b] as T;
    this.#items[b] = held;
  }
}
