/** Goal: what the console fetches late comes as soon as it can be had. Method: an engine that is away, or serves something else. */
import { describe, expect, test } from 'vitest';
import { fetchedPart, PartNotLoaded } from '../../renderer/client/late-part.ts';

const NOON_MS = Date.UTC(2026, 10, 22, 12);

/** `away`: looks that find nobody. */
async function fetching(options: { away?: number; isThere?: boolean; reloadedAgoMs?: number }) {
  const { away = 0, isThere = false, reloadedAgoMs } = options;
  const kept = new Map<string, string>();
  if (reloadedAgoMs !== undefined) kept.set('headgate.reloaded', String(NOON_MS - reloadedAgoMs));
  let looks = 0;
  let reloads = 0;
  const part = fetchedPart(
    () => (isThere ? Promise.resolve('the part') : Promise.reject(new TypeError('no file'))),
    {
      wait: () => Promise.resolve(),
      isServed: () => Promise.resolve(++looks > away),
      reload: () => void reloads++,
      storage: {
        getItem: (key) => kept.get(key) ?? null,
        setItem: (key, value) => void kept.set(key, value),
      },
      nowMs: () => NOON_MS,
    },
  );
  const outcome: unknown = await part.catch((error: unknown) => error);
  return { outcome, looks, reloads, kept: [...kept.values()] };
}

describe('a part that is fetched late', () => {
  test('comes at once where it is', async () => {
    expect(await fetching({ isThere: true })).toEqual({
      outcome: 'the part',
      looks: 0,
      reloads: 0,
      kept: [],
    });
  });

  test('that could not be had is waited for until the engine is back; then the console is loaded again, once', async () => {
    const { outcome, looks, reloads, kept } = await fetching({ away: 50 });
    expect([looks, reloads, kept]).toEqual([51, 1, [String(NOON_MS)]]);
    // The page would be gone by now, unless who was asked stayed.
    expect(outcome).toBeInstanceOf(PartNotLoaded);
  });

  test('is given up when that has just been tried, with what the browser said', async () => {
    const { outcome, reloads } = await fetching({ reloadedAgoMs: 59_000 });
    expect(reloads).toBe(0);
    expect((outcome as Error).message).toBe('no file');
    expect((await fetching({ reloadedAgoMs: 61_000 })).reloads).toBe(1);
  });
});
