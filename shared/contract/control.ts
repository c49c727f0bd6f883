/**
 * The control contract: everything a client may ask of a running engine, over the unix socket (or named pipe) and over loopback HTTP.
 * One table; the server checks inputs with it, clients check answers with it, and all types are inferred from it.
 * Times are epoch ms, sizes bytes, rates per second. Additions raise nothing; a change of meaning raises CONTRACT_VERSION.
 */
import { z } from 'zod';
import { auditReport } from './control-audit.ts';
import { channelCheck, channelExport, channelRepair } from './control-channel.ts';
import {
  configApplied,
  configChange,
  configProblems,
  configReference,
  configText,
  configVersionRow,
  diffLine,
} from './control-config.ts';
import { fleetAuditLevel, fleetAuditReport, fleetStatus, fleetStatusInput } from './control-fleet.ts';
import { historyAnswer, logLevel, logLine } from './control-history.ts';
import { job } from './control-job.ts';
import {
  backlogChunk,
  backlogRow,
  by,
  count,
  landingRow,
  ms,
  name,
  optionalText,
  page,
  peekedEvent,
  quarantineGroup,
  quarantineRow,
  quarantineSelection,
  quarantineState,
  searchText,
} from './control-rows.ts';
import { retireStart, retireUndo } from './control-retire.ts';
import { replayFiles, replayList, replayStart } from './control-replay.ts';
import { alert, engineStatus } from './control-status.ts';
import {
  doctorReport,
  kafkaAddress,
  kafkaSampleEvent,
  kafkaTopic,
  whatIfInput,
  whatIfResult,
} from './control-what-if.ts';

export const CONTRACT_VERSION = 2;

const jobId = z.string().min(1).max(100);
const started = z.object({ jobId: z.string() });

/** Every call by name: the shape of its input and of its answer. */
export const procedures = {
  status: { input: z.object({}), output: engineStatus },
  pause: {
    input: z.object({ sink: name.optional(), by, why: z.string().max(1000).default('') }),
    output: z.object({ paused: z.array(z.string()) }),
  },
  resume: {
    input: z.object({ sink: name.optional(), by }),
    output: z.object({ resumed: z.array(z.string()) }),
  },

  backlogList: {
    input: z.object({
      sink: name.optional(),
      topic: name.optional(),
      /** Any text that the directory holds. */
      text: searchText,
      sort: z.enum(['id', 'directory', 'events', 'bytes', 'oldest', 'newest']).default('id'),
      descending: z.boolean().default(false),
      ...page,
    }),
    output: z.object({
      rows: z.array(backlogRow),
      next: optionalText,
      totalKeys: count,
      totalEvents: count,
      totalRawBytes: count,
      totalStoredBytes: count,
    }),
  },
  /** Stored bytes by event hour and topic; what is older or of more topics than fit is gathered under `leftOut`. */
  backlogHeat: {
    input: z.object({ sink: name.optional() }),
    output: z.object({
      /** Beginnings of hours, ascending; hours without data between them are left out. */
      hoursMs: z.array(ms),
      topics: z.array(z.string()),
      cells: z.array(z.object({ hourMs: ms, topic: z.string(), bytes: count, events: count })),
      leftOut: z.object({ bytes: count, events: count }),
    }),
  },
  backlogChunks: {
    input: z.object({ landingKeyId: count, ...page }),
    output: z.object({ rows: z.array(backlogChunk), next: optionalText, total: count }),
  },
  /** Events of a landing key, or of one chunk of it, oldest chunk first, without taking them. `text`: only those that hold it. */
  backlogPeek: {
    input: z.object({
      landingKeyId: count,
      chunkId: count.optional(),
      text: searchText,
      limit: z.number().int().min(1).max(1000).default(20),
      after: optionalText,
    }),
    output: z.object({
      events: z.array(peekedEvent),
      /** How many were looked at for them; a search stops after a while and goes on from `next`. */
      scanned: count,
      next: optionalText,
    }),
  },
  /** One chunk of a landing key whole, as its events would land, without taking it; `next` asks for the chunk after it. */
  backlogExport: {
    input: z.object({ landingKeyId: count, after: optionalText }),
    output: z.object({ events: count, base64: z.string(), next: optionalText }),
  },
  /** Makes one file of the events of these landing keys, as they would land. */
  backlogExportStart: {
    input: z.object({ landingKeyIds: z.array(count).min(1).max(1000), by }),
    output: started,
  },
  landNow: {
    input: z.object({ sink: name.optional(), landingKeyId: count.optional() }),
    output: z.object({ keys: count }),
  },

  landings: {
    input: z.object({
      sinceMs: ms.optional(),
      untilMs: ms.optional(),
      /** A file, a directory with all below it, or the beginning of a path. */
      path: z.string().max(4096).optional(),
      /** Any text that the path holds. */
      text: searchText,
      topic: name.optional(),
      sort: z.enum(['landed', 'path', 'events', 'bytes']).default('landed'),
      descending: z.boolean().default(true),
      ...page,
    }),
    output: z.object({
      rows: z.array(landingRow),
      next: optionalText,
      /** Rows that match; absent where counting them would take too long. */
      total: count.optional(),
      /** Older rows that this order or filter did not look at: it knows the newest million only. */
      leftOut: count.optional(),
    }),
  },
  /** A held file is looked at again from where it was held; what is still in doubt is held again. */
  landingRelease: {
    input: z.object({ fileId: z.string().min(1).max(100), by }),
    output: z.object({ sink: z.string() }),
  },

  auditStart: {
    input: z.object({ level: z.enum(['ledger', 'hdfs', 'deep']), by: by.optional() }),
    output: z.object({ id: z.string() }),
  },
  auditReport: { input: z.object({ id: jobId }), output: auditReport },
  auditCancel: { input: z.object({ id: jobId }), output: z.object({}) },

  /** Who owned which partitions, and what every gateway holds; asks the brokers, so it takes a moment. */
  fleetStatus: { input: fleetStatusInput, output: fleetStatus },
  /** The proof over all gateways; a job. */
  fleetAuditStart: { input: z.object({ level: fleetAuditLevel, by }), output: started },
  fleetAuditResult: { input: z.object({ jobId }), output: fleetAuditReport },

  quarantineList: {
    input: z.object({
      reason: z.string().max(1000).optional(),
      source: name.optional(),
      topic: name.optional(),
      state: quarantineState.optional(),
      ...page,
    }),
    output: z.object({ rows: z.array(quarantineRow), next: optionalText, total: count }),
  },
  quarantineGroups: {
    input: z.object({}),
    output: z.object({ groups: z.array(quarantineGroup), leftOut: count }),
  },
  quarantineShow: {
    input: z.object({ id: count }),
    output: z.object({
      row: quarantineRow,
      headers: z.record(z.string(), z.string()),
      key: optionalText,
      body: z.string(),
      bodyBase64: z.string(),
      /** A body beyond some size is cut; `row.bodyBytes` says how long it is. */
      isCut: z.boolean(),
    }),
  },
  /** Runs the events through the running rules again; what can be placed now goes into the channel, the rest stays with its new reason. */
  quarantineRetry: { input: z.object({ selection: quarantineSelection, by }), output: started },
  /** Gives events up for good: they stay listed as dropped, by whom and why. */
  quarantineDrop: {
    input: z.object({ selection: quarantineSelection, by, why: z.string().min(1).max(1000) }),
    output: z.object({ dropped: count }),
  },

  /** The channel doctor: damage in words; what is damaged set aside and pulled again; good events written out; a segment given up. */
  channelCheckStart: { input: z.object({ by }), output: started },
  channelCheckResult: { input: z.object({ jobId }), output: channelCheck },
  channelRepairStart: { input: z.object({ by }), output: started },
  channelRepairResult: { input: z.object({ jobId }), output: channelRepair },
  /** `to`: a directory on the engine's machine, empty or not there yet. */
  channelExportStart: {
    input: z.object({ to: z.string().min(1).max(4096), isDamagedIncluded: z.boolean().default(false), by }),
    output: started,
  },
  channelExportResult: { input: z.object({ jobId }), output: channelExport },
  channelSkip: {
    input: z.object({
      segment: z.union([z.object({ chunkId: count }), z.object({ claimId: count })]),
      by,
      why: z.string().min(1).max(1000),
    }),
    output: z.object({ offsets: count }),
  },

  /** The effective configuration, with defaults, without secrets. */
  configShow: {
    input: z.object({}),
    output: z.object({ version: count, file: z.string(), yaml: z.string() }),
  },
  /** A text as it is written, without secrets. `sha256` is of the file's own bytes: what `configApply` wants as its base. */
  configText: {
    input: z.object({ of: configReference.default({ kind: 'file' }) }),
    output: z.object({
      text: configText,
      sha256: z.string(),
      isRunning: z.boolean(),
      problems: configProblems,
    }),
  },
  configCheck: {
    input: z.object({ text: configText }),
    output: z.object({ problems: configProblems, isUsable: z.boolean() }),
  },
  /** Lines that differ, and what applying the second over the first would change; `change` is absent when one can't be used. */
  configDiff: {
    input: z.object({ from: configReference, to: configReference }),
    output: z.object({
      lines: z.array(diffLine),
      change: configChange.optional(),
      problems: configProblems,
    }),
  },
  /**
   * Writes the file and applies it. Throws `config-conflict` when the file is no longer the one that was edited, `config-invalid`,
   * `config-change-refused`; then nothing was changed.
   */
  configApply: {
    input: z.object({
      text: configText,
      baseSha256: z.string().max(64),
      by,
      note: z.string().max(1000).default(''),
    }),
    output: configApplied,
  },
  configHistory: { input: z.object({}), output: z.object({ versions: z.array(configVersionRow) }) },
  /** Applies a version of the history as it was, secrets included. Throws what `configApply` throws. */
  configRollback: {
    input: z.object({ number: count, baseSha256: z.string().max(64), by }),
    output: configApplied,
  },

  whatIfStart: { input: whatIfInput, output: started },
  whatIfResult: { input: z.object({ jobId }), output: whatIfResult },
  kafkaTopics: {
    input: kafkaAddress,
    output: z.object({ clusterId: z.string(), brokers: z.array(z.string()), topics: z.array(kafkaTopic) }),
  },
  kafkaSample: {
    input: kafkaAddress.extend({ topic: name, last: z.number().int().min(1).max(200).default(20) }),
    output: z.object({ events: z.array(kafkaSampleEvent) }),
  },
  /** Tries everything that the configuration names; without a text, the running one. */
  doctorStart: { input: z.object({ text: configText.optional(), by }), output: started },
  doctorResult: { input: z.object({ jobId }), output: doctorReport },

  jobs: { input: z.object({}), output: z.object({ jobs: z.array(job) }) },
  jobCancel: { input: z.object({ id: jobId }), output: z.object({}) },
  /** A part of the file that a job made, from byte `offset`; `next` is where the part after it begins. */
  jobFile: {
    input: z.object({ id: jobId, offset: count.default(0) }),
    output: z.object({ name: z.string(), bytes: count, base64: z.string(), next: count.optional() }),
  },
  /** Lands a range of a topic again, on purpose, beside what the ledger says. The job's summary says what came of it. */
  replayStart,
  replayList,
  replayFiles,
  /** Takes nothing more, lands what is there, proves it, and says when the gateway (or the source) may be removed. */
  retireStart,
  retireUndo,

  supportBundleStart: { input: z.object({ by }), output: started },

  history: {
    input: z.object({ fromMs: ms, toMs: ms, points: z.number().int().min(2).max(2000).default(300) }),
    output: historyAnswer,
  },
  /** Newest first; `before` is the id of the oldest line that is known already. */
  logTail: {
    input: z.object({
      before: count.optional(),
      level: logLevel.default('info'),
      text: searchText,
      limit: z.number().int().min(1).max(1000).default(200),
    }),
    output: z.object({ lines: z.array(logLine), next: count.optional() }),
  },
  /** Alerts that are over, newest first; kept over restarts, bounded. */
  alertHistory: {
    input: z.object({ limit: z.number().int().min(1).max(1000).default(200) }),
    output: z.object({ alerts: z.array(alert) }),
  },
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
  z.object({ type: z.literal('alert'), alert }),
  z.object({ type: z.literal('job'), job }),
  z.object({ type: z.literal('log'), line: logLine }),
]);
export type StreamEvent = z.output<typeof streamEvent>;
