/** Everything a running engine holds, made in order and taken down in reverse. */
import type { ChannelConfig, GatewayConfig } from '../../shared/contract/config.ts';
import type { MemoryUse } from '../channel/memory-bodies.ts';
import type { StateDirectory } from '../channel/state-directory.ts';
import { startChannelWriter, type WriterClient } from '../channel/writer-client.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface EngineContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** One database holds all channels: its limits are the sum of their capacities and the strictest of their free-disk limits. */
export function startWriter(config: GatewayConfig, directory: StateDirectory): Promise<WriterClient> {
  const channels = Object.entries(config.channels);
  return startChannelWriter(
    {
      directory: directory.path,
      stateId: directory.identity.stateId,
      capacityBytes: channels.reduce((sum, [, channel]) => sum + channel.capacityBytes, 0),
      minFreeDiskBytes: Math.max(...channels.map(([, channel]) => channel.minFreeDiskBytes)),
      compression: Object.fromEntries(channels.map(([name, channel]) => [name, channel.compression])),
      memory: Object.fromEntries(
        channels.flatMap(([name, channel]) => {
          const use = memoryUseOf(channel);
          return use === undefined ? [] : [[name, use]];
        }),
      ),
    },
    config.gateway.id,
  );
}

/** How a channel uses memory; undefined: not at all. */
function memoryUseOf(channel: ChannelConfig): MemoryUse | undefined {
  switch (channel.type) {
    case 'file':
      return undefined;
    case 'memory':
      return { capacityBytes: channel.memoryCapacityBytes, stopsIntake: true, spillAfterMs: undefined };
    case 'spillable':
      return {
        capacityBytes: channel.memoryCapacityBytes,
        stopsIntake: false,
        spillAfterMs: channel.spillAfterMs,
      };
  }
}
