/**
 * The control contract: everything a client may ask of a running engine, over the unix socket (or named pipe) and later over
 * loopback HTTP. One table; the server checks inputs with it, clients check answers with it, and all types are inferred from it.
 * Times are epoch ms, sizes bytes, rates per second. Additions raise nothing; a change of meaning raises CONTRACT_VERSION.
 */
import { z } from 'zod';

export const CONTRACT_VERSION = 1;

const name = z.string().min(1).max(249);
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
  oldestEventMs: ms.optional(),
  oldestPutMs: ms.optional(),
  quarantined: count,
  damagedChunks: count,
  secondsToFull: z.number().optional(),
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
  state: z.enum(['starting', 'running', 'draining', 'stopped']),
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
});

export const backlogRow = z.object({
  id: count,
  sink: z.string(),
  channel: z.string(),
  directory: z.string(),
  prefix: z.string(),
  events: count,
  rawBytes: count,
  storedBytes: count,
  oldestEventMs: ms,
  newestEventMs: ms,
  oldestPutMs: ms,
  newestPutMs: ms,
});

const filePart = z.object({
  topic: z.string(),
  partition: z.number().int(),
  incarnation: z.string(),
  first: z.number(),
  last: z.number(),
  count: count,
});

export const landingRow = z.object({
  fileId: z.string(),
  sink: z.string(),
  channel: z.string(),
  path: z.string(),
  bytes: count,
  rawBytes: count,
  events: count,
  codec: z.string(),
  checksum: optionalText,
  checksumNote: optionalText,
  crc32c: count,
  attempts: count,
  landedMs: ms,
  parts: z.array(filePart),
});

export const quarantineRow = z.object({
  id: count,
  source: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  offset: z.number(),
  channel: optionalText,
  reason: z.string(),
  timestampMs: ms,
  bodyBytes: count,
  preview: z.string(),
  state: z.string(),
});

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

export const auditCoverage = z.object({
  channel: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  incarnation: z.string(),
  from: z.number(),
  to: z.number(),
  landed: count,
  inChannel: count,
  quarantined: count,
  filtered: count,
  notRouted: count,
  absent: count,
  gap: count,
  damaged: count,
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
  /** What was noticed and is no fault: temp files waiting for the janitor, checksums that the target does not give. */
  notes: z.array(z.string()).optional(),
  /** The verdict in sentences, once there is one. */
  summary: optionalText,
});

const page = { limit: z.number().int().min(1).max(1000).default(100), after: optionalText };

/** Every call by name: the shape of its input and of its answer. */
export const procedures = {
  status: { input: z.object({}), output: engineStatus },
  pause: {
    input: z.object({
      sink: name.optional(),
      by: z.string().max(200),
      why: z.string().max(1000).default(''),
    }),
    output: z.object({ paused: z.array(z.string()) }),
  },
  resume: {
    input: z.object({ sink: name.optional(), by: z.string().max(200) }),
    output: z.object({ resumed: z.array(z.string()) }),
  },
  backlogList: {
    input: z.object({ sink: name.optional(), topic: name.optional(), ...page }),
    output: z.object({
      rows: z.array(backlogRow),
      next: optionalText,
      totalKeys: count,
      totalEvents: count,
      totalRawBytes: count,
      totalStoredBytes: count,
    }),
  },
  backlogPeek: {
    input: z.object({ landingKeyId: count, limit: z.number().int().min(1).max(1000).default(20) }),
    output: z.object({
      events: z.array(
        z.object({
          topic: z.string(),
          partition: z.number().int(),
          offset: z.number(),
          body: z.string(),
          bodyBytes: count,
        }),
      ),
    }),
  },
  /** One chunk of a landing key whole, as its events would land, without taking it; `next` asks for the chunk after it. */
  backlogExport: {
    input: z.object({ landingKeyId: count, after: optionalText }),
    output: z.object({ events: count, base64: z.string(), next: optionalText }),
  },
  landings: {
    input: z.object({
      sinceMs: ms.optional(),
      untilMs: ms.optional(),
      path: z.string().max(4096).optional(),
      topic: name.optional(),
      ...page,
    }),
    output: z.object({ rows: z.array(landingRow), next: optionalText }),
  },
  auditStart: {
    input: z.object({ level: z.enum(['ledger', 'hdfs', 'deep']) }),
    output: z.object({ id: z.string() }),
  },
  auditReport: { input: z.object({ id: z.string().max(100) }), output: auditReport },
  auditCancel: { input: z.object({ id: z.string().max(100) }), output: z.object({}) },
  quarantineList: {
    input: z.object({ reason: z.string().max(1000).optional(), ...page }),
    output: z.object({ rows: z.array(quarantineRow), next: optionalText, total: count }),
  },
  quarantineShow: {
    input: z.object({ id: count }),
    output: z.object({
      row: quarantineRow,
      headers: z.record(z.string(), z.string()),
      key: optionalText,
      body: z.string(),
      bodyBase64: z.string(),
    }),
  },
  configShow: {
    input: z.object({}),
    output: z.object({ version: count, file: z.string(), yaml: z.string() }),
  },
  /** A held file is looked at again from where it was held; what is still in doubt is held again. */
  landingRelease: {
    input: z.object({ fileId: z.string().min(1).max(100), by: z.string().max(200) }),
    output: z.object({ sink: z.string() }),
  },
  landNow: { input: z.object({ sink: name.optional() }), output: z.object({ keys: count }) },
  stop: {
    input: z.object({ drainLimitMs: z.number().int().min(0).max(3_600_000).optional() }),
    output: z.object({}),
  },
} as const;

export type Procedures = typeof procedures;
export type ProcedureName = keyof Procedures;
export type Input<N extends ProcedureName> = z.input<Procedures[N]['input']>;
export type ParsedInput<N extends ProcedureName> = z.output<Procedures[N]['input']>;
export type Output<N extends ProcedureName> = z.output<Procedures[N]['output']>;

/** What the event stream carries: a snapshot first, then whatever changes, one JSON object a line. */
export const streamEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('status'), status: engineStatus }),
  z.object({ type: z.literal('alert'), alert: alert }),
  z.object({
    type: z.literal('log'),
    atMs: ms,
    level: z.string(),
    message: z.string(),
    fields: z.record(z.string(), z.unknown()),
  }),
]);
export type StreamEvent = z.output<typeof streamEvent>;

export type EngineStatus = z.output<typeof engineStatus>;
export type SourceStatusRow = z.output<typeof sourceStatus>;
export type ChannelStatusRow = z.output<typeof channelStatus>;
export type SinkStatusRow = z.output<typeof sinkStatus>;
export type UploadStatusRow = z.output<typeof uploadStatus>;
export type Alert = z.output<typeof alert>;
export type AuditReport = z.output<typeof auditReport>;
export type AuditFinding = z.output<typeof auditFinding>;
export type AuditCoverage = z.output<typeof auditCoverage>;
