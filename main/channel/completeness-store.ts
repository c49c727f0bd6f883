import type {
  CompletenessAnswer,
  CompletenessRequest,
  DirectoryStanding,
  DueDirectory,
  OpenMarker,
  PartitionEvidence,
  PartitionMark,
} from '../../shared/model/completeness.ts';
import { COMPLETENESS_MARK } from '../../shared/model/completeness.ts';
import type { ChannelDatabase } from './channel-database.ts';
import { prepareCompleteness } from './completeness-statements.ts';

/** Directories that one question answers; the next ones are asked for when these are decided. */
export const DUE_DIRECTORIES_MAX = 500;
/** Partitions that a marker lists one by one. */
const LISTED_PARTITIONS_MAX = 2_000;
/** Directories that are forgotten in one step. */
const FORGET_STEP_ROWS = 500;

/**
 * Which directories are complete, decided once and durably before anything is written at the target.
 *
 * Promise: no marker is decided while an event of its directory is in the channel, in a file that has not landed, or claimed; and
 * none before each partition that feeds it has passed the directory's end plus the grace.
 *
 * 1. The decision is one transaction of the only writer: what it reads of the backlog is what is there when it commits. An event that
 *    comes in afterwards finds the directory decided, and lands as a late one (`isLate`), in whichever order lander and source run.
 * 2. A partition's time is believed from the writer's own books: its newest event time counts only while the position is beyond the
 *    chunk that brought it, so a put that was rejected does not let a directory pass.
 * 3. A partition at its log's end is believed when its durable position has reached the end that was seen. Whatever the broker gets
 *    after that look came when the clock had passed end + grace: it is late by definition.
 * 4. A claim has no directory. So any claim of the channel on a partition that feeds the directory holds it back.
 *
 * Crash argument: before the commit nothing is decided and the next look decides; after it the marker's facts stand here word for
 * word until the marker is in place, so every later try writes the same.
 */
export class CompletenessStore {
  readonly #statements;

  constructor(db: ChannelDatabase) {
    this.#statements = prepareCompleteness(db);
  }

  /** These sinks ask for markers, and no others. What waits for a sink that is new among them is taken up. */
  setSinks(sinks: readonly string[]): void {
    const s = this.#statements;
    for (const { sink } of s.sinksOn.all()) {
      if (sinks.includes(sink)) continue;
      s.turnOff.run(sink);
      s.dropMarkers.run(sink);
      s.dropDirectories.run(sink);
    }
    for (const sink of sinks) {
      if (s.isOn.get(sink) !== undefined) continue;
      s.turnOn.run(sink);
      s.takeUpBacklog.run(sink);
    }
  }

  /** Directories whose end lies before `endedBeforeMs` and that need a marker, the oldest first. */
  due(sink: string, endedBeforeMs: number): DueDirectory[] {
    return this.#statements.due.all({ sink, endedBeforeMs, limit: DUE_DIRECTORIES_MAX });
  }

  partitionMarks(sources: readonly string[]): PartitionMark[] {
    return sources.flatMap((source) => this.#statements.marks.all(source));
  }

  /** True when an event that comes now is late: its directory was decided, or may have been. */
  isLate(sink: string, directory: string): boolean {
    return this.#statements.isLate.get(sink, directory) !== undefined;
  }

  decide(request: CompletenessRequest, nowMs: number): CompletenessAnswer {
    const s = this.#statements;
    const { sink, directory } = request;
    const row = s.directory.get(sink, directory);
    if (row === undefined) return { kind: 'nothing' };
    if (row.revision > 0 && row.landed_id <= row.counted_id)
      return { kind: 'decided', revision: row.revision };
    const why = this.#obstacle(request);
    if (why !== undefined) return { kind: 'waits', why };
    if (row.landed_id === 0) {
      s.dropDirectory.run(sink, directory);
      return { kind: 'nothing' };
    }
    const revision = row.revision + 1;
    const facts = this.#facts(request, { countedId: row.counted_id, isLate: row.is_late === 1, nowMs });
    s.setDecided.run({ sink, directory, revision, nowMs });
    s.insertMarker.run({ sink, directory, revision, facts: JSON.stringify(facts), nowMs });
    return { kind: 'decided', revision };
  }

  openMarkers(sink: string): OpenMarker[] {
    return this.#statements.openMarkers.all(sink).map(({ tempPaths, ...row }) => ({
      ...row,
      tempPaths: JSON.parse(tempPaths) as string[],
    }));
  }

  /** A temp name for it, durable before anything exists under it. */
  markerAttempt(id: number, tempPath: string): void {
    this.#statements.addTemp.run(tempPath, id);
  }

  /** The name of this revision is taken by a marker that is not known here: the next revision is tried. */
  markerTaken(id: number): void {
    this.#statements.raiseRevision.run(id);
    this.#statements.followRevision.run(id);
  }

  /** It is in place. */
  markerWritten(id: number): void {
    this.#statements.dropMarker.run(id);
  }

  /** Lets go of directories that were decided before `decidedBeforeMs`; true when there may be more. */
  forget(sink: string, decidedBeforeMs: number): boolean {
    const s = this.#statements;
    const rows = s.forgettable.all({ sink, decidedBeforeMs, limit: FORGET_STEP_ROWS });
    for (const { id, endMs } of rows) {
      s.forget.run(id);
      s.setForgottenTo.run({ sink, endMs });
    }
    return rows.length === FORGET_STEP_ROWS;
  }

  /** The directories that end last. */
  standings(sink: string, limit: number): DirectoryStanding[] {
    return this.#statements.standings.all({ sink, limit }).map((row) => ({
      ...row,
      isMarkerOpen: row.isMarkerOpen === 1,
      isDue: row.isDue === 1,
    }));
  }

  counts(sink: string): { readonly complete: number; readonly waiting: number } {
    return this.#statements.counts.get(sink) ?? { complete: 0, waiting: 0 };
  }

  #obstacle(request: CompletenessRequest): string | undefined {
    const s = this.#statements;
    const { sink, directory, channel } = request;
    const waiting = s.waitingChunks.get(sink, directory)?.chunks ?? 0;
    if (waiting > 0) return `${waiting} chunks of it are in the channel`;
    const plans = s.openPlans.get(sink, directory)?.plans ?? 0;
    if (plans > 0) return `${plans} files of it are not landed yet`;
    for (const one of request.partitions) {
      if (one.passedBy === 'other-gateway') continue;
      const place = `${one.topic}/${one.partition}`;
      const claimed = s.claims.get({ ...partitionKey(one), channel })?.events ?? 0;
      if (claimed > 0) return `${claimed} events of ${place} are claimed and not pulled again yet`;
      if (one.passedBy === 'gateway-clock') continue;
      const mark = s.mark.get(partitionKey(one));
      if (mark === undefined) return `${place} was not opened yet`;
      if (!hasPassed(one, mark, request.endMs + request.graceMs)) return `${place} has not passed its end`;
    }
    return undefined;
  }

  #facts(
    request: CompletenessRequest,
    at: { readonly countedId: number; readonly isLate: boolean; readonly nowMs: number },
  ) {
    const s = this.#statements;
    const { sink, directory, partitions, channel } = request;
    const all = s.landed.get({ sink, directory, after: 0 });
    const since = s.landed.get({ sink, directory, after: at.countedId });
    const parts = new Map(
      s.landedParts
        .all(sink, directory)
        .map((part) => [`${part.source}/${part.topic}/${part.partition}`, part]),
    );
    const known = new Set(
      partitions.map(({ source, topic, partition }) => `${source}/${topic}/${partition}`),
    );
    const rows = [
      ...partitions.map(({ source, topic, partition, passedBy, gateway }) => ({
        source,
        topic,
        partition,
        ...partFacts(parts.get(`${source}/${topic}/${partition}`)),
        passedBy,
        ...(gateway === undefined ? {} : { gateway }),
      })),
      // A source that is not configured any more may have filed events here.
      ...[...parts].flatMap(([key, part]) =>
        known.has(key)
          ? []
          : [
              {
                source: part.source,
                topic: part.topic,
                partition: part.partition,
                ...partFacts(part),
                passedBy: 'not-read',
              },
            ],
      ),
    ];
    const quarantined = partitions.reduce(
      (sum, one) => sum + (s.quarantined.get({ ...partitionKey(one), channel })?.events ?? 0),
      0,
    );
    return {
      headgate: COMPLETENESS_MARK,
      version: 1,
      directory,
      sink,
      gateway: request.gatewayId,
      stateId: request.stateId,
      gateways: request.gateways,
      end: new Date(request.endMs).toISOString(),
      graceMs: request.graceMs,
      decided: new Date(at.nowMs).toISOString(),
      lastLanded: new Date(all?.lastLandedMs ?? 0).toISOString(),
      /** Of this gateway's own files. */
      files: all?.files ?? 0,
      events: all?.events ?? 0,
      bytes: all?.bytes ?? 0,
      rawBytes: all?.rawBytes ?? 0,
      ...(at.countedId > 0 || at.isLate
        ? { late: { files: since?.files ?? 0, events: since?.events ?? 0 } }
        : {}),
      /** Events of these partitions that no rule could place; some may belong here. */
      quarantined,
      partitions: rows.slice(0, LISTED_PARTITIONS_MAX),
      partitionCount: rows.length,
    };
  }
}

function partitionKey({ source, topic, partition }: PartitionEvidence) {
  return { source, topic, partition };
}

function hasPassed(
  one: PartitionEvidence,
  mark: Pick<PartitionMark, 'position' | 'newestEventMs'>,
  passedMs: number,
): boolean {
  if (one.passedBy === 'event-time') return mark.newestEventMs >= passedMs;
  return one.logEnd !== undefined && mark.position >= one.logEnd;
}

function partFacts(
  part: { readonly events: number; readonly first: number; readonly next: number } | undefined,
) {
  return part === undefined
    ? { events: 0 }
    : { events: part.events, firstOffset: part.first, nextOffset: part.next };
}
