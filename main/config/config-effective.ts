/**
 * The effective configuration in the words of the file: what is written, with every default beside it.
 *
 * It is made from the *written* tree, in which `${file:…}` and `${env:…}` are still text, so a value behind a reference cannot slip out;
 * literal secrets are blanked by their key.
 */
import type * as z from 'zod';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { fileSchema } from '../../shared/contract/config-schema.ts';
import { defaultGroupId } from '../../shared/contract/config.ts';
import { entryOf, isRawMap, shapeOf } from '../../shared/contract/config-table.ts';
import type { KeyTable, RawMap } from '../../shared/contract/config-table.ts';

export const BLANK = '***';

export function effectiveTree(written: RawMap, config: GatewayConfig): Record<string, unknown> {
  const tree = shown(fileSchema, written) as Record<string, Record<string, unknown>>;
  const gateway = tree['gateway'];
  const writtenId = typeof gateway?.['id'] === 'string' ? gateway['id'] : config.gateway.id;
  if (gateway !== undefined) gateway['stateDir'] ??= config.gateway.stateDir;
  for (const [name, source] of Object.entries(config.sources)) {
    const section = tree['sources']?.[name] as Record<string, unknown> | undefined;
    if (source.type === 'kafka' && section !== undefined)
      section['kafka.consumer.group.id'] ??= defaultGroupId(writtenId);
  }
  return tree;
}

function shown(schema: z.ZodType, raw: unknown): unknown {
  const shape = shapeOf(schema);
  if (shape === undefined) return raw;
  if (shape.kind === 'list')
    return Array.isArray(raw) ? raw.map((item: unknown) => shown(shape.of, item)) : raw;
  if (!isRawMap(raw)) return raw;
  if (shape.kind === 'map')
    return Object.fromEntries(Object.entries(raw).map(([name, value]) => [name, shown(shape.of, value)]));
  if (shape.kind === 'table') return shownTable(shape.table, raw);
  // A type that is itself a reference is unknown here: nothing in its section can be told secret from not.
  const type = shape.canonicalType(raw['type']);
  const table = type === undefined ? undefined : shape.tables[type];
  return table === undefined ? BLANK : { type, ...shownTable(table, raw, new Set(['type'])) };
}

function shownTable(
  table: KeyTable,
  raw: RawMap,
  known: ReadonlySet<string> = new Set(),
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const aliased = new Set<string>();
  for (const [key, value] of Object.entries(raw)) {
    if (known.has(key)) continue;
    const entry = entryOf(table, key);
    if (entry === undefined || entry.kind === 'ignored' || entry.kind === 'refused') continue;
    if (entry.kind === 'alias') aliased.add(entry.of);
    if (entry.kind !== 'alias' && entry.isSecret === true) result[key] = blanked(value);
    else result[key] = shown(entry.schema, value);
  }
  for (const [key, entry] of Object.entries(table)) {
    if (entry.kind !== 'defaulted' || Object.hasOwn(result, key) || aliased.has(key)) continue;
    result[key] = shown(entry.schema, entry.fallback);
  }
  return result;
}

/** A secret that is nothing but one reference is shown as that reference: the operator wants to know where it comes from. */
function blanked(value: unknown): unknown {
  return typeof value === 'string' && /^\$\{(?:env|file):[^{}]+\}$/.test(value) ? value : BLANK;
}
