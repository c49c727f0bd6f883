/** Completeness of directories, as the channel, landing and the engine speak of it. Times are epoch ms. */

/** How a partition is known to have passed a directory's end. */
export type PassedBy =
  /** Events of a later time came from it. */
  | 'event-time'
  /** It was read to its end, and that was after the directory's end plus the grace. */
  | 'log-end'
  /** The sink files events by the gateway's clock, which has passed. */
  | 'gateway-clock'
  /** Another gateway reads it, and says so. */
  | 'other-gateway';

/** Why one partition does not hold a directory back. */
export interface PartitionEvidence {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly passedBy: PassedBy;
  /** Where the log ended when it was looked at; of `log-end`. */
  readonly logEnd?: number | undefined;
  /** Of `other-gateway`. */
  readonly gateway?: string | undefined;
}

/** What the writer is asked to decide; it believes only what its own books say as well. */
export interface CompletenessRequest {
  readonly sink: string;
  readonly directory: string;
  readonly channel: string;
  readonly endMs: number;
  readonly graceMs: number;
  readonly gatewayId: string;
  readonly stateId: string;
  /** All gateways that had a say, ours included. */
  readonly gateways: readonly string[];
  readonly partitions: readonly PartitionEvidence[];
}

export type CompletenessAnswer =
  | { readonly kind: 'decided'; readonly revision: number }
  /** Nothing of it ever landed, and nothing waits: there is no directory to mark. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'waits'; readonly why: string };

/** A directory that is due: no marker yet, or files landed after the last one. */
export interface DueDirectory {
  readonly directory: string;
  readonly endMs: number;
  /** Of the last marker; 0: none. */
  readonly revision: number;
  readonly decidedMs: number | undefined;
  /** Events that wait in the channel or in files that are not landed. */
  readonly waitingEvents: number;
  readonly heldFiles: number;
}

/** A marker that was decided and is to be written. */
export interface OpenMarker {
  readonly id: number;
  readonly directory: string;
  readonly revision: number;
  /** The marker's content but for the revision, as JSON. */
  readonly facts: string;
  readonly tempPaths: readonly string[];
}

/** One line of the list of directories. */
export interface DirectoryStanding {
  readonly directory: string;
  readonly endMs: number;
  readonly revision: number;
  readonly decidedMs: number | undefined;
  /** Its last marker is not in place yet. */
  readonly isMarkerOpen: boolean;
  /** Files landed since the last marker, or there is none yet. */
  readonly isDue: boolean;
  readonly waitingEvents: number;
}

export interface DirectoryList {
  readonly complete: number;
  readonly waiting: number;
  /** Those that end last. */
  readonly directories: readonly DirectoryStanding[];
}

/** How far a partition has come, by the writer's books. */
export interface PartitionMark {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly position: number;
  /** The newest event time that counts; 0: none. */
  readonly newestEventMs: number;
}

/** What makes a marker one of Headgate's: the value of its key `headgate`. */
export const COMPLETENESS_MARK = 'completeness';
