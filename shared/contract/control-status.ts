/** The engine's snapshot: what it is doing, piece by piece. Times are epoch ms, sizes bytes, rates per second. */
import { z } from 'zod';
import { retirementRow } from './control-retire.ts';
import { completenessRow } from './control-completeness.ts';

const count = z.number().int().nonnegative();
const ms = z.number();
const optionalText = z.string().optional();

const waiting = {
  /** Why it waits, in words an operator understands. */
  cause: optionalText,
  hint: optionalText,
  nextTryMs: ms.optional(),
};

export const partitionStatus = z.object({
  topic: z.string(),
  partition: z.number().int(),
  state: z.enum(['opening', 'flowing', 'caught-up', 'paused', 'waiting', 'held']),
  cause: optionalText,
  position: z.number(),
  acceptedTo: z.number(),
  logEnd: z.number(),
  logStart: z.number(),
  lag: z.number(),
  leader: z.number(),
  /** Until the broker deletes the first record that is still needed, if things go on as they do; absent: nothing is in danger. */
  secondsToLoss: z.number().optional(),
  /** What tells it: the retention time, the retention size, or the pace of the log's start. */
  lossBy: z.enum(['time', 'size', 'start']).optional(),
  /** How long the broker keeps records of it, as far as known. */
  retentionSeconds: z.number().optional(),
});

export const sourceStatus = z.object({
  name: z.string(),
  type: z.string(),
  state: z.enum(['starting', 'flowing', 'idle', 'paused', 'waiting', 'failed']),
  ...waiting,
  fence: z.enum(['transactions', 'none', 'not-needed']),
  events: count,
  bytes: count,
  eventsPerSecond: z.number(),
  bytesPerSecond: z.number(),
  pulls: count,
  repulls: count,
  failedPulls: count,
  lag: z.number(),
  /** The soonest of its partitions; absent: nothing is in danger. */
  secondsToLoss: z.number().optional(),
  /** That its events may go into. */
  channels: z.array(z.string()).optional(),
  /** How the pulling again of claimed events goes; absent: there are none. */
  repull: z
    .object({ state: z.enum(['pulling', 'waiting']), ...waiting, redeemed: count, lost: count })
    .optional(),
  partitions: z.array(partitionStatus),
});

export const channelStatus = z.object({
  name: z.string(),
  type: z.string(),
  state: z.enum(['open', 'full', 'low-disk', 'failed']),
  ...waiting,
  events: count,
  heldEvents: count,
  rawBytes: count,
  storedBytes: count,
  capacityBytes: count,
  usedBytes: count,
  freeDiskBytes: count,
  minFreeDiskBytes: count,
  /** Of a channel that has events in memory: what a crash now would have pulled again, in stored bytes. Absent: all of it is on the disk. */
  memory: z.object({ usedBytes: count, capacityBytes: count }).optional(),
  oldestEventMs: ms.optional(),
  oldestPutMs: ms.optional(),
  quarantined: count,
  damagedChunks: count,
  /** Events that were taken and are to be pulled again, and since when; absent: none. */
  claims: z
    .object({
      events: count,
      oldestMs: ms,
      causes: z.array(z.enum(['damaged-chunk', 'lost-disk', 'memory'])),
    })
    .optional(),
  /** Bytes that still go in before intake stops: the less of its own room and the disk's. */
  roomBytes: count.optional(),
  /** At the pace at which it fills now; absent while it does not fill. */
  secondsToFull: z.number().optional(),
  /** At the pace of the intake now, if nothing landed any more: what pausing costs. Absent while nothing comes in. */
  secondsToFullIfPaused: z.number().optional(),
  /** Until nothing waits, at the pace at which the backlog shrinks now; absent while it does not shrink. */
  drainSeconds: z.number().optional(),
});

export const uploadStatus = z.object({
  fileId: z.string(),
  path: z.string(),
  step: z.string(),
  attempt: count,
  sentBytes: count,
  totalBytes: count,
  ...waiting,
});

export const sinkStatus = z.object({
  name: z.string(),
  type: z.string(),
  channel: z.string(),
  /** The group whose backlog it lands, while it is on duty; the others stand by. */
  group: z.object({ name: z.string(), isOnDuty: z.boolean() }).optional(),
  state: z.enum(['starting', 'flowing', 'idle', 'paused', 'waiting', 'failed']),
  ...waiting,
  paused: z.object({ by: z.string(), why: z.string(), atMs: ms }).optional(),
  files: count,
  events: count,
  bytes: count,
  eventsPerSecond: z.number(),
  bytesPerSecond: z.number(),
  heldFiles: count,
  openKeys: count,
  uploads: z.array(uploadStatus),
  lastLandedMs: ms.optional(),
  lastLandedPath: optionalText,
});

export const alert = z.object({
  id: z.string(),
  code: z.string(),
  level: z.enum(['info', 'warn', 'error']),
  place: z.string(),
  message: z.string(),
  hint: optionalText,
  sinceMs: ms,
  clearedMs: ms.optional(),
  count: count,
});

export const engineStatus = z.object({
  contract: z.number().int(),
  version: z.string(),
  pid: z.number().int(),
  gateway: z.string(),
  stateId: z.string(),
  stateDir: z.string(),
  /** `setup`: there is no configuration yet; only what the first-run wizard needs is answered. */
  state: z.enum(['setup', 'starting', 'running', 'draining', 'stopped']),
  startedMs: ms,
  nowMs: ms,
  configVersion: count,
  configFile: z.string(),
  /** Problems of the newest edit, when it was not taken. */
  configProblems: z.array(z.string()),
  memoryBytes: count,
  sources: z.array(sourceStatus),
  channels: z.array(channelStatus),
  sinks: z.array(sinkStatus),
  alerts: z.array(alert),
  /** What leaves for good, or has left. */
  retirements: z.array(retirementRow).optional(),
  /** By sink; absent: no sink marks complete directories. */
  completeness: z.array(completenessRow).optional(),
});

export type EngineStatus = z.output<typeof engineStatus>;
export type SourceStatusRow = z.output<typeof sourceStatus>;
export type ChannelStatusRow = z.output<typeof channelStatus>;
export type SinkStatusRow = z.output<typeof sinkStatus>;
export type UploadStatusRow = z.output<typeof uploadStatus>;
export type Alert = z.output<typeof alert>;
