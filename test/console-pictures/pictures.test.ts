/**
 * Goal: each page shows its main content with a real site behind it, in both themes and languages, and is good to look at: nothing cut,
 * nothing too wide, no complaint on the browser's console, nothing that axe finds. Method: a real engine on Kafka and HDFS of the rig in a real
 * Chromium at 1280×720. Live are the events, landings, the backlog, quarantine, the audit, versions, the outage; prepared is the month before in
 * the charts and when the pause began (past-month.ts says how). With HEADGATE_PICTURES=1 it writes the pictures of docs/console.md; with
 * HEADGATE_PICTURES_HOME the site stands in that directory, as paths on the pictures say, instead of among temporary files.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildPages } from '../renderer/built-pages.ts';
import { openBrowser, openPage } from '../renderer/browser.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { faultsOf } from './page-faults.ts';
import { PicturedSite } from './pictured-site.ts';
import {
  FLEET_SCENE,
  OUTAGE_SCENES,
  SCENES,
  SILENT_SCENE,
  WORDS,
  type Language,
  type Scene,
} from './scenes.ts';
import { firstRun } from './first-run-scenes.ts';

const PICTURES = fileURLToPath(new URL('../../docs/pictures', import.meta.url));
const START_LIMIT_MS = 400_000;
const LOOK_LIMIT_MS = 400_000;
const STEP_LIMIT_MS = 60_000;

const SCHEMES = { en: ['light', 'dark'], zh: ['light'] } as const;

describe.skipIf(skipsWithoutJava('pictures of the console'))('each page of the console', () => {
  let site: PicturedSite;
  let browser: Browser;
  beforeAll(async () => {
    await buildPages();
    [site, browser] = await Promise.all([PicturedSite.start(), openBrowser()]);
    await site.audit();
  }, START_LIMIT_MS);
  afterAll(async () => {
    await browser.close();
    await site[Symbol.asyncDispose]();
  });

  const look = async (language: Language, scenes: readonly Scene[], at?: string): Promise<void> => {
    await using window = await openWindow(browser, { language, address: at ?? (await site.address()) });
    const faults: string[] = [];
    for (const scene of scenes)
      for (const fault of await pictured(window.page, scene, language))
        faults.push(`${scene.name}: ${fault}`);
    expect([...faults, ...window.complaints]).toEqual([]);
  };
  const inChinese = [...SCENES, ...OUTAGE_SCENES].filter(({ isInChinese }) => isInChinese === true);

  it('while all runs', () => look('en', SCENES), LOOK_LIMIT_MS);

  it('on the first run', async () => look('en', firstRun(site.rig), await site.startFresh()), LOOK_LIMIT_MS);

  it('before somebody signs in', async () => {
    const [address = ''] = (await site.address()).split('#');
    const page = await openPage(browser, { scheme: 'auto' });
    await page.goto(address);
    await page.locator('input[type=password]').waitFor();
    expect(await drawn(page, 'sign-in', 'en')).toEqual([]);
    await page.context().close();
  });

  it(
    'while the cluster is away',
    async () => {
      await site.lowerLimit();
      await site.cutHdfs();
      await look('en', OUTAGE_SCENES);
      await look('zh', inChinese);
      await site.healHdfs();
    },
    LOOK_LIMIT_MS,
  );

  it(
    'while another gateway shares the group, and after it fell silent with what it held',
    async () => {
      await site.startOther();
      await look('en', [FLEET_SCENE]);
      await site.silenceOther();
      await look('en', [SILENT_SCENE]);
      await look('zh', [SILENT_SCENE]);
    },
    LOOK_LIMIT_MS,
  );
});

interface Window extends AsyncDisposable {
  readonly page: Page;
  /** What the page wrote to the browser's console, and what nobody caught. */
  readonly complaints: string[];
}

async function openWindow(
  browser: Browser,
  { address, ...look }: { readonly language: Language; readonly address: string },
): Promise<Window> {
  const page = await openPage(browser, { ...look, scheme: 'auto' });
  page.setDefaultTimeout(STEP_LIMIT_MS);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
  await page.goto(address);
  await page.locator('main h1').waitFor();
  return { page, complaints, [Symbol.asyncDispose]: () => page.context().close() };
}

/** Goes there, does what the scene says, draws it, and says what is wrong with it. */
async function pictured(page: Page, scene: Scene, language: Language): Promise<string[]> {
  if (scene.at !== '') {
    await page.goto(`${new URL(page.url()).origin}/#/${scene.at}`);
    // What the scene before left open, or unsaved, is gone.
    await page.evaluate(() => sessionStorage.clear());
    await page.reload();
    await page.locator('main h1').waitFor();
  }
  await scene.show(page, WORDS[language]);
  return drawn(page, scene.name, language);
}

/** The page as it stands, in one theme after the other as the computer's own setting changes; in 简体中文 in one. */
async function drawn(page: Page, name: string, language: Language): Promise<string[]> {
  const faults: string[] = [];
  for (const scheme of SCHEMES[language]) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.locator(`[data-mantine-color-scheme=${scheme}]`).waitFor();
    await draw(page, `${name}-${scheme}${language === 'zh' ? '-zh' : ''}`);
    for (const fault of await faultsOf(page)) faults.push(`${scheme}: ${fault}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  return faults;
}

/** Once nothing moves and nothing loads any more. */
async function draw(page: Page, name: string): Promise<void> {
  await page.evaluate(async () => {
    await document.fonts.ready;
    // A cursor blinks for ever.
    const ending = document
      .getAnimations()
      .filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime));
    await Promise.all(ending.map(({ finished }) => finished.catch(() => undefined)));
  });
  if (process.env['HEADGATE_PICTURES'] !== '1') return;
  await mkdir(PICTURES, { recursive: true });
  await writeFile(join(PICTURES, `${name}.png`), await page.screenshot());
}
