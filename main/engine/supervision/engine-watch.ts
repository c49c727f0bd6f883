/**
 * What the engine's watchdog watches: the channel's writer, each sink's landing worker with the steps of its files, each source, and the threads that
 * answer questions.
 */
import { GatewayError } from '../../../shared/errors.ts';
import type { WriterClient } from '../../channel/writer-client.ts';
import type { EngineQueries } from '../engine-queries.ts';
import type { LandingLink } from '../landing-link.ts';
import type { SourceRunner } from '../source-runner.ts';
import type { WatchedPart, WatchLimits } from './watchdog.ts';

export interface EngineParts {
  readonly writer: WriterClient;
  readonly landings: ReadonlyMap<string, LandingLink>;
  readonly sources: ReadonlyMap<string, SourceRunner>;
  readonly queries: Pick<EngineQueries, 'threads'>;
}

const WRITER_REMEDY =
  'is the disk of the state directory slow or away? When it goes on, the engine ends, and the service manager starts it anew; nothing is lost';
/** Questions under way may be answered for so long while the engine stops. */
const HUNG_AT_STOP_MS = 5_000;
const SOURCE_REMEDY =
  'it is ended and begun anew where the database says; nothing is lost. Again and again: please report it with a support bundle';
const QUERY_REMEDY =
  'it is ended and begun anew; only what operators see waits for it. Is the disk of the state directory slow, or a list very large?';
const LANDING_REMEDY = 'it is ended and begun anew; its files go on where the database says';

/** Asked each round; that is also when sources are looked at. */
export function engineParts(
  { writer, landings, sources, queries }: EngineParts,
  limits: WatchLimits,
): readonly WatchedPart[] {
  return [
    writerPart(writer, limits),
    ...[...landings.values()].flatMap((link) => landingParts(link, limits)),
    ...[...sources.values()].map((runner) => sourcePart(runner, limits)),
    ...queries.threads().map((thread) => queryPart(thread, limits)),
  ];
}

function writerPart(writer: WriterClient, { writerRoundsMax }: WatchLimits): WatchedPart {
  return {
    name: 'channel writer',
    answer: () => writer.perform('room'),
    roundsMax: writerRoundsMax,
    remedy: WRITER_REMEDY,
    end: (why) => writer.abandon(why),
  };
}

function landingParts(link: LandingLink, limits: WatchLimits): readonly WatchedPart[] {
  const { name } = link.settings;
  return [
    {
      name: `landing worker of ${name}`,
      answer: () => link.answer(),
      roundsMax: limits.landingRoundsMax,
      remedy: LANDING_REMEDY,
      end: (why) => link.endWorker(why),
    },
    {
      name: `landing of ${name}`,
      answer: () => link.progress(),
      roundsMax: limits.stepRoundsMax,
      remedy: LANDING_REMEDY,
      end: (why) => link.endWorker(why),
    },
  ];
}

function sourcePart(runner: SourceRunner, { sourceRoundsMax }: WatchLimits): WatchedPart {
  runner.look();
  return {
    name: `source ${runner.name}`,
    answer: () => runner.progress(),
    toldAfter: Math.ceil(sourceRoundsMax / 2),
    roundsMax: sourceRoundsMax,
    remedy: SOURCE_REMEDY,
    end: (why) => runner.endSource(why),
  };
}

function queryPart(
  thread: ReturnType<EngineQueries['threads']>[number],
  { queryRoundsMax }: WatchLimits,
): WatchedPart {
  return {
    name: `thread of ${thread.name}`,
    answer: () => thread.answer(),
    toldAfter: Math.ceil(queryRoundsMax / 2),
    roundsMax: queryRoundsMax,
    remedy: QUERY_REMEDY,
    end: (why) => thread.endNow(why),
  };
}

/** When the engine stops: a thread whose answer somebody waits for, and that hangs, would keep it from stopping. */
export function endHung(queries: Pick<EngineQueries, 'threads'> | undefined): void {
  for (const thread of queries?.threads() ?? []) {
    const limit = setTimeout(() => thread.endNow(stopping(thread.name)), HUNG_AT_STOP_MS);
    limit.unref();
    void thread.answer().then(() => clearTimeout(limit));
  }
}

function stopping(name: string): GatewayError {
  return new GatewayError({
    code: 'aborted',
    operation: 'wait for an answer',
    place: `thread of ${name}`,
    message: 'The engine stops.',
    retry: 'never',
    hint: '',
  });
}
