import { GatewayError } from '../../../shared/errors.ts';
import type { SourceStore } from '../source.ts';
import type { KafkaSourceSettings } from './kafka-source-settings.ts';
import { readLogRange, throwOnError } from './log-check.ts';
import type { PartitionInfo } from './protocol-link.ts';
import type { PullLink } from './wire/pull-link.ts';

/**
 * Where a partition begins that nobody has read yet. `startAt` is resolved once for each partition that exists when the source runs
 * for the first time, and stored; partitions that appear later start at the earliest, so that nothing written before we saw them is
 * missed.
 */
export interface StartPointParts {
  readonly settings: KafkaSourceSettings;
  readonly host: { readonly store: SourceStore };
  readonly pull: PullLink;
}

function keyOf(settings: KafkaSourceSettings, info: Pick<PartitionInfo, 'topic' | 'partition'>): string {
  return `kafka/${settings.name}/start/${settings.groupId}/${info.topic}/${info.partition}`;
}

function firstLookKey(settings: KafkaSourceSettings): string {
  return `kafka/${settings.name}/first-look/${settings.groupId}`;
}

/** Notes, at the first run, which partitions `startAt` speaks of. To be called with the first view of the topics. */
export async function noteFirstLook(
  parts: Omit<StartPointParts, 'pull'>,
  partitions: readonly PartitionInfo[],
): Promise<void> {
  const { settings, host } = parts;
  if (settings.startAt === 'earliest') return;
  if ((await host.store.readNote(firstLookKey(settings))) !== undefined) return;
  for (const info of partitions) await host.store.writeNote(keyOf(settings, info), 'startAt');
  await host.store.writeNote(firstLookKey(settings), 'done');
}

/** Resolves the start point, or answers the one that was resolved before. Throws GatewayError. */
export async function resolveStartPoint(
  parts: StartPointParts,
  info: PartitionInfo,
  signal: AbortSignal,
): Promise<number> {
  const { settings, host } = parts;
  const key = keyOf(settings, info);
  const note = await host.store.readNote(key);
  if (note !== undefined && note !== 'startAt') return Number(note);
  const start = await askBroker(parts, info, {
    startAt: note === 'startAt' ? settings.startAt : 'earliest',
    signal,
  });
  await host.store.writeNote(key, String(start));
  return start;
}

async function askBroker(
  parts: StartPointParts,
  info: PartitionInfo,
  options: { readonly startAt: KafkaSourceSettings['startAt']; readonly signal: AbortSignal },
): Promise<number> {
  const { startAt, signal } = options;
  const range = await readLogRange({ pull: parts.pull, info }, signal);
  if (startAt === 'earliest') return range.logStart;
  if (startAt === 'latest') return range.logEnd;
  const { topic, partition, leader } = info;
  const request = { node: leader, partitions: [{ topic, partition, timestampMs: startAt.timeMs }] };
  const [answer] = await parts.pull.listOffsets(request, signal);
  if (answer === undefined) {
    throw new GatewayError({
      code: 'kafka-refused',
      operation: 'find the start point',
      place: `${topic}/${partition}`,
      message: 'the broker did not answer for this partition',
      retry: 'backoff',
      hint: 'Headgate asks again by itself.',
    });
  }
  throwOnError(answer);
  // No record at or after that time: begin with the next one that comes.
  return answer.offset < 0 ? range.logEnd : answer.offset;
}
