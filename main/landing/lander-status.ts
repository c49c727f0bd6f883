/** What a lander tells about itself; plain data, so that it crosses threads and the control API as it is. */
import type { ErrorReport } from '../../shared/errors.ts';
import type { FileId } from '../../shared/model/brand.ts';
import type { RollReason } from './roll-policy.ts';

/** Where a file stands in the protocol of exactly-once.md §3. */
export const LANDING_STEPS = [
  'queued',
  'mkdirs',
  'create',
  'verify',
  'stamp',
  'rename',
  'look-for-renamed',
  'confirm',
  'ledger',
  'held',
] as const;
export type LandingStep = (typeof LANDING_STEPS)[number];

/** Something worth counting or telling, once, when it happens. */
export type LandingEvent =
  | {
      readonly kind: 'planned';
      readonly fileId: FileId;
      readonly finalPath: string;
      readonly reason: RollReason;
      readonly events: number;
      readonly bytes: number;
    }
  | {
      readonly kind: 'attempt-abandoned';
      readonly fileId: FileId;
      readonly number: number;
      readonly why: ErrorReport;
    }
  | {
      readonly kind: 'file-waits';
      readonly fileId: FileId;
      readonly failures: number;
      readonly nextTryMs: number;
      readonly why: ErrorReport;
    }
  /** Another sink of the group lands its events. */
  | { readonly kind: 'given-back'; readonly fileId: FileId }
  | { readonly kind: 'sink-waits'; readonly nextTryMs: number; readonly why: ErrorReport }
  | { readonly kind: 'store-waits'; readonly nextTryMs: number; readonly why: ErrorReport }
  | {
      readonly kind: 'landed';
      readonly fileId: FileId;
      readonly finalPath: string;
      readonly events: number;
      readonly bytes: number;
      readonly rawBytes: number;
      readonly attempts: number;
      readonly plannedAtMs: number;
    }
  | { readonly kind: 'held'; readonly fileId: FileId; readonly finalPath: string; readonly why: ErrorReport }
  | {
      readonly kind: 'chunk-damaged';
      readonly fileId: FileId;
      readonly chunkId: number;
      readonly reason: string;
    }
  | {
      readonly kind: 'temp-removed';
      readonly fileId: FileId;
      readonly tempPath: string;
      readonly wasThere: boolean;
    }
  | { readonly kind: 'janitor-failed'; readonly why: ErrorReport }
  /** A directory is marked as complete. */
  | {
      readonly kind: 'marker-written';
      readonly directory: string;
      readonly path: string;
      readonly revision: number;
    }
  /** Its marker can't be written now; `isForeign`: somebody else's file stands under its name. */
  | {
      readonly kind: 'marker-waits';
      readonly directory: string;
      readonly isForeign: boolean;
      readonly nextTryMs: number;
      readonly why: ErrorReport;
    }
  /** Somebody removed our marker at the target; it is written anew. */
  | { readonly kind: 'marker-missing'; readonly sink: string; readonly path: string };

export interface FileStatus {
  readonly fileId: FileId;
  readonly finalPath: string;
  readonly state: 'running' | 'waiting' | 'held';
  readonly step: LandingStep;
  readonly attempt: number;
  readonly events: number;
  readonly bytes: number;
  readonly bytesSent: number;
  readonly plannedAtMs: number;
  readonly failures: number;
  /** When it is tried again; undefined while it runs or is held. */
  readonly nextTryMs: number | undefined;
  /** The last failure, with its hint; for a held file, why it is held. */
  readonly why: ErrorReport | undefined;
}

export interface KeyStatus {
  readonly landingKeyId: number;
  readonly directory: string;
  readonly prefix: string;
  readonly events: number;
  readonly bytes: number;
  readonly oldestPutMs: number;
  /** `rolling`: gathers more; `due`: waits for a free upload; `accepting`: waits until its puts are accepted; `blocked`: its last file fails. */
  readonly state: 'rolling' | 'due' | 'accepting' | 'blocked';
  readonly reason: RollReason;
  /** When it will be due if nothing more comes. */
  readonly dueMs: number;
}

/** Why no new file is begun, when the whole target seems to be gone. */
export interface GateStatus {
  readonly failures: number;
  readonly nextTryMs: number;
  readonly why: ErrorReport;
}

/** Lists are cut at `max-status-rows`; the counts are not. */
export interface LanderStatus {
  readonly sink: string;
  readonly isPaused: boolean;
  /** Whether it begins files of its group's backlog; undefined: it is in no group. */
  readonly isOnDuty: boolean | undefined;
  readonly isStopping: boolean;
  readonly files: readonly FileStatus[];
  readonly running: number;
  readonly waiting: number;
  readonly held: number;
  /** Oldest first. */
  readonly keys: readonly KeyStatus[];
  readonly keyCount: number;
  readonly dueKeys: number;
  /** Since when something that is due has not landed, with the write switch off; undefined: nothing waits. For `landingStuck`. */
  readonly stuckSinceMs: number | undefined;
  readonly gate: GateStatus | undefined;
  readonly landedFiles: number;
  readonly landedEvents: number;
  readonly landedBytes: number;
}

export const MAX_STATUS_ROWS = 200;
