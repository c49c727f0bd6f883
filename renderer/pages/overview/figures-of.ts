/** The gateway's figures in one place, added up from its pieces. */
import type { EngineStatus } from '../../../shared/contract/control-status.ts';

export interface Figures {
  readonly intakeEvents: number;
  readonly intakeBytes: number;
  readonly landedEvents: number;
  readonly landedBytes: number;
  readonly backlogEvents: number;
  /** As stored on this disk. */
  readonly backlogBytes: number;
  readonly oldestEventMs: number | undefined;
  /** Bytes that still go in before intake stops: of the channel that stops first. */
  readonly roomBytes: number;
  readonly isFull: boolean;
  /** Share of the tightest channel that is used, 0 to 1. */
  readonly usedShare: number;
  readonly secondsToFull: number | undefined;
  /** Nothing when a channel's backlog does not shrink. */
  readonly drainSeconds: number | undefined;
}

export function figuresOf({ sources, channels, sinks }: EngineStatus): Figures {
  const waiting = channels.filter(({ events }) => events > 0);
  const drains = waiting.map(({ drainSeconds }) => drainSeconds).filter((seconds) => seconds !== undefined);
  const used = channels.map(({ usedBytes, capacityBytes }) =>
    capacityBytes > 0 ? usedBytes / capacityBytes : 0,
  );
  return {
    intakeEvents: sum(sources.map(({ eventsPerSecond }) => eventsPerSecond)),
    intakeBytes: sum(sources.map(({ bytesPerSecond }) => bytesPerSecond)),
    landedEvents: sum(sinks.map(({ eventsPerSecond }) => eventsPerSecond)),
    landedBytes: sum(sinks.map(({ bytesPerSecond }) => bytesPerSecond)),
    backlogEvents: sum(channels.map(({ events }) => events)),
    backlogBytes: sum(channels.map(({ storedBytes }) => storedBytes)),
    oldestEventMs: least(channels.map(({ oldestEventMs }) => oldestEventMs)),
    roomBytes: roomOf(channels),
    isFull: channels.some(({ state }) => state === 'full' || state === 'low-disk'),
    usedShare: Math.max(0, ...used),
    secondsToFull: least(channels.map(({ secondsToFull }) => secondsToFull)),
    drainSeconds: drains.length < waiting.length || drains.length === 0 ? undefined : Math.max(...drains),
  };
}

/** Of these channels, that which is full first. */
export function roomOf(channels: EngineStatus['channels']): number {
  return (
    least(
      channels.map(
        ({ roomBytes, capacityBytes, usedBytes, freeDiskBytes, minFreeDiskBytes }) =>
          roomBytes ?? Math.max(0, Math.min(capacityBytes - usedBytes, freeDiskBytes - minFreeDiskBytes)),
      ),
    ) ?? 0
  );
}

export function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
