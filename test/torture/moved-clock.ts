/**
 * Preloaded into an engine of the torture (`NODE_OPTIONS=--import`), in each of its threads: moves the wall clock that JavaScript
 * sees by the milliseconds that stand in the file HEADGATE_TORTURE_CLOCK names. The steady clock is left alone, as a real step of
 * the clock leaves it.
 */
import { readFileSync } from 'node:fs';

const LOOK_AGAIN_MS = 200;
const file = process.env['HEADGATE_TORTURE_CLOCK'];

if (file !== undefined) {
  const realNow = Date.now.bind(Date);
  let movedMs = 0;
  let nextLookMs = 0;
  const now = (): number => {
    const steadyMs = performance.now();
    if (steadyMs >= nextLookMs) {
      nextLookMs = steadyMs + LOOK_AGAIN_MS;
      movedMs = Number(readFileSync(file, 'utf8'));
    }
    return realNow() + movedMs;
  };
  const RealDate = Date;
  const MovedDate = new Proxy(RealDate, {
    construct: (target, words: unknown[], newTarget) =>
      Reflect.construct(target, words.length === 0 ? [now()] : words, newTarget) as object,
    apply: () => new RealDate(now()).toString(),
  });
  RealDate.now = now;
  globalThis.Date = MovedDate;
}
