/** The configuration's text as a tree with places. References (`${env:…}`, `${file:…}`) are values of their own, in flow maps too. */
import { isMap, isScalar, isSeq, parseDocument, type Document, type Pair, type YAMLMap } from 'yaml';

export type ConfigPath = readonly (string | number)[];
export type Tree = Readonly<Record<string, unknown>>;

const OPEN = '\ue000';
const CLOSE = '\ue001';
const REFERENCE = /\$\{((?:env|file):[^{}\r\n]{1,1024})\}/g;
const HIDDEN_REFERENCE = /\$\ue000((?:env|file):[^\ue000\ue001\r\n]{1,1024})\ue001/g;

/** The same text, as long, without the brackets of references: to YAML those would begin a map. */
export function hideReferences(text: string): string {
  return text.replace(REFERENCE, `$${OPEN}$1${CLOSE}`);
}

export function showReferences(text: string): string {
  return text.includes(OPEN) ? text.replace(HIDDEN_REFERENCE, '${$1}') : text;
}

/** Parses a text whose references are hidden. */
export function parseHidden(hidden: string): Document.Parsed {
  return parseDocument(hidden, {
    prettyErrors: false,
    uniqueKeys: true,
    schema: 'core',
    merge: false,
    logLevel: 'error',
  });
}

export interface ParsedText {
  /** Undefined: YAML can't read the text. An empty one gives an empty tree. */
  readonly tree: Tree | undefined;
  /** Where a path stands, from 0: its key, or its item; of the nearest ancestor when it is not there itself. */
  readonly offsetOf: (path: ConfigPath) => number;
}

export function parseText(text: string): ParsedText {
  const document = safely(() => parseHidden(hideReferences(text)));
  if (document === undefined || document.errors.length > 0) return { tree: undefined, offsetOf: () => 0 };
  const tree: unknown = treeOf(document);
  return {
    tree: isTree(tree) ? tree : tree === null ? {} : undefined,
    offsetOf: (path) => offsetOf(document, path),
  };
}

/** Plain data of a document; references as they are written. */
export function treeOf(document: Document): unknown {
  return shown(document.toJS({ maxAliasCount: 0 }) as unknown);
}

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function valueAt(tree: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((node, part) => {
    if (Array.isArray(node)) return typeof part === 'number' ? (node[part] as unknown) : undefined;
    return isTree(node) && Object.hasOwn(node, part) ? node[part] : undefined;
  }, tree);
}

export function pairOf(map: YAMLMap, key: string | number): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function offsetOf(document: Document, path: ConfigPath): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = pairOf(node, part);
      if (pair === undefined) break;
      offset = rangeOf(pair.key)?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') {
      node = node.items[part];
      const range = rangeOf(node);
      if (range === undefined) break;
      offset = range[0];
    } else break;
  }
  return offset;
}

export function rangeOf(node: unknown): readonly [number, number, number] | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  return (node.range as readonly [number, number, number] | null | undefined) ?? undefined;
}

function shown(value: unknown): unknown {
  if (typeof value === 'string') return showReferences(value);
  if (Array.isArray(value)) return value.map(shown);
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [showReferences(key), shown(inner)]));
}

/** The parser's stack ends at brackets nested thousands deep, and aliases are refused: neither text is one to edit in a form. */
export function safely<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError || error instanceof ReferenceError) return undefined;
    throw error;
  }
}
