/**
 * Goal: what the packages are made of is there and works: the configuration is one that electron-builder takes, every file it names
 * exists, the engine that is staged runs under its own Node, the icons have their sizes. Method: electron-builder's own schema and its
 * own copying; a real run of the staged engine. Building a package needs Electron's binary: where it is missing, that one test is
 * counted as skipped.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as fileMatcher from 'app-builder-lib/out/fileMatcher.js';
import { getConfig, validateConfiguration } from 'app-builder-lib/out/util/config/config.js';
import { DebugLogger } from 'builder-util';
import type { Configuration } from 'electron-builder';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ELECTRON_MISSING, findElectron } from '../../build/desktop/electron-binary.ts';
import { icnsOf, icoOf } from '../../build/desktop/icon-containers.ts';
import { PANELS, TRAY_STATES, trayDrawing } from '../../build/desktop/icon-drawings.ts';
import { productionPackages, stageEngine } from '../../build/desktop/stage-engine.ts';
import { packagedEngine } from '../../main/desktop/engine-homes.ts';
import { EngineProgram } from '../../main/desktop/engine-program.ts';
import { controlSocketPath } from '../../main/control/socket-path.ts';
import { makeSite, removeSite } from '../cli/site.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const ICONS = join(checkout, 'build/desktop/icons');
const run = promisify(execFile);

let folder = '';
let configuration: Configuration;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-packaging-'));
  configuration = await getConfig(checkout, 'build/desktop/electron-builder.yml', null);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the configuration of electron-builder', () => {
  const validate = (config: Configuration) => validateConfiguration(config, new DebugLogger(false));

  test('is one that it takes, and a mistake in it would be found', async () => {
    await validate(configuration);
    await expect(validate({ ...configuration, sauces: 1 } as Configuration)).rejects.toThrow('sauces');
  });

  test('is for the Electron of the lock file', () => {
    const { devDependencies } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as {
      devDependencies: Record<string, string>;
    };
    expect(configuration.electronVersion).toBe(devDependencies['electron']);
  });

  test('names every package that is asked for, and only files that are there', () => {
    expect([configuration.linux?.target, configuration.win?.target]).toEqual([
      ['deb', 'rpm', 'AppImage'],
      ['nsis'],
    ]);
    const text = readFileSync(join(checkout, 'build/desktop/electron-builder.yml'), 'utf8');
    const named = [...text.matchAll(/(?:^|[\s:])(build\/[\w./-]+|LICENSE)/gm)].map(([, path]) => path ?? '');
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((path) => !existsSync(join(checkout, path)))).toEqual([]);
    // What is made at packaging: the names of bundle-desktop.ts and stage-engine.ts.
    const made = [...text.matchAll(/\b(dist\/[\w/-]+)/g)].map(([, path]) => path);
    expect(new Set(made)).toEqual(new Set(['dist/desktop', 'dist/packages', 'dist/engine']));
  });

  test('switches off what Electron is not to do, and downloads nothing', () => {
    expect(configuration.electronFuses).toEqual({
      runAsNode: false,
      enableCookieEncryption: true,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: true,
      onlyLoadAppFromAsar: true,
      grantFileProtocolExtraPrivileges: false,
    });
    expect([configuration.publish, configuration.asar, configuration.npmRebuild]).toEqual([
      null,
      true,
      false,
    ]);
  });

  test('removing the program never removes a gateway’s state', () => {
    expect(configuration.nsis?.deleteAppDataOnUninstall).toBe(false);
  });

  test('the resources that it copies include the engine’s packages', async () => {
    const project = join(folder, 'project');
    const files = [
      'engine/bin/headgate',
      'engine/node_modules/zod/index.js',
      'engine/node_modules/.bin/x',
      'node/node',
    ];
    for (const file of files) {
      await mkdir(join(project, 'dist/engine', file, '..'), { recursive: true });
      await writeFile(join(project, 'dist/engine', file), 'x');
    }
    await writeFile(join(project, 'LICENSE'), 'x');
    const resources = join(folder, 'resources');
    const matchers = fileMatcher.getFileMatchers(configuration, 'extraResources', resources, {
      defaultSrc: project,
      macroExpander: (text: string) => text,
      customBuildOptions: {},
      globalOutDir: join(folder, 'out'),
    });
    // Not among its types, and what it copies with.
    const copyFiles = Reflect.get(fileMatcher, 'copyFiles') as (...words: unknown[]) => Promise<void>;
    await copyFiles(matchers, null, false);
    for (const file of files.filter((name) => !name.includes('.bin')))
      expect([file, existsSync(join(resources, file))]).toEqual([file, true]);
    expect(existsSync(join(resources, 'LICENSE'))).toBe(true);
  });
});

describe('the service of the Linux packages', () => {
  test('is the service of the checkout, with the packages’ places', async () => {
    const settings = async (path: string) =>
      (await readFile(join(checkout, path), 'utf8'))
        .split('\n')
        .filter((line) => /^[A-Z]\w+=/.test(line))
        .map((line) =>
          line.replaceAll(
            '/opt/Headgate/resources/node/node /opt/Headgate/resources/engine/',
            '/opt/headgate/',
          ),
        );
    const [own, packaged] = [
      await settings('build/headgate.service'),
      await settings('build/desktop/linux/headgate.service'),
    ];
    expect(packaged.filter((line) => !own.includes(line))).toEqual([
      'ConditionPathExists=/etc/headgate/headgate.yaml',
      'CacheDirectory=headgate',
      'Environment=NODE_COMPILE_CACHE=/var/cache/headgate',
    ]);
    expect(own.filter((line) => !packaged.includes(line))).toEqual([]);
  });
});

describe('the engine that is shipped', () => {
  test('runs from where the app looks for it, under its own Node, with nothing of the checkout', async () => {
    const resources = join(folder, 'staged');
    await stageEngine({ folder: resources });
    const files = packagedEngine(resources, process.platform);
    expect((await run(files.node, ['--version'])).stdout).toMatch(/^v24\./);
    for (const left of [
      'main/desktop',
      'test',
      'node_modules/electron',
      'node_modules/vite',
      'node_modules/react',
    ])
      expect([left, existsSync(join(resources, 'engine', left))]).toEqual([left, false]);
    const site = await makeSite();
    try {
      const { stdout } = await run(files.node, [files.program, 'config', 'check', site.configFile]);
      expect(stdout).toContain('is usable');
      // Every module that the engine and its workers load is found there.
      const program = new EngineProgram({
        ...files,
        errorFile: join(folder, 'errors.log'),
        compileCache: join(folder, 'cache'),
        environment: process.env,
      });
      expect(await program.socketOf(site.configFile, new AbortController().signal)).toBe(
        controlSocketPath(site.stateDir),
      );
      expect(await loaded(files, join(resources, 'engine'))).toBe('loaded');
    } finally {
      await removeSite(site);
    }
  });

  test('has the packages of production and no other', async () => {
    const packages = await productionPackages();
    const { dependencies } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) expect(packages).toContain(`node_modules/${name}`);
    expect(packages.filter((path) => /electron|vite|react|mantine/.test(path))).toEqual([]);
  });

  /** Loads what a start of the engine loads, and each of its workers’ modules, without running them. */
  async function loaded(files: { readonly node: string }, engine: string): Promise<string> {
    const script = `
      await import(${JSON.stringify(join(engine, 'main/engine/engine.ts'))});
      await import(${JSON.stringify(join(engine, 'main/channel/channel-writer.ts'))});
      await import(${JSON.stringify(join(engine, 'main/sinks/create-target.ts'))});
      console.log('loaded');`;
    const { stdout } = await run(files.node, ['--input-type=module', '--eval', script], { cwd: folder });
    return stdout.trim();
  }
});

describe('the icons', () => {
  const sizeOf = (png: Buffer): [number, number] => [png.readUInt32BE(16), png.readUInt32BE(20)];

  test('of the app have every size, and their names say it', () => {
    const names = readdirSync(join(ICONS, 'app'));
    expect(names).toHaveLength(11);
    for (const name of names) {
      const side = Number(name.split('x')[0]);
      expect(sizeOf(readFileSync(join(ICONS, 'app', name)))).toEqual([side, side]);
    }
  });

  test.each(TRAY_STATES.flatMap((state) => PANELS.map((panel) => [state, panel] as const)))(
    'of the tray: %s on a %s panel has each size, sharp screens included, and is its drawing',
    (state, panel) => {
      expect(readFileSync(join(ICONS, 'tray', `${state}-${panel}.svg`), 'utf8')).toBe(
        trayDrawing(state, panel),
      );
      for (const side of [16, 22, 24, 32]) {
        const name = join(ICONS, 'tray', `${state}-${panel}-${side}`);
        expect(sizeOf(readFileSync(`${name}.png`))).toEqual([side, side]);
        expect(sizeOf(readFileSync(`${name}@2x.png`))).toEqual([2 * side, 2 * side]);
      }
    },
  );

  test('no two states look the same', () => {
    const pictures = TRAY_STATES.flatMap((state) =>
      PANELS.map((panel) => readFileSync(join(ICONS, 'tray', `${state}-${panel}-16.png`)).toString('base64')),
    );
    expect(new Set(pictures).size).toBe(pictures.length);
  });

  test('of Windows and Apple hold them as those systems read them', () => {
    const png = (side: number) => ({ side, png: readFileSync(join(ICONS, 'app', `${side}x${side}.png`)) });
    const ico = readFileSync(join(ICONS, 'headgate.ico'));
    expect(ico.equals(icoOf([16, 24, 32, 48, 64, 128, 256].map(png)))).toBe(true);
    expect([ico.readUInt16LE(2), ico.readUInt16LE(4), ico.readUInt8(6), ico.readUInt8(6 + 16 * 6)]).toEqual([
      1, 7, 16, 0,
    ]);
    for (let entry = 0; entry < 7; entry++) {
      const at = ico.readUInt32LE(6 + 16 * entry + 12);
      expect(ico.toString('latin1', at + 1, at + 4)).toBe('PNG');
    }
    const icns = readFileSync(join(ICONS, 'headgate.icns'));
    expect([icns.toString('latin1', 0, 4), icns.readUInt32BE(4)]).toEqual(['icns', icns.length]);
    expect(icns.equals(icnsOf([32, 64, 128, 256, 512, 1024].map(png)))).toBe(true);
  });
});

describe('a package', () => {
  const electron = findElectron();
  if (electron === undefined)
    console.warn(`SKIPPED: the unpacked app is not built here, nor looked at. ${ELECTRON_MISSING}`);

  test.skipIf(electron === undefined)(
    'is built, unpacked, with the engine in it',
    { timeout: 600_000 },
    async () => {
      await run(process.execPath, ['build/desktop/package-desktop.ts', '--dir'], { cwd: checkout });
      const unpacked = readdirSync(join(checkout, 'dist/packages')).find((name) =>
        name.endsWith('-unpacked'),
      );
      const resources = join(checkout, 'dist/packages', unpacked ?? '', 'resources');
      expect(existsSync(join(resources, 'app.asar'))).toBe(true);
      const { node, program } = packagedEngine(resources, process.platform);
      expect((await run(node, [program, '--version'])).stdout).toMatch(/\d/);
    },
  );
});
