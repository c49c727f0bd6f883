/**
 * The calls that the desktop's main process answers itself, over the bridge of desktop-bridge.ts: its settings, how it stands to its
 * engine, pages and links. All other calls are the engine's (`procedures` of control.ts) and are passed on to it. Times are epoch ms.
 */
import { z } from 'zod';
import type { ErrorReport } from '../errors.ts';
import type { BridgeMessage } from './desktop-bridge.ts';

/** Pages of the console that a notification or the tray can open. */
export const consolePage = z.enum([
  'overview',
  'backlog',
  'landings',
  'quarantine',
  'configuration',
  'alerts',
  'settings',
  'setup',
]);
export type ConsolePage = z.output<typeof consolePage>;

/** What an operator may be told of by a notification; each can be switched off. */
export const noticeKind = z.enum([
  'backlog',
  'oldest-event',
  'link',
  'disk',
  'countdown',
  'landing',
  'audit',
  'engine',
]);
export type NoticeKind = z.output<typeof noticeKind>;

export const desktopLanguage = z.enum(['system', 'en', 'zh-CN']);

const path = z.string().min(1).max(4096);
const isOn = z.boolean();
const noticeSwitches = z.object({
  backlog: isOn.default(true),
  'oldest-event': isOn.default(true),
  link: isOn.default(true),
  disk: isOn.default(true),
  countdown: isOn.default(true),
  landing: isOn.default(true),
  audit: isOn.default(true),
  engine: isOn.default(true),
} satisfies Record<NoticeKind, unknown>);

/** All that the desktop keeps itself. Thresholds of alerts are the engine's: they stand in its configuration (`alerts:`). */
export const desktopSettings = z.object({
  language: desktopLanguage.default('system'),
  notifications: z.object({ isOn: isOn.default(true), kinds: noticeSwitches.prefault({}) }).prefault({}),
  startsWithComputer: z.boolean().default(false),
  /** Closing the window leaves the tray icon; otherwise it ends the program. The engine goes on either way. */
  closesToTray: z.boolean().default(true),
  /** Which engine this desktop is for; without, the user's own, or the service of this machine. */
  engine: z.object({ stateDir: path.optional(), configFile: path.optional() }).prefault({}),
});
export type DesktopSettings = z.output<typeof desktopSettings>;

/** What is to be changed; the rest stays. An empty text in `engine` takes the choice back. */
export const desktopSettingsChange = z.strictObject({
  language: desktopLanguage.optional(),
  notifications: z
    .strictObject({ isOn: isOn.optional(), kinds: z.partialRecord(noticeKind, isOn).optional() })
    .optional(),
  startsWithComputer: z.boolean().optional(),
  closesToTray: z.boolean().optional(),
  engine: z
    .strictObject({ stateDir: z.string().max(4096).optional(), configFile: z.string().max(4096).optional() })
    .optional(),
});
export type DesktopSettingsChange = z.output<typeof desktopSettingsChange>;

const errorReport = z.custom<ErrorReport>((value) => typeof value === 'object' && value !== null);

/**
 * How the desktop stands to its engine. `looking`: the first look; `starting`: the desktop has started one and waits for its first
 * answer; `lost`: none answers; `stopped`: it ended on request and is not started again until somebody asks; `forbidden`: it is there
 * and this user may not talk to it; `mismatch`: it is of another version; `failed`: the one that was started ended at once.
 */
export const engineConnection = z.object({
  state: z.enum(['looking', 'starting', 'connected', 'lost', 'stopped', 'forbidden', 'mismatch', 'failed']),
  sinceMs: z.number(),
  /** When the last event of it came. */
  lastDataMs: z.number().optional(),
  nextTryMs: z.number().optional(),
  /** Where it is looked for: a unix socket or a named pipe. */
  socketPath: z.string(),
  /** One that this desktop may start: not the machine's service. */
  isOwn: z.boolean(),
  error: errorReport.optional(),
  /** Only with `mismatch`: what the engine speaks. */
  engineContract: z.number().optional(),
});
export type EngineConnection = z.output<typeof engineConnection>;

export const desktopInfo = z.object({
  /** Of the contract that this desktop speaks. */
  contract: z.number(),
  appVersion: z.string(),
  platform: z.string(),
  /** The operating system's user: who throws a switch. */
  user: z.string(),
  language: z.enum(['en', 'zh-CN']),
  autostart: z.object({ isSupported: z.boolean(), isOn: z.boolean() }),
  engine: engineConnection,
});
export type DesktopInfo = z.output<typeof desktopInfo>;

const settingsAnswer = z.object({
  settings: desktopSettings,
  /** Why the operating system's part of a setting could not be done, or that a damaged file was set aside. */
  problems: z.array(z.string()),
});

/** Calls that the desktop answers itself, whatever the engine does. */
export const desktopProcedures = {
  'desktop.info': { input: z.strictObject({}), output: desktopInfo },
  'desktop.settings': { input: z.strictObject({}), output: settingsAnswer },
  'desktop.setSettings': { input: desktopSettingsChange, output: settingsAnswer },
  /** Shows the window at a page. */
  'desktop.openPage': { input: z.strictObject({ page: consolePage }), output: z.object({}) },
  /** Opens a link of the allow list in the browser; others answer `isOpened: false`. */
  'desktop.openLink': {
    input: z.strictObject({ url: z.string().max(2000) }),
    output: z.object({ isOpened: z.boolean() }),
  },
  /** Looks for the engine again at once, and starts it when it is this desktop's own. */
  'desktop.startEngine': { input: z.strictObject({}), output: engineConnection },
} as const;

export type DesktopProcedures = typeof desktopProcedures;
export type DesktopCallName = keyof DesktopProcedures;
export type DesktopInput<N extends DesktopCallName> = z.output<DesktopProcedures[N]['input']>;
export type DesktopOutput<N extends DesktopCallName> = z.output<DesktopProcedures[N]['output']>;

/**
 * What a subscription of the bridge carries beside the messages that every console understands (desktop-bridge.ts). The listener gets
 * the link as it is and the last status first, then whatever changes.
 */
export type DesktopMessage =
  | BridgeMessage
  /** The window was too slow and this many messages were left out: read again what is shown. */
  | { readonly type: 'left-out'; readonly messages: number }
  | { readonly type: 'settings'; readonly settings: DesktopSettings }
  /** A notification or the tray asks for a page. */
  | { readonly type: 'open-page'; readonly page: ConsolePage };
