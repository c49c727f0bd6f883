/**
 * Goal: an alert is raised when its fact holds, cleared when it is over, and a clock that is set neither raises nor hides one.
 * Method: snapshots and source events by hand, on a real board.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { EngineAlerts } from '../../main/engine/engine-alerts.ts';
import type { SourceEvent } from '../../main/sources/source.ts';
import { AlertBoard } from '../../main/telemetry/alert-board.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/units.ts';
import {
  channelStatus,
  partitionRow,
  sinkStatus,
  sourceStatus,
  statusOf,
} from '../telemetry/status-fixture.ts';

const LIMITS = {
  backlogBytes: 1_000,
  oldestEventMs: HOUR_MS,
  heldPutMs: 10 * MINUTE_MS,
  landingStuckMs: 15 * MINUTE_MS,
  linkDownMs: 5 * MINUTE_MS,
  countdownMs: 12 * HOUR_MS,
  silentPeerMs: 30 * MINUTE_MS,
  timeToFullMs: 2 * HOUR_MS,
};
let board: AlertBoard;
let alerts: EngineAlerts;
let steadyMs: number;

beforeEach(() => {
  steadyMs = 0;
  board = new AlertBoard(
    () => 1,
    () => undefined,
  );
  alerts = new EngineAlerts(board);
});

const active = () =>
  board
    .list()
    .filter(({ clearedMs }) => clearedMs === undefined)
    .map(({ code, place }) => `${code} ${place}`)
    .sort();

function look(changes: Partial<EngineStatus>, stuck: readonly (readonly [string, number])[] = []): string[] {
  alerts.look({ status: statusOf(changes), limits: LIMITS, steadyMs, stuckSinceMs: new Map(stuck) });
  return active();
}

function event(code: SourceEvent['code'], place: string, source = 'weblogs'): void {
  alerts.take({ code, level: 'error', source, place, message: `${code} at ${place}`, hint: 'a hint' });
}

describe('what a source reports', () => {
  test('a link that was down is up again wherever it was seen first', () => {
    event('link-down', 'kafka1:9092');
    event('link-down', 'kafka9:9092', 'other');
    expect(active()).toEqual(['link-down kafka1:9092', 'link-down kafka9:9092']);
    event('link-up', '');
    expect(active()).toEqual(['link-down kafka9:9092']);
  });

  test('an opened partition is not held, in doubt or without a leader any more; others are', () => {
    for (const code of ['held', 'doubt', 'leader-missing'] as const) event(code, 'www/0');
    event('held', 'www/1');
    event('opened', 'www/0');
    expect(active()).toEqual(['held www/1']);
    event('doubt', 'www/1');
    event('doubt-resolved', 'www/1');
    expect(active()).toEqual(['held www/1']);
  });

  test('a topic that is there now, a leader that is back and a log that moves again are seen in the status', () => {
    event('topic-missing', 'www');
    event('leader-missing', 'www/0');
    event('stable-offset-stuck', 'www/0');
    const row = (changes: Parameters<typeof partitionRow>[0]) => ({
      sources: [sourceStatus({ partitions: [partitionRow(changes)] })],
    });
    expect(look({ sources: [sourceStatus({ partitions: [] })] })).toHaveLength(3);
    expect(look(row({ leader: -1, logEnd: 150 }))).toHaveLength(3);
    expect(look(row({ logEnd: 150 }))).toEqual(['stable-offset-stuck www/0']);
    expect(look(row({ logEnd: 151 }))).toEqual([]);
  });

  test('facts without duration are told and not active', () => {
    for (const code of ['gap', 'incarnation', 'fenced', 'restarted', 'undecodable'] as const)
      event(code, 'www/0');
    expect(active()).toEqual([]);
    expect(
      board
        .list()
        .map(({ code }) => code)
        .sort(),
    ).toEqual(['fenced', 'gap', 'incarnation', 'restarted', 'undecodable']);
  });

  test('what a source that is gone had raised is over', () => {
    event('link-down', 'kafka1:9092');
    event('held', 'www/0');
    event('held', 'app/0', 'other');
    alerts.forget('source', 'weblogs');
    expect(active()).toEqual(['held app/0']);
  });
});

describe('what the status shows', () => {
  test('backlog, age, a full channel, a full disk and damage of a channel, each until it is over', () => {
    const old = { oldestEventMs: 0, oldestPutMs: 0 };
    const full = look({
      channels: [channelStatus({ storedBytes: 2_000, state: 'full', damagedChunks: 1, ...old })],
    });
    expect(full).toEqual(['backlog disk', 'channel-full disk', 'damaged disk', 'oldest-event disk']);
    expect(look({ channels: [channelStatus({ state: 'low-disk' })] })).toContain('disk disk');
    expect(look({})).toEqual([]);
  });

  test('a channel that fills up is told in time: who paused writing, what is left, and louder near the end', () => {
    const paused = { by: 'joe', why: 'maintenance', atMs: 1 };
    const at = (percent: number, more: Partial<EngineStatus> = {}) =>
      look({
        channels: [
          channelStatus({
            usedBytes: percent * 10_000,
            roomBytes: (100 - percent) * 10_000,
            secondsToFull: 7_200,
          }),
        ],
        ...more,
      });
    expect(at(79)).toEqual([]);
    expect(
      at(80, { sinks: [sinkStatus({ state: 'waiting', cause: 'both NameNodes are on standby' })] }),
    ).toEqual(['channel-filling disk']);
    expect(board.list()).toMatchObject([
      {
        level: 'warn',
        message:
          'the channel is 80 % full, 195.3 KiB left, full in 2 h; beijing waits: both NameNodes are on standby',
      },
    ]);
    at(95, { sinks: [sinkStatus({ state: 'paused', paused })] });
    expect(board.list()).toMatchObject([
      {
        level: 'error',
        message: expect.stringContaining('95 % full') as string,
        hint: expect.stringContaining('headgate resume') as string,
      },
    ]);
    expect(board.list()[0]?.message).toContain('writing to beijing is paused by joe');
    expect(at(76)).toEqual(['channel-filling disk']);
    expect(at(74)).toEqual([]);
    at(90);
    const full = channelStatus({ state: 'full', usedBytes: 100, roomBytes: 0 });
    expect(look({ channels: [full] })).toEqual(['channel-full disk']);
  });

  test('claimed events say why their source waits, also when it does not feed the channel any more', () => {
    const claims = { events: 7, oldestMs: 0, causes: ['damaged-chunk' as const] };
    const channels = [channelStatus({ claims })];
    const said = (): { message: string | undefined; hint: string | undefined } => {
      const found = board.list().find(({ code }) => code === 'claims-open');
      return { message: found?.message, hint: found?.hint };
    };
    const repull = { state: 'waiting' as const, cause: 'the cause', hint: 'the hint', redeemed: 0, lost: 0 };
    look({ channels, sources: [sourceStatus({ channels: ['disk'] })] });
    expect(said()).toEqual({
      message: expect.stringMatching(/pulled again \(damaged on disk\), for [^;]+$/) as string,
      hint: expect.stringContaining('watch its retention') as string,
    });
    look({ channels, sources: [sourceStatus({ channels: ['disk'], repull })] });
    expect(said()).toEqual({
      message: expect.stringContaining('; weblogs waits: the cause') as string,
      hint: 'the hint',
    });
    look({ channels, sources: [sourceStatus({ channels: ['other'], repull })] });
    expect(said()).toEqual({
      message: expect.stringContaining('; weblogs waits: the cause') as string,
      hint: 'the hint',
    });
    look({ channels, sources: [sourceStatus({ channels: ['other'] })] });
    expect(said()).toEqual({
      message: expect.stringContaining('no source feeds this channel any more') as string,
      hint: expect.stringContaining('channel skip') as string,
    });
    expect(look({ channels: [channelStatus()] })).toEqual([]);
  });

  test('a channel or sink that is gone has no alert left', () => {
    look({ channels: [channelStatus({ storedBytes: 2_000 })], sinks: [sinkStatus({ heldFiles: 1 })] });
    alerts.forget('channel', 'disk');
    alerts.forget('sink', 'beijing');
    expect(active()).toEqual([]);
  });

  test('a held file says why', () => {
    const upload = { fileId: 'f', path: '/p', step: 'held', attempt: 1, sentBytes: 0, totalBytes: 0 };
    look({
      sinks: [
        sinkStatus({
          heldFiles: 2,
          uploads: [{ ...upload, cause: 'the inode is gone', hint: 'look for it' }],
        }),
      ],
    });
    expect(board.list()).toMatchObject([
      { code: 'landing-held', message: '2 files are held: the inode is gone', hint: 'look for it' },
    ]);
  });

  test('landing that is stuck, with its cause', () => {
    const nowMs = statusOf().nowMs;
    const sinks = [sinkStatus({ cause: 'no NameNode answers' })];
    expect(look({ sinks }, [['beijing', nowMs - 14 * MINUTE_MS]])).toEqual([]);
    expect(look({ sinks }, [['beijing', nowMs - 16 * MINUTE_MS]])).toEqual(['landing-stuck beijing']);
    expect(board.list()[0]?.message).toMatch(/no NameNode answers$/);
    expect(look({ sinks })).toEqual([]);
  });

  test('events held for long are told by steady time: a clock set by a day changes nothing', () => {
    const held = { channels: [channelStatus({ heldEvents: 5, oldestPutMs: 5 })] };
    const { nowMs } = statusOf();
    look({ ...held, nowMs });
    expect(look({ ...held, nowMs: nowMs + DAY_MS })).not.toContain('held-put disk');
    steadyMs += 11 * MINUTE_MS;
    expect(look({ ...held, nowMs: nowMs - DAY_MS })).toContain('held-put disk');
    expect(look({})).toEqual([]);
  });

  test('the countdown is raised when a partition’s data is in danger soon, names it, and does not flutter', () => {
    const at = (hours: number | undefined) => {
      const partitions = [
        partitionRow({ partition: 0 }),
        partitionRow({ partition: 3, ...(hours === undefined ? {} : { secondsToLoss: hours * 3_600 }) }),
      ];
      const soonest = hours === undefined ? {} : { secondsToLoss: hours * 3_600 };
      return look({ sources: [sourceStatus({ partitions, ...soonest })] });
    };
    expect(at(undefined)).toEqual([]);
    expect(at(12.5)).toEqual([]);
    expect(at(11.9)).toEqual(['countdown weblogs']);
    expect(board.list()[0]?.message).toBe('the broker would delete unread data of www/3 in 11 h 54 min');
    expect(at(13)).toEqual(['countdown weblogs']);
    expect(at(16)).toEqual([]);
    at(1);
    expect(at(undefined)).toEqual([]);
  });

  test('a channel that will be full soon is told when that stands: sooner while nothing lands, later while files roll', () => {
    const at = (secondsToFull: number | undefined, state: 'flowing' | 'paused' = 'flowing') =>
      look({
        channels: [channelStatus(secondsToFull === undefined ? {} : { secondsToFull })],
        sinks: [sinkStatus({ state })],
      });
    expect(at(3_600)).toEqual([]);
    steadyMs += 11 * MINUTE_MS;
    expect(at(3_600)).toEqual([]);
    steadyMs += MINUTE_MS;
    expect(at(3_600)).toEqual(['time-to-full disk']);
    expect(at(2.2 * 3_600)).toEqual(['time-to-full disk']);
    expect(at(3 * 3_600)).toEqual([]);
    expect(at(3_600, 'paused')).toEqual([]);
    steadyMs += 3 * MINUTE_MS;
    expect(at(3_600, 'paused')).toEqual(['time-to-full disk']);
    expect(board.list()[0]?.message).toBe('the channel is full in 1 h if things go on so, and nothing lands');
    expect(at(undefined)).toEqual([]);
  });
});
