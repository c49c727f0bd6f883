import { GatewayError } from '../../shared/errors.ts';

/** A page's cursor is the last row id it gave. Throws `usage` for a text that no page gave. */
export function cursorOf(after: string | undefined): number | undefined {
  if (after === undefined) return undefined;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw noCursor(after);
}

/** Where a page of a sorted list ended: the value it was sorted by, and the row that had it. */
export interface SortedPlace {
  readonly value: number | string;
  readonly id: number;
}

/** As `next` in an answer: `17` when the list is sorted by id, else `<value>.<id>`, a text in base64url. */
export function placeText({ value, id }: SortedPlace): string {
  if (value === id) return String(id);
  return `${typeof value === 'number' ? value : `~${Buffer.from(value).toString('base64url')}`}.${id}`;
}

/** Throws `usage` for a text that no page of this sort gave. */
export function placeOf(after: string | undefined, kind: 'number' | 'text'): SortedPlace | undefined {
  if (after === undefined) return undefined;
  const parts = /^(?:(-?\d{1,17}|~[\w-]*)\.)?(\d{1,15})$/.exec(after);
  const id = Number(parts?.[2]);
  const value = parts?.[1];
  if (parts === null || value?.startsWith('~') === (kind === 'number')) throw noCursor(after);
  if (value === undefined && kind === 'text') throw noCursor(after);
  if (kind === 'text') return { value: Buffer.from(value?.slice(1) ?? '', 'base64url').toString(), id };
  return { value: value === undefined ? id : Number(value), id };
}

export function noCursor(after: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'read a page',
    place: after.slice(0, 40),
    message: 'This is not where a page ended.',
    retry: 'never',
    hint: 'Use the value that came as `next` with the page before.',
  });
}
