/**
 * The text of `headgate.yaml` as a tree with places: parse, find the node of a path, turn the tree into plain values.
 *
 * `${file:/etc/pw}` is not valid inside a YAML flow map (`{ password: ${file:…} }`), because of its braces. Before parsing, the braces of a
 * reference are replaced by two private-use characters of the same width, so that every offset stays true, and put back on the way out.
 */
import { Document, isAlias, isCollection, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Node, Pair, YAMLError } from 'yaml';
import type { ConfigProblem } from '../../shared/contract/config-problem.ts';
import type { RawMap } from '../../shared/contract/config-table.ts';

/** A gateway's file has some hundred lines; anything near this is not a configuration. */
export const MAX_CONFIG_BYTES = 256 * 1024;
/** The deepest place that means something is about 8 levels down. */
export const MAX_DEPTH = 24;
export const MAX_SYNTAX_PROBLEMS = 20;

export type ConfigPath = readonly (string | number)[];

export interface ConfigText {
  readonly text: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  /** Syntax problems; with any of them the tree is not to be used. */
  readonly problems: readonly ConfigProblem[];
}

const OPEN = '\ue000';
const CLOSE = '\ue001';
const REFERENCE = /\$\{((?:env|file):[^{}\r\n]{1,1024})\}/g;
const HIDDEN_REFERENCE = /\$\ue000((?:env|file):[^\ue000\ue001\r\n]{1,1024})\ue001/g;

export function hideReferences(text: string): string {
  return text.replace(REFERENCE, `$${OPEN}$1${CLOSE}`);
}
export function showReferences(text: string): string {
  // Asked for every value of the file; hardly any has a reference.
  return text.includes(OPEN) ? text.replace(HIDDEN_REFERENCE, '${$1}') : text;
}

/** What the parser's codes mean to the person who wrote the file. Its own messages may repeat parts of the text, and so a secret. */
const SYNTAX_MESSAGES: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ALIAS_PROPS: ['an alias (*name) is not used here', 'Write the value out.'],
  BAD_ALIAS: [
    'an alias (*name) is not used here',
    'Write the value out, or put text that begins with * in quotes.',
  ],
  BAD_COLLECTION_TYPE: ['a tag is not used here', 'Remove the !tag.'],
  BAD_DIRECTIVE: ['a YAML directive is not used here', 'Remove the line that begins with %.'],
  BAD_DQ_ESCAPE: [
    'a backslash in double quotes begins an escape that YAML does not have',
    'Use single quotes; in them a backslash is a backslash.',
  ],
  BAD_INDENT: ['the indentation does not fit', 'Keys of one map begin in the same column; use spaces.'],
  BAD_PROP_ORDER: ['a tag or anchor stands in the wrong place', 'Remove it.'],
  BAD_SCALAR_START: ['a value cannot begin with this character', 'Put the value in single quotes.'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a nested map begins on the line of another key',
    'Put it on its own line, indented.',
  ],
  BLOCK_IN_FLOW: ['an indented block inside { } or [ ]', 'Use the one style or the other.'],
  DUPLICATE_KEY: ['this key is here twice', 'Remove one of them.'],
  IMPOSSIBLE: ['this cannot be read', 'Look at the lines above.'],
  KEY_OVER_1024_CHARS: ['a key is longer than 1024 characters', 'Is a quote missing above?'],
  MISSING_CHAR: [
    'a character is missing: a quote, a comma, a bracket or the space after a colon',
    'Look at this line and the one above.',
  ],
  MULTILINE_IMPLICIT_KEY: ['a key goes over several lines', 'Is a colon or a quote missing above?'],
  MULTIPLE_ANCHORS: ['an anchor (&name) is not used here', 'Remove it.'],
  MULTIPLE_DOCS: ['a second document begins here', 'Remove the --- line; one file is one gateway.'],
  MULTIPLE_TAGS: ['a tag is not used here', 'Remove the !tag.'],
  NON_STRING_KEY: ['a key must be plain text', 'Put it in quotes.'],
  TAB_AS_INDENT: ['a tab is used for indentation', 'Use spaces.'],
  TAG_RESOLVE_FAILED: [
    'a tag is not used here',
    'Remove the !tag, or put text that begins with ! in quotes.',
  ],
  UNEXPECTED_TOKEN: [
    'something stands here that does not belong',
    'Put text with special characters in single quotes.',
  ],
};

/** Texts that were parsed last: an edit and its base are looked at from several sides, each time the whole text. */
const RECENT_MAX = 4;
const recent: ConfigText[] = [];

/** The answer is shared: nobody changes its tree. */
export function parseConfigText(text: string): ConfigText {
  const known = recent.find((one) => one.text === text);
  if (known !== undefined) return known;
  const parsed = parsedText(text);
  recent.unshift(parsed);
  recent.length = Math.min(recent.length, RECENT_MAX);
  return parsed;
}

function parsedText(text: string): ConfigText {
  const lines = new LineCounter();
  let document: Document.Parsed;
  try {
    document = parseDocument(hideReferences(text), {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: true,
      version: '1.2',
      schema: 'core',
      merge: false,
      logLevel: 'error',
    });
  } catch (cause) {
    // The parser recurses; brackets nested thousands deep end its stack.
    if (!(cause instanceof RangeError)) throw cause;
    const problem: ConfigProblem = {
      severity: 'error',
      line: 1,
      column: 1,
      path: [],
      message: 'the file is nested too deeply',
      hint: 'Is it a configuration at all?',
    };
    return { text, document: new Document({}) as Document.Parsed, lines, problems: [problem] };
  }
  // A warning of the parser (an unknown tag, say) means that the file is not what it looks like.
  const errors: YAMLError[] = [...document.errors, ...document.warnings];
  const problems = errors.slice(0, MAX_SYNTAX_PROBLEMS).map((error) => syntaxProblem(error, text, lines));
  return { text, document, lines, problems };
}

function syntaxProblem(error: YAMLError, text: string, lines: LineCounter): ConfigProblem {
  const isTab = lineAt(text, error.pos[0]).match(/^ *\t/) !== null;
  const [message, hint] = SYNTAX_MESSAGES[isTab ? 'TAB_AS_INDENT' : error.code] ?? [
    'this is not valid YAML',
    'Look at this line and the one above.',
  ];
  return { severity: 'error', ...placeOf(lines, error.pos[0]), path: [], message, hint };
}

function lineAt(text: string, offset: number): string {
  const start = text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1;
  const end = text.indexOf('\n', start);
  return text.slice(start, end < 0 ? undefined : end);
}

/** Line and column from 1. */
export function placeOf(
  lines: LineCounter,
  offset: number,
): { readonly line: number; readonly column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Receives every text value with its place; its answer takes the value's place. */
export type ScalarReader = (value: string, path: ConfigPath) => string;
export interface Complaint {
  readonly path: ConfigPath;
  readonly offset: number;
  readonly message: string;
  readonly hint: string;
}
export type Complain = (complaint: Complaint) => void;

/** The tree as plain values: maps without a prototype, so that no key of the file can mean something to JavaScript. */
export function plainTree(config: ConfigText, readScalar: ScalarReader, complain: Complain): unknown {
  const root = config.document.contents;
  return root === null ? null : plainNode(root, [], { readScalar, complain });
}

interface Walk {
  readonly readScalar: ScalarReader;
  readonly complain: Complain;
}

function plainNode(node: Node, path: ConfigPath, walk: Walk): unknown {
  const offset = node.range?.[0] ?? 0;
  if (path.length > MAX_DEPTH) {
    walk.complain({ path, offset, message: 'this is nested too deeply', hint: 'No section goes this deep.' });
    return null;
  }
  if (isAlias(node)) {
    walk.complain({
      path,
      offset,
      message: 'an alias (*name) is not used here',
      hint: 'Write the value out, or put text that begins with * in quotes.',
    });
    return null;
  }
  if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined) {
    walk.complain({
      path,
      offset,
      message: 'an anchor (&name) is not used here',
      hint: 'Remove it, or put text that begins with & in quotes.',
    });
  }
  if (isScalar(node)) {
    if (typeof node.value !== 'string')
      return typeof node.value === 'bigint' ? Number(node.value) : node.value;
    return walk.readScalar(showReferences(node.value), path);
  }
  if (isSeq(node)) return node.items.map((item, index) => plainItem(item, [...path, index], walk));
  if (!isMap(node)) return null;
  const plain = Object.create(null) as Record<string, unknown>;
  for (const pair of node.items) {
    const key = keyText(pair);
    if (key === undefined) {
      walk.complain({ path, offset, message: 'a key must be plain text', hint: 'Put it in quotes.' });
      continue;
    }
    plain[key] = plainItem(pair.value, [...path, key], walk);
  }
  return plain;
}

function plainItem(item: unknown, path: ConfigPath, walk: Walk): unknown {
  return isNodeLike(item) ? plainNode(item, path, walk) : null;
}

function isNodeLike(item: unknown): item is Node {
  return isAlias(item) || isScalar(item) || isCollection(item);
}

function keyText(pair: Pair): string | undefined {
  if (!isScalar(pair.key)) return undefined;
  const { value } = pair.key;
  if (typeof value === 'string') return showReferences(value);
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** Line and column of a path: its key or its value; of the nearest ancestor that exists when the path itself does not. */
export function locate(
  config: ConfigText,
  path: ConfigPath,
  at: 'key' | 'value',
): { readonly line: number; readonly column: number } {
  let node: unknown = config.document.contents;
  let offset = 0;
  for (const [depth, part] of path.entries()) {
    if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      if (!isNodeLike(node)) break;
      offset = node.range?.[0] ?? offset;
      continue;
    }
    const pair: Pair | undefined = isMap(node)
      ? node.items.find((candidate) => keyText(candidate) === String(part))
      : undefined;
    if (pair === undefined) break;
    const keyOffset = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
    const valueOffset = isNodeLike(pair.value) ? pair.value.range?.[0] : undefined;
    const isLast = depth === path.length - 1;
    // A map or list of several lines is best shown at the key that names it.
    const isBlock = isCollection(pair.value) && pair.value.flow !== true;
    const isKeyShown = at === 'key' || isBlock || !isLast || valueOffset === undefined;
    offset = (isKeyShown ? keyOffset : valueOffset) ?? offset;
    node = pair.value;
  }
  return placeOf(config.lines, offset);
}

/** The tree as it is written, references unresolved: for showing. */
export function writtenTree(config: ConfigText): RawMap {
  const tree = plainTree(
    config,
    (value) => value,
    () => undefined,
  );
  return typeof tree === 'object' && tree !== null && !Array.isArray(tree) ? (tree as RawMap) : {};
}
