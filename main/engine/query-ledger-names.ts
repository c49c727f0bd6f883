/** File names of the ledger's rows as UTF-8 in blocks: compared and searched as bytes, they take a third of what strings take. */

/** Rows of a block, some megabytes: such pieces go back to the system when they are freed. The last one is filled up as rows come in. */
const BLOCK_ROWS = 65_536;
/** No more of names is held, however long they are. */
const BYTES_MAX = 192 * 1024 * 1024;
/** Ends each name: no file's name holds it, so that nothing is found across two names. */
const END = '\0';

interface Block {
  bytes: Buffer;
  /** Where each name ends. */
  readonly ends: Uint32Array;
  rows: number;
}

export class LedgerNames {
  readonly #blocks: Block[] = [];
  #bytes = 0;

  get hasRoom(): boolean {
    return this.#bytes < BYTES_MAX;
  }

  /** Adds names of the rows after those that it has. */
  add(names: readonly string[]): void {
    for (let at = 0; at < names.length;) {
      let block = this.#blocks.at(-1);
      if (block === undefined || block.rows === BLOCK_ROWS) {
        block = { bytes: Buffer.alloc(0), ends: new Uint32Array(BLOCK_ROWS), rows: 0 };
        this.#blocks.push(block);
      }
      const part = names.slice(at, at + BLOCK_ROWS - block.rows);
      this.#fill(block, part);
      at += part.length;
    }
  }

  text(row: number): string {
    const { block, start, end } = this.#at(row);
    return block.bytes.toString('utf8', start, end);
  }

  /** As `sort` wants it, by bytes. */
  compare(a: number, b: number): number {
    const left = this.#at(a);
    const right = this.#at(b);
    return left.block.bytes.compare(right.block.bytes, right.start, right.end, left.start, left.end);
  }

  compareTo(row: number, name: Uint8Array): number {
    const { block, start, end } = this.#at(row);
    return block.bytes.compare(name, 0, name.length, start, end);
  }

  startsWith(row: number, text: Uint8Array): boolean {
    const { block, start, end } = this.#at(row);
    if (end - start < text.length) return false;
    return block.bytes.compare(text, 0, text.length, start, start + text.length) === 0;
  }

  /** Calls `found` for each row whose name holds the text, which is not empty. */
  search(text: Uint8Array, found: (row: number) => void): void {
    this.#blocks.forEach(({ bytes, ends, rows }, number) => {
      let row = 0;
      for (let at = bytes.indexOf(text); at >= 0 && row < rows; at = bytes.indexOf(text, at)) {
        while ((ends[row] ?? 0) < at) row++;
        found(number * BLOCK_ROWS + row);
        // The rest of this name need not be looked at.
        at = (ends[row] ?? 0) + 1;
        row++;
      }
    });
  }

  #at(row: number): { readonly block: Block; readonly start: number; readonly end: number } {
    const within = row % BLOCK_ROWS;
    const block = this.#blocks[(row - within) / BLOCK_ROWS];
    if (block === undefined || within >= block.rows) throw new RangeError(`there is no row ${row}`);
    const start = within === 0 ? 0 : (block.ends[within - 1] ?? 0) + 1;
    return { block, start, end: block.ends[within] ?? 0 };
  }

  #fill(block: Block, names: readonly string[]): void {
    const text = names.join(END) + END;
    const fresh = Buffer.from(text);
    const isAscii = fresh.length === text.length;
    let end = block.bytes.length - 1;
    for (const name of names) {
      end += 1 + (isAscii ? name.length : Buffer.byteLength(name));
      block.ends[block.rows++] = end;
    }
    block.bytes = block.bytes.length === 0 ? fresh : Buffer.concat([block.bytes, fresh]);
    this.#bytes += fresh.length;
  }
}
