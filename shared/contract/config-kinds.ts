/**
 * What a plain value of the configuration file is, for forms and completion. A schema of `config-fields.ts` is a function to everybody else:
 * whoever makes one says here what a reader has to be offered for it.
 */
import type * as z from 'zod';

export type ValueKind =
  | { readonly kind: 'text' }
  | { readonly kind: 'flag' }
  | { readonly kind: 'integer'; readonly min: number; readonly max: number }
  | { readonly kind: 'size' }
  /** `bareUnit`: what a number without a unit means. */
  | { readonly kind: 'duration'; readonly bareUnit?: 'ms' | 's' }
  | { readonly kind: 'choice'; readonly words: readonly string[] }
  /** A list of texts. */
  | { readonly kind: 'texts' }
  /** A map from free keys to values of one kind. */
  | { readonly kind: 'map'; readonly of: ValueKind }
  | { readonly kind: 'time-zone' };

const TEXT: ValueKind = { kind: 'text' };
const kinds = new WeakMap<z.ZodType, ValueKind>();

export function ofKind<S extends z.ZodType>(kind: ValueKind, schema: S): S {
  kinds.set(schema, kind);
  return schema;
}

/** Text where nobody said otherwise. */
export function kindOf(schema: z.ZodType): ValueKind {
  return kinds.get(schema) ?? TEXT;
}
