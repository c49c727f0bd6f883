/**
 * Goal: the real app starts, shows the console of a real engine, and is as closed as it should be. Method: Playwright drives Electron.
 * Its binary is not on every machine: where it is missing this is counted as skipped, and said.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron } from 'playwright-core';
import { expect, test } from 'vitest';
import { bundleDesktop } from '../../build/desktop/bundle-desktop.ts';
import { ELECTRON_MISSING, findElectron } from '../../build/desktop/electron-binary.ts';
import { makeSite, removeSite, startEngineOf } from '../cli/site.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const renderer = join(checkout, 'dist/renderer');
const electron = findElectron();
const missing = [
  ...(electron === undefined ? [ELECTRON_MISSING] : []),
  ...(existsSync(join(renderer, 'index.html')) ? [] : ['The console is not built: npm run build:renderer.']),
];
if (missing.length > 0) console.warn(`SKIPPED: the smoke test of the real app. ${missing.join('\n')}`);

test.skipIf(missing.length > 0)(
  'the real app shows a real engine, gives the page nothing but the bridge, and leaves the engine running',
  { timeout: 180_000 },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-smoke-'));
    const site = await makeSite();
    const engine = await startEngineOf(site);
    await bundleDesktop({ folder: join(folder, 'app'), renderer });
    await mkdir(join(folder, 'data'));
    await writeFile(
      join(folder, 'data', 'settings.json'),
      JSON.stringify({ engine: { stateDir: site.stateDir }, closesToTray: false }),
    );
    // Root, as in containers, has no sandbox of the system's; the page's own stays.
    const flags = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const app = await _electron.launch({
      executablePath: electron?.program ?? '',
      args: [...flags, `--user-data-dir=${join(folder, 'data')}`, join(folder, 'app')],
      env: { ...(process.env as Record<string, string>), HEADGATE_CHECKOUT: checkout },
    });
    try {
      const page = await app.firstWindow();
      await page.getByText('cli-test').first().waitFor();
      expect(page.url()).toMatch(/^app:\/\/headgate\//);
      const seen = await page.evaluate(`({
        bridge: Object.keys(window.headgate).sort(),
        node: [typeof require, typeof process, typeof module],
      })`);
      expect(seen).toEqual({
        bridge: ['call', 'info', 'subscribe'],
        node: ['undefined', 'undefined', 'undefined'],
      });
      const answer = await page.evaluate(`window.headgate.call('status', {})`);
      expect(answer).toMatchObject({ ok: true, value: { gateway: 'cli-test', pid: engine.pid } });
      expect(await page.evaluate(`window.headgate.call('nonsense', {})`)).toMatchObject({ ok: false });
      await page.evaluate(`void (location.href = 'https://evil.example/')`);
      expect(page.url()).toMatch(/^app:\/\/headgate\//);
    } finally {
      await app.close();
      expect(engine.isRunning).toBe(true);
      await engine.stop();
      await removeSite(site);
      await rm(folder, { recursive: true, force: true });
    }
  },
);
