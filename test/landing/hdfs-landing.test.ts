/**
 * Goal: the protocol holds on a real HDFS behind a link that loses replies and breaks bodies; Hadoop's own client reads what landed.
 * Method: a NameNode and DataNodes behind TCP proxies, the real WebHDFS target, the store double, faults on single requests.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import type { LandingEvent } from '../../main/landing/lander-status.ts';
import { Lander } from '../../main/landing/lander.ts';
import { createTarget } from '../../main/sinks/create-target.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { crashPoint } from '../../main/telemetry/crash-point.ts';
import { startHdfs } from '../rig/hdfs-rig.ts';
import type { HdfsRig } from '../rig/hdfs-rig.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { until } from '../rig/until.ts';
import { seededRandom } from './fake-clock.ts';
import { ROLL, SETTINGS } from './landing-world.ts';
import { MemoryStore } from './memory-store.ts';

const LANDING_LIMIT_MS = 60_000;

describe.skipIf(skipsWithoutJava('landing on HDFS'))('landing on a real HDFS', () => {
  let rig: HdfsRig;
  beforeAll(async () => {
    rig = await startHdfs({ isProxied: true });
  });
  afterAll(() => rig.stop());

  let gateways = 0;

  /** Lands what `fill` puts, with `during` running beside it; returns the store and what was reported. */
  async function land(
    fill: (store: MemoryStore) => void,
    during: () => Promise<void> = () => Promise.resolve(),
    isDone: (store: MemoryStore, events: readonly LandingEvent[]) => boolean = (store) => store.backlog === 0,
  ): Promise<{ readonly store: MemoryStore; readonly events: readonly LandingEvent[] }> {
    const store = new MemoryStore(systemClock);
    fill(store);
    const target = createTarget(
      { type: 'hdfs', server: 'namenode', urls: rig.webhdfsUrls, user: 'headgate', root: '/' },
      systemClock,
    );
    const events: LandingEvent[] = [];
    const lander = new Lander({
      // Each test is a gateway of its own: a store that begins anew is an older one for a marker that stands already.
      settings: { ...SETTINGS, stateId: `state${++gateways}`, roll: { ...ROLL, idleMs: 50 } },
      store,
      target,
      reader: store.reader(),
      clock: systemClock,
      // Always late in the jitter's range: a repeat never overtakes what the test does meanwhile. The name's nonce differs anyway.
      random: () => 0.9 + seededRandom(events.length + Date.now())() / 10,
      report: (event) => events.push(event),
      crashPoint,
    });
    const run = lander.run(new AbortController().signal);
    try {
      await during();
      await until('everything landed', () => isDone(store, events), LANDING_LIMIT_MS);
    } finally {
      await lander.stop(1_000);
      await run;
      await target.close();
    }
    return { store, events };
  }

  function entryOf(store: MemoryStore): { readonly path: string; readonly attempts: number } {
    const [entry, ...others] = store.ledger;
    if (entry === undefined || others.length > 0)
      throw new Error(`${store.ledger.length} files in the ledger`);
    return { path: entry.facts.finalPath, attempts: entry.facts.attempts };
  }

  const linesOf = (store: MemoryStore): string =>
    [...store.chunks.values()].map(({ raw }) => raw.toString()).join('');

  test.each(['none', 'gzip', 'zstd'] as const)(
    'a file of codec %s is read by Hadoop’s own client as it was put',
    async (codec) => {
      let put = '';
      const { store } = await land((filling) => {
        filling.addKey(1, { directory: `/landing/${codec}`, codec, suffix: '' });
        for (let at = 0; at < 4; at++)
          filling.put(1, { codec: codec === 'none' ? 'zstd' : codec, events: 1_000, partition: at % 2 });
        put = linesOf(filling);
      });
      const { path, attempts } = entryOf(store);
      expect(attempts).toBe(1);
      expect(store.ledger[0]?.facts.checksum).toMatch(/./);
      expect(store.ledger[0]?.facts.checksumNote).toBeUndefined();
      expect(await rig.hadoopText(path)).toBe(put);
    },
  );

  test('a RENAME whose reply is lost is found in place, and nothing is uploaded again', async () => {
    const fault = rig.namenode.proxy.onRequest((head) => head.includes('op=RENAME'), 'reset-after-forward');
    let put = '';
    const { store, events } = await land((filling) => {
      filling.addKey(1, { directory: '/landing/lost-reply' });
      filling.put(1, { events: 500 });
      put = linesOf(filling);
    });
    expect(fault.hits).toBe(1);
    const { path, attempts } = entryOf(store);
    expect(attempts).toBe(1);
    expect(events.some(({ kind }) => kind === 'file-waits')).toBe(true);
    expect(await rig.hadoopText(path)).toBe(put);
  });

  test('a RENAME whose reply is lost, and whose file others move on at once, is landed where it is', async () => {
    const fault = rig.namenode.proxy.onRequest((head) => head.includes('op=RENAME'), 'reset-after-forward');
    let final = '';
    const { store } = await land(
      (filling) => {
        filling.addKey(1, { directory: '/landing/moved' });
        filling.put(1, { events: 500 });
        const plan = filling.plan.bind(filling);
        filling.plan = async (request) => {
          final = request.finalPath;
          return plan(request);
        };
      },
      async () => {
        await fault.hit;
        // The request was forwarded; the move works as soon as the NameNode has done it.
        await until('the file was moved on', async () => {
          const answer = await rig.superuserCall('PUT', final, { op: 'RENAME', destination: '/moved-on' });
          return JSON.stringify(answer).includes('true');
        });
      },
    );
    expect(entryOf(store).attempts).toBe(1);
    expect((await rig.hadoopText('/moved-on')).split('\n').length).toBe(501);
  });

  test('an upload that breaks in the middle is made again, and the janitor removes what it left', async () => {
    const [datanode] = rig.datanodes;
    datanode?.proxy.onRequest((head) => head.includes('op=CREATE'), 'cut-after-bytes', { bytes: 200_000 });
    let put = '';
    const { store } = await land(
      (filling) => {
        filling.addKey(1, { directory: '/landing/broken' });
        for (let at = 0; at < 4; at++) filling.put(1, { events: 40_000 });
        put = linesOf(filling);
      },
      undefined,
      (current, events) => current.backlog === 0 && events.some(({ kind }) => kind === 'temp-removed'),
    );
    const { path, attempts } = entryOf(store);
    expect(attempts).toBe(2);
    expect(await rig.hadoopText(path)).toBe(put);
    const listing = JSON.stringify(await rig.superuserCall('GET', '/landing/broken', { op: 'LISTSTATUS' }));
    expect(listing.match(/pathSuffix/g)?.length).toBe(1);
  });
});
