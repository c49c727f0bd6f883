/** What the schema says of each place of the file: its keys, their kinds and defaults. For the form and for completion. */
import type * as z from 'zod';
import { kindOf, type ValueKind } from '../../../shared/contract/config-kinds.ts';
import { fileSchema } from '../../../shared/contract/config-schema.ts';
import { entryOf, shapeOf, type KeyEntry, type KeyTable } from '../../../shared/contract/config-table.ts';

/** A place in the file: names and numbers from the root. */
export type SchemaPath = readonly (string | number)[];
/** The value at a path as far as it is known: `type` decides which keys a component has. */
export type ValueAt = (path: SchemaPath) => unknown;

export interface KeyFact {
  readonly key: string;
  readonly isRequired: boolean;
  readonly isSecret: boolean;
  /** Of `header.*`: the reader names what stands for the star. */
  readonly isFamily: boolean;
  /** As it would be written; undefined: there is none. */
  readonly fallback: unknown;
  readonly value: ValueFact;
}

export type ValueFact =
  | { readonly kind: 'plain'; readonly of: ValueKind }
  | { readonly kind: 'table' }
  /** A table that `type` picks. */
  | { readonly kind: 'variants'; readonly types: readonly string[] }
  | { readonly kind: 'components' }
  | { readonly kind: 'list'; readonly item: ValueFact };

/** The keys that may stand at a path, those that must first; empty where it holds no keys or its type is not known. */
export function keysAt(path: SchemaPath, valueAt: ValueAt): readonly KeyFact[] {
  const table = tableAt(path, valueAt);
  if (table === undefined) return [];
  const facts = Object.entries(table).flatMap(([key, entry]) => factOf(key, entry) ?? []);
  return [...facts.filter(({ isRequired }) => isRequired), ...facts.filter(({ isRequired }) => !isRequired)];
}

/** What may stand at a path; undefined: nothing that is known. */
export function valueFactAt(path: SchemaPath, valueAt: ValueAt): ValueFact | undefined {
  const schema = schemaAt(path, valueAt);
  return schema === undefined ? undefined : valueFactOf(schema);
}

function factOf(key: string, entry: KeyEntry): KeyFact | undefined {
  if (entry.kind === 'ignored' || entry.kind === 'refused' || entry.kind === 'alias') return undefined;
  return {
    key,
    isRequired: entry.kind === 'required',
    isSecret: entry.isSecret === true,
    isFamily: entry.kind === 'family',
    fallback: entry.fallback,
    value: valueFactOf(entry.schema),
  };
}

function valueFactOf(schema: z.ZodType): ValueFact {
  const shape = shapeOf(schema);
  switch (shape?.kind) {
    case 'table':
      return { kind: 'table' };
    case 'variants':
      return { kind: 'variants', types: Object.keys(shape.tables) };
    case 'map':
      return { kind: 'components' };
    case 'list':
      return { kind: 'list', item: valueFactOf(shape.of) };
    case undefined:
      return { kind: 'plain', of: acceptedWords(schema) };
  }
}

/** Words that the table knows and refuses are not offered. */
function acceptedWords(schema: z.ZodType): ValueKind {
  const kind = kindOf(schema);
  if (kind.kind !== 'choice') return kind;
  return { ...kind, words: kind.words.filter((word) => schema.safeParse(word).success) };
}

function tableAt(path: SchemaPath, valueAt: ValueAt): KeyTable | undefined {
  const schema = schemaAt(path, valueAt);
  const shape = schema === undefined ? undefined : shapeOf(schema);
  if (shape?.kind === 'table') return shape.table;
  if (shape?.kind !== 'variants') return undefined;
  const type = shape.canonicalType(valueAt([...path, 'type']));
  return type === undefined ? undefined : shape.tables[type];
}

function schemaAt(path: SchemaPath, valueAt: ValueAt): z.ZodType | undefined {
  const part = path.at(-1);
  if (part === undefined) return fileSchema;
  const parentPath = path.slice(0, -1);
  const parent = schemaAt(parentPath, valueAt);
  const shape = parent === undefined ? undefined : shapeOf(parent);
  if (shape?.kind === 'map' || shape?.kind === 'list') return shape.of;
  const table = tableAt(parentPath, valueAt);
  const entry = table === undefined ? undefined : entryOf(table, String(part));
  return entry !== undefined && 'schema' in entry ? entry.schema : undefined;
}
