/**
 * Goal: settings are kept privately, survive a damaged file and a refusing operating system, and starting with the computer is done as
 * each system wants it. Method: real files; the operating system's calls are delegates.
 */
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  autostartEntry,
  linuxAutostart,
  loginItemAutostart,
  noAutostart,
} from '../../main/desktop/autostart.ts';
import { SettingsDesk } from '../../main/desktop/settings-desk.ts';
import { startBounds, WINDOW_DEFAULT, WINDOW_LEAST } from '../../main/desktop/window-bounds.ts';
import {
  desktopSettings,
  desktopSettingsChange,
  type DesktopSettings,
} from '../../shared/contract/desktop.ts';

let folder = '';
let path = '';
const changes: DesktopSettings[] = [];
const wished: boolean[] = [];
let refusal: Error | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-settings-'));
  path = join(folder, 'data', 'settings.json');
  changes.length = 0;
  wished.length = 0;
  refusal = undefined;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function openDesk(): Promise<SettingsDesk> {
  const desk = new SettingsDesk(path, {
    setAutostart: async (isOn) => {
      if (refusal !== undefined) throw refusal;
      wished.push(isOn);
    },
    changed: (settings) => changes.push(settings),
  });
  await desk.open();
  return desk;
}

describe('settings', () => {
  test('begin with defaults, and a change changes only what it names', async () => {
    const desk = await openDesk();
    expect(desk.current).toEqual(desktopSettings.parse({}));
    await desk.change({ language: 'zh-CN' });
    await desk.change({ notifications: { kinds: { disk: false } } });
    await desk.change({ notifications: { isOn: false }, engine: { stateDir: '/data/gw' } });
    expect(desk.current).toMatchObject({
      language: 'zh-CN',
      closesToTray: true,
      notifications: { isOn: false, kinds: { disk: false, link: true } },
      engine: { stateDir: '/data/gw' },
    });
    expect((await openDesk()).current).toEqual(desk.current);
    expect(changes).toHaveLength(3);
    await desk.change({ engine: { stateDir: '' } });
    expect(desk.current.engine).toEqual({});
  });

  test('are for their user alone, and no half-written file is left', async () => {
    const desk = await openDesk();
    await Promise.all([true, false, true].map((closesToTray) => desk.change({ closesToTray })));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'data'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'data'))).toEqual(['settings.json']);
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual(desk.current);
  });

  test.each([
    ['cut off', '{"language": "z'],
    ['of another shape', '{"language": 7}'],
    ['a list', '[]'],
    ['empty', ''],
    ['huge', ' '.repeat(300_000)],
    ['binary', '\u0000\u0001'],
  ])('a file that is %s is set aside, and said', async (_how, text) => {
    await mkdir(join(folder, 'data'));
    await writeFile(path, text);
    const desk = await openDesk();
    expect(desk.current).toEqual(desktopSettings.parse({}));
    expect(desk.answer().problems.join()).toContain(`${path}.damaged`);
    expect(await readFile(`${path}.damaged`, 'utf8')).toBe(text);
    expect((await desk.change({ language: 'en' })).problems).toEqual([]);
  });

  test('a folder in place of the file does not keep the program from starting', async () => {
    await mkdir(path, { recursive: true });
    const desk = await openDesk();
    expect(desk.current).toEqual(desktopSettings.parse({}));
    expect(desk.answer().problems).toHaveLength(1);
  });

  test('what the operating system refuses is said and not kept', async () => {
    const desk = await openDesk();
    refusal = new Error('not here');
    const answer = await desk.change({ startsWithComputer: true, language: 'en' });
    expect(answer.problems.join()).toContain('not here');
    expect(answer.settings).toMatchObject({ startsWithComputer: false, language: 'en' });
    refusal = undefined;
    await desk.change({ startsWithComputer: true });
    await desk.change({ language: 'zh-CN' });
    expect(wished).toEqual([true]);
  });

  test('a file that can’t be written changes nothing', async () => {
    const desk = await openDesk();
    await rm(join(folder, 'data'), { recursive: true, force: true });
    await writeFile(join(folder, 'data'), 'a file where the folder should be');
    await expect(desk.change({ language: 'zh-CN' })).rejects.toThrow();
    expect(desk.current.language).toBe('system');
    expect(changes).toEqual([]);
  });

  test('unknown members are refused', () => {
    expect(desktopSettingsChange.safeParse({ isAdmin: true }).success).toBe(false);
    expect(desktopSettingsChange.safeParse({ notifications: { kinds: { weather: true } } }).success).toBe(
      false,
    );
  });
});

describe('starting with the computer', () => {
  test('on Linux is a file that comes and goes whole', async () => {
    const configHome = join(folder, 'config');
    const autostart = linuxAutostart({ configHome, program: '/opt/Headgate/headgate' });
    expect(await autostart.isOn()).toBe(false);
    await autostart.set(false);
    await autostart.set(true);
    expect(await autostart.isOn()).toBe(true);
    const file = join(configHome, 'autostart', 'headgate.desktop');
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/^\[Desktop Entry\]\nType=Application\n/);
    expect(text).toContain('Exec="/opt/Headgate/headgate" --hidden\n');
    await chmod(file, 0o400);
    await autostart.set(true);
    expect(await readdir(join(configHome, 'autostart'))).toEqual(['headgate.desktop']);
    await autostart.set(false);
    expect(await autostart.isOn()).toBe(false);
  });

  test.each<[string, string]>([
    ['/a b/Headgate.AppImage', 'Exec="/a b/Headgate.AppImage" --hidden'],
    ['/a%f/x', 'Exec="/a%%f/x" --hidden'],
    ['/a"$`/x', String.raw`Exec="/a\\"\\$\\` + '`/x" --hidden'],
    [String.raw`/a\b`, String.raw`Exec="/a\\\\b" --hidden`],
  ])('a program at %s is quoted as the specification says', (program, line) => {
    expect(autostartEntry(program)).toContain(`${line}\n`);
  });

  test('a path that can’t be quoted is refused', () => {
    expect(() => autostartEntry('/a\nExec=evil')).toThrow('line break');
  });

  test('on Windows is the system’s own list', async () => {
    const set: unknown[] = [];
    const autostart = loginItemAutostart({
      get: ({ args }) => ({ openAtLogin: args.includes('--hidden') }),
      set: (options) => set.push(options),
    });
    await autostart.set(true);
    expect(set).toEqual([{ openAtLogin: true, args: ['--hidden'] }]);
    expect(await autostart.isOn()).toBe(true);
    await expect(noAutostart.set(true)).rejects.toThrow();
  });
});

describe('the window stands', () => {
  const screen = { x: 0, y: 0, width: 1920, height: 1040 };

  test('where it stood', () => {
    const bounds = { x: 100, y: 50, width: 1300, height: 900 };
    expect(startBounds(bounds, [screen])).toEqual(bounds);
    const second = { x: 1920, y: 0, width: 1280, height: 1024 };
    expect(startBounds({ ...bounds, x: 2000, width: 1100 }, [screen, second])).toMatchObject({ x: 2000 });
  });

  test.each([
    ['on a screen that is gone', { x: 5000, y: 50, width: 1300, height: 900 }],
    ['above the screen', { x: 100, y: -500, width: 1300, height: 900 }],
    ['with its last pixels on the screen', { x: 1900, y: 50, width: 1300, height: 900 }],
  ])('in the middle when it stood %s', (_where, bounds) => {
    expect(startBounds(bounds, [screen])).toEqual({ width: 1300, height: 900 });
  });

  test('in a size that can be read and that fits', () => {
    expect(startBounds(undefined, [screen])).toEqual(WINDOW_DEFAULT);
    expect(startBounds(undefined, [{ ...screen, width: 1100, height: 700 }])).toEqual({
      width: 1100,
      height: 700,
    });
    expect(startBounds({ x: 0, y: 0, width: 200, height: 5 }, [screen])).toEqual({
      x: 0,
      y: 0,
      ...WINDOW_LEAST,
    });
    expect(startBounds(undefined, [])).toEqual(WINDOW_DEFAULT);
  });
});
