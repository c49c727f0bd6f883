/** What crosses between the main thread and a landing worker. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorReport } from '../../shared/errors.ts';
import type { GroupDuty } from '../landing/group-membership.ts';
import type { KeyStanding } from '../landing/key-standing.ts';
import type { LanderStatus, LandingEvent } from '../landing/lander-status.ts';
import type { SinkSettings } from './sink-mapping.ts';

export interface LandingWorkerData {
  readonly settings: SinkSettings;
  readonly stateDir: string;
  /** A port to the channel's writer. */
  readonly writer: MessagePort;
}

export type ToLander =
  /** All that was put up to now, or all of one key. */
  | { readonly kind: 'land-now'; readonly landingKeyId?: number }
  /** Answered by `standings` with the same id. */
  | { readonly kind: 'standings'; readonly id: number; readonly landingKeyIds: readonly number[] }
  /** Answered by `pong`: the thread runs. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'wake' }
  /** What the sink may do for its group now. */
  | { readonly kind: 'duty'; readonly duty: GroupDuty }
  /** An operator decided about a held file. */
  | { readonly kind: 'plans-changed' }
  | { readonly kind: 'stop'; readonly drainMs: number };

export type FromLander =
  | { readonly kind: 'status'; readonly status: LanderStatus }
  | { readonly kind: 'event'; readonly event: LandingEvent }
  | { readonly kind: 'standings'; readonly id: number; readonly standings: readonly KeyStanding[] }
  | { readonly kind: 'pong' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: ErrorReport };
