/** What the engine's watchdog watches: the channel's writer, and each sink's landing worker with the steps of its files. */
import type { WriterClient } from '../../channel/writer-client.ts';
import type { LandingLink } from '../landing-link.ts';
import type { WatchedPart, WatchLimits } from './watchdog.ts';

export interface EngineParts {
  readonly writer: WriterClient;
  readonly landings: ReadonlyMap<string, LandingLink>;
}

const WRITER_REMEDY =
  'is the disk of the state directory slow or away? When it goes on, the engine ends, and the service manager starts it anew; nothing is lost';
const LANDING_REMEDY = 'it is ended and begun anew; its files go on where the database says';

export function engineParts({ writer, landings }: EngineParts, limits: WatchLimits): readonly WatchedPart[] {
  return [
    writerPart(writer, limits),
    ...[...landings.values()].flatMap((link) => landingParts(link, limits)),
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
