/** What the tray shows, as a function of what is known of the engine: icon, tooltip and menu. */
import type { Alert, EngineStatus, SinkStatusRow } from '../../shared/contract/control-status.ts';
import type { ConsolePage, EngineConnection } from '../../shared/contract/desktop.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { desktopTexts, type DesktopTexts, type Language } from './desktop-texts.ts';

export type TrayIcon = 'ok' | 'paused' | 'warning' | 'link-down' | 'engine-gone';

export type TrayAction =
  | { readonly type: 'open'; readonly page?: ConsolePage }
  /** Without a sink: all of them. */
  | { readonly type: 'pause'; readonly sink?: string }
  | { readonly type: 'resume'; readonly sink?: string }
  | { readonly type: 'start-engine' }
  | { readonly type: 'stop-engine' }
  | { readonly type: 'quit' };

export type TrayItem =
  | { readonly kind: 'action'; readonly label: string; readonly action: TrayAction }
  | { readonly kind: 'text'; readonly label: string }
  | { readonly kind: 'menu'; readonly label: string; readonly items: readonly TrayItem[] }
  | { readonly kind: 'separator' };

export interface TrayModel {
  readonly icon: TrayIcon;
  readonly tooltip: string;
  readonly menu: readonly TrayItem[];
}

export interface TrayFacts {
  readonly connection: EngineConnection;
  /** The last one; of an engine that is gone it is old, and only its time is used. */
  readonly status: EngineStatus | undefined;
  readonly language: Language;
}

/** Windows cuts a tooltip there. */
const TOOLTIP_CHARS_MAX = 127;
const LABEL_CHARS_MAX = 80;
const ALERTS_SHOWN = 8;
const SINKS_SHOWN = 20;
const SEPARATOR: TrayItem = { kind: 'separator' };

export function trayModel(facts: TrayFacts): TrayModel {
  const texts = desktopTexts[facts.language];
  const live = facts.connection.state === 'connected' ? facts.status : undefined;
  const { icon, state } = live === undefined ? goneState(facts.connection, texts) : liveState(live, texts);
  const since = live === undefined ? sinceLine(facts, texts) : [];
  const line = [state, ...since, ...(live === undefined ? [] : figures(live, texts))].join(' · ');
  const gateway = facts.status?.gateway;
  const name = gateway === undefined ? 'Headgate' : `Headgate ${gateway}`;
  return {
    icon,
    tooltip: cut(`${name}: ${line}`, TOOLTIP_CHARS_MAX),
    menu: [
      { kind: 'action', label: texts.open, action: { type: 'open' } },
      // Without the figures: a menu that changes closes under the mouse.
      { kind: 'text', label: plainLabel([state, ...since].join(' · ')) },
      SEPARATOR,
      ...(live === undefined || live.sinks.length === 0
        ? []
        : [...switchItems(live.sinks, texts), SEPARATOR]),
      ...(live === undefined ? [] : [alertMenu(live.alerts, texts), SEPARATOR]),
      ...engineItems(facts.connection, texts),
      { kind: 'action', label: texts.quit, action: { type: 'quit' } },
    ],
  };
}

interface ShownState {
  readonly icon: TrayIcon;
  readonly state: string;
}

function goneState({ state }: EngineConnection, { states }: DesktopTexts): ShownState {
  // Connected, and the first status has not come yet.
  if (state === 'connected') return { icon: 'engine-gone', state: states.looking };
  return { icon: 'engine-gone', state: states[state] };
}

/** The worst comes first: what may lose data, what stands, what was switched off. */
function liveState(status: EngineStatus, { states }: DesktopTexts): ShownState {
  const active = status.alerts.filter(isActive);
  if (status.state === 'setup') return { icon: 'warning', state: states.setup };
  if (status.state === 'draining' || status.state === 'stopped')
    return { icon: 'paused', state: states.draining };
  if (active.some(({ code }) => code === 'link-down')) return { icon: 'link-down', state: states.linkDown };
  const other = active.find(({ code, level }) => level === 'error' && code !== 'backlog');
  if (other !== undefined) return { icon: 'warning', state: other.message };
  if (active.some(({ code }) => code === 'backlog')) return { icon: 'warning', state: states.backlog };
  if (active.some(({ level }) => level !== 'info')) return { icon: 'warning', state: states.warning };
  if (status.sinks.some(({ paused }) => paused !== undefined))
    return { icon: 'paused', state: states.paused };
  return { icon: 'ok', state: status.state === 'starting' ? states.starting : states.ok };
}

function figures(status: EngineStatus, texts: DesktopTexts): string[] {
  const total = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
  const taken = total(status.sources.map(({ eventsPerSecond }) => eventsPerSecond));
  const landed = total(status.sinks.map(({ eventsPerSecond }) => eventsPerSecond));
  const stored = total(status.channels.map(({ storedBytes }) => storedBytes));
  const whole = (rate: number): string => formatCount(Math.round(rate));
  return [texts.rates(whole(taken), whole(landed)), texts.backlog(formatBytes(stored))];
}

function sinceLine({ connection, language }: TrayFacts, texts: DesktopTexts): string[] {
  if (connection.lastDataMs === undefined) return [];
  const time = new Intl.DateTimeFormat(language, { timeStyle: 'short', dateStyle: 'short' });
  return [texts.lastData(time.format(connection.lastDataMs))];
}

function switchItems(sinks: readonly SinkStatusRow[], texts: DesktopTexts): TrayItem[] {
  const isPaused = (sink: SinkStatusRow): boolean => sink.paused !== undefined;
  const items: TrayItem[] = [];
  if (!sinks.every(isPaused))
    items.push({ kind: 'action', label: texts.pauseAll, action: { type: 'pause' } });
  if (sinks.some(isPaused))
    items.push({ kind: 'action', label: texts.resumeAll, action: { type: 'resume' } });
  if (sinks.length > 1) {
    const each = sinks.slice(0, SINKS_SHOWN).map((sink): TrayItem => ({
      kind: 'action',
      label: plainLabel(isPaused(sink) ? texts.resumeSink(sink.name) : texts.pauseSink(sink.name)),
      action: { type: isPaused(sink) ? 'resume' : 'pause', sink: sink.name },
    }));
    items.push({ kind: 'menu', label: texts.sinks, items: each });
  }
  return items;
}

/** Active ones first, as the engine lists them. */
function alertMenu(alerts: readonly Alert[], texts: DesktopTexts): TrayItem {
  const items = alerts.slice(0, ALERTS_SHOWN).map((alert): TrayItem => ({
    kind: 'action',
    label: plainLabel(`${isActive(alert) ? '●' : `(${texts.over})`} ${alert.place}: ${alert.message}`),
    action: { type: 'open', page: 'alerts' },
  }));
  const none: TrayItem = { kind: 'text', label: texts.noAlerts };
  return { kind: 'menu', label: texts.alerts, items: items.length === 0 ? [none] : items };
}

function engineItems({ state, isOwn }: EngineConnection, texts: DesktopTexts): TrayItem[] {
  if (state === 'connected')
    return [{ kind: 'action', label: texts.stopEngine, action: { type: 'stop-engine' } }];
  const mayStart = isOwn && (state === 'stopped' || state === 'failed' || state === 'lost');
  return mayStart ? [{ kind: 'action', label: texts.startEngine, action: { type: 'start-engine' } }] : [];
}

export function isActive(alert: Alert): boolean {
  return alert.clearedMs === undefined;
}

/** Text of events and topics in a menu: on one line, bounded, and `&` is no mnemonic. */
function plainLabel(text: string): string {
  return cut(text.replaceAll('&', '&&'), LABEL_CHARS_MAX);
}

function cut(text: string, charsMax: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
  if (line.length <= charsMax) return line;
  // A pair of surrogates is not cut in two.
  return `${line.slice(0, charsMax - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
