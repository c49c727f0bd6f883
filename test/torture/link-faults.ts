import type { FaultKind } from './fault.ts';
import type { TcpProxy } from '../rig/tcp-proxy.ts';

/** Requests whose reply may be lost, by what they say in their head. */
const OPERATIONS = [
  'CREATE',
  'RENAME',
  'MKDIRS',
  'SETXATTR',
  'GETFILECHECKSUM',
  'GETFILESTATUS',
  'DELETE',
] as const;

const WAYS: Readonly<Record<string, (proxy: TcpProxy) => Promise<void> | void>> = {
  stall: (proxy) => proxy.stall(true),
  'stall-down': (proxy) => proxy.stall(true, 'down'),
  'half-open': (proxy) => proxy.halfOpen(true),
  refuse: async (proxy) => {
    await proxy.refuse(true);
    proxy.cut();
  },
  slow: (proxy) => {
    proxy.delay(300);
    proxy.limit(40_000);
  },
};

/** What is done to the links between gateways and servers. */
export const LINK_FAULTS: readonly FaultKind[] = [
  {
    name: 'cut',
    weight: 8,
    counts: 'cut',
    longestMs: 0,
    make: (site, random) => {
      const link = random.pick(site.links);
      const isReset = random.chance(0.5);
      return {
        holds: `${link.name}-moment`,
        text: `${isReset ? 'reset' : 'cut'} ${link.name}`,
        begin: () => void (isReset ? link.proxy.reset() : link.proxy.cut()),
      };
    },
  },
  {
    name: 'link',
    weight: 12,
    counts: 'cut',
    longestMs: 15_000,
    make: (site, random) => {
      const link = random.pick(site.links);
      const way = random.pick(Object.keys(WAYS));
      return {
        holds: link.name,
        text: `${way} ${link.name}`,
        begin: () => WAYS[way]?.(link.proxy),
        end: () => link.proxy.heal(),
      };
    },
  },
  {
    name: 'split',
    weight: 2,
    counts: 'cut',
    longestMs: 25_000,
    make: (site, random) => {
      const gateway = random.pick(site.gateways);
      const kind = random.pick(['broker', 'namenode'] as const);
      const way = random.pick(['stall', 'half-open', 'refuse']);
      const links = site.links.filter(
        (link) => link.kind === kind && (kind === 'namenode' || link.name.startsWith(`${gateway.id}-`)),
      );
      return {
        holds: kind === 'namenode' ? 'namenode-links' : `${gateway.id}-${kind}`,
        text: `${way} all links of ${kind === 'namenode' ? 'everybody' : gateway.id} to every ${kind}`,
        begin: async () => {
          for (const { proxy } of links) await WAYS[way]?.(proxy);
        },
        end: async () => {
          for (const { proxy } of links) await proxy.heal();
        },
      };
    },
  },
  {
    name: 'lost-reply',
    weight: 8,
    counts: 'cut',
    longestMs: 8_000,
    make: (site, random) => {
      const link = random.pick(site.links.filter(({ kind }) => kind !== 'broker'));
      const operation = random.pick(OPERATIONS);
      const way = random.pick([
        'reset-after-forward',
        'swallow-reply',
        'reset-before-forward',
        'cut-after-bytes',
      ] as const);
      const bytes = random.integer(200, 60_000);
      let remove = (): void => undefined;
      return {
        holds: link.name,
        text: `${way} ${operation} at ${link.name}`,
        begin: () => {
          const wanted = link.kind === 'datanode' ? 'CREATE' : operation;
          const fault = link.proxy.onRequest((head) => head.includes(`op=${wanted}`), way, {
            times: 2,
            bytes,
          });
          remove = () => fault.remove();
        },
        end: () => remove(),
      };
    },
  },
];
