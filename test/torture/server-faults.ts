import type { JavaServer } from '../rig/java-process.ts';
import type { SeededRandom } from './seeded-random.ts';
import { STREAMS, streamName } from './numbered-events.ts';
import type { Fault, FaultKind } from './fault.ts';
import { ROOT, type TortureSite } from './torture-site.ts';

/** What is done to the servers. A pair of NameNodes is one thing: two changes at once would split it, which fencing prevents on a site. */
export const SERVER_FAULTS: readonly FaultKind[] = [
  {
    name: 'broker',
    weight: 5,
    counts: 'server',
    longestMs: 12_000,
    make: (site, random) => {
      const { server } = random.pick(site.kafka.brokers);
      // Two of three at once have no quorum: rarer, but it happens.
      const lane = random.integer(1, 10) > 8 ? 'brokers-too' : 'brokers';
      return outage(server, random, lane);
    },
  },
  {
    name: 'datanode',
    weight: 4,
    counts: 'server',
    longestMs: 12_000,
    make: (site, random) => outage(random.pick(site.hdfs.datanodes).server, random, undefined),
  },
  {
    name: 'namenode',
    weight: 4,
    counts: 'server',
    longestMs: 12_000,
    make: (site, random) => {
      const index = random.integer(0, site.hdfs.namenodes.length - 1);
      const way = random.pick(['kill', 'kill-and-fail-over', 'freeze', 'fail-over'] as const);
      return namenodeFault(site, index, way);
    },
  },
  {
    name: 'safe-mode',
    weight: 1.5,
    counts: 'hdfs',
    longestMs: 12_000,
    make: (site) => ({
      holds: 'namenodes',
      text: 'safe mode',
      begin: () => site.safeMode('enter'),
      end: () => site.safeMode('leave'),
    }),
  },
  {
    name: 'rights',
    weight: 1.5,
    counts: 'hdfs',
    longestMs: 12_000,
    make: (site) => {
      const set = async (permission: string): Promise<void> => {
        await site.hdfs.superuserCall('PUT', ROOT, { op: 'SETPERMISSION', permission });
      };
      return {
        holds: 'namenodes',
        text: `no rights on ${ROOT}`,
        begin: () => set('000'),
        end: () => set('777'),
      };
    },
  },
  {
    name: 'quota',
    weight: 1.5,
    counts: 'hdfs',
    longestMs: 15_000,
    make: (site, random) => {
      const isNames = random.chance(0.5);
      return {
        holds: 'namenodes',
        text: `quota of ${isNames ? 'names' : 'bytes'} on ${ROOT} is used up`,
        begin: () => site.quota(isNames ? { names: 1 } : { bytes: 1 }),
        end: () => site.quota('none'),
      };
    },
  },
];

/** Sometimes all but the newest records, which no gateway can have had yet while the link is bad. */
export const RETENTION: FaultKind = {
  name: 'retention',
  weight: 0,
  counts: 'retention',
  longestMs: 0,
  make: (site, random) => {
    const stream = random.pick(STREAMS);
    const keep = random.pick([1, 20, 200, 2_000]);
    return {
      holds: 'retention',
      text: `retention leaves ${keep} offsets of ${streamName(stream)}`,
      begin: () => site.deleted.deleteAllBut(keep, stream),
    };
  },
};

function outage(server: JavaServer, random: SeededRandom, lane: string | undefined): Fault {
  const way = random.pick(['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const);
  return {
    holds: lane ?? server.name,
    text: `${way} ${server.name}`,
    begin: async () => {
      if (!server.isRunning) return;
      if (way === 'SIGSTOP') server.pause();
      else if (way === 'SIGKILL') await server.kill();
      else await server.stop();
    },
    end: async () => {
      server.continue();
      if (!server.isRunning) await server.start();
    },
  };
}

function namenodeFault(
  site: TortureSite,
  index: number,
  way: 'kill' | 'kill-and-fail-over' | 'freeze' | 'fail-over',
): Fault {
  const { hdfs } = site;
  const server = hdfs.namenodes[index]?.server;
  if (server === undefined) throw new Error(`there is no NameNode ${index}`);
  const isPair = hdfs.namenodes.length > 1;
  const quiet = (): void => undefined;
  return {
    holds: 'namenodes',
    text: `${isPair || way === 'freeze' ? way : 'kill'} ${server.name}`,
    begin: async () => {
      if (way === 'freeze') server.pause();
      else if (way === 'fail-over' && isPair) await hdfs.failover();
      else {
        await server.kill();
        if (way === 'kill-and-fail-over') await site.ensureActive(quiet);
      }
    },
    end: async () => {
      server.continue();
      if (!server.isRunning) await server.start();
      await site.ensureActive(quiet);
    },
  };
}
