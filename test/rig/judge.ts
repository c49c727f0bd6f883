import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { LandedFile, LandedTree } from './landed-tree.ts';
import { SequenceSet } from './sequence-set.ts';
import { zstdFrames } from './zstd-frames.ts';

/**
 * The judge: reads everything that landed and answers whether each produced record is there exactly once, in the directory of its
 * own time, and in order within each file. It imports nothing of the engine, so that an error there can't hide itself here.
 *
 * It remembers one bit for each record and bounded lists of examples, so that millions of records fit.
 */
export interface JudgeOptions {
  readonly tree: LandedTree;
  /** For each stream (a partition's number, or a text such as 'topic/0') how many records were produced: sequences 0 … count-1. */
  readonly produced: ReadonlyMap<Stream, number>;
  /** The stream and sequence in a line; undefined for a line that is none of ours. Lines are decoded as latin1: one char, one byte. */
  readonly identify: (line: string) => { readonly stream: Stream; readonly sequence: number } | undefined;
  /** The directory, relative to the tree's root, in which a line must stand; undefined: any. */
  readonly expectedDirectory?: (line: string) => string | undefined;
  /** True for a produced record that must not land (quarantined, filtered): it is `unwanted` when it does and never `missing`. */
  readonly isWithheld?: (stream: Stream, sequence: number) => boolean;
}

export type Stream = number | string;

/** A number of cases and the first few of them. */
export interface Cases {
  readonly count: number;
  readonly examples: readonly string[];
}

export interface Verdict {
  /** Nothing missing, twice, unwanted, unidentified, misplaced, out of order, damaged or torn. `hidden` files don't count. */
  readonly isClean: boolean;
  readonly files: number;
  readonly lines: number;
  /** Distinct produced records that were found. */
  readonly found: number;
  readonly missing: Cases;
  /** Further copies of records found before. */
  readonly duplicates: Cases;
  /** Records beyond what was produced, or withheld ones. */
  readonly unwanted: Cases;
  /** Lines without an id. */
  readonly unidentified: Cases;
  readonly misplaced: Cases;
  /** Records behind a later one of the same stream in the same file. */
  readonly disordered: Cases;
  /** Files that can't be decoded to their end. */
  readonly damaged: Cases;
  /** Files whose last line has no line end. */
  readonly torn: Cases;
  /** Files that readers ignore: a part of their path begins with `.` or `_`. After the janitor there should be none. */
  readonly hidden: readonly string[];
  readonly linesByDirectory: ReadonlyMap<string, number>;
}

const EXAMPLES_MAX = 20;

class CaseList implements Cases {
  count = 0;
  readonly examples: string[] = [];

  add(example: () => string): void {
    this.count++;
    if (this.examples.length < EXAMPLES_MAX) this.examples.push(example());
  }
}

export function judge(options: JudgeOptions): Promise<Verdict> {
  return new Judgement(options).pass();
}

class Judgement {
  readonly #options: JudgeOptions;
  readonly #seen = new Map<Stream, SequenceSet>();
  readonly #missing = new CaseList();
  readonly #duplicates = new CaseList();
  readonly #unwanted = new CaseList();
  readonly #unidentified = new CaseList();
  readonly #misplaced = new CaseList();
  readonly #disordered = new CaseList();
  readonly #damaged = new CaseList();
  readonly #torn = new CaseList();
  readonly #linesByDirectory = new Map<string, number>();
  #lines = 0;
  #found = 0;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  async pass(): Promise<Verdict> {
    const all = await this.#options.tree.files();
    const visible = all.filter((file) => !isHidden(file));
    for (const file of visible) await this.#readFile(file);
    this.#findMissing();
    const problems = {
      missing: this.#missing,
      duplicates: this.#duplicates,
      unwanted: this.#unwanted,
      unidentified: this.#unidentified,
      misplaced: this.#misplaced,
      disordered: this.#disordered,
      damaged: this.#damaged,
      torn: this.#torn,
    };
    return {
      isClean: Object.values(problems).every((cases) => cases.count === 0),
      files: visible.length,
      lines: this.#lines,
      found: this.#found,
      ...problems,
      hidden: all.filter(isHidden).map((file) => file.path),
      linesByDirectory: this.#linesByDirectory,
    };
  }

  async #readFile(file: LandedFile): Promise<void> {
    const newest = new Map<Stream, number>();
    const linesBefore = this.#lines;
    try {
      const hasLineEnd = await eachLine(decoded(file, await this.#options.tree.open(file)), (line) =>
        this.#take(line, file, newest),
      );
      if (!hasLineEnd) this.#torn.add(() => file.path);
    } catch (error) {
      this.#damaged.add(() => `${file.path}: ${String(error)}`);
    }
    const before = this.#linesByDirectory.get(file.directory) ?? 0;
    this.#linesByDirectory.set(file.directory, before + this.#lines - linesBefore);
  }

  #take(line: string, file: LandedFile, newest: Map<Stream, number>): void {
    this.#lines++;
    const id = this.#options.identify(line);
    if (id === undefined) {
      this.#unidentified.add(() => `${file.path}: ${line.slice(0, 200)}`);
      return;
    }
    const { stream, sequence } = id;
    const name = (): string => `${stream}-${sequence} in ${file.path}`;
    const produced = this.#options.produced.get(stream) ?? 0;
    if (sequence >= produced || this.#options.isWithheld?.(stream, sequence) === true)
      this.#unwanted.add(name);
    else if (this.#seenOf(stream).add(sequence)) this.#found++;
    else this.#duplicates.add(name);
    const last = newest.get(stream);
    if (last !== undefined && sequence <= last) this.#disordered.add(() => `${name()} after ${last}`);
    else newest.set(stream, sequence);
    const expected = this.#options.expectedDirectory?.(line);
    if (expected !== undefined && expected !== file.directory)
      this.#misplaced.add(() => `${name()}, belongs in ${expected}`);
  }

  #seenOf(stream: Stream): SequenceSet {
    let seen = this.#seen.get(stream);
    if (seen === undefined) this.#seen.set(stream, (seen = new SequenceSet()));
    return seen;
  }

  #findMissing(): void {
    for (const [stream, count] of this.#options.produced) {
      const seen = this.#seenOf(stream);
      if (seen.size === count) continue;
      for (let sequence = 0; sequence < count; sequence++) {
        if (seen.has(sequence) || this.#options.isWithheld?.(stream, sequence) === true) continue;
        this.#missing.add(() => `${stream}-${sequence}`);
      }
    }
  }
}

/** The bytes of a landed file: several gzip members or zstd frames follow one another as one text. */
function decoded(file: LandedFile, raw: Readable): AsyncIterable<Buffer> {
  if (file.name.endsWith('.zst')) return zstdFrames(raw);
  if (!file.name.endsWith('.gz')) return raw;
  const gunzip = createGunzip();
  // A failure on the way makes the reader of `gunzip` throw; the promise tells the same.
  pipeline(raw, gunzip).catch((error: unknown) =>
    gunzip.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  return gunzip;
}

/** Hadoop's own readers skip these names. */
function isHidden(file: LandedFile): boolean {
  return file.path.split('/').some((part) => part.startsWith('.') || part.startsWith('_'));
}

/** Calls `take` with each line. Answers whether the last one had its line end (true for an empty stream). */
export async function eachLine(
  stream: AsyncIterable<Buffer>,
  take: (line: string) => void,
): Promise<boolean> {
  let rest = '';
  for await (const chunk of stream) {
    const text = rest + chunk.toString('latin1');
    let start = 0;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      take(text.slice(start, end));
      start = end + 1;
    }
    rest = text.slice(start);
  }
  if (rest === '') return true;
  take(rest);
  return false;
}

/** The verdict in a few lines, for a person or for the message of an assertion. */
export function describeVerdict(verdict: Verdict): string {
  const { isClean, found, lines, files, hidden } = verdict;
  const text = [
    `${isClean ? 'clean' : 'NOT clean'}: ${found} records found in ${lines} lines of ${files} files, ${hidden.length} hidden files`,
  ];
  const kinds = [
    'missing',
    'duplicates',
    'unwanted',
    'unidentified',
    'misplaced',
    'disordered',
    'damaged',
    'torn',
  ] as const;
  for (const kind of kinds) {
    const { count, examples } = verdict[kind];
    if (count > 0) text.push(`${kind} ${count}: ${examples.slice(0, 5).join('; ')}`);
  }
  if (hidden.length > 0) text.push(`hidden: ${hidden.slice(0, 5).join('; ')}`);
  return text.join('\n');
}
