import type { Output, ParsedInput, ProcedureName, StreamEvent } from '../../shared/contract/control.ts';

/**
 * The engine as the control server sees it: one method per procedure of the contract, and the stream. The engine implements it;
 * every call may be made at any time while the engine lives, and rejects with a GatewayError.
 */
export type EngineApi = {
  readonly [N in ProcedureName]: (input: ParsedInput<N>) => Promise<Output<N>>;
} & {
  /** Calls the listener with a snapshot at once, then with what changes. Returns how to stop it. */
  readonly subscribe: (listener: (event: StreamEvent) => void) => () => void;
  /** Metrics in Prometheus' text format, and in the shape of Flume's JSON monitoring. */
  readonly prometheusMetrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly flumeMetrics: () => Readonly<Record<string, Readonly<Record<string, string>>>>;
};
