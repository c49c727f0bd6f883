/** Values as YAML, in the style of a hand-written file: short things on a line, components in blocks. */
import { stringify } from 'yaml';
import { isTree, type Tree } from './yaml-text.ts';

/** On one line: `{ type: host, useIP: false }`, `[a, b]`, `'644'`. */
export function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (isTree(value)) {
    const pairs = Object.entries(value).map(([key, inner]) => `${flowText(key)}: ${flowText(inner)}`);
    return pairs.length === 0 ? '{}' : `{ ${pairs.join(', ')} }`;
  }
  // In a list, so that what would end a flow is put in quotes.
  const list = stringify([value], {
    collectionStyle: 'flow',
    lineWidth: 0,
    singleQuote: true,
    flowCollectionPadding: false,
  });
  return list.trim().slice(1, -1).trim();
}

/** A map with a key a line; maps in it on lines of their own where they hold maps or lists of maps. */
export function blockLines(tree: Tree, indent: string): string[] {
  return Object.entries(tree).flatMap(([key, value]) => {
    const name = `${indent}${flowText(key)}:`;
    if (isTree(value) && Object.keys(value).length > 0) return [name, ...blockLines(value, `${indent}  `)];
    if (!Array.isArray(value) || !value.some(isTree)) return [`${name} ${flowText(value)}`];
    const items = value.flatMap((item: unknown) => {
      const [head = '', ...tail] = isTree(item) ? blockLines(item, '') : [flowText(item)];
      return [`${indent}  - ${head}`, ...tail.map((line) => `${indent}    ${line}`)];
    });
    return [name, ...items];
  });
}
