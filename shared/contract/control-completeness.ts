/** Which directories are complete, as the status tells it. */
import { z } from 'zod';

const count = z.number().int().nonnegative();

export const directoryRow = z.object({
  directory: z.string(),
  /** When its stretch of time ends. */
  endMs: z.number(),
  /** `open`: its time, or the grace after it, is not over; `marking`: decided, the marker is not in place yet. */
  state: z.enum(['open', 'waiting', 'marking', 'complete']),
  /** Of its last marker; 0: none yet. */
  revision: count,
  decidedMs: z.number().optional(),
  /** Events of it that are not landed. */
  waitingEvents: count,
  /** What it waits for, in words. */
  why: z.array(z.string()),
});

export const completenessRow = z.object({
  sink: z.string(),
  marker: z.string(),
  graceMs: count,
  path: z.string(),
  /** Of all directories that are remembered. */
  complete: count,
  waiting: count,
  /** Those that end last, the last first. */
  directories: z.array(directoryRow),
});

export type DirectoryRow = z.output<typeof directoryRow>;
export type CompletenessRow = z.output<typeof completenessRow>;
