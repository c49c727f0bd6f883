/** What a site's topics carry: access lines of the hours before now, some that no rule can place, and a trickle that goes on. */
import { setTimeout as wait } from 'node:timers/promises';
import { HOUR_MS } from '../../shared/units.ts';
import { nginxLines } from '../rig/nginx-lines.ts';
import { produceLines } from '../rig/produce.ts';

export const TOPICS = [
  { name: 'www', partitions: 3, share: 0.6 },
  { name: 'api', partitions: 2, share: 0.28 },
  { name: 'order', partitions: 2, share: 0.12 },
] as const;

const PAST_HOURS = 30;
/** Every so many lines one goes wrong; of each kind of fault there are some. */
const FAULT_EVERY = 230;
/** Larger than the source of the pictures takes. */
const LARGE_EVENT_BYTES = 80 * 1024;
const LIVE_BATCH = 4;

/** Lines that reach over the last hours, as they would stand in Kafka when the link had been down. */
export async function producePast(
  bootstrap: string,
  options: { readonly nowMs: number; readonly events: number },
): Promise<void> {
  const { nowMs, events } = options;
  for (const [place, { name, partitions, share }] of TOPICS.entries()) {
    const count = Math.round(events * share);
    const lines = linesOfHours({ nowMs, count, partitions, seed: place });
    await produceLines({ bootstrap, topic: name, partitions, lines: withFaults(lines) });
  }
}

/** Few at night, many in the evening, and of each topic in other hours. */
function* linesOfHours(options: {
  readonly nowMs: number;
  readonly count: number;
  readonly partitions: number;
  readonly seed: number;
}): Generator<{ readonly partition: number; readonly value: string }> {
  const { nowMs, count, partitions, seed } = options;
  for (let hour = 0; hour < PAST_HOURS; hour++) {
    const startMs = nowMs - (PAST_HOURS - hour) * HOUR_MS;
    const wave = 1 + 0.9 * Math.sin(((hour + 3 * seed) / 24) * 2 * Math.PI);
    const ofHour = Math.round((count / PAST_HOURS) * wave ** 2);
    const eventsPerSecond = Math.max(1, ofHour) / 3_600;
    yield* nginxLines(ofHour, { seed: seed * 100 + hour, partitions, startMs, eventsPerSecond });
  }
}

function* withFaults(lines: Iterable<{ readonly partition: number; readonly value: string }>) {
  let number = 0;
  for (const { partition, value } of lines) {
    number++;
    yield { partition, value };
    if (number % FAULT_EVERY === 0) yield { partition, value: faulty(value, number / FAULT_EVERY) };
  }
}

function faulty(value: string, number: number): string {
  if (number % 29 === 0) return value + 'x'.repeat(LARGE_EVENT_BYTES);
  if (number % 3 === 0) return value.replace(/\[[^\]]+\]/, '[2026-11-21T08:59:59]');
  return `worker process ${1000 + number} exited on signal 9, request "/item?id=0-${number}" was not finished`;
}

/** One more line of an hour that is over, in the topic whose directory it is. */
export async function produceLate(
  bootstrap: string,
  { directory, endMs }: { readonly directory: string; readonly endMs: number },
): Promise<void> {
  const topic = TOPICS.find(({ name }) => directory.includes(`/${name}/`));
  if (topic === undefined) throw new Error(`${directory} is of no topic`);
  const [line] = nginxLines(1, { seed: 7, startMs: endMs - HOUR_MS / 2, partitions: 1 });
  if (line === undefined) throw new Error('there is no line');
  const lines = [{ value: line.value.replace('id=0-0', 'id=8-0'), partition: 0 }];
  await produceLines({ bootstrap, topic: topic.name, partitions: topic.partitions, lines });
}

/** Lines of this very moment, until `signal`. */
export async function produceLive(
  bootstrap: string,
  options: { readonly eventsPerSecond: number; readonly signal: AbortSignal },
): Promise<void> {
  await Promise.all(
    TOPICS.map(({ name, partitions, share }) =>
      produceLines({
        bootstrap,
        topic: name,
        partitions,
        batch: LIVE_BATCH,
        lines: liveLines(options.eventsPerSecond * share, options.signal),
      }),
    ),
  );
}

async function* liveLines(eventsPerSecond: number, signal: AbortSignal) {
  for (let seed = 1; !signal.aborted; seed++) {
    const [line] = nginxLines(1, { seed, startMs: Date.now(), partitions: 1 });
    if (line !== undefined) yield { value: line.value.replace('id=0-0', `id=9-${seed}`) };
    await wait(1_000 / eventsPerSecond, undefined, { signal }).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }
}
