import { setTimeout as wait } from 'node:timers/promises';

const POLL_MS = 25;
const POLL_MAX_MS = 250;
/** What is dear to ask for, such as a look at every file in HDFS, is asked for the less often: asking must not be what the machine does. */
const POLL_PER_ANSWER = 3;
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
    const askedMs = Date.now();
    const answer = await condition();
    if (answer !== undefined && answer !== false) return answer;
    const answeredMs = Date.now();
    if (answeredMs > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await wait(Math.min(POLL_MAX_MS, Math.max(POLL_MS, (answeredMs - askedMs) * POLL_PER_ANSWER)));
  }
}
