/** What the tray, notifications and dialogs say, in both languages. The console's own texts are in renderer/. */
import type { NoticeKind } from '../../shared/contract/desktop.ts';

export type Language = 'en' | 'zh-CN';

/** `system`: the language of the operating system, where we have it. */
export function languageOf(setting: Language | 'system', locale: string): Language {
  if (setting !== 'system') return setting;
  return /^zh\b/i.test(locale) ? 'zh-CN' : 'en';
}

export interface NoticeText {
  /** The state has come; `place` is the channel, sink or source. */
  readonly bad: string;
  /** It is over. */
  readonly good: string;
}

export interface DesktopTexts {
  readonly states: {
    readonly ok: string;
    readonly paused: string;
    readonly backlog: string;
    readonly warning: string;
    readonly linkDown: string;
    readonly setup: string;
    readonly draining: string;
    readonly looking: string;
    readonly starting: string;
    readonly lost: string;
    readonly stopped: string;
    readonly forbidden: string;
    readonly mismatch: string;
    readonly failed: string;
  };
  rates(inPerSecond: string, outPerSecond: string): string;
  backlog(bytes: string): string;
  lastData(time: string): string;
  readonly open: string;
  readonly pauseAll: string;
  readonly resumeAll: string;
  readonly sinks: string;
  pauseSink(name: string): string;
  resumeSink(name: string): string;
  readonly alerts: string;
  readonly noAlerts: string;
  readonly startEngine: string;
  readonly stopEngine: string;
  readonly quit: string;
  readonly pausedFromTray: string;
  readonly stopQuestion: {
    readonly message: string;
    readonly detail: string;
    readonly stop: string;
    readonly keep: string;
  };
  readonly failedAction: string;
  readonly notices: Readonly<Record<NoticeKind, NoticeText>>;
  /** In front of a notice's place and message. */
  several(count: number): string;
  standing(count: number): string;
  readonly over: string;
}

const en: DesktopTexts = {
  states: {
    ok: 'events flow',
    paused: 'writing is paused',
    backlog: 'the backlog is over its limit',
    warning: 'something needs a look',
    linkDown: 'no link to Kafka',
    setup: 'waiting for its first configuration',
    draining: 'the engine is stopping',
    looking: 'looking for the engine',
    starting: 'the engine is starting',
    lost: 'no engine answers',
    stopped: 'the engine is stopped',
    forbidden: 'the engine belongs to another user',
    mismatch: 'the engine is of another version',
    failed: 'the engine does not start',
  },
  rates: (inPerSecond, outPerSecond) => `in ${inPerSecond}/s, out ${outPerSecond}/s`,
  backlog: (bytes) => `backlog ${bytes}`,
  lastData: (time) => `last data ${time}`,
  open: 'Open Headgate',
  pauseAll: 'Pause writing to all sinks',
  resumeAll: 'Resume writing to all sinks',
  sinks: 'Sinks',
  pauseSink: (name) => `Pause ${name}`,
  resumeSink: (name) => `Resume ${name}`,
  alerts: 'Recent alerts',
  noAlerts: 'None',
  startEngine: 'Start the engine',
  stopEngine: 'Stop the engine…',
  quit: 'Quit (the engine goes on)',
  pausedFromTray: 'from the tray',
  stopQuestion: {
    message: 'Stop the engine?',
    detail:
      'Nothing is pulled from Kafka and nothing is landed until it is started again. What was taken in stays safe on disk. The brokers go on deleting by their retention.',
    stop: 'Stop the engine',
    keep: 'Keep it running',
  },
  failedAction: 'That could not be done',
  notices: {
    backlog: { bad: 'The backlog is over its limit', good: 'The backlog is below its limit again' },
    'oldest-event': { bad: 'Events wait for too long', good: 'No event waits too long any more' },
    link: { bad: 'No link to Kafka', good: 'The link to Kafka is back' },
    disk: { bad: 'No room: intake has stopped', good: 'There is room again: intake goes on' },
    countdown: { bad: 'Kafka will soon delete unread data', good: 'Unread data is out of danger' },
    landing: { bad: 'Landing is stuck', good: 'Landing goes on' },
    audit: { bad: 'The audit failed', good: 'The audit is clean again' },
    engine: { bad: 'The engine is gone', good: 'The engine is back' },
  },
  several: (count) => `${count} things have changed`,
  standing: (count) => (count === 1 ? '1 alert stands' : `${count} alerts stand`),
  over: 'over',
};

const zh: DesktopTexts = {
  states: {
    ok: '数据正常流动',
    paused: '写入已暂停',
    backlog: '积压超过上限',
    warning: '有情况需要查看',
    linkDown: '与 Kafka 的连接中断',
    setup: '等待首次配置',
    draining: '引擎正在停止',
    looking: '正在查找引擎',
    starting: '引擎正在启动',
    lost: '没有引擎应答',
    stopped: '引擎已停止',
    forbidden: '引擎属于其他用户',
    mismatch: '引擎版本不一致',
    failed: '引擎无法启动',
  },
  rates: (inPerSecond, outPerSecond) => `流入 ${inPerSecond}/秒，流出 ${outPerSecond}/秒`,
  backlog: (bytes) => `积压 ${bytes}`,
  lastData: (time) => `最后数据 ${time}`,
  open: '打开 Headgate',
  pauseAll: '暂停所有写入',
  resumeAll: '恢复所有写入',
  sinks: '写入目标',
  pauseSink: (name) => `暂停 ${name}`,
  resumeSink: (name) => `恢复 ${name}`,
  alerts: '最近的告警',
  noAlerts: '无',
  startEngine: '启动引擎',
  stopEngine: '停止引擎…',
  quit: '退出（引擎继续运行）',
  pausedFromTray: '由托盘操作',
  stopQuestion: {
    message: '要停止引擎吗？',
    detail:
      '在再次启动之前，不会从 Kafka 拉取，也不会写入目标。已接收的数据安全地保存在磁盘上。Kafka 仍会按保留期限删除数据。',
    stop: '停止引擎',
    keep: '继续运行',
  },
  failedAction: '操作未能完成',
  notices: {
    backlog: { bad: '积压超过上限', good: '积压已回到上限以下' },
    'oldest-event': { bad: '有数据等待过久', good: '不再有数据等待过久' },
    link: { bad: '与 Kafka 的连接中断', good: '与 Kafka 的连接已恢复' },
    disk: { bad: '空间不足：已停止接收', good: '空间已恢复：继续接收' },
    countdown: { bad: 'Kafka 即将删除未读数据', good: '未读数据已脱离危险' },
    landing: { bad: '写入停滞', good: '写入已恢复' },
    audit: { bad: '审计未通过', good: '审计恢复正常' },
    engine: { bad: '引擎没有应答', good: '引擎已恢复' },
  },
  several: (count) => `${count} 项状态发生变化`,
  standing: (count) => `有 ${count} 条告警`,
  over: '已结束',
};

export const desktopTexts: Readonly<Record<Language, DesktopTexts>> = { en, 'zh-CN': zh };
