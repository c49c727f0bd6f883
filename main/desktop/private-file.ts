/** Small JSON files of the user's own: mode 0600, replaced whole, and a damaged one never keeps the program from starting. */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';

const FILE_BYTES_MAX = 256 * 1024;
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export interface ReadFile<T> {
  readonly value: T;
  /** Where the file was set aside, when it could not be read as what it should be. */
  readonly damaged?: string;
}

export class PrivateFile<T> {
  readonly #path: string;
  readonly #schema: z.ZodType<T>;
  #writing: Promise<void> = Promise.resolve();

  /** `schema` must take `{}`: that is what an absent or damaged file counts as. */
  constructor(path: string, schema: z.ZodType<T>) {
    this.#path = path;
    this.#schema = schema;
  }

  /** Throws only for what keeps a file that is there from being read or set aside: rights, a broken disk. */
  async read(): Promise<ReadFile<T>> {
    const text = await this.#text();
    if (text === undefined) return { value: this.#schema.parse({}) };
    const parsed = this.#schema.safeParse(parseJson(text));
    if (parsed.success) return { value: parsed.data };
    const damaged = `${this.#path}.damaged`;
    await rename(this.#path, damaged);
    return { value: this.#schema.parse({}), damaged };
  }

  /** One write after the other; the file is the old one or the new one, whatever happens meanwhile. */
  write(value: T): Promise<void> {
    const written = this.#writing.then(() => writeWhole(this.#path, `${JSON.stringify(value, null, 2)}\n`));
    // The one who asked gets the error; the next write starts in any case.
    this.#writing = written.then(
      () => undefined,
      () => undefined,
    );
    return written;
  }

  async #text(): Promise<string | undefined> {
    try {
      const { size } = await stat(this.#path);
      return size > FILE_BYTES_MAX ? '' : await readFile(this.#path, 'utf8');
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }
}

/** Writes a file by way of a temporary one beside it. */
export async function writeWhole(path: string, text: string, mode = FILE_MODE): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  const temporary = `${path}.${process.pid}.new`;
  try {
    await using file = await open(temporary, 'w', mode);
    await file.writeFile(text);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await rename(temporary, path);
}

export function isAbsent(error: unknown): boolean {
  return error instanceof Error && Reflect.get(error, 'code') === 'ENOENT';
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // No JSON is no object of ours either: the schema refuses it, and the caller sets the file aside.
    return undefined;
  }
}
