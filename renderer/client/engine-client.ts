/** The page's way to an engine. Two classes implement it: over Electron's bridge, and over HTTP from a browser. */
import {
  CONTRACT_VERSION,
  procedures,
  streamEvent,
  type Input,
  type Output,
  type ProcedureName,
  type StreamEvent,
} from '../../shared/contract/control.ts';
import type { ErrorReport } from '../../shared/errors.ts';
import { CallError } from './call-error.ts';

/** How the connection is. Times are of this machine's clock, epoch ms. */
export type LinkState =
  | { readonly state: 'connecting' }
  | { readonly state: 'live' }
  | {
      readonly state: 'lost';
      readonly sinceMs: number;
      readonly error: CallError;
      readonly nextTryMs?: number;
    }
  /** Only in a browser. `wasSignedIn`: a session was there and is over. */
  | { readonly state: 'signed-out'; readonly wasSignedIn: boolean; readonly error?: CallError }
  | { readonly state: 'other-version'; readonly engineContract: number };

export type ClientMessage =
  | { readonly type: 'link'; readonly link: LinkState }
  | { readonly type: 'event'; readonly event: StreamEvent };

export type ClientListener = (message: ClientMessage) => void;

export interface EngineClient {
  readonly kind: 'desktop' | 'browser';
  /** Throws `CallError`; its code is `aborted` when the signal was. */
  call<N extends ProcedureName>(name: N, input: Input<N>, signal?: AbortSignal): Promise<Output<N>>;
  /** Begins to follow the engine, and goes on over lost connections. Returns how to stop. */
  follow(listener: ClientListener): () => void;
  /** Tries again at once instead of when the next try is due. */
  retryNow(): void;
  /** Throws `CallError` when the token is refused. Does nothing on the desktop, where nobody signs in. */
  signIn(token: string): Promise<void>;
  signOut(): Promise<void>;
}

/** The answer in the contract's shape. Throws `contract-mismatch`: then the page and the engine are of different versions. */
export function checkedAnswer<N extends ProcedureName>(name: N, answer: unknown): Output<N> {
  const checked = procedures[name].output.safeParse(answer);
  if (checked.success) return checked.data as Output<N>;
  const issue = checked.error.issues[0];
  throw new CallError({
    code: 'contract-mismatch',
    place: `${name} ${issue?.path.join('.') ?? ''}`.trim(),
    message: issue?.message ?? '',
  });
}

export type CheckedEvent =
  | { readonly kind: 'event'; readonly event: StreamEvent }
  | { readonly kind: 'other-version'; readonly engineContract: number }
  /** Of a newer engine with the same contract: left out. */
  | { readonly kind: 'unknown' };

export function checkedEvent(raw: unknown): CheckedEvent {
  const contract = contractOf(raw);
  if (contract !== undefined && contract !== CONTRACT_VERSION)
    return { kind: 'other-version', engineContract: contract };
  const checked = streamEvent.safeParse(raw);
  return checked.success ? { kind: 'event', event: checked.data } : { kind: 'unknown' };
}

/** The contract's number that a status event carries; read before its shape is checked, since that is what the number speaks of. */
function contractOf(raw: unknown): number | undefined {
  if (typeof raw !== 'object' || raw === null || !('status' in raw)) return undefined;
  const { status } = raw;
  if (typeof status !== 'object' || status === null || !('contract' in status)) return undefined;
  return typeof status.contract === 'number' ? status.contract : undefined;
}

export function isErrorReport(value: unknown): value is ErrorReport {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}
