import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 25;
const TIMEOUT_MS = 30_000;

/**
 * Waits until `condition` answers something other than undefined or false, and answers that. For tests: wait on a condition, not on a time.
 * Throws after `timeoutMs` (default 30 s) with what was awaited.
 */
export async function until<Answer>(
  what: string,
  condition: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  timeoutMs = TIMEOUT_MS,
): Promise<Answer> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await wait(POLL_MS);
  }
}
