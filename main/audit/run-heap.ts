/** What the heap orders by: where the thing's present run begins. */
export interface HeapItem {
  readonly from: number;
}

/** A binary heap, the item with the least `from` on top. Items change only on top, and then `topChanged` is called. */
export class RunHeap<T extends HeapItem> {
  readonly #items: T[] = [];

  get top(): T | undefined {
    return this.#items[0];
  }

  /** All of them, in no order. */
  get items(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = items[parentAt];
      if (parent === undefined || parent.from <= item.from) break;
      items[at] = parent;
      at = parentAt;
    }
    items[at] = item;
  }

  topChanged(): void {
    const item = this.#items[0];
    if (item !== undefined) this.#sink(item);
  }

  removeTop(): void {
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sink(last);
  }

  /** Puts `item` in at the top and lets it sink to its place. */
  #sink(item: T): void {
    const items = this.#items;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = items[childAt];
      const right = items[childAt + 1];
      if (child === undefined) break;
      if (right !== undefined && right.from < child.from) {
        child = right;
        childAt++;
      }
      if (item.from <= child.from) break;
      items[at] = child;
      at = childAt;
    }
    items[at] = item;
  }
}
