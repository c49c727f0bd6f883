/** The lines of the picture: who feeds whom, how much flows, and how it is. */
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import type { Tone } from '../../widgets/state-badge.tsx';

export interface PipelineLink {
  /** Ids of cards, as in their `data-node`. */
  readonly from: string;
  readonly to: string;
  readonly fromName: string;
  readonly toName: string;
  readonly eventsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly tone: Tone;
  /**
   * Which end the figures stand at: a source's are of all its channels together, so they stand where its lines begin, once; a sink's where its
   * line ends.
   */
  readonly figuresAt: 'from' | 'to' | 'nowhere';
}

export function linksOf(
  status: Pick<EngineStatus, 'sources' | 'channels' | 'sinks'>,
): readonly PipelineLink[] {
  const { sources, channels, sinks } = status;
  const known = new Set(channels.map(({ name }) => name));
  const intake = sources.flatMap((source) => {
    // An engine that doesn't say feeds them all.
    const fed = (source.channels ?? [...known]).filter((name) => known.has(name));
    return fed.map((channel, place): PipelineLink => {
      const { name, eventsPerSecond, bytesPerSecond, state } = source;
      return {
        from: `source:${name}`,
        to: `channel:${channel}`,
        fromName: name,
        toName: channel,
        eventsPerSecond,
        bytesPerSecond,
        tone: toneOfFlow(state, eventsPerSecond),
        figuresAt: place === 0 ? 'from' : 'nowhere',
      };
    });
  });
  const landing = sinks
    .filter(({ channel }) => known.has(channel))
    .map((sink): PipelineLink => {
      const { name, channel, eventsPerSecond, bytesPerSecond, state } = sink;
      return {
        from: `channel:${channel}`,
        to: `sink:${name}`,
        fromName: channel,
        toName: name,
        eventsPerSecond,
        bytesPerSecond,
        tone: toneOfFlow(state, eventsPerSecond),
        figuresAt: 'to',
      };
    });
  return [...intake, ...landing];
}

function toneOfFlow(state: EngineStatus['sinks'][number]['state'], eventsPerSecond: number): Tone {
  if (state === 'failed' || state === 'waiting' || state === 'paused') return state;
  return eventsPerSecond > 0 ? 'ok' : 'idle';
}
