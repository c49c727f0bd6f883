import { CRASH_POINTS } from '../../main/telemetry/crash-point.ts';
import type { FaultKind } from './fault.ts';
import { EDITS, NO_ROOM } from './torture-config.ts';

const RESTART_MAX_MS = 4_000;
/** Long enough that the others of the group take over, and the one that comes back has a backlog that is nobody else's. */
const ABSENCE_MAX_MS = 30_000;
const DAY_MS = 86_400_000;

const ABSENCES = [
  { weight: 5, maxMs: 0 },
  { weight: 3, maxMs: RESTART_MAX_MS },
  { weight: 2, maxMs: ABSENCE_MAX_MS },
] as const;

/** What is done to the gateways themselves. */
export const ENGINE_FAULTS: readonly FaultKind[] = [
  {
    name: 'kill',
    weight: 8,
    counts: 'kill',
    longestMs: 0,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      const longestMs = random.weighted(ABSENCES).maxMs;
      const restartMs = random.integer(0, longestMs);
      return {
        holds: gateway.id,
        text: `SIGKILL ${gateway.id}, back after ${restartMs} ms`,
        begin: () => gateway.kill(restartMs),
      };
    },
  },
  {
    name: 'crash-point',
    weight: 7,
    counts: 'kill',
    longestMs: 0,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      // The points of a configuration's change are passed by calls that nobody makes here.
      const point = random.pick(CRASH_POINTS.filter((name) => !/^(config|retry)/.test(name)));
      const pass = random.chance(0.5) ? 1 : random.integer(2, 12);
      return {
        holds: gateway.id,
        text: `SIGKILL ${gateway.id}, whose next life dies at ${point}:${pass}`,
        begin: () => gateway.kill(0, `${point}:${pass}`),
      };
    },
  },
  {
    name: 'stop',
    weight: 4,
    counts: 'kill',
    longestMs: 0,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      const restartMs = random.integer(0, RESTART_MAX_MS);
      return {
        holds: gateway.id,
        text: `SIGTERM ${gateway.id}, back after ${restartMs} ms`,
        begin: () => gateway.stop(restartMs),
      };
    },
  },
  {
    name: 'freeze',
    weight: 5,
    counts: 'freeze',
    longestMs: 25_000,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      return {
        holds: gateway.id,
        text: `SIGSTOP ${gateway.id}`,
        begin: () => gateway.freeze(),
        end: () => gateway.thaw(),
      };
    },
  },
  {
    name: 'write-pause',
    weight: 3,
    counts: 'switch',
    longestMs: 15_000,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      const call = async (verb: 'pause' | 'resume'): Promise<void> => {
        const input = { by: 'torture', why: 'torture' };
        await gateway.engine.client.call(verb, input);
      };
      return {
        holds: `${gateway.id}-switch`,
        text: `write-pause ${gateway.id}`,
        begin: () => call('pause'),
        end: () => call('resume'),
      };
    },
  },
  {
    name: 'edit',
    weight: 5,
    counts: 'edit',
    longestMs: 20_000,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      const edit = random.pick(EDITS);
      return {
        holds: `${gateway.id}-file`,
        text: `edit ${gateway.id} ${JSON.stringify(edit)}`,
        begin: () => gateway.edit(edit),
        end: () => gateway.edit({}),
      };
    },
  },
  {
    name: 'no-room',
    weight: 3,
    counts: 'room',
    longestMs: 15_000,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      return {
        holds: `${gateway.id}-file`,
        text: `no room left on the disk of ${gateway.id}`,
        begin: () => gateway.edit(NO_ROOM),
        end: () => gateway.edit({}),
      };
    },
  },
  {
    name: 'disk-full',
    weight: 3,
    counts: 'room',
    longestMs: 15_000,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      return {
        holds: `${gateway.id}-disk`,
        text: `disk of ${gateway.id} filled to the last byte`,
        begin: () => gateway.fillDisk(),
        end: () => gateway.emptyDisk(),
      };
    },
  },
  {
    name: 'clock',
    weight: 3,
    counts: 'clock',
    longestMs: 20_000,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      const moved = random.pick([
        -2 * DAY_MS,
        -3_600_000,
        -30_000,
        -3_000,
        3_000,
        30_000,
        3_600_000,
        2 * DAY_MS,
      ]);
      return {
        holds: `${gateway.id}-clock`,
        text: `clock of ${gateway.id} moved by ${moved} ms`,
        begin: () => gateway.moveClock(moved),
        end: () => gateway.moveClock(0),
      };
    },
  },
];
