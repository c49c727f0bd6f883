/**
 * Key tables: the configuration file's vocabulary as data.
 *
 * A table says for each key of the file what becomes of it: the name and zod schema of its resolved value, its default (written as in
 * the file), or why it is ignored or refused. One small engine turns tables into zod schemas whose types are inferred, and the same
 * tables drive warnings, redaction and `config show`. Hints travel in the `params` of zod's custom issues.
 *
 * No message of this room repeats a value of the file: a value may be a secret that came through `${file:…}`.
 */
import * as z from 'zod';
import { nearestName } from './config-nearest.ts';

/** Where in a key-value pair a finding points. */
export type FindingAt = 'key' | 'value';

export interface IssueParams {
  readonly hint: string;
  readonly at: FindingAt;
}

interface ValueEntry<Kind extends string, Name extends string, Schema extends z.ZodType> {
  readonly kind: Kind;
  /** The name in the resolved configuration. */
  readonly name: Name;
  readonly schema: Schema;
  /** Shown as `***` when it was written literally. */
  readonly isSecret?: boolean;
  /** The default, as it would be written in the file. */
  readonly fallback?: unknown;
}

export type RequiredEntry<N extends string, S extends z.ZodType> = ValueEntry<'required', N, S>;
export type DefaultedEntry<N extends string, S extends z.ZodType> = ValueEntry<'defaulted', N, S>;
export type OptionalEntry<N extends string, S extends z.ZodType> = ValueEntry<'optional', N, S>;
/** For keys `prefix.*`: the resolved value is a record from what stands for `*`. */
export type FamilyEntry<N extends string, S extends z.ZodType> = ValueEntry<'family', N, S>;

/** Another spelling of a key of the same table; the value is written in the alias's own unit. */
export interface AliasEntry {
  readonly kind: 'alias';
  readonly of: string;
  readonly schema: z.ZodType;
}
/** A key that Flume has and Headgate has no use for: a warning with the reason. */
export interface IgnoredEntry {
  readonly kind: 'ignored';
  readonly reason: string;
}
/** A key that cannot be honoured and whose silent loss would do harm: an error with the reason. */
export interface RefusedEntry {
  readonly kind: 'refused';
  readonly reason: string;
  readonly hint: string;
}

type AnyValueEntry =
  | RequiredEntry<string, z.ZodType>
  | DefaultedEntry<string, z.ZodType>
  | OptionalEntry<string, z.ZodType>
  | FamilyEntry<string, z.ZodType>;
export type KeyEntry = AnyValueEntry | AliasEntry | IgnoredEntry | RefusedEntry;
export type KeyTable = Readonly<Record<string, KeyEntry>>;

type AlwaysNamed<E> = E extends {
  readonly kind: 'required' | 'defaulted' | 'family';
  readonly name: infer N extends string;
}
  ? N
  : never;
type SometimesNamed<E> = E extends { readonly kind: 'optional'; readonly name: infer N extends string }
  ? N
  : never;
type EntryOutput<E> = E extends { readonly kind: 'family'; readonly schema: infer S extends z.ZodType }
  ? Record<string, z.output<S>>
  : E extends { readonly schema: infer S extends z.ZodType }
    ? z.output<S>
    : never;
type Flat<T> = { readonly [K in keyof T]: T[K] };

/** The resolved type of a table. */
export type TableOutput<T extends KeyTable> = Flat<
  { [K in keyof T as AlwaysNamed<T[K]>]: EntryOutput<T[K]> } & {
    [K in keyof T as SometimesNamed<T[K]>]?: EntryOutput<T[K]>;
  }
>;

export function required<const N extends string, S extends z.ZodType>(
  name: N,
  schema: S,
): RequiredEntry<N, S> {
  return { kind: 'required', name, schema };
}
export function defaulted<const N extends string, S extends z.ZodType>(
  name: N,
  schema: S,
  fallback: unknown,
): DefaultedEntry<N, S> {
  return { kind: 'defaulted', name, schema, fallback };
}
export function optional<const N extends string, S extends z.ZodType>(
  name: N,
  schema: S,
): OptionalEntry<N, S> {
  return { kind: 'optional', name, schema };
}
export function family<const N extends string, S extends z.ZodType>(name: N, schema: S): FamilyEntry<N, S> {
  return { kind: 'family', name, schema };
}
export function secret<E extends AnyValueEntry>(entry: E): E {
  return { ...entry, isSecret: true };
}
export function alias(of: string, schema: z.ZodType): AliasEntry {
  return { kind: 'alias', of, schema };
}
export function ignored(reason: string): IgnoredEntry {
  return { kind: 'ignored', reason };
}
export function refused(reason: string, hint: string): RefusedEntry {
  return { kind: 'refused', reason, hint };
}

/** How a schema is built of tables, for those who walk the file's tree: rendering, redaction, warnings. */
export type Shape =
  | { readonly kind: 'table'; readonly table: KeyTable }
  | {
      readonly kind: 'variants';
      readonly tables: Readonly<Record<string, KeyTable>>;
      readonly canonicalType: (raw: unknown) => string | undefined;
    }
  | { readonly kind: 'map'; readonly of: z.ZodType }
  | { readonly kind: 'list'; readonly of: z.ZodType };

// A plain map: the type of z.registry<Shape>(), whose Shape holds schemas, takes the compiler gigabytes to expand.
const shapes = new WeakMap<z.ZodType, Shape>();

/** The shape of a schema made by this module; `undefined` for a plain value. */
export function shapeOf(schema: z.ZodType): Shape | undefined {
  return shapes.get(schema);
}

export type RawMap = Readonly<Record<string, unknown>>;

export function isRawMap(value: unknown): value is RawMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The entry that governs a key, also through a family such as `header.*`. */
export function entryOf(table: KeyTable, key: string): KeyEntry | undefined {
  if (Object.hasOwn(table, key) && !key.endsWith('.*')) return table[key];
  const familyKey = familyOf(table, key);
  return familyKey === undefined ? undefined : table[familyKey];
}

function familyOf(table: KeyTable, key: string): string | undefined {
  return Object.keys(table).find(
    (name) => name.endsWith('.*') && key.length > name.length - 1 && key.startsWith(name.slice(0, -1)),
  );
}

export interface TableOptions {
  /** What the map is, for messages: `a Kafka source`. */
  readonly what: string;
}

/** A schema for a map with exactly the keys of the table; its output has the resolved names. */
export function tableSchema<const T extends KeyTable>(table: T, { what }: TableOptions) {
  const schema = z.unknown().transform((raw, context) => {
    const report = (path: PropertyKey[], message: string, params: IssueParams): void => {
      context.addIssue({ code: 'custom', path, message, params });
    };
    if (!isRawMap(raw)) {
      report([], `${what} is a map of keys and values`, {
        hint: 'Write one "key: value" a line, indented.',
        at: 'value',
      });
      return z.NEVER;
    }
    return readTable({ table, raw, what, report }) as TableOutput<T>;
  });
  shapes.set(schema, { kind: 'table', table });
  return schema;
}

interface TableReading {
  readonly table: KeyTable;
  readonly raw: RawMap;
  readonly what: string;
  readonly report: (path: PropertyKey[], message: string, params: IssueParams) => void;
}

function readTable(reading: TableReading): Record<string, unknown> {
  const { table, raw, what, report } = reading;
  const resolved: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(raw)) readKey(reading, resolved, { key, value });
  for (const [key, entry] of Object.entries(table)) {
    if (entry.kind === 'family') resolved[entry.name] ??= {};
    if (entry.kind !== 'required' && entry.kind !== 'defaulted') continue;
    const isWritten =
      Object.hasOwn(raw, key) || aliasesOf(table, key).some((name) => Object.hasOwn(raw, name));
    if (isWritten) continue;
    if (entry.kind === 'defaulted') resolved[entry.name] = entry.schema.parse(entry.fallback);
    else report([], `${what} needs "${key}"`, { hint: `Add "${key}:" here.`, at: 'key' });
  }
  return resolved;
}

function readKey(
  { table, raw, what, report }: TableReading,
  resolved: Record<string, unknown>,
  { key, value }: { readonly key: string; readonly value: unknown },
): void {
  const entry = entryOf(table, key);
  if (entry === undefined)
    return report([key], `unknown key "${shownKey(key)}" in ${what}`, {
      hint: hintForUnknown(table, key, value),
      at: 'key',
    });
  if (entry.kind === 'ignored') return;
  if (entry.kind === 'refused')
    return report([key], `"${key}" is refused: ${entry.reason}`, { hint: entry.hint, at: 'key' });
  if (value === null || value === undefined) {
    return report([key], `"${key}" has no value`, {
      hint: 'Give it a value, or remove the key to get its default.',
      at: 'key',
    });
  }
  if (entry.kind === 'alias' && Object.hasOwn(raw, entry.of)) {
    return report([key], `"${key}" and "${entry.of}" say the same thing`, {
      hint: `Keep "${entry.of}".`,
      at: 'key',
    });
  }
  const outcome = entry.schema.safeParse(value);
  if (!outcome.success) {
    for (const issue of outcome.error.issues) report([key, ...issue.path], issue.message, paramsOf(issue));
    return;
  }
  const target = entry.kind === 'alias' ? table[entry.of] : entry;
  if (target === undefined || !('name' in target))
    throw new Error(`key table: "${key}" is an alias of nothing`);
  if (entry.kind !== 'family') resolved[target.name] = outcome.data;
  else {
    const prefixLength = (familyOf(table, key)?.length ?? 2) - 1;
    const members = (resolved[target.name] ??= Object.create(null)) as Record<string, unknown>;
    members[key.slice(prefixLength)] = outcome.data;
  }
}

function aliasesOf(table: KeyTable, key: string): string[] {
  return Object.entries(table).flatMap(([name, entry]) =>
    entry.kind === 'alias' && entry.of === key ? [name] : [],
  );
}

const MAX_SHOWN_KEY_CHARS = 64;

/** A key as messages repeat it. `password:abc`, with the space forgotten, is all key to YAML, and half of it is a secret. */
export function shownKey(key: string): string {
  const colon = key.indexOf(':');
  const end = Math.min(colon < 0 ? key.length : colon + 1, MAX_SHOWN_KEY_CHARS);
  return end < key.length ? `${key.slice(0, end)}…` : key;
}

function hintForUnknown(table: KeyTable, key: string, value: unknown): string {
  const colon = key.indexOf(':');
  if (colon > 0 && entryOf(table, key.slice(0, colon)) !== undefined)
    return 'A space is missing after the colon.';
  const known = Object.keys(table).filter((name) => !name.endsWith('.*'));
  const dotted = known.find((name) => name.startsWith(`${key}.`));
  if (dotted !== undefined && isRawMap(value)) return `Write its keys with dots, as in "${dotted}:".`;
  const bare = key.replace(/^(?:hdfs|kafka)\./, '');
  const swapped = known.find((name) => name === bare || name === `hdfs.${key}` || name === `kafka.${key}`);
  const useful = known.filter((name) => table[name]?.kind !== 'refused');
  const near = swapped ?? nearestName(key, useful);
  return near === undefined ? `Known here: ${listed(useful)}.` : `Did you mean "${near}"?`;
}

const MAX_LISTED_NAMES = 12;

export function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED_NAMES).join(', ');
  return names.length > MAX_LISTED_NAMES ? `${shown}, …` : shown;
}

/** The hint and place that an issue carries; zod's own issues have none. */
export function paramsOf(issue: z.core.$ZodIssue): IssueParams {
  const params: unknown = issue.code === 'custom' ? issue.params : undefined;
  if (!isRawMap(params)) return { hint: '', at: 'value' };
  return {
    hint: typeof params['hint'] === 'string' ? params['hint'] : '',
    at: params['at'] === 'key' ? 'key' : 'value',
  };
}

export interface VariantOptions {
  readonly what: string;
  /** Other spellings of a type, lower case: Flume's class names and aliases. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Types that Flume has and Headgate refuses, lower case, with the reason. */
  readonly refusedTypes?: Readonly<Record<string, string>>;
  /** The type when none is written. */
  readonly fallbackType?: string;
}

/** Resolved outputs of all variants, each with its literal `type`. */
export type VariantsOutput<T extends Readonly<Record<string, KeyTable>>> = {
  [K in keyof T & string]: Flat<{ readonly type: K } & TableOutput<T[K]>>;
}[keyof T & string];

/** A schema for a map whose `type` picks the table. */
export function variantsSchema<const T extends Readonly<Record<string, KeyTable>>>(
  tables: T,
  options: VariantOptions,
) {
  const typeNames = Object.keys(tables);
  const canonicalType = (raw: unknown): string | undefined => {
    if (raw === undefined) return options.fallbackType;
    if (typeof raw !== 'string') return undefined;
    const lower = raw.trim().toLowerCase();
    const named = options.aliases?.[lower] ?? lower;
    return typeNames.find((name) => name.toLowerCase() === named.toLowerCase());
  };
  const schemas = Object.fromEntries(
    typeNames.map((name) => [
      name,
      tableSchema({ ...tables[name], type: ignored('') }, { what: withType(options.what, name) }),
    ]),
  );
  const schema = z.unknown().transform((raw, context) => {
    const refuse = (path: PropertyKey[], message: string, params: IssueParams): typeof z.NEVER => {
      context.addIssue({ code: 'custom', path, message, params });
      return z.NEVER;
    };
    if (!isRawMap(raw)) {
      return refuse([], `${options.what} is a map of keys and values`, {
        hint: `Begin with "type: ${typeNames[0] ?? ''}".`,
        at: 'value',
      });
    }
    const written = Object.hasOwn(raw, 'type') ? raw['type'] : undefined;
    const type = canonicalType(written);
    if (type === undefined) {
      if (written === undefined)
        return refuse([], `${options.what} needs "type"`, {
          hint: `Known types: ${listed(typeNames)}.`,
          at: 'key',
        });
      return refuse(['type'], ...unknownType(written, typeNames, options));
    }
    const outcome = schemas[type]?.safeParse(raw);
    if (outcome === undefined) throw new Error(`variants: no table for "${type}"`);
    if (outcome.success) return { type, ...outcome.data } as VariantsOutput<T>;
    for (const issue of outcome.error.issues) refuse([...issue.path], issue.message, paramsOf(issue));
    return z.NEVER;
  });
  shapes.set(schema, { kind: 'variants', tables, canonicalType });
  return schema;
}

function withType(what: string, type: string): string {
  return `${what} of type ${type}`;
}

function unknownType(
  written: unknown,
  typeNames: readonly string[],
  options: VariantOptions,
): [string, IssueParams] {
  const reason =
    typeof written === 'string' ? options.refusedTypes?.[written.trim().toLowerCase()] : undefined;
  if (reason !== undefined)
    return [
      `this type of ${options.what.replace(/^an? /, '')} is refused: ${reason}`,
      { hint: `Known types: ${listed(typeNames)}.`, at: 'value' },
    ];
  const near = typeof written === 'string' ? nearestName(written, typeNames) : undefined;
  const hint = near === undefined ? `Known types: ${listed(typeNames)}.` : `Did you mean "${near}"?`;
  return [`not a type of ${options.what.replace(/^an? /, '')} that is known here`, { hint, at: 'value' }];
}

/** Names of sources, channels and sinks. They go into file names, metrics and URLs. */
export const COMPONENT_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** One gateway has a handful of each; far more is a mistake that would only be noticed by its cost. */
export const MAX_COMPONENTS = 200;

/** A map from component names to components. */
export function namedMapSchema<S extends z.ZodType>(of: S, what: string) {
  const schema = z.unknown().transform((raw, context) => {
    const report = (path: PropertyKey[], message: string, params: IssueParams): void => {
      context.addIssue({ code: 'custom', path, message, params });
    };
    const resolved = Object.create(null) as Record<string, z.output<S>>;
    if (!isRawMap(raw)) {
      report([], `${what} is a map from names to components`, {
        hint: 'Write a name, a colon, and its keys indented below.',
        at: 'value',
      });
      return z.NEVER;
    }
    const entries = Object.entries(raw);
    if (entries.length > MAX_COMPONENTS) {
      report([], `${what} has more than ${MAX_COMPONENTS} entries`, {
        hint: 'Use several gateways.',
        at: 'key',
      });
    }
    for (const [name, value] of entries) {
      if (!COMPONENT_NAME.test(name)) {
        report(
          [name],
          `a name in ${what} has other characters than letters, digits, _ and -, or more than 64`,
          {
            hint: 'Names go into file names, metrics and URLs.',
            at: 'key',
          },
        );
      }
      const outcome = of.safeParse(value);
      if (outcome.success) resolved[name] = outcome.data;
      else
        for (const issue of outcome.error.issues)
          report([name, ...issue.path], issue.message, paramsOf(issue));
    }
    return resolved;
  });
  shapes.set(schema, { kind: 'map', of });
  return schema;
}

/** A list of maps; `maxItems` bounds it. */
export function listSchema<S extends z.ZodType>(
  of: S,
  { what, maxItems }: { readonly what: string; readonly maxItems: number },
) {
  const schema = z.unknown().transform((raw, context) => {
    const report = (path: PropertyKey[], message: string, params: IssueParams): void => {
      context.addIssue({ code: 'custom', path, message, params });
    };
    if (!Array.isArray(raw)) {
      report([], `${what} is a list`, { hint: 'Begin each item with "- ".', at: 'value' });
      return z.NEVER;
    }
    if (raw.length > maxItems)
      report([], `${what} has more than ${maxItems} items`, { hint: 'Shorten it.', at: 'key' });
    const resolved: z.output<S>[] = [];
    raw.forEach((item: unknown, index) => {
      const outcome = of.safeParse(item);
      if (outcome.success) resolved.push(outcome.data);
      else
        for (const issue of outcome.error.issues)
          report([index, ...issue.path], issue.message, paramsOf(issue));
    });
    return resolved;
  });
  shapes.set(schema, { kind: 'list', of });
  return schema;
}
