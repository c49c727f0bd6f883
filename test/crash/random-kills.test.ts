/**
 * Goal: no moment is special. An engine that dies twenty times while events flow in and files are landed loses and doubles none.
 * Method: two gateways on shared, real servers, half a million events and more each: one plain, one with zstd in the topic and in the files.
 * During each of ten lives new events are produced, and the engine gets SIGKILL at a random moment after its traffic has begun.
 * Small pulls and small files make many steps to die between. The seed is printed; HEADGATE_TEST_SEED repeats the choice of moments.
 */
import { describe, expect, it } from 'vitest';
import { gatewaySite } from '../e2e/gateway-site.ts';
import type { GatewayOptions, TestGateway } from '../e2e/test-gateway.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';

const KILLS = 10;
const EVENTS_PER_LIFE = 50_000;
/** A life goes on for at most this long after the first event came in. */
const LIFE_MAX_MS = 2_500;
/** Then events go on coming in lots of this size until the engine is killed: it never dies idle. */
const EVENTS_PER_LOT = 10_000;
const CASE_LIMIT_MS = 400_000;
const LANDED_LIMIT_MS = 180_000;
const UINT32 = 2 ** 32;

/** What the engine was doing when it was killed, from its last status before. */
interface Life {
  readonly produced: number;
  readonly delayMs: number;
  readonly lag: number;
  readonly pulled: number;
  readonly inChannel: number;
  readonly landed: number;
  readonly uploads: number;
}

describe.skipIf(skipsWithoutJava('random kills'))('an engine killed at random moments under load', () => {
  const site = gatewaySite();
  const seed = Number(process.env['HEADGATE_TEST_SEED'] ?? Date.now() % UINT32);
  const busy = {
    source: { batchSize: 500 },
    sink: { 'hdfs.rollSize': '1MiB', 'hdfs.rollInterval': '2s' },
    lines: { eventsPerSecond: 50, lateShare: 0.02 },
  };
  const kinds: Record<string, GatewayOptions> = {
    plain: { ...busy, channel: { compression: 'none' } },
    zstd: {
      ...busy,
      codec: 'zstd',
      sink: {
        ...busy.sink,
        'hdfs.codeC': 'zstd',
        'hdfs.fileSuffix': '.zst',
        'hdfs.fileType': 'CompressedStream',
      },
    },
  };

  it.concurrent.each(Object.entries(kinds))(
    '%s: each of 500,000 events and more lands once over ten kills',
    async (kind, options) => {
      const random = seededRandom(seed + kind.length);
      await using gateway = await site.gateway(`random-${kind}`, options);
      const lives: Life[] = [];
      for (let life = 0; life < KILLS; life++) lives.push(await oneLife(gateway, random));
      console.log(describeLives(kind, lives));
      await gateway.startReady();
      const verdict = await gateway.verdict({ limitMs: LANDED_LIMIT_MS });
      expect(verdict.found).toBe(lives.reduce((sum, { produced }) => sum + produced, 0));
      // A kill of an idle engine would prove nothing.
      expect(
        lives.every(({ pulled, lag, inChannel }) => pulled > 0 && lag + inChannel > 0),
        'events flowed and work was left in each life',
      ).toBe(true);
      const landing = lives.filter(({ uploads, inChannel }) => uploads > 0 || inChannel > 0).length;
      expect(landing, 'kills while landing had work').toBeGreaterThan(KILLS / 2);
      expect(lives.filter(({ landed }) => landed > 0).length, 'lives that landed files').toBeGreaterThan(
        KILLS / 3,
      );
    },
    CASE_LIMIT_MS,
  );

  async function oneLife(gateway: TestGateway, random: () => number): Promise<Life> {
    let isAlive = true;
    let produced = EVENTS_PER_LIFE;
    const produce = async (): Promise<void> => {
      await gateway.produce(EVENTS_PER_LIFE);
      for (; isAlive; produced += EVENTS_PER_LOT) await gateway.produce(EVENTS_PER_LOT);
    };
    const producing = produce();
    const engine = gateway.start();
    await engine.ready();
    const delayMs = Math.floor(random() * LIFE_MAX_MS);
    await gateway.untilStatus('events flow', ({ sources }) => (sources[0]?.events ?? 0) > 0);
    const killAtMs = Date.now() + delayMs;
    const { sources, channels, sinks } = await gateway.untilStatus('the moment to die', (status) => {
      const left = Math.max(0, status.sources[0]?.lag ?? 0) + (status.channels[0]?.events ?? 0);
      return Date.now() >= killAtMs && left > 0;
    });
    isAlive = false;
    expect(await engine.kill()).toEqual({ code: null, signal: 'SIGKILL' });
    await producing;
    return {
      produced,
      delayMs,
      pulled: sources[0]?.events ?? 0,
      lag: Math.max(0, sources[0]?.lag ?? 0),
      inChannel: channels[0]?.events ?? 0,
      landed: sinks[0]?.events ?? 0,
      uploads: sinks[0]?.uploads.length ?? 0,
    };
  }

  function describeLives(kind: string, lives: readonly Life[]): string {
    let landed = 0;
    const rows = lives.map((life, at) => {
      landed += life.landed;
      return `  kill ${at + 1}: at most ${life.delayMs} ms after the first event; ${life.pulled} pulled in this life, lag ${life.lag}, ${life.inChannel} in the channel, ${life.uploads} files under way, ${landed} or more landed in all`;
    });
    return [`random kills, ${kind}, HEADGATE_TEST_SEED=${seed}`, ...rows].join('\n');
  }
});

/** A linear congruential generator (Numerical Recipes' constants): good enough to choose moments, and repeatable. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / UINT32;
  };
}
