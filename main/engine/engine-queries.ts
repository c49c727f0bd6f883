import type { Output, ParsedInput } from '../../shared/contract/control.ts';

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
}

/** Questions to the database, answered by a thread of their own that only reads. */
export interface EngineQueries {
  channelFigures(): Promise<readonly ChannelFigures[]>;
  backlogList(input: ParsedInput<'backlogList'>): Promise<Output<'backlogList'>>;
  backlogPeek(input: ParsedInput<'backlogPeek'>): Promise<Output<'backlogPeek'>>;
  backlogExport(input: ParsedInput<'backlogExport'>): Promise<Output<'backlogExport'>>;
  landings(input: ParsedInput<'landings'>): Promise<Output<'landings'>>;
  quarantineList(input: ParsedInput<'quarantineList'>): Promise<Output<'quarantineList'>>;
  quarantineShow(input: ParsedInput<'quarantineShow'>): Promise<Output<'quarantineShow'>>;
  auditStart(input: ParsedInput<'auditStart'>): Promise<Output<'auditStart'>>;
  auditReport(input: ParsedInput<'auditReport'>): Promise<Output<'auditReport'>>;
  auditCancel(input: ParsedInput<'auditCancel'>): Promise<Output<'auditCancel'>>;
  close(): Promise<void>;
}
