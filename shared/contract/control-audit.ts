/** An audit's report, while it runs and when it is done. */
import { z } from 'zod';

const count = z.number().int().nonnegative();
const ms = z.number();
const optionalText = z.string().optional();

export const auditFinding = z.object({
  kind: z.enum([
    'missing',
    'overlap',
    'damaged',
    /** A row that speaks of offsets outside every tenure, or of others than its tenure's. */
    'outside',
    /** Two records of the same fact contradict each other: a counter and its rows, a plan and its chunks. */
    'books-differ',
    'file-missing',
    /** Not where it was landed, and found elsewhere. */
    'file-moved',
    'file-differs',
    'lines-differ',
    'unreadable',
    'unknown-file',
  ]),
  place: z.string(),
  /** Offsets (`5-9, 12`) or a path, and what is wrong with it. */
  what: z.string(),
});

/** Some offsets of one log, as one channel has them. */
const offsetsOf = {
  channel: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  incarnation: z.string(),
  from: z.number(),
  /** The offset after the last one. */
  to: z.number(),
};

/** Offsets that were taken and whose events nobody can have any more: they are in no file, and this is why. */
export const auditGap = z.object({
  ...offsetsOf,
  /** Ends with the time at which it was noticed. */
  reason: z.string(),
});

export const auditCoverage = z.object({
  ...offsetsOf,
  landed: count,
  inChannel: count,
  /** Given up by an operator; the notes name them. */
  dropped: count.optional(),
  quarantined: count,
  filtered: count,
  notRouted: count,
  absent: count,
  gap: count,
  /** To be pulled again; the notes name them. */
  claimed: count.optional(),
  held: count,
});

export const auditReport = z.object({
  id: z.string(),
  state: z.enum(['running', 'done', 'failed', 'cancelled']),
  startedMs: ms,
  finishedMs: ms.optional(),
  level: z.enum(['ledger', 'hdfs', 'deep']),
  /** What is being done, done and total steps. */
  progress: z.object({ step: z.string(), done: count, total: count }),
  verdict: z.enum(['clean', 'wrong', 'unknown']),
  error: optionalText,
  offsets: count,
  files: count,
  coverage: z.array(auditCoverage),
  findings: z.array(auditFinding),
  findingsLeftOut: count,
  /** By name, the first of them; `gap` of the coverage counts all. */
  gaps: z.array(auditGap).optional(),
  gapsLeftOut: count.optional(),
  /** What was noticed and is no fault: temp files waiting for the janitor, checksums that the target does not give. */
  notes: z.array(z.string()).optional(),
  /** The verdict in sentences, once there is one. */
  summary: optionalText,
});

export type AuditReport = z.output<typeof auditReport>;
export type AuditFinding = z.output<typeof auditFinding>;
export type AuditGap = z.output<typeof auditGap>;
export type AuditCoverage = z.output<typeof auditCoverage>;
