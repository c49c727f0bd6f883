/** `${env:NAME}` and `${file:PATH}` in values: what they stand for, and how it is kept from being shown. */
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** A password or a key fits many times over. */
export const MAX_REFERENCED_FILE_BYTES = 64 * 1024;
export const MAX_REFERENCES = 1_000;
/** Shorter values are no secrets, and blanking every "a" would make messages unreadable. */
const MIN_SECRET_CHARS = 4;

export interface ReferenceSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder of the configuration file: relative `${file:}` paths begin there. */
  readonly folder: string;
}

export type Expansion = { readonly value: string } | { readonly message: string; readonly hint: string };

interface KnownReference {
  readonly reference: string;
  readonly value: string;
}

/** Expands references and remembers every value that came from one. */
export class ReferenceReader {
  readonly #sources: ReferenceSources;
  readonly #known = new Map<string, KnownReference>();
  readonly #watched = new Set<string>();

  constructor(sources: ReferenceSources) {
    this.#sources = sources;
  }

  /** The files that values came from; a change of one is a change of the configuration. */
  get files(): readonly string[] {
    return [...this.#watched];
  }

  /** `$${` stands for a literal `${`. A `${…}` of another form is left alone: `replaceString` has such. */
  expand(written: string): Expansion {
    if (!written.includes('${')) return { value: written };
    const problems: { readonly message: string; readonly hint: string }[] = [];
    const value = written.replace(
      /\$\$\{|\$\{([A-Za-z]+):([^{}\r\n]*)\}/g,
      (whole, kind: string | undefined, name: string | undefined) => {
        if (kind === undefined) return '${';
        const found = this.#look(kind, (name ?? '').trim(), whole);
        if ('value' in found) return found.value;
        problems.push(found);
        return '';
      },
    );
    return problems[0] ?? { value };
  }

  #look(kind: string, name: string, reference: string): Expansion {
    const known = this.#known.get(reference);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_REFERENCES)
      return { message: `more than ${MAX_REFERENCES} references`, hint: 'Write the values out.' };
    const found =
      kind === 'env' ? this.#environment(name) : kind === 'file' ? this.#file(name) : UNKNOWN_KIND;
    if ('value' in found) this.#known.set(reference, { reference, value: found.value });
    return found;
  }

  #environment(name: string): Expansion {
    const value = Object.hasOwn(this.#sources.environment, name)
      ? this.#sources.environment[name]
      : undefined;
    if (value !== undefined) return { value };
    return {
      message: `the environment variable ${name === '' ? '(no name)' : name} is not set`,
      hint: 'Set it for the service, or use ${file:…}.',
    };
  }

  #file(name: string): Expansion {
    if (name === '') return { message: 'the reference names no file', hint: 'Write ${file:/path/to/file}.' };
    const path = isAbsolute(name) ? name : join(this.#sources.folder, name);
    this.#watched.add(path);
    try {
      const { size, isFile } = describeFile(path);
      if (!isFile)
        return {
          message: 'the referenced path is not a file',
          hint: 'Name a file with nothing but the value.',
        };
      if (size > MAX_REFERENCED_FILE_BYTES)
        return {
          message: 'the referenced file is larger than 64 KiB',
          hint: 'It should hold nothing but the value.',
        };
      const content = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      return { value: content };
    } catch (cause) {
      const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
      return {
        message: `the referenced file cannot be read (${typeof code === 'string' ? code : 'unknown fault'})`,
        hint: 'Check the path, and that the service may read it.',
      };
    }
  }

  /** The text with every value that came from a reference replaced by the reference. */
  redact(shown: string): string {
    let clean = shown;
    const longestFirst = [...this.#known.values()].sort(
      (left, right) => right.value.length - left.value.length,
    );
    for (const { reference, value } of longestFirst) {
      for (const form of new Set([value, ...value.split(/[\s,]+/)])) {
        if (form.length >= MIN_SECRET_CHARS) clean = clean.replaceAll(form, reference);
      }
    }
    return clean;
  }
}

const UNKNOWN_KIND: Expansion = {
  message: 'a reference of an unknown kind',
  hint: 'Use ${env:NAME} or ${file:PATH}; for a literal "${" write "$${".',
};

function describeFile(path: string): { readonly size: number; readonly isFile: boolean } {
  const stats = statSync(path);
  return { size: stats.size, isFile: stats.isFile() };
}
