/** From snapshots, jobs and the connection to notifications on the screen; when, the notice book decides. */
import type { StreamEvent } from '../../shared/contract/control.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import {
  noticeKind,
  type ConsolePage,
  type DesktopSettings,
  type EngineConnection,
  type NoticeKind,
} from '../../shared/contract/desktop.ts';
import type { Clock } from '../telemetry/clock.ts';
import { desktopTexts, type Language } from './desktop-texts.ts';
import { emptyBook, look, type Condition, type Notice, type NoticeBook } from './notice-book.ts';
import { isActive } from './tray-model.ts';

/** Alerts that an operator is told of; the others are in the console. */
const KIND_OF_ALERT: Readonly<Record<string, NoticeKind>> = {
  backlog: 'backlog',
  'oldest-event': 'oldest-event',
  'link-down': 'link',
  disk: 'disk',
  'channel-full': 'disk',
  'time-to-full': 'disk',
  countdown: 'countdown',
  'landing-stuck': 'landing',
  'landing-held': 'landing',
  'audit-failed': 'audit',
};

const PAGE_OF_KIND: Readonly<Record<NoticeKind, ConsolePage>> = {
  backlog: 'backlog',
  'oldest-event': 'backlog',
  link: 'overview',
  disk: 'overview',
  countdown: 'overview',
  landing: 'alerts',
  audit: 'landings',
  engine: 'overview',
};

/** A new engine has to find out again what is wrong: until then, what it does not say is not over. */
const WARM_UP_MS = 120_000;
const BODY_LINES_MAX = 4;
const LINE_CHARS_MAX = 200;

export interface ShownNotice {
  readonly title: string;
  readonly body: string;
  readonly page: ConsolePage;
}

export interface NotificationsDelegate {
  readonly clock: Pick<Clock, 'steadyMs'>;
  settings(): DesktopSettings;
  language(): Language;
  show(notice: ShownNotice): void;
  /** Calls back once after that time. Returns how to stop it. */
  later(delayMs: number, callback: () => void): () => void;
}

export class Notifications {
  readonly #delegate: NotificationsDelegate;
  #book: NoticeBook = emptyBook;
  #connection: EngineConnection | undefined;
  #status: EngineStatus | undefined;
  #audit: Condition | undefined;
  /** Since when the engine of this process id is seen after another one. */
  #restartedSteadyMs = -Infinity;
  #stopTimer: () => void = () => undefined;

  constructor(delegate: NotificationsDelegate) {
    this.#delegate = delegate;
  }

  connectionChanged(connection: EngineConnection): void {
    this.#connection = connection;
    this.#look();
  }

  event(event: StreamEvent): void {
    if (event.type === 'status') this.#take(event.status);
    else if (event.type === 'job' && event.job.kind === 'audit') {
      const { id, state, title, error, summary } = event.job;
      const message = error?.message ?? summary ?? title;
      if (state === 'failed') this.#audit = { key: 'audit:job', kind: 'audit', place: id, message };
      if (state === 'done') this.#audit = undefined;
    } else return;
    this.#look();
  }

  close(): void {
    this.#stopTimer();
  }

  #take(status: EngineStatus): void {
    const before = this.#status;
    if (before !== undefined && before.pid !== status.pid)
      this.#restartedSteadyMs = this.#delegate.clock.steadyMs();
    this.#status = status;
  }

  #look(): void {
    this.#stopTimer();
    const steadyMs = this.#delegate.clock.steadyMs();
    const { notifications } = this.#delegate.settings();
    const told = new Set(
      noticeKind.options.filter((kind) => notifications.isOn && notifications.kinds[kind]),
    );
    const isLive = this.#connection?.state === 'connected' && this.#status !== undefined;
    const gone = goneCondition(this.#connection);
    const result = look(this.#book, {
      steadyMs,
      bad: [...(gone === undefined ? [] : [gone]), ...(isLive ? this.#alerts() : [])],
      isComplete: isLive && steadyMs - this.#restartedSteadyMs >= WARM_UP_MS,
      told,
      ...(gone === undefined ? { over: 'engine' as const } : {}),
    });
    this.#book = result.book;
    for (const notice of result.notices) this.#delegate.show(this.#shown(notice));
    if (result.dueMs !== undefined)
      this.#stopTimer = this.#delegate.later(Math.max(1, result.dueMs - steadyMs), () => this.#look());
  }

  #alerts(): Condition[] {
    const alerts = (this.#status?.alerts ?? []).filter(isActive).flatMap((alert): Condition[] => {
      const kind = Object.hasOwn(KIND_OF_ALERT, alert.code) ? KIND_OF_ALERT[alert.code] : undefined;
      if (kind === undefined) return [];
      return [{ key: `${alert.code}:${alert.place}`, kind, place: alert.place, message: alert.message }];
    });
    return this.#audit === undefined ? alerts : [...alerts, this.#audit];
  }

  #shown(notice: Notice): ShownNotice {
    const texts = desktopTexts[this.#delegate.language()];
    const gateway = this.#status?.gateway;
    const titled = (title: string): string =>
      oneLine(gateway === undefined ? title : `${title} — ${gateway}`);
    if ('condition' in notice) {
      const { kind, place, message } = notice.condition;
      const body = notice.type === 'bad' ? [place, message].filter((part) => part !== '').join(': ') : place;
      return {
        title: titled(texts.notices[kind][notice.type]),
        body: oneLine(body),
        page: PAGE_OF_KIND[kind],
      };
    }
    const { conditions } = notice;
    const lines = conditions
      .slice(0, BODY_LINES_MAX)
      .map(({ place, message }) => oneLine(`${place}: ${message}`));
    const title =
      notice.type === 'standing' ? texts.standing(conditions.length) : texts.several(conditions.length);
    return { title: titled(title), body: lines.join('\n'), page: 'alerts' };
  }
}

/** An engine that is being looked for or started is not gone yet. */
function goneCondition(connection: EngineConnection | undefined): Condition | undefined {
  if (connection === undefined) return undefined;
  const { state, error } = connection;
  if (state === 'looking' || state === 'starting' || state === 'connected') return undefined;
  return { key: 'engine:', kind: 'engine', place: '', message: error?.message ?? '' };
}

/** Text of events and topics: on one line, bounded. */
function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  return line.length <= LINE_CHARS_MAX ? line : `${line.slice(0, LINE_CHARS_MAX - 1)}…`;
}
