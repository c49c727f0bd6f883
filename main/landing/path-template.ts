/**
 * Compiles `hdfs.path` and `hdfs.filePrefix`: Flume's escapes, read once, expanded for a bucket of time and an event's headers.
 * Source of the escapes: Flume 1.11, `BucketPath`. Where Flume guesses, a template is refused: an escape without meaning (Flume: empty
 * text), `%` before something else (Flume: left as it is), a path with `.` or `..`.
 */
import { GatewayError } from '../../shared/errors.ts';
import { isTimeEscape } from './path-template-buckets.ts';
import { MAX_COMPONENT_BYTES, safeName } from './path-template-names.ts';
import type { NamePiece } from './path-template-names.ts';

/** Names of this machine, for `%[localhost]`, `%[IP]` and `%[FQDN]`. */
export interface HostNames {
  readonly hostName: string;
  readonly ipAddress: string;
  readonly canonicalHostName: string;
}

/** What an event's own pieces expand to. */
export interface Expansion {
  header(name: string): string | undefined;
  time(letter: string): string | undefined;
}

export interface PathTemplate {
  readonly text: string;
  /** Of `hdfs://authority/…`; undefined when the path begins with a slash, or the authority is empty. */
  readonly authority: string | undefined;
  /** Letters of the time escapes in use, without repeats; empty when the path needs no time. */
  readonly timeLetters: readonly string[];
  /** Headers in use, without repeats. */
  readonly headerNames: readonly string[];
  /** A directory: absolute and normal. A prefix: one component. */
  expand(expansion: Expansion): string;
}

/** A path that makes more directories than this is a mistake. */
export const MAX_COMPONENTS = 32;
/** A file's name holds more than its prefix: gateway, file id, suffix, and the temp name's dot and attempt. */
export const MAX_PREFIX_BYTES = 100;
const MAX_TEMPLATE_CHARS = 4_000;

/** Throws pattern-invalid with the position and the reason. */
export function compileDirectoryTemplate(text: string, host: HostNames): PathTemplate {
  const { authority, start } = authorityOf(text);
  if (text.charAt(start) !== '/') throw templateError(text, start, 'the path is not absolute');
  const components = componentsOf(text, partsOf(text, start, host));
  const isRoot = components.length === 0;
  return new CompiledTemplate(text, {
    authority,
    components,
    maxBytes: MAX_COMPONENT_BYTES,
    lead: '/',
    isRoot,
  });
}

/** Throws pattern-invalid with the position and the reason. */
export function compilePrefixTemplate(text: string, host: HostNames): PathTemplate {
  if (text === '') throw templateError(text, 0, 'the prefix is empty');
  const parts = partsOf(text, 0, host);
  const slash = parts.find((part) => part.kind === 'slash');
  if (slash !== undefined) throw templateError(text, slash.at, 'a file name has no slash');
  const components = componentsOf(text, parts);
  if (components[0]?.isHidden === true) {
    throw templateError(
      text,
      0,
      'names that begin with . or _ are hidden from readers and mark files in progress',
    );
  }
  return new CompiledTemplate(text, {
    authority: undefined,
    components,
    maxBytes: MAX_PREFIX_BYTES,
    lead: '',
    isRoot: false,
  });
}

type Part = { readonly at: number } & (
  | { readonly kind: 'slash' }
  | { readonly kind: 'literal'; readonly text: string }
  /** The machine's own name: constant, but nothing that the operator wrote. */
  | { readonly kind: 'constant'; readonly text: string }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'time'; readonly letter: string }
);

interface Component {
  readonly parts: readonly Part[];
  /** Begins with `.` or `_` in the template itself. */
  readonly isHidden: boolean;
}

interface CompiledOptions {
  readonly authority: string | undefined;
  readonly components: readonly Component[];
  readonly maxBytes: number;
  readonly lead: '/' | '';
  readonly isRoot: boolean;
}

class CompiledTemplate implements PathTemplate {
  readonly text: string;
  readonly authority: string | undefined;
  readonly timeLetters: readonly string[];
  readonly headerNames: readonly string[];
  readonly #options: CompiledOptions;

  constructor(text: string, options: CompiledOptions) {
    this.text = text;
    this.authority = options.authority;
    this.#options = options;
    const parts = options.components.flatMap((component) => component.parts);
    this.timeLetters = [...new Set(parts.flatMap((part) => (part.kind === 'time' ? [part.letter] : [])))];
    this.headerNames = [...new Set(parts.flatMap((part) => (part.kind === 'header' ? [part.name] : [])))];
  }

  expand(expansion: Expansion): string {
    const { components, maxBytes, lead, isRoot } = this.#options;
    if (isRoot) return lead;
    const names = components.map(({ parts, isHidden }) =>
      safeName(
        parts.map((part) => pieceOf(part, expansion)),
        { maxBytes, isHidden },
      ),
    );
    return lead + names.join('/');
  }
}

function pieceOf(part: Part, expansion: Expansion): NamePiece {
  switch (part.kind) {
    case 'slash':
      throw new Error('a slash within a component');
    case 'literal':
      return { text: part.text, isVouched: true };
    case 'constant':
      return { text: part.text, isVouched: false };
    case 'header':
      return { text: expansion.header(part.name) ?? '', isVouched: false };
    case 'time':
      return { text: expansion.time(part.letter) ?? '', isVouched: false };
  }
}

const SCHEMES: readonly string[] = ['hdfs', 'webhdfs', 'swebhdfs', 'viewfs'];

function authorityOf(text: string): { readonly authority: string | undefined; readonly start: number } {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/%]*)/.exec(text);
  if (match === null) return { authority: undefined, start: 0 };
  const [whole, scheme = '', authority = ''] = match;
  if (!SCHEMES.includes(scheme.toLowerCase()))
    throw templateError(text, 0, `paths of ${scheme}: are not HDFS's`);
  return { authority: authority === '' ? undefined : authority, start: whole.length };
}

const ESCAPE = /%(?:\{([\w.-]+)\}|\[(\w+)\]|([A-Za-z%]))/y;

/** The text as parts, with slashes apart. */
function partsOf(text: string, start: number, host: HostNames): Part[] {
  if (text.length > MAX_TEMPLATE_CHARS) throw templateError(text, MAX_TEMPLATE_CHARS, 'it is too long');
  const parts: Part[] = [];
  let at = start;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '/') {
      parts.push({ kind: 'slash', at });
      at += 1;
    } else if (char === '%') {
      ESCAPE.lastIndex = at;
      const match = ESCAPE.exec(text);
      if (match === null) throw templateError(text, at, 'no escape begins so; write %% for a percent sign');
      parts.push(...escapeParts(text, match, host));
      at += match[0].length;
    } else {
      const end = /[/%]/.exec(text.slice(at))?.index ?? text.length - at;
      parts.push({ kind: 'literal', at, text: checkedLiteral(text, at, text.slice(at, at + end)) });
      at += end;
    }
  }
  return parts;
}

function escapeParts(text: string, match: RegExpExecArray, host: HostNames): Part[] {
  const at = match.index;
  const [, header, word, letter = ''] = match;
  if (header !== undefined) return [{ kind: 'header', at, name: header }];
  if (word !== undefined) {
    const names: Readonly<Record<string, string>> = {
      localhost: host.hostName,
      ip: host.ipAddress,
      fqdn: host.canonicalHostName,
    };
    const known = Object.hasOwn(names, word.toLowerCase()) ? names[word.toLowerCase()] : undefined;
    if (known === undefined)
      throw templateError(text, at, `%[${word}] is none of %[localhost], %[IP], %[FQDN]`);
    return [{ kind: 'constant', at, text: known }];
  }
  if (letter === '%') return [{ kind: 'literal', at, text: '%' }];
  if (letter === 'D') {
    const [month, day, year] = (['m', 'd', 'y'] as const).map(
      (part) => ({ kind: 'time', at, letter: part }) as const,
    );
    if (month === undefined || day === undefined || year === undefined) return [];
    return [month, { kind: 'slash', at }, day, { kind: 'slash', at }, year];
  }
  if (!isTimeEscape(letter)) throw templateError(text, at, `%${letter} has no meaning`);
  return [{ kind: 'time', at, letter }];
}

function checkedLiteral(template: string, at: number, literal: string): string {
  const bad = /[\p{Cc}\p{Cs}:\\]/u.exec(literal);
  if (bad === null) return literal;
  const what =
    bad[0] === ':' || bad[0] === '\\'
      ? `${bad[0]} is not allowed in HDFS names`
      : 'there is a control character';
  throw templateError(template, at + bad.index, what);
}

/** Doubled and trailing slashes vanish, as they do in HDFS. */
function componentsOf(text: string, parts: readonly Part[]): Component[] {
  const components: Component[] = [];
  let current: Part[] = [];
  const finish = (): void => {
    if (current.length > 0) components.push(componentOf(text, current));
    current = [];
  };
  for (const part of parts) {
    if (part.kind === 'slash') finish();
    else current.push(part);
  }
  finish();
  if (components.length > MAX_COMPONENTS)
    throw templateError(text, 0, `it has more than ${MAX_COMPONENTS} directories`);
  return components;
}

function componentOf(text: string, parts: readonly Part[]): Component {
  const [first] = parts;
  const isLiteral = parts.every((part) => part.kind === 'literal');
  const written = parts.map((part) => (part.kind === 'literal' ? part.text : '')).join('');
  if (isLiteral && /^\.{1,2}$/.test(written))
    throw templateError(text, first?.at ?? 0, 'the path has a part . or ..');
  if (isLiteral && Buffer.byteLength(written, 'utf8') > MAX_COMPONENT_BYTES) {
    throw templateError(text, first?.at ?? 0, `a name has more than ${MAX_COMPONENT_BYTES} bytes`);
  }
  return { parts, isHidden: first?.kind === 'literal' && /^[._]/.test(first.text) };
}

function templateError(text: string, at: number, reason: string): GatewayError {
  return new GatewayError({
    code: 'pattern-invalid',
    operation: 'read a path template',
    place: `position ${at + 1} of ${JSON.stringify(text.slice(0, 200))}`,
    message: `the path ${JSON.stringify(text.slice(0, 200))} cannot be used: at position ${at + 1}, ${reason}`,
    retry: 'never',
    hint: "Escapes are Flume's: %Y-%m-%d/%H, %{header}, %[localhost].",
  });
}
