/**
 * Changes of single values in a YAML text, as a form makes them.
 *
 * Promise: the text that comes back reads as the old one with that change, and everything that the change is not about stands there byte for
 * byte: comments, order, quotes, blank lines.
 *
 * A change is a cut in the text at the place that the parser names. What it gives is parsed again and compared with what was meant; where
 * they differ (anchors, odd layouts), the document is written anew instead, which keeps comments and order but not every blank.
 */
import { isCollection, isMap, isScalar, isSeq, type Document, type YAMLMap, type YAMLSeq } from 'yaml';
import {
  hideReferences,
  isTree,
  pairOf,
  parseHidden,
  rangeOf,
  safely,
  showReferences,
  treeOf,
  type ConfigPath,
  type Tree,
} from './yaml-text.ts';
import { blockLines, flowText } from './yaml-write.ts';

/** Instead of the text from `start` to `end`. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface Edit {
  readonly splice: (text: string, document: Document.Parsed) => Splice | undefined;
  /** The same change in the tree, and in the document. */
  readonly meant: (tree: unknown) => unknown;
}

/** Gives the value at a path; maps on the way there are made. */
export function setValue(text: string, path: ConfigPath, value: unknown): string {
  return edited(text, {
    splice: (hidden, { contents }) => spliceOfSet(hidden, contents, { path, value: hiddenValue(value) }),
    meant: (tree) => treeWith(tree, path, value),
  });
}

/** Takes a key or item away, and maps and lists that are empty without it. */
export function removeValue(text: string, path: ConfigPath): string {
  return edited(text, {
    splice: (hidden, { contents }) => spliceOfRemoval(hidden, contents, path),
    meant: (tree) => treeWithout(tree, path),
  });
}

/** Puts a value at the end of the list at a path; makes the list where there is none. */
export function appendItem(text: string, path: ConfigPath, value: unknown): string {
  const listOf = (tree: unknown): readonly unknown[] => {
    const list = path.reduce<unknown>(
      (node, part) => (isObject(node) ? Reflect.get(node, part) : undefined),
      tree,
    );
    return Array.isArray(list) ? list : [];
  };
  return edited(text, {
    splice: (hidden, { contents }) => {
      const list = nodeAt(contents, path);
      if (isSeq(list) && list.items.length > 0) return spliceOfAppend(hidden, list, hiddenValue(value));
      return spliceOfSet(hidden, contents, { path, value: hiddenValue([value]) });
    },
    meant: (tree) => treeWith(tree, path, [...listOf(tree), value]),
  });
}

/** Exchanges an item of the list with the one after it. */
export function swapWithNext(text: string, path: ConfigPath, place: number): string {
  return edited(text, {
    splice: (hidden, { contents }) => {
      const list = nodeAt(contents, path);
      return isSeq(list) ? spliceOfSwap(hidden, list, place) : undefined;
    },
    meant: (tree) => {
      const list = path.reduce<unknown>(
        (node, part) => (isObject(node) ? Reflect.get(node, part) : undefined),
        tree,
      );
      if (!Array.isArray(list)) return tree;
      const swapped: unknown[] = [...(list as unknown[])];
      [swapped[place], swapped[place + 1]] = [swapped[place + 1], swapped[place]];
      return treeWith(tree, path, swapped);
    },
  });
}

function edited(text: string, edit: Edit): string {
  const hidden = hideReferences(text);
  const document = parseHidden(hidden);
  if (document.errors.length > 0) return text;
  const meant = edit.meant(treeOf(document) ?? {});
  const splice = edit.splice(hidden, document);
  if (splice !== undefined) {
    const result = hidden.slice(0, splice.start) + splice.text + hidden.slice(splice.end);
    if (readsAs(result, meant)) return showReferences(result);
  }
  return showReferences(rewritten(document, meant));
}

function readsAs(hidden: string, meant: unknown): boolean {
  const document = safely(() => parseHidden(hidden));
  return document?.errors.length === 0 && JSON.stringify(treeOf(document) ?? {}) === JSON.stringify(meant);
}

/** Brings the document to the meant tree, key by key, so that what stays keeps its comments. */
function rewritten(document: Document.Parsed, meant: unknown): string {
  const bring = (path: ConfigPath, before: unknown, after: unknown): void => {
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    if (!isTree(before) || !isTree(after)) {
      document.setIn([...path], document.createNode(hiddenValue(after)));
      return;
    }
    for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) document.deleteIn([...path, key]);
    for (const [key, value] of Object.entries(after)) bring([...path, key], before[key], value);
  };
  bring([], treeOf(document) ?? {}, meant);
  return document.toString({ lineWidth: 0 });
}

function spliceOfSet(
  text: string,
  root: unknown,
  { path, value }: { readonly path: ConfigPath; readonly value: unknown },
): Splice | undefined {
  let node: unknown = root;
  for (const [depth, part] of path.entries()) {
    const rest = path.slice(depth + 1);
    if (isMap(node)) {
      const pair = pairOf(node, part);
      if (pair === undefined)
        return spliceOfNewKey(text, node, { key: String(part), value: nested(rest, value) });
      const isEmpty = pair.value === null || (isScalar(pair.value) && pair.value.value === null);
      if (isEmpty) return spliceOfEmpty(text, pair.key, nested(rest, value));
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number') node = node.items[part];
    else return undefined;
  }
  if (node === null || node === undefined) return undefined;
  return spliceOfReplacement(text, node, value);
}

/** `key:` without a value. */
function spliceOfEmpty(text: string, key: unknown, value: unknown): Splice | undefined {
  const range = rangeOf(key);
  if (range === undefined) return undefined;
  const colon = text.indexOf(':', range[1]) + 1;
  const column = range[0] - lineStart(text, range[0]);
  if (!isTree(value)) return { start: colon, end: colon, text: ` ${flowText(value)}` };
  const lines = blockLines(value, ' '.repeat(column + 2));
  const at = lineEnd(text, colon);
  return { start: at, end: at, text: lines.map((line) => `\n${line}`).join('') };
}

function spliceOfNewKey(
  text: string,
  map: YAMLMap,
  { key, value }: { readonly key: string; readonly value: unknown },
): Splice | undefined {
  const last = map.items.at(-1);
  const range = rangeOf(map);
  if (range === undefined) return undefined;
  const written = `${flowText(key)}: ${flowText(value)}`;
  if (last === undefined) return { start: range[0], end: range[1], text: `{ ${written} }` };
  const end = endOf(last.value) ?? endOf(last.key);
  const first = rangeOf(map.items[0]?.key);
  if (end === undefined || first === undefined) return undefined;
  if (map.flow === true) return { start: end, end, text: `, ${written}` };
  const indent = ' '.repeat(first[0] - lineStart(text, first[0]));
  const isComponent = isTree(value) || (Array.isArray(value) && value.some(isTree));
  const lines = isComponent ? blockLines({ [key]: value }, indent) : [`${indent}${written}`];
  const at = lineEnd(text, contentEnd(text, end));
  return { start: at, end: at, text: lines.map((line) => `\n${line}`).join('') };
}

function spliceOfReplacement(text: string, node: unknown, value: unknown): Splice | undefined {
  const range = rangeOf(node);
  if (range === undefined) return undefined;
  const isBlock = isCollection(node) && node.flow !== true;
  if (!isBlock) return { start: range[0], end: contentEnd(text, range[1]), text: flowText(value) };
  const [item] = isSeq(node) ? node.items : [];
  const start = rangeOf(item)?.[0];
  const end = endOf(node);
  if (start === undefined || end === undefined || !Array.isArray(value)) return undefined;
  const dash = text.lastIndexOf('-', start - 1);
  const indent = ' '.repeat(dash - lineStart(text, dash));
  return { start: dash, end, text: value.map((one) => `- ${flowText(one)}`).join(`\n${indent}`) };
}

function spliceOfAppend(text: string, list: YAMLSeq, value: unknown): Splice | undefined {
  const end = endOf(list.items.at(-1));
  const first = rangeOf(list.items[0])?.[0];
  if (end === undefined || first === undefined) return undefined;
  if (list.flow === true) return { start: end, end, text: `, ${flowText(value)}` };
  const dash = text.lastIndexOf('-', first - 1);
  const indent = ' '.repeat(dash - lineStart(text, dash));
  const [head = '', ...tail] = isTree(value) ? blockLines(value, '') : [flowText(value)];
  const lines = [`${indent}- ${head}`, ...tail.map((line) => `${indent}  ${line}`)];
  const at = lineEnd(text, contentEnd(text, end));
  return { start: at, end: at, text: lines.map((line) => `\n${line}`).join('') };
}

function spliceOfSwap(text: string, list: YAMLSeq, place: number): Splice | undefined {
  const [upper, lower] = [list.items[place], list.items[place + 1]].map((item) => spanOf(text, item, list));
  if (upper === undefined || lower === undefined) return undefined;
  const [above, between, below] = [
    text.slice(upper.start, upper.end),
    text.slice(upper.end, lower.start),
    text.slice(lower.start, lower.end),
  ];
  return { start: upper.start, end: lower.end, text: below + between + above };
}

function spliceOfRemoval(text: string, root: unknown, path: ConfigPath): Splice | undefined {
  const part = path.at(-1);
  const parent = nodeAt(root, path.slice(0, -1));
  if (part === undefined || !isCollection(parent)) return undefined;
  const items: readonly unknown[] = parent.items;
  // A map or list with nothing in it goes too.
  if (items.length <= 1 && path.length > 1) return spliceOfRemoval(text, root, path.slice(0, -1));
  const place = isMap(parent)
    ? parent.items.findIndex((pair) => pair === pairOf(parent, part))
    : Number(part);
  const spans = items.map((item) => spanOf(text, item, parent));
  const span = spans[place];
  if (span === undefined) return undefined;
  const next = spans[place + 1];
  const before = spans[place - 1];
  if (parent.flow === true) {
    if (next !== undefined) return { start: span.start, end: next.start, text: '' };
    return before === undefined ? undefined : { start: before.end, end: span.end, text: '' };
  }
  const from = lineStart(text, span.start);
  // The first key of a list's item stands behind its dash.
  if (text.slice(from, span.start).trim() !== '')
    return next === undefined ? undefined : { start: span.start, end: next.start, text: '' };
  const end = lineEnd(text, span.end);
  if (end < text.length) return { start: from, end: end + 1, text: '' };
  return { start: Math.max(0, from - 1), end, text: '' };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** A pair or item, its dash included, without what follows in its last line. */
function spanOf(
  text: string,
  item: unknown,
  parent: YAMLMap | YAMLSeq | { readonly flow?: boolean },
): Span | undefined {
  const pair =
    typeof item === 'object' && item !== null && 'key' in item
      ? (item as { key: unknown; value?: unknown })
      : undefined;
  const start = rangeOf(pair === undefined ? item : pair.key)?.[0];
  const end = pair === undefined ? endOf(item) : (endOf(pair.value) ?? endOf(pair.key));
  if (start === undefined || end === undefined) return undefined;
  const isDashed = isSeq(parent) && parent.flow !== true;
  return {
    start: isDashed ? text.lastIndexOf('-', start - 1) : start,
    end: Math.max(contentEnd(text, end), start),
  };
}

/** Behind the last character of a node that is no comment and no blank. */
function endOf(node: unknown): number | undefined {
  if (isCollection(node) && node.flow !== true && node.items.length > 0) {
    const last: unknown = node.items.at(-1);
    const pair =
      typeof last === 'object' && last !== null && 'key' in last
        ? (last as { key: unknown; value?: unknown })
        : undefined;
    return pair === undefined ? endOf(last) : (endOf(pair.value) ?? endOf(pair.key));
  }
  return rangeOf(node)?.[1];
}

/** A block scalar's end is the beginning of the next line. */
function contentEnd(text: string, end: number): number {
  return text.slice(0, end).trimEnd().length;
}

function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end;
}

function nodeAt(root: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>((node, part) => {
    if (isMap(node)) return pairOf(node, part)?.value;
    return isSeq(node) && typeof part === 'number' ? node.items[part] : undefined;
  }, root);
}

function nested(path: ConfigPath, value: unknown): unknown {
  return path.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value);
}

function treeWith(tree: unknown, [part, ...rest]: ConfigPath, value: unknown): unknown {
  if (part === undefined) return value;
  if (Array.isArray(tree))
    return tree.map((item: unknown, place) => (place === part ? treeWith(item, rest, value) : item));
  const map: Tree = isTree(tree) ? tree : {};
  return { ...map, [part]: treeWith(map[part], rest, value) };
}

function treeWithout(tree: unknown, [part, ...rest]: ConfigPath): unknown {
  if (part === undefined) return undefined;
  if (!isObject(tree)) return tree;
  const inner = rest.length === 0 ? undefined : treeWithout(Reflect.get(tree, part), rest);
  if (Array.isArray(tree)) {
    const items = tree.map((item: unknown, place) => (place === part ? inner : item));
    const kept = items.filter((item) => item !== undefined);
    return kept.length === 0 ? undefined : kept;
  }
  const kept = Object.entries(tree).flatMap(([key, value]) => {
    if (key !== String(part)) return [[key, value as unknown]];
    return inner === undefined ? [] : [[key, inner]];
  });
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function hiddenValue(value: unknown): unknown {
  if (typeof value === 'string') return hideReferences(value);
  if (Array.isArray(value)) return value.map(hiddenValue);
  if (!isTree(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hiddenValue(inner)]));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
