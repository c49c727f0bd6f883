const FIRST_WORDS = 1_024;

/** A set of whole numbers from 0, one bit each, that grows as needed: a million take 128 KB. */
export class SequenceSet {
  #words = new Uint32Array(FIRST_WORDS);
  #size = 0;

  /** How many numbers are in. */
  get size(): number {
    return this.#size;
  }

  has(sequence: number): boolean {
    return ((this.#words[sequence >>> 5] ?? 0) & (1 << (sequence & 31))) !== 0;
  }

  /** False when it was in before. */
  add(sequence: number): boolean {
    if (this.has(sequence)) return false;
    const index = sequence >>> 5;
    if (index >= this.#words.length) this.#grow(index);
    this.#words[index] = (this.#words[index] ?? 0) | (1 << (sequence & 31));
    this.#size++;
    return true;
  }

  #grow(index: number): void {
    const words = new Uint32Array(Math.max(index + 1, this.#words.length * 2));
    words.set(this.#words);
    this.#words = words;
  }
}
