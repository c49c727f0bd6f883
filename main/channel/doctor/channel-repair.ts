import type { ChannelRepair } from '../../../shared/contract/control-channel.ts';
import { formatCount } from '../../../shared/units.ts';
import { crashPoint } from '../../telemetry/crash-point.ts';
import type { Channel } from '../channel.ts';
import { closeChannel, openChannel } from '../channel.ts';
import { checkChannel } from './channel-check.ts';
import type { CheckWatch, FoundDamage } from './channel-check.ts';
import { salvageChannel } from './channel-salvage.ts';
import type { ProveBooks } from './channel-salvage.ts';
import { giveUpSegment, setAsideChunk } from './damaged-segment.ts';
import type { Segment } from './damaged-segment.ts';

/** A stopped engine's channel; its state directory is locked by the caller. */
export interface StoppedChannel {
  readonly directory: string;
  readonly stateId: string;
  readonly nowMs: number;
}

/**
 * Sets every damaged chunk aside, so that its events are pulled again; where pages of the database are damaged, writes it anew from what can be
 * read. Throws `database-damaged` when that can't be done without HDFS: nothing was changed then. Killed at any moment it is made again: a chunk is
 * set aside in a transaction of its own, and the next check finds those that are left.
 */
export async function repairChannel(
  stopped: StoppedChannel,
  watch: CheckWatch & { readonly prove: ProveBooks },
): Promise<ChannelRepair> {
  const { directory, stateId, nowMs } = stopped;
  const found: FoundDamage[] = [];
  const check = await checkChannel(
    { directory, isRunning: false },
    { ...watch, onDamaged: (one) => void found.push(one) },
  );
  if (check.pages.state !== 'sound') {
    const { onProgress, prove } = watch;
    return salvageChannel({ directory, nowMs, onProgress, prove });
  }
  const channel = openChannel(directory, stateId);
  try {
    const setAside = found.filter((one) => setAsideIn(channel, one, nowMs));
    return repairReport(found, setAside);
  } finally {
    closeChannel(channel);
  }
}

/** What became of damaged chunks, in words. */
export function repairReport(found: readonly FoundDamage[], setAside: readonly FoundDamage[]): ChannelRepair {
  const claimedEvents = setAside.reduce((sum, { events }) => sum + events, 0);
  const left = found.length - setAside.length;
  const summary =
    found.length === 0
      ? ['Nothing is damaged, nothing was changed.']
      : [
          `${formatCount(setAside.length)} damaged chunks are set aside; their ${formatCount(claimedEvents)} events are pulled again when the engine runs, while the broker has them.`,
          ...(left === 0
            ? []
            : [
                `${formatCount(left)} damaged chunks were left: they are of files on their way, or of puts that the broker has not accepted yet. They are looked at again when they are landed.`,
              ]),
          'Check the disk: one bad chunk is rarely the last.',
        ];
  return { isRepaired: left === 0, setAside: setAside.length, claimedEvents, summary };
}

function setAsideIn(channel: Channel, { id, what: reason }: FoundDamage, nowMs: number): boolean {
  const isSetAside = channel.db.transaction(() => {
    const isDone = setAsideChunk(channel, { id, reason, nowMs });
    channel.totals.flush();
    crashPoint('repair.before-commit');
    return isDone;
  })();
  crashPoint('repair.after-commit');
  return isSetAside;
}

/** Gives a segment of a stopped engine's channel up for good; answers how many offsets became gaps. Throws `usage` when it is none. */
export function skipSegment(
  { directory, stateId, nowMs }: StoppedChannel,
  segment: Segment,
  { by, why }: { readonly by: string; readonly why: string },
): number {
  const channel = openChannel(directory, stateId);
  try {
    return channel.db.transaction(() => {
      const offsets = giveUpSegment(channel, segment, { by, why, nowMs });
      channel.totals.flush();
      return offsets;
    })();
  } finally {
    closeChannel(channel);
  }
}
