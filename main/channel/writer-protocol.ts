import type { MessagePort } from 'node:worker_threads';
import { GatewayError, isGatewayError, toErrorReport } from '../../shared/errors.ts';
import type { ErrorReport } from '../../shared/errors.ts';
import type { OperationName } from './channel-operations.ts';
import type { RoomState } from './room-gauge.ts';

/** What crosses the ports between the writer's thread and its clients. */
export type ToWriter =
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly operation: OperationName;
      readonly args: readonly unknown[];
    }
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | { readonly kind: 'close' };

export type FromWriter =
  | { readonly kind: 'ready'; readonly identity: WriterIdentity; readonly room: RoomState }
  | { readonly kind: 'unopened'; readonly error: WireError }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'changed'; readonly sinks: readonly string[] }
  | { readonly kind: 'room'; readonly room: RoomState }
  | { readonly kind: 'closed'; readonly error: WireError | undefined };

export interface WriterIdentity {
  readonly gatewayId: string;
  readonly stateId: string;
}

/** An error as plain data: structured clone would drop its class and its code. */
export type WireError =
  | { readonly kind: 'gateway'; readonly report: ErrorReport }
  | {
      readonly kind: 'other';
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
    };

export function toWireError(error: unknown): WireError {
  if (isGatewayError(error)) return { kind: 'gateway', report: toErrorReport(error) };
  if (!(error instanceof Error))
    return { kind: 'other', name: 'Error', message: String(error), stack: undefined };
  return { kind: 'other', name: error.name, message: error.message, stack: error.stack };
}

export function fromWireError(wire: WireError): Error {
  if (wire.kind === 'other') {
    const error = new Error(wire.message);
    error.name = wire.name;
    if (wire.stack !== undefined) error.stack = wire.stack;
    return error;
  }
  const { causes, ...report } = wire.report;
  return new GatewayError(causes.length === 0 ? report : { ...report, cause: toCause(causes) });
}

function toCause(causes: ErrorReport['causes']): Error | undefined {
  return causes.reduceRight<Error | undefined>((inner, { name, message, code }) => {
    const error = new Error(message, inner === undefined ? undefined : { cause: inner });
    error.name = name;
    return code === undefined ? error : Object.assign(error, { code });
  }, undefined);
}
