/**
 * Goal: from nothing to the first file that landed, by the wizard alone. Method: `headgate run --setup`, the built pages in Chromium, real
 * Kafka and HDFS; a password is typed once and must be nowhere in what the page keeps.
 */
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConsoleToken } from '../../main/control/console-token.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { freePort } from '../rig/free-port.ts';
import { hasJava, javaProblem } from '../rig/jars.ts';
import { nginxLines } from '../rig/nginx-lines.ts';
import { produceLines } from '../rig/produce.ts';
import { startRig, type Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { axeViolations, openBrowser, openPage } from './browser.ts';
import { buildPages } from './built-pages.ts';

if (!hasJava()) console.warn(`skipped: ${javaProblem()}`);
const LIMIT_MS = 240_000;

describe.skipIf(!hasJava() && process.env['CI'] === undefined)('the first run', () => {
  let directory = '';
  let rig: Rig;
  let browser: Browser;
  let engine: EngineProcess;
  let page: Page;
  let url = '';

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'headgate-setup-'));
    const [port] = await Promise.all([
      freePort(),
      buildPages(),
      startRig({ kafka: {}, hdfs: {} }).then((started) => (rig = started)),
      openBrowser().then((opened) => (browser = opened)),
    ]);
    await rig.kafka.createTopic('www', 3);
    await produceLines({
      ...{ bootstrap: rig.kafka.directBootstrap, topic: 'www', partitions: 3 },
      lines: nginxLines(600, { startMs: Date.now() - 600_000, poisonShare: 0.01 }),
    });
    const paths = { configFile: join(directory, 'headgate.yaml'), stateDir: join(directory, 'state') };
    const words = ['--setup', '--state-dir', paths.stateDir, '--console', `127.0.0.1:${port}`];
    engine = new EngineProcess({ ...paths, words });
    await until('the setup has a token', () =>
      Promise.resolve(readConsoleToken(paths.stateDir) !== undefined),
    );
    page = await openPage(browser);
    page.setDefaultTimeout(60_000);
    url = `http://127.0.0.1:${port}/#token=${readConsoleToken(paths.stateDir) ?? ''}`;
  }, LIMIT_MS);

  afterAll(async () => {
    await browser?.close();
    await engine?.kill();
    await rig?.stop();
    await rm(directory, { recursive: true, force: true });
  }, LIMIT_MS);

  const field = (name: string) => page.getByRole('textbox', { name: new RegExp(`^${name}`) });
  const next = () => page.locator('form button[type=submit]').click();

  test(
    'leads from nothing to the first file in HDFS',
    async () => {
      await page.goto(url);
      await field('Gateway id').fill('Not An Id');
      expect(await page.locator('[aria-invalid=true]').count()).toBe(1);
      await field('Gateway id').fill('setup-gw');
      await page.keyboard.press('Enter');

      await field('Brokers').fill('127.0.0.1:1');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
      await page.getByText('SCRAM-512', { exact: true }).click();
      await field('User name').fill('gw');
      await page.locator('input[type=password]').fill('never-kept-7');
      const kept = await page.evaluate(() => JSON.stringify([{ ...sessionStorage }, { ...localStorage }]));
      expect(kept).toContain('setup-gw');
      expect(kept).not.toContain('never-kept-7');
      await page.getByText('No sign-in', { exact: true }).click();
      await field('Brokers').fill(rig.kafka.bootstrap);
      await page.keyboard.press('Enter');
      await page.getByText('Connected', { exact: true }).waitFor();
      await next();

      await page.getByRole('row', { name: /www/ }).getByRole('checkbox').check();
      await next();
      await page.locator('mark').first().waitFor();
      expect(await page.getByRole('radio', { name: /Web server log/ }).isChecked()).toBe(true);
      expect(await axeViolations(page)).toEqual([]);
      // A reload loses no answer.
      await page.reload();
      await page.locator('mark').first().waitFor();
      await next();

      await field('NameNode').fill(rig.hdfs.webhdfs);
      await page.keyboard.press('Enter');
      await page.getByText('Everything needed works').waitFor();
      await next();

      await page.getByRole('button', { name: 'Start the gateway' }).click();
      await page.getByRole('button', { name: 'Land it now' }).click();
      await page.getByText('The gateway works').waitFor();
      const file = join(directory, 'headgate.yaml');
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      expect(await readFile(file, 'utf8')).toContain("hdfs.path: '/logs/%{topic}/%Y-%m-%d/%H'");
      await page.getByRole('link', { name: 'Open the overview' }).click();
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
      await page.goto(`${url.split('#')[0] ?? ''}#/setup`);
      await page.getByText('This gateway is set up already').waitFor();
    },
    LIMIT_MS,
  );
});
