/** Leaving a group for good: a source, or the whole gateway, lands what it took and takes no more. */
import { z } from 'zod';
import { by, count, ms, name, optionalText } from './control-rows.ts';

export const retirementRow = z.object({
  /** Absent: the whole gateway. */
  source: z.string().optional(),
  /** `retired`: nothing is left, the audit was clean, and the others know. */
  state: z.enum(['retiring', 'retired']),
  by: z.string(),
  sinceMs: ms,
  endedMs: ms.optional(),
  /** What it does now, or waits for, in words: `12 files left`. */
  step: optionalText,
  eventsLeft: count,
  filesLeft: count,
});

export const retireStart = {
  input: z.object({ source: name.optional(), by }),
  output: z.object({ jobId: z.string() }),
};
/** Intake goes on. Throws `usage` when there is nothing to undo, or it is done already. */
export const retireUndo = { input: z.object({ source: name.optional(), by }), output: z.object({}) };

export type RetirementRow = z.output<typeof retirementRow>;
