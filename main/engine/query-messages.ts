import type { MessagePort } from 'node:worker_threads';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import type { QuarantineSelection } from '../../shared/contract/control-rows.ts';
import type {
  QuarantineCursor,
  QuarantineIds,
  QuarantineSlice,
  QuarantineTarget,
  QuarantineTargetSize,
} from '../channel/quarantine-target.ts';
import type { WireError } from '../channel/writer-protocol.ts';
import type { TargetSettings } from '../sinks/create-target.ts';
import type { ChannelFigures } from './engine-queries.ts';
import type { FleetAcceptedInput, FleetBookRow, FleetWaiting } from './fleet/fleet-books.ts';

/** What landing keys hold when their export begins; chunks that come in later have higher ids than `lastChunkId`. */
export interface ExportSize {
  readonly keys: number;
  readonly events: number;
  readonly rawBytes: number;
  readonly lastChunkId: number;
}

/** Asks for the first chunk of a key after one and up to another. */
export interface ExportInput {
  readonly landingKeyId: number;
  readonly after: number;
  readonly upTo: number;
}

/** A chunk as its events will stand in a file; `bytes` undefined: it landed while it was asked for. */
export interface ExportedChunk {
  readonly id: number;
  readonly events: number;
  readonly bytes: Uint8Array | undefined;
}

/** Asks for the next events in quarantine of a retry or a drop. */
export interface QuarantineSliceInput {
  readonly target: QuarantineTarget;
  readonly after: QuarantineCursor | undefined;
}

/** What the query worker answers: a call's name, its input and its answer, as the control contract has them. */
export interface Queries {
  channelFigures(input: undefined): readonly ChannelFigures[];
  backlogList(input: ParsedInput<'backlogList'>): Output<'backlogList'>;
  backlogHeat(input: ParsedInput<'backlogHeat'>): Output<'backlogHeat'>;
  backlogChunks(input: ParsedInput<'backlogChunks'>): Output<'backlogChunks'>;
  backlogPeek(input: ParsedInput<'backlogPeek'>): Promise<Output<'backlogPeek'>>;
  backlogExport(input: ParsedInput<'backlogExport'>): Promise<Output<'backlogExport'>>;
  exportSize(landingKeyIds: readonly number[]): ExportSize;
  exportedChunk(input: ExportInput): Promise<ExportedChunk | undefined>;
  /** Undefined: nothing waits there any more. */
  sinkOfKey(landingKeyId: number): string | undefined;
  landings(input: ParsedInput<'landings'>): Output<'landings'>;
  quarantineList(input: ParsedInput<'quarantineList'>): Output<'quarantineList'>;
  quarantineShow(input: ParsedInput<'quarantineShow'>): Output<'quarantineShow'>;
  quarantineGroups(input: undefined): Output<'quarantineGroups'>;
  quarantineTarget(selection: QuarantineSelection): QuarantineTargetSize;
  quarantineSlice(input: QuarantineSliceInput): QuarantineSlice;
  quarantineIds(input: QuarantineSliceInput): QuarantineIds;
  fleetAccepted(input: FleetAcceptedInput): FleetBookRow[];
  fleetWaiting(input: { readonly sink: string; readonly after: number }): FleetWaiting;
}
export type QueryName = keyof Queries;

export interface QueryWorkerData {
  /** The state directory, made and migrated by the channel's writer before. */
  readonly stateDir: string;
  /** A port to the channel's writer, transferred; for a thread that looks into chunks. */
  readonly writer?: MessagePort;
}

export type ToQueries =
  | { readonly kind: 'call'; readonly id: number; readonly name: QueryName; readonly input: unknown }
  | { readonly kind: 'close' };

export type FromQueries =
  | { readonly kind: 'ready' }
  | { readonly kind: 'unopened'; readonly error: WireError }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError };

export interface AuditWorkerData {
  readonly stateDir: string;
  readonly gatewayId: string;
  readonly id: string;
  readonly level: AuditReport['level'];
  readonly sinks: Readonly<Record<string, TargetSettings>>;
}

export interface ToAudit {
  readonly kind: 'cancel';
}

export type FromAudit =
  | { readonly kind: 'report'; readonly report: AuditReport }
  | { readonly kind: 'failed'; readonly error: WireError };
