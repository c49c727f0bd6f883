/**
 * `next` with every part that equals the same part of `before` replaced by that part itself, so that what didn't change stays
 * identical and what shows it isn't drawn again. For plain JSON values; lists are compared place by place.
 */
export function shareUnchanged<T>(before: unknown, next: T): T {
  return share(before, next) as T;
}

function share(before: unknown, next: unknown): unknown {
  if (Object.is(before, next)) return before;
  if (Array.isArray(before) && Array.isArray(next)) {
    const list = next.map((value: unknown, place) => share(before[place], value));
    return list.length === before.length && list.every((value, place) => value === before[place])
      ? before
      : list;
  }
  if (!isRecord(before) || !isRecord(next)) return next;
  const keys = Object.keys(next);
  const known = (key: string): unknown => (Object.hasOwn(before, key) ? before[key] : undefined);
  // Not by assignment: a key may be called `__proto__`.
  const shared = Object.fromEntries(keys.map((key) => [key, share(known(key), next[key])]));
  const isSame =
    keys.length === Object.keys(before).length &&
    keys.every((key) => Object.hasOwn(before, key) && shared[key] === before[key]);
  return isSame ? before : shared;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
