/**
 * Goal: on a bad day the console still says what is true: a session that ended, an engine of another version, clocks that differ, a full
 * channel behind a paused sink, an event of 10 MB, and texts that were written to be taken for markup.
 * Method: a real Chromium on the console of a real engine that reads files, without other servers; a double only for the engine of
 * another version, which does not exist yet.
 */
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { renewConsoleToken } from '../../main/control/console-token.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { en } from '../../renderer/text/en.ts';
import { zh } from '../../renderer/text/zh.ts';
import { FileGateway, SINK, type GatewayChanges } from '../engine/file-gateway.ts';
import { buildPages } from '../renderer/built-pages.ts';
import { HACKED, openBrowser, type Operator, type OperatorOptions } from './console-browser.ts';
import { openConsole } from './console-site.ts';
import { applyConfiguration, replaceInYaml } from './configuration-editing.ts';
import { OtherVersionEngine } from './other-version-engine.ts';

vi.setConfig({ testTimeout: 120_000 });

const HOUR_MS = 3_600_000;
/** The alarm is an error from 95 % on. */
const NEARLY_FULL_SHARE = 0.955;
const FILLER_BYTES = 8_000;
const CLOCK_OFF_MS = 3 * HOUR_MS;
const BIG_EVENT_BYTES = 10 * 1024 * 1024;
/** A page that does nothing for so long is frozen to whoever looks at it; machines that test are busy. */
const FROZEN_MS = 1_000;
/** A language is offered under its own name everywhere. */
const OWN_NAME_OF_CHINESE = '简体中文';
const PAGES = [
  'overview',
  'backlog',
  'landings',
  'quarantine',
  'configuration',
  'alerts',
  'settings',
] as const;

let browser: Browser;
beforeAll(async () => {
  await buildPages();
  browser = await openBrowser();
}, 240_000);
afterAll(() => browser.close());

/** An engine whose sink is paused, with a console. */
async function pausedGateway(changes: GatewayChanges = {}): Promise<FileGateway> {
  const gateway = new FileGateway({
    ...changes,
    more: { console: { listen: '127.0.0.1:0' }, ...changes.more },
  });
  // The page's patience is held against the engine's real pace.
  await gateway.start({ clock: systemClock });
  await gateway.client.call('pause', { by: 'wang.fang', why: 'the cluster moves' });
  return gateway;
}

function operatorOf(gateway: FileGateway, page: string, options?: OperatorOptions): Promise<Operator> {
  return openConsole(browser, { stateDir: gateway.stateDir, page }, options);
}

function figure(page: Page, name: string): Locator {
  return page
    .getByRole('region', { name: en.overview.figures.label })
    .locator(':scope > div')
    .filter({ hasText: name });
}

describe('a session that ended', () => {
  test('is asked for again over the page as it was, and the new token leads back to it', async () => {
    await using gateway = await pausedGateway();
    // What the browser itself writes about an answer 401.
    await using operator = await operatorOf(gateway, 'settings', { expects: /401 \(Unauthorized\)/ });
    const { page } = operator;
    await page.getByLabel(en.settings.operator).fill('li.wei');
    const address = page.url();
    const token = renewConsoleToken(gateway.stateDir);
    const dialog = page.getByRole('dialog', { name: en.shell.signIn.title });
    await dialog.getByText(en.shell.signIn.expired).waitFor();
    await dialog.getByLabel(en.shell.signIn.token).fill('not-the-token');
    await page.keyboard.press('Enter');
    await dialog.getByRole('alert').filter({ hasText: en.shell.signIn.refused }).waitFor();
    await dialog.getByLabel(en.shell.signIn.token).fill(token);
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('status', { name: en.shell.link.label }).getByText(en.shell.link.live).waitFor();
    expect(page.url()).toBe(address);
    expect(await page.getByLabel(en.settings.operator).inputValue()).toBe('li.wei');
    await operator.openPage(en.shell.pages.overview);
    await page.getByText('Paused by wang.fang').waitFor();
  });
});

describe('two consoles that edit at once', () => {
  test('a change that is the first news since the page was opened is told, too', async () => {
    await using gateway = await pausedGateway();
    await using operator = await operatorOf(gateway, 'configuration', { operator: 'zhao.min' });
    const { page } = operator;
    await page.locator('.cm-content').filter({ hasText: 'idleTimeout: 1s' }).waitFor();
    const { text, sha256 } = await gateway.client.call('configText', {});
    await gateway.client.call('configApply', {
      text: text.replace('idleTimeout: 1s', 'idleTimeout: 2s'),
      baseSha256: sha256,
      by: 'li.wei',
    });
    await page.locator('.cm-content').filter({ hasText: 'idleTimeout: 2s' }).waitFor();
  });

  test('the second is told before anything of the first is overwritten, and both changes stand in the end', async () => {
    await using gateway = await pausedGateway();
    await using first = await operatorOf(gateway, 'configuration', { operator: 'li.wei' });
    await using second = await operatorOf(gateway, 'configuration', { operator: 'zhao.min' });
    await replaceInYaml(first.page, 'idleTimeout: 1s', 'idleTimeout: 2s');
    await replaceInYaml(second.page, 'pollInterval: 20ms', 'pollInterval: 30ms');
    await applyConfiguration(first.page, 'files may wait longer');

    const { page } = second;
    const words = en.configuration.conflict;
    await page.getByRole('alert').filter({ hasText: words.title }).waitFor();
    await page.keyboard.press('Control+s');
    const conflict = page.getByRole('dialog', { name: words.title });
    await conflict.getByText('idleTimeout: 2s').waitFor();
    expect((await gateway.status()).configVersion, 'nothing was overwritten').toBe(2);
    await conflict.getByRole('button', { name: words.goOn }).click();
    await conflict.waitFor({ state: 'hidden' });
    await applyConfiguration(page, 'and less asking');
    const text = await readFile(gateway.configFile, 'utf8');
    expect(text).toContain('idleTimeout: 2s');
    expect(text).toContain('pollInterval: 30ms');
    const { versions } = await gateway.client.call('configHistory', {});
    expect(versions.map(({ by, note }) => `${by}: ${note}`).slice(0, 2)).toEqual([
      'zhao.min: and less asking',
      'li.wei: files may wait longer',
    ]);
  });
});

describe('an engine of another version', () => {
  test.each(['info', 'status'] as const)('is told by its %s, and nothing of it is shown', async (part) => {
    await using engine = await OtherVersionEngine.start(part);
    await using operator = await engine.open(browser);
    const { page } = operator;
    await page.getByRole('heading', { name: en.shell.version.title }).waitFor();
    await page.getByText('the engine contract 99').waitFor();
    expect(await page.textContent('body')).not.toContain('gateway-of-tomorrow');
    // After an update of the page, "load again" is all that is needed.
    engine.becomeOurs();
    await page.getByRole('button', { name: en.shell.version.reload }).click();
    await page.getByText('gateway-of-tomorrow').waitFor();
  });
});

describe('clocks that differ', () => {
  test.each([
    { direction: 'behind', clockAheadMs: CLOCK_OFF_MS },
    { direction: 'ahead of', clockAheadMs: -CLOCK_OFF_MS },
  ])(
    'ages are right when the engine is 3 h $direction this computer',
    async ({ direction, clockAheadMs }) => {
      await using gateway = await pausedGateway();
      gateway.write(100);
      await gateway.statusIs('the lines wait', ({ channels: [channel] }) => channel?.events === 100);
      await using operator = await operatorOf(gateway, 'overview', { clockAheadMs });
      const { page } = operator;
      const asked = page.waitForRequest((request) => request.url().endsWith('/api/call/history'));
      await page.reload();
      const { fromMs, toMs } = (await asked).postDataJSON() as { fromMs: number; toMs: number };
      const engineNowMs = (await gateway.status()).nowMs;
      expect(Math.abs(toMs - engineNowMs), 'the history is asked for by the engine’s clock').toBeLessThan(
        HOUR_MS,
      );
      expect(fromMs).toBeLessThan(toMs);
      await figure(page, en.overview.figures.oldest)
        .getByText(/^\d+ s$/)
        .waitFor();
      await page.getByText(/^Paused by wang\.fang (\d+ s ago|just now): the cluster moves$/).waitFor();
      await page.getByText(/^running for \d+ s /).waitFor();
      await operator.openPage(en.shell.pages.settings);
      await page
        .getByText(`3 h ${direction} this computer`)
        .or(page.getByText(`2 h ${direction} this computer`))
        .waitFor();
    },
  );
});

describe('a paused sink and a channel that is nearly full', () => {
  test('is an alarm that says by whom it is paused and what will happen; resuming ends it', async () => {
    await using gateway = await pausedGateway({
      source: { batchSize: 50, maxEventBytes: '64KiB' },
      channel: { capacityBytes: '16MiB', compression: 'none' },
    });
    await using operator = await operatorOf(gateway, 'overview', { operator: 'li.wei' });
    await fillUp(gateway);
    const { page } = operator;
    const attention = page.getByRole('region', { name: en.overview.alerts.title });
    const alarm = attention
      .filter({ hasText: /9[5-9] % full/ })
      .filter({ hasText: `writing to ${SINK} is paused by wang.fang` });
    await alarm.getByText(en.widgets.states.error).waitFor();
    await page.getByText(en.shell.writing.off).waitFor();
    const used = Number(await page.getByRole('meter').getAttribute('aria-valuenow'));
    expect(used).toBeGreaterThanOrEqual(90);
    await page.getByRole('button', { name: en.overview.switch.resumeAll }).click();
    await page.getByRole('dialog').getByRole('button', { name: en.overview.switch.resume }).click();
    await gateway.allLanded();
    await attention.filter({ hasText: '% full' }).waitFor({ state: 'hidden' });
    expect((await gateway.landed()).sort()).toEqual([...gateway.written].sort());
  });
});

/** Until 95 % of the room is used, by events that can't be compressed: each portion goes a good part of the way that is left: bytes count twice until SQLite has moved them from its log to their place. */
async function fillUp(gateway: FileGateway): Promise<void> {
  for (let events = 0; ;) {
    const { channels } = await gateway.status();
    const [channel] = channels;
    if (channel?.state !== 'open') throw new Error(`the channel is ${channel?.state}`);
    const { usedBytes, roomBytes = 0 } = channel;
    const leftBytes = NEARLY_FULL_SHARE * (usedBytes + roomBytes) - usedBytes;
    if (leftBytes <= 0) return;
    const count = Math.ceil((leftBytes * 0.4) / FILLER_BYTES);
    gateway.write(count, 'www.log', ` ${randomBytes((FILLER_BYTES / 4) * 3).toString('base64')}`);
    events += count;
    await gateway.statusIs(
      'the portion is stored and measured',
      ({ channels: [one] }) => one?.events === events && one.usedBytes !== usedBytes,
    );
  }
}

describe('an event of 10 MB', () => {
  test.each([
    { kind: 'letters', unit: 'x' },
    { kind: 'control characters', unit: '\u001b\u202e' },
  ])('of $kind is looked at without a frozen page', async ({ unit }) => {
    await using gateway = await pausedGateway({
      source: { maxEventBytes: '16MiB' },
      channel: { capacityBytes: '256MiB' },
    });
    const body = `begin ${unit.repeat(BIG_EVENT_BYTES / Buffer.byteLength(unit))} end`;
    appendFileSync(join(gateway.input, 'big.log'), `first\n${body}\nlast\n`);
    await gateway.statusIs('it waits', ({ channels: [channel] }) => channel?.events === 3);
    await using operator = await operatorOf(gateway, 'backlog');
    const { page } = operator;
    await page.evaluate(LONGEST_TASK);
    await page
      .getByRole('grid', { name: en.backlog.list })
      .getByRole('row')
      .filter({ hasText: 'big' })
      .click();
    const drawer = page.getByRole('dialog', { name: en.backlog.key.title });
    await drawer.getByRole('row').filter({ hasText: 'begin' }).click();
    const event = drawer.getByRole('region', { name: en.backlog.peek.event });
    await event.getByText('10 MiB').first().waitFor();
    await drawer.getByRole('searchbox', { name: en.backlog.peek.search }).fill('last');
    await drawer.getByRole('row').filter({ hasText: 'last' }).waitFor();
    const longestMs = Number(await page.evaluate('globalThis.longestTaskMs'));
    console.log(`the longest task with an event of 10 MB: ${Math.round(longestMs)} ms`);
    expect(longestMs).toBeLessThan(FROZEN_MS);
  });
});

const LONGEST_TASK = `{
  globalThis.longestTaskMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) globalThis.longestTaskMs = Math.max(globalThis.longestTaskMs, duration);
  }).observe({ type: 'longtask' });
}`;

describe('texts that want to be markup', () => {
  const MARKUP = `<img src=x onerror="globalThis.${HACKED}=1"><script>globalThis.${HACKED}=1</script>`;
  const TRICKS = '\u001b[31mred \u202egnp.exe';

  test('are shown as text, with what is invisible named, on every page', async () => {
    await using gateway = await pausedGateway({
      source: {
        interceptors: [
          {
            type: 'regex_extractor',
            regex: String.raw`^\[([^\]]+)\]`,
            serializers: [{ type: 'millis', name: 'timestamp', pattern: 'yyyy-MM-dd HH:mm' }],
          },
        ],
      },
      sink: { path: '/tmp/unused/%{topic}/%Y' },
    });
    // A topic is named by its file here, which may hold anything but a slash.
    const topic = `<img src=x onerror=globalThis.${HACKED}=1>${TRICKS}`;
    appendFileSync(
      join(gateway.input, `${topic}.log`),
      `[2026-11-21 08:00] ${MARKUP} ${TRICKS}\n[no time] ${MARKUP} ${TRICKS}\n`,
    );
    await gateway.statusIs(
      'one waits, one is in quarantine',
      ({ channels: [channel] }) => channel?.events === 1 && channel.quarantined === 1,
    );
    await using operator = await operatorOf(gateway, 'backlog', { operator: `${MARKUP}${TRICKS}` });
    const { page } = operator;
    await page
      .getByRole('grid', { name: en.backlog.list })
      .getByRole('row')
      .filter({ hasText: 'gnp.exe' })
      .click();
    const drawer = page.getByRole('dialog', { name: en.backlog.key.title });
    await drawer.getByRole('row').filter({ hasText: '<script>' }).click();
    const event = drawer.getByRole('region', { name: en.backlog.peek.event });
    await expectPlain(event, MARKUP);
    await page.keyboard.press('Escape');
    await operator.openPage(en.shell.pages.quarantine);
    await page
      .getByRole('grid', { name: en.quarantine.events })
      .getByRole('row')
      .filter({ hasText: 'no time' })
      .click();
    await expectPlain(page.getByRole('dialog', { name: en.quarantine.event }), MARKUP);
    for (const id of PAGES) await operator.goTo(id);
    expect(await page.locator('img, script:not([src]), iframe, object').count()).toBe(0);
  });

  async function expectPlain(place: Locator, markup: string): Promise<void> {
    await place.filter({ hasText: markup }).filter({ hasText: '␛[31mred ‹202E›gnp.exe' }).waitFor();
  }
});

describe('languages', () => {
  test('a browser that speaks Chinese is answered so on every page; the menu changes it, and the choice stays', async () => {
    await using gateway = await pausedGateway();
    gateway.write(100);
    await using operator = await operatorOf(gateway, 'overview', { locale: 'zh-CN' });
    const { page } = operator;
    for (const id of PAGES) {
      await operator.goTo(id);
      await page.getByRole('heading', { level: 1, name: zh.shell.pages[id] }).waitFor();
      expect(await page.getAttribute('html', 'lang')).toBe('zh-CN');
    }
    await page.getByRole('button', { name: zh.shell.preferences.language }).click();
    await page.getByRole('menuitem', { name: 'English' }).click();
    await page.getByRole('heading', { level: 1, name: en.shell.pages.settings }).waitFor();
    await page.reload();
    for (const id of PAGES) {
      await operator.goTo(id);
      await page.getByRole('heading', { level: 1, name: en.shell.pages[id] }).waitFor();
      const words = (await page.locator('main').innerText()).replace(OWN_NAME_OF_CHINESE, '');
      expect(words).not.toMatch(/\p{Script=Han}/u);
    }
  });
});

describe('a theme that is changed', () => {
  test('is worn by the charts at once', async () => {
    await using gateway = await pausedGateway();
    await using operator = await operatorOf(gateway, 'overview');
    const { page } = operator;
    await page.locator('canvas').first().waitFor();
    for (const scheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.locator(`[data-mantine-color-scheme=${scheme}]`).waitFor();
      await expect.poll(() => page.evaluate(GRID_PIXELS), { timeout: 10_000 }).toBeGreaterThan(20);
    }
  });
});

/** How many points of the first chart have the colour that its grid has in the page's theme; in the browser's own words. */
const GRID_PIXELS = `(() => {
  const canvas = document.querySelector('canvas');
  const wanted = getComputedStyle(canvas).getPropertyValue('--hg-grid').trim();
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(wanted.slice(at, at + 2), 16));
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) count++;
  return count;
})()`;
