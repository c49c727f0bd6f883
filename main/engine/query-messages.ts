import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { Output, ParsedInput } from '../../shared/contract/control.ts';
import type { WireError } from '../channel/writer-protocol.ts';
import type { TargetSettings } from '../sinks/create-target.ts';
import type { ChannelFigures } from './engine-queries.ts';

/** What the query worker answers: a call's name, its input and its answer, as the control contract has them. */
export interface Queries {
  channelFigures(input: undefined): readonly ChannelFigures[];
  backlogList(input: ParsedInput<'backlogList'>): Output<'backlogList'>;
  backlogPeek(input: ParsedInput<'backlogPeek'>): Output<'backlogPeek'>;
  backlogExport(input: ParsedInput<'backlogExport'>): Output<'backlogExport'>;
  landings(input: ParsedInput<'landings'>): Output<'landings'>;
  quarantineList(input: ParsedInput<'quarantineList'>): Output<'quarantineList'>;
  quarantineShow(input: ParsedInput<'quarantineShow'>): Output<'quarantineShow'>;
}
export type QueryName = keyof Queries;

export interface QueryWorkerData {
  /** The state directory, made and migrated by the channel's writer before. */
  readonly stateDir: string;
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
