import { GatewayError } from '../../shared/errors.ts';

/** A page's cursor is the last row id it gave. Throws `usage` for a text that no page gave. */
export function cursorOf(after: string | undefined): number | undefined {
  if (after === undefined) return undefined;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new GatewayError({
    code: 'usage',
    operation: 'read a page',
    place: after.slice(0, 40),
    message: 'This is not where a page ended.',
    retry: 'never',
    hint: 'Use the value that came as `next` with the page before.',
  });
}
