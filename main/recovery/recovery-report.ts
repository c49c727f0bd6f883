/** What a recovery found and did; the form that `--json` prints. */
import * as z from 'zod';

const count = z.int().min(0);

export const recoveredPartitionSchema = z.object({
  source: z.string(),
  topic: z.string(),
  partition: count,
  incarnation: z.string(),
  channel: z.string(),
  /** Offsets that the lost state had accepted. */
  accepted: count,
  landed: count,
  /** To be pulled again. */
  claimed: count,
  claimedOffsets: z.string(),
  gone: count,
  goneOffsets: z.string(),
  goneWhy: z.array(z.string()),
});
export type RecoveredPartitionRow = z.infer<typeof recoveredPartitionSchema>;

export const recoveryReportSchema = z.object({
  /** `undecided`: nothing was changed in the books; the questions are to be answered first. */
  outcome: z.enum(['recovered', 'dry-run', 'undecided']),
  gatewayId: z.string(),
  lostStates: z.array(z.string()),
  stateId: z.string(),
  files: count,
  events: count,
  partitions: z.array(recoveredPartitionSchema),
  /** Files that were begun by the lost engine and never took their final name. */
  temps: z.array(z.string()),
  tempsLeftOut: count,
  tempsRemoved: count,
  questions: z.array(z.object({ place: z.string(), what: z.string(), answer: z.string() })),
  notes: z.array(z.string()),
});
export type RecoveryReport = z.infer<typeof recoveryReportSchema>;
export type RecoveryQuestion = RecoveryReport['questions'][number];
