/**
 * Secrets that are written out in a configuration's text: taken out of what is shown, and put back where the text that comes back still has
 * the mark that stood for them.
 *
 * Promise: what `maskText` gives holds no written-out secret, and a text that was masked, edited elsewhere and restored over its base has
 * every secret that it had, byte for byte where its surroundings are the same.
 *
 * 1. A secret is a value below a key whose name says so (`password`, `passphrase`, `token` …), a URL with a password in it, a private key,
 *    a JAAS line; a value that is nothing but one `${file:…}` or `${env:…}` is none, and stays readable.
 * 2. A text that YAML can't read has no sure tree: there the lines are looked at as well, and more is masked rather than less.
 * 3. A mark is resolved by its path alone, and only with the base's secret at exactly that path. A renamed source has none; it is told so.
 */
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, isSeq, Lexer } from 'yaml';
import { SECRET_KEPT } from '../../shared/contract/control-config.ts';
import {
  MAX_CONFIG_BYTES,
  parseConfigText,
  plainTree,
  showReferences,
  type ConfigPath,
  type ConfigText,
} from './config-text.ts';

/** Keys whose literal value is a secret, in any section, mistyped sections included. */
export const SECRET_KEY = /pass(?:word|wd|phrase)?|secret|token|credential|private|jaas/i;
// Every repetition is bounded: a hostile line of one long word must not take the square of its length.
/** From a secret's key to its colon, wherever it stands in a line. */
const SECRET_LABEL =
  /(?:pass(?:word|wd|phrase)?|secret|token|credential|private|jaas)[\w.-]{0,64}["']?\s{0,64}:/i;
const SECRET_COMMENT =
  /(?:pass(?:word|wd|phrase)?|secret|token|credential|private[\w.-]{0,20}key|jaas)[\w.-]{0,64}["']?\s{0,64}[:=]/i;
/** A secret by its own look, wherever it stands. */
const SECRET_VALUE =
  /[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@]{0,200}:[^\s/@]{1,400}@|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----/i;
/** Below these, the second key is a name that the operator chose. */
const NAMED_SECTIONS = new Set<unknown>(['sources', 'channels', 'sinks']);
/** Shorter words are in every comment. */
const KNOWN_SECRET_CHARS_MIN = 4;
const MARK = `'${SECRET_KEPT}'`;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** A secret in a text. */
interface SecretPlace extends Span {
  readonly path: ConfigPath;
  /** As it is written; references in it are not resolved. */
  readonly value: string;
}

/** Secrets of a text by `pathKey`; what stands at a mark of that path. */
export type KeptSecrets = ReadonlyMap<string, string>;

export interface MaskedText {
  readonly text: string;
  /** By line of the masked text, from 0: what tells two lines apart that look the same. Secrets: never to be shown. */
  readonly hidden: ReadonlyMap<number, string>;
}

export function pathKey(path: ConfigPath): string {
  return JSON.stringify(path.map(String));
}

/** The text as it may be shown. */
export function maskText(text: string): MaskedText {
  // Not a configuration, and nobody reads it as one: it is not worth the time to look for secrets in it.
  if (text.length > MAX_CONFIG_BYTES) return { text: '', hidden: new Map() };
  const config = parseConfigText(text);
  const places = secretPlaces(config);
  const isReadable = config.problems.length === 0;
  const spans = isReadable
    ? [...places.map((place) => ({ ...place, mark: MARK })), ...secretComments(text, places)]
    : merged([...places, ...secretLines(text)]).map((span) => ({ ...span, mark: MARK }));
  return replaced(text, [...spans, ...secretKeys(config)]);
}

/** What a mark stands for, by its path. */
export function keptSecrets(base: string): KeptSecrets {
  if (base.length > MAX_CONFIG_BYTES) return new Map();
  return new Map(secretPlaces(parseConfigText(base)).map(({ path, value }) => [pathKey(path), value]));
}

/**
 * The text with every mark exchanged for the base's secret at its path. Marks without a secret stay; who reads the text with the same
 * secrets (`readConfigText`) tells them as problems.
 */
export function restoreText(text: string, base: string): string {
  if (Math.max(text.length, base.length) > MAX_CONFIG_BYTES) return text;
  const config = parseConfigText(text);
  const kept = keptSecrets(base);
  const sources = new Map(
    secretPlaces(parseConfigText(base)).map(({ path, start, end }) => [
      pathKey(path),
      base.slice(start, end),
    ]),
  );
  const marks = markPlaces(config).filter(({ path }) => kept.has(pathKey(path)));
  const comments = restoredComments(text, base);
  const withSources = (isRaw: boolean): string =>
    replaced(text, [
      ...comments,
      ...marks.map(({ path, start, end }) => {
        const key = pathKey(path);
        const raw = isRaw ? sources.get(key) : undefined;
        return { start, end, value: '', mark: raw ?? quoted(kept.get(key) ?? '') };
      }),
    ]).text;
  const wanted = writtenValues(config, kept, marks);
  // As it stood in the base, quotes and folding included; where its surroundings are others and read it otherwise, in quotes of its own.
  for (const isRaw of [true, false]) {
    const restored = withSources(isRaw);
    const again = parseConfigText(restored);
    const isSame = again.problems.length === config.problems.length;
    if (isSame && isDeepStrictEqual(writtenValues(again, new Map(), marks), wanted)) return restored;
  }
  // Only a text that YAML can't read comes here: it is refused for that, so nobody uses what its marks stand for.
  return text;
}

/** Marks that are the whole value of a key or list item. */
function markPlaces(config: ConfigText): SecretPlace[] {
  return scalarPlaces(config, ({ value }) => value === SECRET_KEPT);
}

function secretPlaces(config: ConfigText): SecretPlace[] {
  return scalarPlaces(
    config,
    ({ value, path, source }) =>
      value !== '' && !isOnlyReference(source) && (isSecretPath(path) || SECRET_VALUE.test(value)),
  );
}

function isSecretPath(path: ConfigPath): boolean {
  return path.some(
    (part, depth) =>
      typeof part === 'string' && SECRET_KEY.test(part) && !(depth === 1 && NAMED_SECTIONS.has(path[0])),
  );
}

interface ScalarFacts {
  readonly path: ConfigPath;
  readonly value: string;
  readonly source: string;
}

function scalarPlaces(config: ConfigText, isMeant: (scalar: ScalarFacts) => boolean): SecretPlace[] {
  const found: SecretPlace[] = [];
  const visit = (node: unknown, path: ConfigPath): void => {
    if (isMap(node)) {
      for (const { key, value } of node.items)
        visit(value, [...path, isScalar(key) ? showReferences(String(key.value)) : '']);
    } else if (isSeq(node)) node.items.forEach((item, at) => visit(item, [...path, at]));
    else if (isScalar(node) && node.range !== undefined && node.range !== null) {
      const [start, end] = node.range;
      const source = config.text.slice(start, end).trimEnd();
      const value = scalarText(node.value);
      if (isMeant({ path, value, source })) found.push({ start, end: start + source.length, path, value });
    }
  };
  visit(config.document.contents, []);
  return found;
}

/** As a text; nothing for what is no value of its own. */
function scalarText(value: unknown): string {
  if (typeof value === 'string') return showReferences(value);
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
  return isPlain ? String(value) : '';
}

/** `password:abc`, with the space forgotten, is all key to YAML, and half of it is a secret. */
function secretKeys(config: ConfigText): (SecretPlace & { readonly mark: string })[] {
  const found: (SecretPlace & { readonly mark: string })[] = [];
  const visit = (node: unknown): void => {
    if (isSeq(node)) return node.items.forEach(visit);
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      visit(value);
      if (!isScalar(key) || key.range === undefined || key.range === null) continue;
      const [start, end] = key.range;
      const secret = afterLabel(config.text.slice(start, end), SECRET_LABEL) ?? '';
      if (secret === '') continue;
      found.push({ start: end - secret.length, end, path: [], value: secret, mark: SECRET_KEPT });
    }
  };
  visit(config.document.contents);
  return found;
}

interface Comment extends Span {
  readonly text: string;
}

function commentsOf(text: string): Comment[] {
  const comments: Comment[] = [];
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    // Marks of the lexer that stand for nothing in the text.
    if (token === '\u0002' || token === '\u0018' || token === '\u001f') continue;
    if (token.startsWith('#')) comments.push({ start: offset, end: offset + token.length, text: token });
    offset += token.length;
  }
  return comments;
}

function secretComments(text: string, places: readonly SecretPlace[]): Replacement[] {
  const known = places.map(({ value }) => value).filter(({ length }) => length >= KNOWN_SECRET_CHARS_MIN);
  return commentsOf(text).flatMap((comment) => {
    const masked = maskedComment(comment.text, known);
    return masked === comment.text ? [] : [{ ...comment, value: comment.text, mark: masked }];
  });
}

function maskedComment(comment: string, known: readonly string[]): string {
  const value = afterLabel(comment, SECRET_COMMENT)?.trimStart() ?? '';
  if (value !== '' && !isOnlyReference(value))
    return `${comment.slice(0, comment.length - value.length)}${SECRET_KEPT}`;
  if (SECRET_VALUE.test(comment)) return `# ${SECRET_KEPT}`;
  return known.reduce((clean, secret) => clean.replaceAll(secret, SECRET_KEPT), comment);
}

/** Comments that were masked and came back as they were shown. The first of two that look the same is the first of the base. */
function restoredComments(text: string, base: string): Replacement[] {
  if (!text.includes(SECRET_KEPT)) return [];
  const left = new Map<string, string[]>();
  const places = secretPlaces(parseConfigText(base));
  for (const { value, mark } of secretComments(base, places))
    left.set(mark, [...(left.get(mark) ?? []), value]);
  return commentsOf(text).flatMap((comment) => {
    const original = left.get(comment.text)?.shift();
    return original === undefined ? [] : [{ ...comment, value: '', mark: original }];
  });
}

/** Values of lines that look like a secret's, in a text that may be broken at any place. */
export function secretLines(text: string): (Span & { readonly value: string })[] {
  const spans: (Span & { readonly value: string })[] = [];
  const add = (start: number, end: number): void => {
    const value = text.slice(start, end).trimEnd();
    if (value !== '') spans.push({ start, end: start + value.length, value });
  };
  let offset = 0;
  /** Indentation of a secret key whose value may go on in the next lines, as `password: >-` has it. */
  let openIndent: number | undefined;
  for (const line of text.split('\n')) {
    const indent = line.length - line.trimStart().length;
    // Only a line that is plainly a key or item again ends it: a broken value may have lost its indentation.
    if (
      openIndent !== undefined &&
      indent <= openIndent &&
      /^\s*(?:- |["']?[\w.-]+["']?\s*:(?:\s|$))/.test(line)
    )
      openIndent = undefined;
    if (openIndent !== undefined) add(offset + indent, offset + line.length);
    const value = afterLabel(line, SECRET_LABEL);
    if (value !== undefined) {
      const start = offset + line.length - value.length;
      if (!isOnlyReference(value)) add(start + value.length - value.trimStart().length, start + value.length);
      // Deeper lines below a key that begins its line are more of its value, also when the value has lost its quote or its `>-`.
      const isKeyFirst =
        /^\s*(?:- )?["']?[\w.-]+["']?\s*:/.exec(line)?.[0].length === line.length - value.length;
      if (isKeyFirst || /^\s*(?:[|>"'#]|$)/.test(value)) openIndent = indent;
    } else if (SECRET_VALUE.test(line)) add(offset + indent, offset + line.length);
    offset += line.length + 1;
  }
  return spans;
}

/** What follows the first label in a line; undefined: it has none. */
function afterLabel(line: string, label: RegExp): string | undefined {
  const match = label.exec(line);
  return match === null ? undefined : line.slice(match.index + match[0].length);
}

export function isOnlyReference(value: string): boolean {
  return /^\s*["']?\$\{(?:env|file):[^{}\s]+\}["']?[\s,}\]]*(?:#.*)?$/.test(value);
}

function merged(spans: readonly (Span & { readonly value: string })[]): (Span & { value: string })[] {
  const result: (Span & { value: string })[] = [];
  for (const { start, end, value } of [...spans].sort((left, right) => left.start - right.start)) {
    const last = result.at(-1);
    if (last === undefined || start >= last.end) result.push({ start, end, value });
    else
      result[result.length - 1] = {
        start: last.start,
        end: Math.max(last.end, end),
        value: last.value + value,
      };
  }
  return result;
}

interface Replacement extends Span {
  readonly value: string;
  readonly mark: string;
}

function replaced(text: string, replacements: readonly Replacement[]): MaskedText {
  const hidden = new Map<number, string>();
  let result = '';
  let line = 0;
  let from = 0;
  const append = (part: string): void => {
    result += part;
    line += part.split('\n').length - 1;
  };
  for (const { start, end, value, mark } of [...replacements].sort(
    (left, right) => left.start - right.start,
  )) {
    // Two reasons for the same place: the first marks it, and what only the second covers goes with it.
    if (start < from) {
      from = Math.max(from, end);
      continue;
    }
    append(text.slice(from, start));
    hidden.set(line, `${hidden.get(line) ?? ''}\n${value}`);
    append(mark);
    from = end;
  }
  append(text.slice(from));
  return { text: result, hidden };
}

/** In single quotes, or in double quotes where the value has what single ones can't carry. */
function quoted(value: string): string {
  if (!/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/.test(value))
    return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The tree as it is written, marks exchanged; values at the marks as text, for a number in quotes is the same secret. */
function writtenValues(config: ConfigText, kept: KeptSecrets, marks: readonly SecretPlace[]): unknown {
  const tree = plainTree(
    config,
    (value, path) => (value === SECRET_KEPT ? (kept.get(pathKey(path)) ?? value) : value),
    () => undefined,
  );
  for (const { path } of marks) {
    const parent: unknown = path
      .slice(0, -1)
      .reduce<unknown>((node, part) => (isObject(node) ? Reflect.get(node, part) : undefined), tree);
    const last = path.at(-1);
    if (isObject(parent) && last !== undefined) Reflect.set(parent, last, String(Reflect.get(parent, last)));
  }
  return tree;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
