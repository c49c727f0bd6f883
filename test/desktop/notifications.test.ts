/** Goal: what the engine and the connection say becomes the right words on the screen. Method: a clock and a timer that the test moves. */
import { beforeEach, describe, expect, test } from 'vitest';
import { QUIET_MS, SETTLE_GONE_MS } from '../../main/desktop/notice-book.ts';
import { Notifications, type ShownNotice } from '../../main/desktop/notifications.ts';
import type { Language } from '../../main/desktop/desktop-texts.ts';
import type { Alert } from '../../shared/contract/control-status.ts';
import { desktopSettings, type EngineConnection } from '../../shared/contract/desktop.ts';
import { statusOf } from '../telemetry/status-fixture.ts';

const TICK_MS = 500;
let nowMs = 0;
let timers: { atMs: number; callback: () => void }[] = [];
let shown: ShownNotice[] = [];
let language: Language = 'en';
let settings = desktopSettings.parse({});
let notifications: Notifications;

beforeEach(() => {
  nowMs = 0;
  timers = [];
  shown = [];
  language = 'en';
  settings = desktopSettings.parse({});
  notifications = new Notifications({
    clock: { steadyMs: () => nowMs },
    settings: () => settings,
    language: () => language,
    show: (notice) => shown.push(notice),
    later: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => void (timers = timers.filter((one) => one !== timer));
    },
  });
});

const connection = (state: EngineConnection['state']): EngineConnection => ({
  state,
  sinceMs: 0,
  socketPath: '/s',
  isOwn: true,
});

function alert(code: string, place = 'disk'): Alert {
  return {
    id: `${code}:${place}`,
    code,
    level: 'error',
    place,
    message: `${code} it is`,
    sinceMs: 0,
    count: 1,
  };
}

function pass(durationMs: number): void {
  const untilMs = nowMs + durationMs;
  while (nowMs < untilMs) {
    nowMs += TICK_MS;
    const due = timers.filter(({ atMs }) => atMs <= nowMs);
    timers = timers.filter((timer) => !due.includes(timer));
    for (const { callback } of due) callback();
  }
}

function snapshot(alerts: readonly Alert[], pid = 1): void {
  notifications.event({ type: 'status', status: statusOf({ alerts: [...alerts], pid }) });
}

function connect(): void {
  notifications.connectionChanged(connection('connected'));
  snapshot([]);
  pass(1_000);
}

describe('an operator reads', () => {
  test.each<[string, string, string]>([
    ['backlog', 'The backlog is over its limit — gw-1', 'backlog'],
    ['oldest-event', 'Events wait for too long — gw-1', 'backlog'],
    ['link-down', 'No link to Kafka — gw-1', 'overview'],
    ['disk', 'No room: intake has stopped — gw-1', 'overview'],
    ['countdown', 'Kafka will soon delete unread data — gw-1', 'overview'],
    ['landing-stuck', 'Landing is stuck — gw-1', 'alerts'],
    ['landing-held', 'Landing is stuck — gw-1', 'alerts'],
    ['audit-failed', 'The audit failed — gw-1', 'landings'],
  ])('of %s, and nothing more while it lasts, and that it is over', (code, title, page) => {
    connect();
    for (let look = 0; look < 100; look++) {
      snapshot([alert(code)]);
      pass(1_000);
    }
    expect(shown).toEqual([{ title, body: `disk: ${code} it is`, page }]);
    snapshot([]);
    pass(QUIET_MS);
    expect(shown.map(({ page: opened }) => opened)).toEqual([page, page]);
  });

  test('nothing of alerts that are not worth a notification', () => {
    connect();
    for (const code of ['restarted', 'status-old', 'toString', '__proto__']) snapshot([alert(code)]);
    pass(60_000);
    expect(shown).toEqual([]);
  });

  test('that the engine is gone, only when it does not come back at once', () => {
    connect();
    notifications.connectionChanged(connection('lost'));
    pass(SETTLE_GONE_MS - 2 * TICK_MS);
    notifications.connectionChanged(connection('connected'));
    snapshot([], 2);
    pass(60_000);
    expect(shown).toEqual([]);
    notifications.connectionChanged(connection('lost'));
    pass(SETTLE_GONE_MS + TICK_MS);
    expect(shown.map(({ title }) => title)).toEqual(['The engine is gone — gw-1']);
    notifications.connectionChanged(connection('connected'));
    snapshot([], 3);
    pass(QUIET_MS);
    expect(shown.map(({ title }) => title)).toEqual([
      'The engine is gone — gw-1',
      'The engine is back — gw-1',
    ]);
  });

  test('nothing good of a new engine that has not looked yet', () => {
    connect();
    snapshot([alert('link-down')]);
    pass(10_000);
    notifications.connectionChanged(connection('lost'));
    pass(2_000);
    notifications.connectionChanged(connection('connected'));
    for (let look = 0; look < 100; look++) {
      snapshot([], 2);
      pass(1_000);
    }
    expect(shown).toHaveLength(1);
  });

  test('of an audit that failed, by the job that says so', () => {
    connect();
    const job = { id: 'j', kind: 'audit', title: 'audit', by: 'wang', startedMs: 0 } as const;
    const progress = { step: '', done: 0, total: 0 };
    notifications.event({
      type: 'job',
      job: {
        ...job,
        progress,
        state: 'failed',
        error: { code: 'audit-failed', message: '3 offsets are missing', hint: '' },
      },
    });
    pass(5_000);
    expect(shown).toEqual([
      { title: 'The audit failed — gw-1', body: 'j: 3 offsets are missing', page: 'landings' },
    ]);
  });

  test('one summary of what stands already at the start', () => {
    notifications.connectionChanged(connection('connected'));
    snapshot([alert('disk'), alert('link-down', 'kafka')]);
    pass(60_000);
    expect(shown).toEqual([
      { title: '2 alerts stand — gw-1', body: 'disk: disk it is\nkafka: link-down it is', page: 'alerts' },
    ]);
  });

  test('his own language, and no line breaks of others', () => {
    language = 'zh-CN';
    connect();
    snapshot([{ ...alert('disk'), message: `a\nb\u202e${'x'.repeat(500)}` }]);
    pass(5_000);
    expect(shown[0]?.title).toBe('空间不足：已停止接收 — gw-1');
    expect(shown[0]?.body).toMatch(/^disk: a b x{180,}…$/);
  });

  test('nothing that is switched off', () => {
    settings = desktopSettings.parse({ notifications: { kinds: { disk: false } } });
    connect();
    snapshot([alert('disk'), alert('backlog')]);
    pass(5_000);
    expect(shown.map(({ page }) => page)).toEqual(['backlog']);
    settings = desktopSettings.parse({ notifications: { isOn: false } });
    snapshot([alert('disk'), alert('backlog'), alert('countdown')]);
    pass(60_000);
    expect(shown).toHaveLength(1);
  });

  test('nothing after the program has ended', () => {
    connect();
    snapshot([alert('disk')]);
    notifications.close();
    pass(60_000);
    expect(shown).toEqual([]);
  });
});
