/**
 * Goal: who follows the engine sees each change within a quarter of a second and never more often, hears from it also when nothing changes, and
 * is not flooded by a storm of log lines. Method: the stream with a clock of the test's own; a real engine whose steady time is hurried.
 */
import { writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  HEARTBEAT_MS,
  LIVE_INTERVAL_MS,
  LiveStream,
  LOG_BURST_MAX,
  LOG_LINES_PER_SECOND,
} from '../../main/engine/live-stream.ts';
import type { StreamEvent } from '../../shared/contract/control.ts';
import type { LogLine } from '../../shared/contract/control-history.ts';
import { SECOND_MS } from '../../shared/units.ts';
import { until } from '../rig/until.ts';
import { sinkStatus, statusOf } from '../telemetry/status-fixture.ts';
import { FileGateway, HURRIED_CLOCK, SINK } from './file-gateway.ts';

vi.setConfig({ testTimeout: 120_000 });

let steadyMs: number;
let stream: LiveStream;
let seen: StreamEvent[];
const listener = (event: StreamEvent): void => void seen.push(event);
beforeEach(() => {
  steadyMs = 0;
  seen = [];
  stream = new LiveStream(() => steadyMs);
});

function logLines(): LogLine[] {
  return seen.flatMap((event) => (event.type === 'log' ? [event.line] : []));
}

describe('the status on the stream', () => {
  test('goes out when it changed, and unchanged with the heartbeat only', () => {
    stream.add(listener);
    let nowMs = 1_000;
    const sentAt: number[] = [];
    for (steadyMs = 0; steadyMs < 20 * SECOND_MS; steadyMs += LIVE_INTERVAL_MS) {
      const events = steadyMs < 2 * SECOND_MS ? steadyMs : 2_000;
      const before = seen.length;
      stream.offer(statusOf({ nowMs: nowMs++, memoryBytes: nowMs, sinks: [sinkStatus({ events })] }));
      if (seen.length > before) sentAt.push(steadyMs);
    }
    const changing = Array.from({ length: 9 }, (_, at) => at * LIVE_INTERVAL_MS);
    expect(sentAt).toEqual([
      ...changing,
      2_000 + HEARTBEAT_MS,
      2_000 + 2 * HEARTBEAT_MS,
      2_000 + 3 * HEARTBEAT_MS,
    ]);
  });

  test('is not even compared while nobody follows', () => {
    const status = statusOf();
    const untouched = new Proxy(status, {
      ownKeys: () => {
        throw new Error('somebody looked at it');
      },
    });
    stream.offer(untouched);
    stream.log({ id: 1, atMs: 1, level: 'info', message: 'm', fields: {} });
    stream.add(listener);
    expect(() => stream.offer(untouched)).toThrow('somebody looked at it');
    stream.delete(listener);
    stream.offer(untouched);
    expect(seen).toEqual([]);
  });
});

describe('a storm of log lines', () => {
  const line = (id: number): LogLine => ({ id, atMs: id, level: 'info', message: 'storm', fields: {} });

  test('comes through up to a limit; how many were left out is said, and every line is accounted for', () => {
    stream.add(listener);
    const total = 10_000;
    for (let id = 0; id < total; id++) {
      // A thousand a second.
      steadyMs = id;
      stream.log(line(id));
    }
    expect(logLines().length).toBeLessThanOrEqual(LOG_BURST_MAX + LOG_LINES_PER_SECOND * 10 + 1);
    steadyMs += SECOND_MS;
    stream.offer(statusOf());
    const ids = logLines().map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    const leftOut = logLines().reduce((sum, { fields }) => sum + Number(fields['leftOut'] ?? 0), 0);
    const whole = logLines().filter(({ message }) => message === 'storm').length;
    expect(whole + leftOut).toBe(total);
    expect(logLines().at(-1)).toMatchObject({ level: 'warn', id: total - 1 });
    const before = seen.length;
    stream.log(line(total));
    expect(seen.slice(before)).toEqual([{ type: 'log', line: line(total) }]);
  });
});

describe('a real engine', () => {
  test('pushes changes to several followers at its pace, hearts beat when nothing changes, and log lines are those of its book', async () => {
    await using gateway = new FileGateway();
    const hurried = { ...HURRIED_CLOCK, steadyMs: () => HURRIED_CLOCK.steadyMs() * 20 };
    await gateway.start({ clock: hurried });
    const stop = new AbortController();
    const follow = (into: { readonly event: StreamEvent; readonly atMs: number }[]) =>
      (async () => {
        for await (const event of gateway.client.events(stop.signal))
          into.push({ event, atMs: performance.now() });
      })();
    const first: { readonly event: StreamEvent; readonly atMs: number }[] = [];
    const second: typeof first = [];
    const following = [follow(first), follow(second)];
    await until('both have a snapshot', () => first.length > 0 && second.length > 0);
    // Nothing happens; five seconds of the hurried clock are a quarter of one.
    const hearts = (): number => {
      const statuses = first.flatMap(({ event }) => (event.type === 'status' ? [event.status] : []));
      const texts = statuses.map(({ sources, sinks, alerts }) => JSON.stringify({ sources, sinks, alerts }));
      return texts.filter((text, at) => at > 0 && text === texts[at - 1]).length;
    };
    await until('hearts beat', () => hearts() >= 3);
    gateway.write(300);
    const eventsIn = ({ event }: (typeof first)[number]) =>
      event.type === 'status' ? event.status.sources[0]?.events : undefined;
    await until('the change is pushed', () =>
      [first, second].every((one) => one.some((at) => eventsIn(at) === 300)),
    );
    await gateway.client.call('pause', { sink: SINK, by: 'joe', why: 'password=hunter2' });
    await until('the pause is in the status', () =>
      first.some(({ event }) => event.type === 'status' && event.status.sinks[0]?.paused?.by === 'joe'),
    );
    await until('the pause is in the log', () =>
      first.some(({ event }) => event.type === 'log' && event.line.message === 'writing paused'),
    );
    const { lines } = await gateway.client.call('logTail', { level: 'info', text: 'writing paused' });
    const told = first.flatMap(({ event }) => (event.type === 'log' ? [event.line] : []));
    expect(told).toContainEqual(lines[0]);
    expect(JSON.stringify({ lines, told })).not.toContain('hunter2');
    const sent = first.filter(({ event }) => event.type === 'status');
    // The first comes at once; from then on none is closer than the pace, timers' inexactness aside.
    const span = (sent.at(-1)?.atMs ?? 0) - (sent[1]?.atMs ?? 0);
    expect(sent.length - 2).toBeLessThanOrEqual(span / LIVE_INTERVAL_MS + 1);
    stop.abort();
    await Promise.all(following);
  });

  test('shows a new version of the configuration and the end of the old complaints in one step', async () => {
    await using gateway = new FileGateway();
    const engine = await gateway.start();
    const pairs = new Set<string>();
    const stop = engine.api.subscribe((event) => {
      if (event.type === 'status')
        pairs.add(`${event.status.configVersion} ${event.status.configProblems.length > 0}`);
    });
    writeFileSync(gateway.configFile, `${gateway.configText()}nonsense: [\n`);
    await gateway.statusIs('it is told', ({ configProblems }) => configProblems.length > 0);
    gateway.configure({ sink: { rollCount: 7 } });
    await until('the next is taken', async () => {
      const { configVersion, configProblems } = await engine.api.status({});
      pairs.add(`${configVersion} ${configProblems.length > 0}`);
      return configVersion === 2 && configProblems.length === 0;
    });
    stop();
    expect([...pairs].sort()).toEqual(['1 false', '1 true', '2 false']);
  });
});
