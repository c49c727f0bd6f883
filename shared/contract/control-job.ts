/**
 * Long work that an engine does for an operator: it runs in the engine, so it goes on when the window that asked is closed; it shows
 * its progress to everybody, and anybody may cancel it. The engine keeps the last ones until it ends; their files a little longer.
 */
import { z } from 'zod';
import { count, ms, optionalText } from './control-rows.ts';

export const jobKind = z.enum([
  'audit',
  'fleet-audit',
  'export',
  'quarantine-retry',
  'what-if',
  'doctor',
  'channel-check',
  'channel-repair',
  'channel-export',
  'support-bundle',
  'replay',
  'retire',
]);

export const job = z.object({
  id: z.string(),
  kind: jobKind,
  /** What is being done, in words: `export 12 directories`. */
  title: z.string(),
  by: z.string(),
  state: z.enum(['running', 'done', 'failed', 'cancelled']),
  startedMs: ms,
  finishedMs: ms.optional(),
  /** `total` 0: not known yet. */
  progress: z.object({ step: z.string(), done: count, total: count }),
  error: z.object({ code: z.string(), message: z.string(), hint: z.string() }).optional(),
  /** What it made for the operator to take away: `jobFile` reads it. */
  file: z.object({ name: z.string(), bytes: count }).optional(),
  /** The outcome in a sentence. */
  summary: optionalText,
});

export type Job = z.output<typeof job>;
export type JobKind = z.output<typeof jobKind>;
