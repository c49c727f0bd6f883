/** What crosses between the main thread and a landing worker. */
import type { MessagePort } from 'node:worker_threads';
import type { ErrorReport } from '../../shared/errors.ts';
import type { LanderStatus, LandingEvent } from '../landing/lander-status.ts';
import type { SinkSettings } from './sink-mapping.ts';

export interface LandingWorkerData {
  readonly settings: SinkSettings;
  readonly stateDir: string;
  /** A port to the channel's writer. */
  readonly writer: MessagePort;
}

export type ToLander =
  | { readonly kind: 'land-now' }
  | { readonly kind: 'wake' }
  /** An operator decided about a held file. */
  | { readonly kind: 'plans-changed' }
  | { readonly kind: 'stop'; readonly drainMs: number };

export type FromLander =
  | { readonly kind: 'status'; readonly status: LanderStatus }
  | { readonly kind: 'event'; readonly event: LandingEvent }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: ErrorReport };
