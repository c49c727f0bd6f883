/** The fleet: which gateway owned and holds what, and the proof over all of them. */
import { z } from 'zod';
import { count, ms, optionalText } from './control-rows.ts';

/** One state directory of one gateway. */
export const fleetGateway = z.object({
  gatewayId: z.string(),
  stateId: z.string(),
  isOwn: z.boolean(),
  /** No sign of life for longer than `alerts.silentPeer`. */
  isSilent: z.boolean(),
  quietMs: ms,
  /** When its last sign of life was seen, by the clock of the gateway that answers; absent: never. */
  signMs: ms.optional(),
  /** By its own clock; absent: it published nothing that can be read. */
  writtenMs: ms.optional(),
  isPaused: z.boolean(),
  waitingEvents: count,
  waitingBytes: count,
  claimedEvents: count,
  /** Accepted after its last facts, by the group's metadata: what became of them only it knows. */
  untoldEvents: count,
  oldestEventMs: ms.optional(),
  /** Partitions that it owns, and since when it owns the last of them as far as its facts say; absent: none. */
  owned: z.object({ partitions: count, sinceMs: ms.optional() }).optional(),
  /** It is done for good. */
  ended: z.object({ why: z.enum(['retired', 'recovered']), atMs: ms, by: z.string() }).optional(),
});

export const fleetHolder = z.object({ gatewayId: z.string(), stateId: z.string(), events: count });

export const fleetPartition = z.object({
  group: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  /** -1: nothing is committed yet. */
  committed: z.number(),
  owner: z
    .object({
      gatewayId: z.string(),
      stateId: z.string(),
      /** Where its tenure started, and when, as far as its facts say. */
      start: z.number(),
      sinceMs: ms.optional(),
    })
    .optional(),
  holders: z.array(fleetHolder),
  note: optionalText,
});

/** More partitions are counted only. */
export const FLEET_PARTITIONS_MAX = 5_000;

export const fleetStatusInput = z.object({
  /** Only what the gateways published, as it was last read: answered at once, no server is asked. */
  isFactsOnly: z.boolean().default(false),
  partitionsMax: z.number().int().min(0).max(FLEET_PARTITIONS_MAX).default(FLEET_PARTITIONS_MAX),
});

export const fleetStatus = z.object({
  gateway: z.string(),
  stateId: z.string(),
  nowMs: ms,
  gateways: z.array(fleetGateway),
  partitions: z.array(fleetPartition),
  partitionsLeftOut: count,
  /** Servers and places that could not be asked: what they know is missing here. */
  problems: z.array(z.object({ place: z.string(), message: z.string() })),
});

/** `tenures`: who accepted what. `files`: and the stamps of every landed file. */
export const fleetAuditLevel = z.enum(['tenures', 'files']);

export const fleetAuditFinding = z.object({
  kind: z.enum([
    /** Offsets below the committed one that no gateway accepted. */
    'hole',
    /** Accepted, or landed, by two. */
    'overlap',
    /** Accepted beyond what the group has. */
    'ahead',
    /** A file with offsets that its gateway never accepted. */
    'outside',
    /** Fewer events in files than the gateway landed. */
    'files-missing',
  ]),
  place: z.string(),
  /** Offsets (`5-9, 12`) or a path, and what is wrong with it. */
  what: z.string(),
});

export const fleetAuditPartition = z.object({
  group: z.string(),
  topic: z.string(),
  partition: z.number().int(),
  incarnation: z.string(),
  /** Accepted offsets, the first and the one after the last. */
  from: z.number(),
  to: z.number(),
  owners: z.array(z.object({ gatewayId: z.string(), stateId: z.string(), offsets: count })),
  landed: count,
});

export const fleetAuditReport = z.object({
  level: fleetAuditLevel,
  /** `unknown`: something could not be looked at; `unproven` says what. */
  verdict: z.enum(['clean', 'wrong', 'unknown']),
  partitions: z.array(fleetAuditPartition),
  gateways: z.array(fleetGateway),
  files: count,
  findings: z.array(fleetAuditFinding),
  findingsLeftOut: count,
  /** What can't be proven now, and why; offsets by name. */
  unproven: z.array(z.string()),
  notes: z.array(z.string()),
  summary: z.string(),
});

export type FleetStatus = z.output<typeof fleetStatus>;
export type FleetGateway = z.output<typeof fleetGateway>;
export type FleetPartition = z.output<typeof fleetPartition>;
export type FleetAuditReport = z.output<typeof fleetAuditReport>;
export type FleetAuditFinding = z.output<typeof fleetAuditFinding>;
export type FleetAuditPartition = z.output<typeof fleetAuditPartition>;
