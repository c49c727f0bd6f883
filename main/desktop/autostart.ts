/**
 * Starting with the computer. Windows has a call for it; on Linux it is a file that the desktop environment reads (Desktop
 * Application Autostart Specification; quoting after the Desktop Entry Specification, "The Exec key").
 */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAbsent, writeWhole } from './private-file.ts';

/** Started by the computer, not by a person: only the tray icon appears. */
export const HIDDEN_FLAG = '--hidden';
const ENTRY_NAME = 'headgate.desktop';
const ENTRY_MODE = 0o644;

export interface Autostart {
  readonly isSupported: boolean;
  isOn(): Promise<boolean>;
  set(isOn: boolean): Promise<void>;
}

/** Windows (and macOS): the operating system keeps the list. */
export interface LoginItems {
  get(options: { readonly args: string[] }): { readonly openAtLogin: boolean };
  set(options: { readonly openAtLogin: boolean; readonly args: string[] }): void;
}

export function loginItemAutostart(items: LoginItems): Autostart {
  const args = [HIDDEN_FLAG];
  return {
    isSupported: true,
    isOn: async () => items.get({ args }).openAtLogin,
    set: async (isOn) => items.set({ openAtLogin: isOn, args }),
  };
}

/** `configHome`: XDG_CONFIG_HOME, or `.config` of the home directory. `program`: the AppImage, or the executable. */
export function linuxAutostart(options: {
  readonly configHome: string;
  readonly program: string;
}): Autostart {
  const path = join(options.configHome, 'autostart', ENTRY_NAME);
  return {
    isSupported: true,
    isOn: async () => {
      try {
        return (await stat(path)).isFile();
      } catch (error) {
        if (isAbsent(error)) return false;
        throw error;
      }
    },
    set: async (isOn) => {
      if (isOn) await writeWhole(path, autostartEntry(options.program), ENTRY_MODE);
      else await rm(path, { force: true });
    },
  };
}

export const noAutostart: Autostart = {
  isSupported: false,
  isOn: async () => false,
  set: async () => {
    throw new Error('this platform has no such setting');
  },
};

/** Throws for a path that a desktop entry can't carry. */
export function autostartEntry(program: string): string {
  if (/[\n\r]/.test(program)) throw new Error('the program’s path holds a line break');
  return `[Desktop Entry]
Type=Application
Name=Headgate
Comment=Watches the gateway from Kafka to HDFS
Comment[zh_CN]=查看 Kafka 到 HDFS 的网关
Exec=${quotedWord(program)} ${HIDDEN_FLAG}
Icon=headgate
Terminal=false
X-GNOME-Autostart-enabled=true
`;
}

/** Quoted for the Exec key, then escaped as a string value of the file; `%` begins a field code. */
function quotedWord(word: string): string {
  const quoted = `"${word.replace(/["`$\\]/g, String.raw`\$&`)}"`;
  return quoted.replaceAll('\\', '\\\\').replaceAll('%', '%%');
}
