import type { GatewayError } from '../../shared/errors.ts';
import type { Input, Output, ParsedInput } from '../../shared/contract/control.ts';
import type { ClaimCause } from '../../shared/model/claim.ts';
import type { QuarantineSelection } from '../../shared/contract/control-rows.ts';
import type { QuarantineIds, QuarantineSlice, QuarantineTargetSize } from '../channel/quarantine-target.ts';
import type { FleetAcceptedInput, FleetBookRow, FleetWaiting } from './fleet/fleet-books.ts';
import type { ExportedChunk, ExportInput, ExportSize, QuarantineSliceInput } from './query-messages.ts';

/** Figures of one channel as the database has them. */
export interface ChannelFigures {
  readonly channel: string;
  readonly events: number;
  readonly heldEvents: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly oldestEventMs: number | undefined;
  readonly oldestPutMs: number | undefined;
  readonly quarantined: number;
  readonly damagedChunks: number;
  /** Events to be pulled again; undefined: none. */
  readonly claims: ClaimFigures | undefined;
}

export interface ClaimFigures {
  readonly events: number;
  readonly oldestMs: number;
  readonly causes: readonly ClaimCause[];
}

/** Questions to the database, answered by threads of their own that only read. */
export interface EngineQueries {
  channelFigures(): Promise<readonly ChannelFigures[]>;
  backlogList(input: Input<'backlogList'>): Promise<Output<'backlogList'>>;
  backlogHeat(input: Input<'backlogHeat'>): Promise<Output<'backlogHeat'>>;
  backlogChunks(input: Input<'backlogChunks'>): Promise<Output<'backlogChunks'>>;
  backlogPeek(input: Input<'backlogPeek'>): Promise<Output<'backlogPeek'>>;
  backlogExport(input: Input<'backlogExport'>): Promise<Output<'backlogExport'>>;
  exportSize(landingKeyIds: readonly number[]): Promise<ExportSize>;
  exportedChunk(input: ExportInput): Promise<ExportedChunk | undefined>;
  sinkOfKey(landingKeyId: number): Promise<string | undefined>;
  landings(input: Input<'landings'>): Promise<Output<'landings'>>;
  quarantineList(input: Input<'quarantineList'>): Promise<Output<'quarantineList'>>;
  quarantineShow(input: Input<'quarantineShow'>): Promise<Output<'quarantineShow'>>;
  quarantineGroups(): Promise<Output<'quarantineGroups'>>;
  quarantineTarget(selection: QuarantineSelection): Promise<QuarantineTargetSize>;
  quarantineSlice(input: QuarantineSliceInput): Promise<QuarantineSlice>;
  quarantineIds(input: QuarantineSliceInput): Promise<QuarantineIds>;
  fleetAccepted(input: FleetAcceptedInput): Promise<FleetBookRow[]>;
  fleetWaiting(input: { readonly sink: string; readonly after: number }): Promise<FleetWaiting>;
  auditStart(input: ParsedInput<'auditStart'>): Promise<Output<'auditStart'>>;
  auditReport(input: ParsedInput<'auditReport'>): Promise<Output<'auditReport'>>;
  auditCancel(input: ParsedInput<'auditCancel'>): Promise<Output<'auditCancel'>>;
  /** The threads that answer, for the watchdog; those of audits are not among them, whose work has no bound. */
  threads(): readonly AnsweringThread[];
  close(): Promise<void>;
}

export interface AnsweringThread {
  readonly name: string;
  /** Resolves when the question that has waited longest is answered; at once when none waits. */
  answer(): Promise<void>;
  /** Ends the thread wherever it stands; its questions reject with the reason. */
  endNow(why: GatewayError): void;
}
