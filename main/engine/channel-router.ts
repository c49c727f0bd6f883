import type { EventBatch } from '../../shared/event-batch.ts';

/** Which channels of a source an event goes to: Flume's channel selectors. */
export interface ChannelRouter {
  /** True when every event goes to every channel; then `routes` need not be asked. */
  readonly routesAll: boolean;
  /** Does this event go to the channel at this place in the source's list? */
  routes(batch: EventBatch, index: number, channelPlace: number): boolean;
}

export const replicatingRouter: ChannelRouter = { routesAll: true, routes: () => true };

/** What a multiplexing selector needs: header, channels by its value, and those for all other values. */
export interface MultiplexingSettings {
  readonly header: string;
  readonly mapping: Readonly<Record<string, readonly string[]>>;
  readonly defaultChannels: readonly string[];
}

/** Flume's multiplexing selector. What no mapping and no default takes is accounted for as not routed; Flume drops it unsaid. */
export function multiplexingRouter(
  settings: MultiplexingSettings,
  channels: readonly string[],
): ChannelRouter {
  const places = (names: readonly string[]) => channels.map((channel) => names.includes(channel));
  const byValue = new Map(Object.entries(settings.mapping).map(([value, names]) => [value, places(names)]));
  const otherwise = places(settings.defaultChannels);
  return {
    routesAll: false,
    routes(batch, index, channelPlace) {
      const value = batch.getHeader(index, settings.header);
      const taken = (value === undefined ? undefined : byValue.get(value)) ?? otherwise;
      return taken[channelPlace] ?? false;
    },
  };
}
