/**
 * Looks which directories are complete and has the writer decide it; the landing workers write the markers (completeness-writer.ts).
 * It only proposes: the writer checks again what its own books know (completeness-store.ts), so what is old here can delay a marker
 * and never make one too early.
 */
import { toErrorReport } from '../../../shared/errors.ts';
import type { CompletenessRow, DirectoryRow } from '../../../shared/contract/control-completeness.ts';
import type { SinkConfig } from '../../../shared/contract/config.ts';
import type { DirectoryStanding, DueDirectory, PartitionMark } from '../../../shared/model/completeness.ts';
import { DAY_MS, formatCount, SECOND_MS } from '../../../shared/units.ts';
import type { WriterClient } from '../../channel/writer-client.ts';
import type { SourceStatus } from '../../sources/source.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { directoryVerdict, type FeedingPartition, type Verdict } from './directory-verdict.ts';
import { FeedingTopics, sourcesOf } from './feeding-topics.ts';
import { fleetWord, type RootView } from './fleet-progress.ts';

const LOOK_MS = 5 * SECOND_MS;
/** Directories of a sink in the status, those that end last. */
const SHOWN_DIRECTORIES = 48;
/** Decisions of one look; the next look goes on. */
const DECISIONS_MAX = 100;
/** A directory is remembered so long after its last marker. What comes later for it is late, too. */
export const REMEMBERED_MS = 30 * DAY_MS;

export interface CompletenessParts {
  readonly config: () => GatewayConfig;
  readonly writer: Pick<WriterClient, 'perform'>;
  /** Of the sources that run. */
  readonly sourceStatus: (name: string) => SourceStatus | undefined;
  readonly fleetView: (sink: string) => RootView | undefined;
  readonly gatewayId: string;
  readonly stateId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

interface MarkedSink {
  readonly name: string;
  readonly sink: SinkConfig;
  readonly marker: string;
  readonly graceMs: number;
}

export class CompletenessKeeper {
  readonly #parts: CompletenessParts;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #toldSinks: string | undefined;
  #rows: readonly CompletenessRow[] = [];

  constructor(parts: CompletenessParts) {
    this.#parts = parts;
  }

  /** For the status: absent where no sink asks for markers. */
  get rows(): readonly CompletenessRow[] {
    return this.#rows;
  }

  /** Before the first event comes in: from here on the books follow directories. */
  async prepare(): Promise<void> {
    await this.#tellSinks(this.#markedSinks());
  }

  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the engine is stopping'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        if (!signal.aborted) log.warn('completeness could not be looked at', { error: toErrorReport(error) });
      }
      await clock.sleep(LOOK_MS, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** One look at all sinks. Rejects when the writer can't be asked. */
  async look(): Promise<void> {
    const sinks = this.#markedSinks();
    await this.#tellSinks(sinks);
    const rows: CompletenessRow[] = [];
    for (const sink of sinks) rows.push(await this.#lookAt(sink));
    this.#rows = rows;
  }

  #markedSinks(): MarkedSink[] {
    return Object.entries(this.#parts.config().sinks).flatMap(([name, sink]) =>
      sink.completeness === undefined ? [] : [{ name, sink, ...sink.completeness }],
    );
  }

  async #tellSinks(sinks: readonly MarkedSink[]): Promise<void> {
    const names = sinks.map(({ name }) => name);
    if (this.#toldSinks === JSON.stringify(names)) return;
    await this.#parts.writer.perform('completenessSinks', names);
    this.#toldSinks = JSON.stringify(names);
  }

  async #lookAt(marked: MarkedSink): Promise<CompletenessRow> {
    const { writer, clock } = this.#parts;
    const { name, sink, graceMs, marker } = marked;
    const nowMs = clock.nowMs();
    await writer.perform('forgetDirectories', name, nowMs - REMEMBERED_MS);
    const due = await writer.perform('dueDirectories', name, nowMs - graceMs);
    const why = new Map<string, readonly string[]>();
    if (due.length > 0) await this.#decide(marked, due, why);
    const list = await writer.perform('directoryStandings', name, SHOWN_DIRECTORIES);
    return {
      sink: name,
      marker,
      graceMs,
      path: sink.path,
      complete: list.complete,
      waiting: list.waiting,
      directories: list.directories.map((one) => rowOf(one, { nowMs, graceMs, why })),
    };
  }

  async #decide(
    marked: MarkedSink,
    due: readonly DueDirectory[],
    why: Map<string, readonly string[]>,
  ): Promise<void> {
    const { writer, clock, log, gatewayId, stateId } = this.#parts;
    const { name, sink, graceMs } = marked;
    const feed = await this.#feedOf(marked);
    const nowMs = clock.nowMs();
    let decisions = 0;
    for (const one of due) {
      // At most one further marker in the time of a grace, however late events trickle in.
      if (one.decidedMs !== undefined && nowMs - one.decidedMs < graceMs) {
        why.set(one.directory, ['late events came; a further marker follows']);
        continue;
      }
      const waits = backlogReasons(one);
      const { verdict, gateways } = feed(one);
      if (verdict.kind === 'waits' || waits.length > 0) {
        why.set(one.directory, [...waits, ...(verdict.kind === 'waits' ? verdict.why : [])]);
        continue;
      }
      if (++decisions > DECISIONS_MAX) break;
      const answer = await writer.perform('decideCompleteness', {
        ...{ sink: name, directory: one.directory, channel: sink.channel, endMs: one.endMs, graceMs },
        ...{ gatewayId, stateId, gateways, partitions: verdict.evidence },
      });
      if (answer.kind === 'waits') why.set(one.directory, [answer.why]);
      if (answer.kind === 'decided')
        log.info('a directory is complete', {
          sink: name,
          directory: one.directory,
          revision: answer.revision,
        });
    }
  }

  /** What is known of the sink's partitions, as a function of a directory; directories of one end share the verdict where they can. */
  async #feedOf({
    name,
    sink,
    graceMs,
  }: MarkedSink): Promise<(one: DueDirectory) => { verdict: Verdict; gateways: readonly string[] }> {
    const { writer, clock, config, sourceStatus, fleetView, gatewayId, stateId } = this.#parts;
    const sources = sourcesOf(sink, config());
    // Looked at before the marks are read: what was at its end then is at least there now.
    const statuses = sources.flatMap((source) => {
      const status = sourceStatus(source);
      return status === undefined ? [] : [status];
    });
    const marks = await writer.perform('partitionMarks', sources);
    const partitions = statuses.flatMap((status) => feedingPartitions(status, marks));
    const missing = statuses.flatMap((status) =>
      (status.missingTopics ?? []).map((topic) => ({ source: status.name, topic })),
    );
    const topics = new FeedingTopics(sink, config());
    return ({ directory, endMs }) => {
      const fleet = fleetWord(fleetView(name), {
        ...{ sink: name, gatewayId, stateId, endMs, graceMs },
        nowMs: clock.nowMs(),
      });
      const mayFeed = ({ source, topic }: { source: string; topic: string }): boolean =>
        topics.mayFeed(directory, source, topic);
      const verdict = directoryVerdict({
        ...{ endMs, graceMs, fleet, usesLocalTime: sink.usesLocalTime },
        partitions: partitions.filter(mayFeed),
        missingTopics: missing.filter(mayFeed).map(({ topic }) => topic),
      });
      return { verdict, gateways: fleet.gateways };
    };
  }
}

/** The partitions that are read here, and those that are known and read elsewhere. */
function feedingPartitions(status: SourceStatus, marks: readonly PartitionMark[]): FeedingPartition[] {
  const own = new Map(status.partitions.map((row) => [`${row.topic}/${row.partition}`, row]));
  const known = new Map([...own].map(([key, { topic, partition }]) => [key, { topic, partition }]));
  for (const { topic, partition } of status.knownPartitions ?? [])
    known.set(`${topic}/${partition}`, { topic, partition });
  return [...known].map(([key, { topic, partition }]) => {
    const row = own.get(key);
    return {
      source: status.name,
      topic,
      partition,
      reading: row === undefined ? undefined : { ...row, endSeenMs: row.endSeenMs },
      mark: marks.find(
        (mark) => mark.source === status.name && mark.topic === topic && mark.partition === partition,
      ),
    };
  });
}

function backlogReasons({ waitingEvents, heldFiles }: DueDirectory): string[] {
  const reasons: string[] = [];
  if (heldFiles > 0) reasons.push(`${heldFiles} files of it are held`);
  if (waitingEvents > 0) reasons.push(`${formatCount(waitingEvents)} events of it are not landed yet`);
  return reasons;
}

function rowOf(
  one: DirectoryStanding,
  context: {
    readonly nowMs: number;
    readonly graceMs: number;
    readonly why: ReadonlyMap<string, readonly string[]>;
  },
): DirectoryRow {
  const { directory, endMs, revision, waitingEvents, decidedMs } = one;
  const isOpen = context.nowMs < endMs + context.graceMs;
  const state = !one.isDue ? (one.isMarkerOpen ? 'marking' : 'complete') : isOpen ? 'open' : 'waiting';
  return {
    ...{ directory, endMs, revision, waitingEvents, state },
    ...(decidedMs === undefined || decidedMs === null ? {} : { decidedMs }),
    why: [...(context.why.get(directory) ?? [])],
  };
}
