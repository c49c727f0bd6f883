import type { FileQueue } from './file-queue.ts';
import type { KeySchedule } from './key-schedule.ts';
import { MAX_STATUS_ROWS } from './lander-status.ts';
import type { LanderStatus } from './lander-status.ts';
import type { SinkGate } from './sink-gate.ts';

/** What only the lander itself knows. */
export interface LanderFacts extends Pick<LanderStatus, 'sink' | 'isPaused' | 'isOnDuty' | 'isStopping'> {
  readonly landed: { readonly files: number; readonly events: number; readonly bytes: number };
  /** When a file ended last, landed or held: a long backlog that moves is not stuck. */
  readonly progressAtMs: number;
  readonly nowMs: number;
}

/** A lander's status, put together from its parts. */
export function landerStatus(
  parts: { readonly files: FileQueue; readonly schedule: KeySchedule; readonly gate: SinkGate },
  facts: LanderFacts,
): LanderStatus {
  const { files, schedule, gate } = parts;
  const { landed, progressAtMs, nowMs, isPaused, ...identity } = facts;
  const { keys, due, dueSinceMs } = schedule.status(nowMs, MAX_STATUS_ROWS);
  const idleSinceMs = dueSinceMs === undefined ? undefined : Math.max(dueSinceMs, progressAtMs);
  const waits = [files.failingSinceMs, idleSinceMs].filter((ms) => ms !== undefined);
  return {
    ...identity,
    isPaused,
    files: files.status(MAX_STATUS_ROWS),
    running: files.running,
    waiting: files.count('waiting'),
    held: files.count('held'),
    keys,
    keyCount: schedule.size,
    dueKeys: due,
    stuckSinceMs: isPaused || waits.length === 0 ? undefined : Math.min(...waits),
    gate: gate.status(),
    landedFiles: landed.files,
    landedEvents: landed.events,
    landedBytes: landed.bytes,
  };
}
