/** Goal: the tray says the worst first and offers what can be done. Method: a table of snapshots, in both languages. */
import { describe, expect, test } from 'vitest';
import { desktopTexts, languageOf } from '../../main/desktop/desktop-texts.ts';
import { trayModel, type TrayItem, type TrayFacts } from '../../main/desktop/tray-model.ts';
import type { Alert, EngineStatus } from '../../shared/contract/control-status.ts';
import type { EngineConnection } from '../../shared/contract/desktop.ts';
import { channelStatus, sinkStatus, statusOf } from '../telemetry/status-fixture.ts';

const connected: EngineConnection = { state: 'connected', sinceMs: 0, socketPath: '/s', isOwn: true };
const paused = { by: 'wang', why: '', atMs: 0 };

function alert(code: string, changes: Partial<Alert> = {}): Alert {
  return {
    id: code,
    code,
    level: 'error',
    place: 'disk',
    message: `${code} it is`,
    sinceMs: 0,
    count: 1,
    ...changes,
  };
}

function modelOf(status: Partial<EngineStatus>, changes: Partial<TrayFacts> = {}) {
  return trayModel({ connection: connected, status: statusOf(status), language: 'en', ...changes });
}

const { states: EN } = desktopTexts.en;

describe('the icon and the state', () => {
  test.each<[string, Partial<EngineStatus>, string, string]>([
    ['all is well', {}, 'ok', EN.ok],
    ['the engine starts', { state: 'starting' }, 'ok', EN.starting],
    [
      'one sink is paused',
      { sinks: [sinkStatus({ paused }), sinkStatus({ name: 'b' })] },
      'paused',
      EN.paused,
    ],
    [
      'the backlog is over its limit',
      { alerts: [alert('backlog', { level: 'warn' })] },
      'warning',
      EN.backlog,
    ],
    [
      'paused with a full channel: the channel counts',
      { sinks: [sinkStatus({ paused })], alerts: [alert('channel-full')] },
      'warning',
      'channel-full it is',
    ],
    ['the link is down', { alerts: [alert('link-down'), alert('disk')] }, 'link-down', EN.linkDown],
    ['something else stands', { alerts: [alert('oldest-event', { level: 'warn' })] }, 'warning', EN.warning],
    ['an alert is over', { alerts: [alert('disk', { clearedMs: 5 })] }, 'ok', EN.ok],
    [
      'there is no configuration',
      { state: 'setup', sources: [], channels: [], sinks: [] },
      'warning',
      EN.setup,
    ],
    ['the engine stops', { state: 'draining' }, 'paused', EN.draining],
  ])('%s', (_when, status, icon, state) => {
    const model = modelOf(status);
    expect(model.icon).toBe(icon);
    expect(model.tooltip).toContain(`Headgate gw-1: ${state}`);
  });

  test.each(['looking', 'starting', 'lost', 'stopped', 'forbidden', 'mismatch', 'failed'] as const)(
    'an engine that is %s is gone, and its old figures are not shown',
    (state) => {
      const connection = { ...connected, state, lastDataMs: 1_700_000_000_000 };
      const model = modelOf({ alerts: [alert('link-down')] }, { connection });
      expect(model.icon).toBe('engine-gone');
      expect(model.tooltip).toContain(EN[state]);
      expect(model.tooltip).toContain('last data');
      expect(model.tooltip).not.toContain('/s');
      expect(labels(model.menu)).not.toContain(desktopTexts.en.pauseAll);
    },
  );

  test('figures have their units', () => {
    const { tooltip } = modelOf({ channels: [channelStatus({ storedBytes: 3 * 1024 ** 3 })] });
    expect(tooltip).toBe('Headgate gw-1: events flow · in 13/s, out 10/s · backlog 3 GiB');
  });

  test('hostile names can’t break a line, hide a menu letter, or grow without end', () => {
    const message = `a\u202eb\nc & d${'x'.repeat(500)}`;
    const model = modelOf({ gateway: 'gw\n1', alerts: [alert('disk', { message })] });
    expect(model.tooltip.length).toBeLessThanOrEqual(127);
    expect(model.tooltip).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    const all = labels(model.menu);
    expect(all.some((label) => label.includes('c && d'))).toBe(true);
    expect(all.every((label) => label.length <= 80 && !/[\p{Cc}\p{Cf}]/u.test(label))).toBe(true);
  });
});

describe('the menu', () => {
  const two = [sinkStatus({ name: 'a', paused }), sinkStatus({ name: 'b' })];

  test('pauses and resumes all, and each sink by its name', () => {
    const { menu } = modelOf({ sinks: two });
    expect(actions(menu)).toEqual(
      expect.arrayContaining([
        { type: 'pause' },
        { type: 'resume' },
        { type: 'resume', sink: 'a' },
        { type: 'pause', sink: 'b' },
      ]),
    );
  });

  test('offers only what would change something', () => {
    const running = actions(modelOf({}).menu);
    expect(running).toContainEqual({ type: 'pause' });
    expect(running).not.toContainEqual({ type: 'resume' });
    const stopped = actions(modelOf({ sinks: [sinkStatus({ paused })] }).menu);
    expect(stopped).not.toContainEqual({ type: 'pause' });
    expect(stopped).toContainEqual({ type: 'resume' });
  });

  test('stops a running engine, starts its own that is gone, and leaves those of others alone', () => {
    expect(actions(modelOf({}).menu)).toContainEqual({ type: 'stop-engine' });
    const gone = (changes: Partial<EngineConnection>) =>
      actions(modelOf({}, { connection: { ...connected, ...changes } }).menu);
    expect(gone({ state: 'stopped' })).toContainEqual({ type: 'start-engine' });
    expect(gone({ state: 'stopped' })).not.toContainEqual({ type: 'stop-engine' });
    expect(gone({ state: 'lost', isOwn: false })).not.toContainEqual({ type: 'start-engine' });
    expect(gone({ state: 'mismatch' })).not.toContainEqual({ type: 'start-engine' });
  });

  test('lists the alerts, those that stand before those that are over, and opens their page', () => {
    const alerts = [alert('disk'), alert('backlog', { clearedMs: 5 })];
    const found = modelOf({ alerts }).menu.find((item) => item.kind === 'menu');
    expect(found?.kind === 'menu' && found.items.map((item) => 'label' in item && item.label)).toEqual([
      '● disk: disk it is',
      '(over) disk: backlog it is',
    ]);
    expect(actions(found === undefined ? [] : [found])).toEqual(
      Array.from({ length: 2 }, () => ({ type: 'open', page: 'alerts' })),
    );
  });

  test('always opens the window and quits it', () => {
    for (const state of ['connected', 'lost', 'mismatch'] as const) {
      const found = actions(modelOf({}, { connection: { ...connected, state } }).menu);
      expect(found).toContainEqual({ type: 'open' });
      expect(found).toContainEqual({ type: 'quit' });
    }
  });

  test('its state line has no figures that would change it under the mouse', () => {
    const model = modelOf({});
    const later = modelOf({ sinks: [sinkStatus({ eventsPerSecond: 999 })] });
    expect(later.tooltip).not.toBe(model.tooltip);
    expect(later.menu).toEqual(model.menu);
  });

  test('speaks Chinese', () => {
    const model = modelOf({ sinks: two }, { language: 'zh-CN' });
    const all = labels(model.menu).filter((label) => label !== '');
    expect(all.every((label) => /\p{Script=Han}/u.test(label))).toBe(true);
    expect(model.tooltip).toContain(desktopTexts['zh-CN'].states.paused);
  });
});

test('the language is the operating system’s unless it was chosen', () => {
  expect(languageOf('system', 'zh-TW')).toBe('zh-CN');
  expect(languageOf('system', 'de')).toBe('en');
  expect(languageOf('en', 'zh-CN')).toBe('en');
});

function labels(items: readonly TrayItem[]): string[] {
  return items.flatMap((item) => [
    ...('label' in item ? [item.label] : []),
    ...(item.kind === 'menu' ? labels(item.items) : []),
  ]);
}

function actions(items: readonly TrayItem[]): unknown[] {
  return items.flatMap((item) =>
    item.kind === 'menu' ? actions(item.items) : item.kind === 'action' ? [item.action] : [],
  );
}
