/** The desktop's settings: kept in one file of the user's, and carried out where the operating system has a part in them. */
import {
  desktopSettings,
  type DesktopSettings,
  type DesktopSettingsChange,
} from '../../shared/contract/desktop.ts';
import { PrivateFile } from './private-file.ts';

export interface SettingsDelegate {
  /** Makes the program start with the computer, or no longer. Throws when the operating system refuses. */
  setAutostart(isOn: boolean): Promise<void>;
  changed(settings: DesktopSettings): void;
}

export interface SettingsAnswer {
  readonly settings: DesktopSettings;
  readonly problems: string[];
}

export class SettingsDesk {
  readonly #file: PrivateFile<DesktopSettings>;
  readonly #delegate: SettingsDelegate;
  #settings: DesktopSettings = desktopSettings.parse({});
  #openProblems: readonly string[] = [];

  constructor(path: string, delegate: SettingsDelegate) {
    this.#file = new PrivateFile(path, desktopSettings);
    this.#delegate = delegate;
  }

  /** Reads the file; whatever is wrong with it, there are settings afterwards. */
  async open(): Promise<void> {
    try {
      const { value, damaged } = await this.#file.read();
      this.#settings = value;
      if (damaged !== undefined)
        this.#openProblems = [`the settings could not be read; they are kept at ${damaged}`];
    } catch (error) {
      this.#openProblems = [`the settings can’t be read: ${messageOf(error)}`];
    }
  }

  get current(): DesktopSettings {
    return this.#settings;
  }

  answer(problems: readonly string[] = []): SettingsAnswer {
    return { settings: this.#settings, problems: [...this.#openProblems, ...problems] };
  }

  /** Throws when the file can't be written; then nothing was changed. */
  async change(change: DesktopSettingsChange): Promise<SettingsAnswer> {
    const before = this.#settings;
    const wished = merged(before, change);
    const problems: string[] = [];
    let after = wished;
    if (wished.startsWithComputer !== before.startsWithComputer) {
      try {
        await this.#delegate.setAutostart(wished.startsWithComputer);
      } catch (error) {
        problems.push(`starting with the computer could not be changed: ${messageOf(error)}`);
        after = { ...wished, startsWithComputer: before.startsWithComputer };
      }
    }
    await this.#file.write(after);
    this.#settings = after;
    this.#openProblems = [];
    this.#delegate.changed(after);
    return this.answer(problems);
  }
}

function merged(before: DesktopSettings, change: DesktopSettingsChange): DesktopSettings {
  const { notifications, engine, ...plain } = change;
  return desktopSettings.parse({
    ...before,
    ...withoutAbsent(plain),
    notifications: {
      isOn: notifications?.isOn ?? before.notifications.isOn,
      kinds: { ...before.notifications.kinds, ...withoutAbsent(notifications?.kinds ?? {}) },
    },
    engine: withoutEmpty({ ...before.engine, ...withoutAbsent(engine ?? {}) }),
  });
}

function withoutAbsent(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function withoutEmpty(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ''));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
