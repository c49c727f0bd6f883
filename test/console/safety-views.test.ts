/**
 * Goal: an operator sees what the safety of his data hangs on: another gateway that holds events and falls silent, which hours are complete
 * and which were marked again, how long a paused sink may stay paused, and what was damaged and is to be pulled again.
 * Method: a real Chromium on the console of real engines that read files, without other servers; both languages, the keyboard, axe.
 */
import { appendFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { consoleUrl } from '../../main/cli/console-command.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { en } from '../../renderer/text/en.ts';
import { zh } from '../../renderer/text/zh.ts';
import { damageChunks } from '../e2e/damaged-chunks.ts';
import { FileGateway, hourly, type GatewayChanges } from '../engine/file-gateway.ts';
import { axeViolations, openBrowser, openPage, type PageLook } from '../renderer/browser.ts';
import { buildPages } from '../renderer/built-pages.ts';
import { until } from '../rig/until.ts';

vi.setConfig({ testTimeout: 120_000 });

const CONSOLE = { console: { listen: '127.0.0.1:0' } };
/** Facts are looked at each second. */
const ALERTS = { alerts: { silentPeer: '3s' } };
const HELD = 120;
const DAMAGED = 40;
const FLEET = { name: en.overview.fleet.title };

let browser: Browser;
beforeAll(async () => {
  await buildPages();
  browser = await openBrowser();
}, 240_000);
afterAll(() => browser.close());

async function started(changes: GatewayChanges): Promise<FileGateway> {
  const gateway = new FileGateway(changes);
  await gateway.start({ clock: systemClock });
  return gateway;
}

async function opened(gateway: FileGateway, page: string, look: PageLook = {}): Promise<Page> {
  const window = await openPage(browser, look);
  window.setDefaultTimeout(45_000);
  await window.goto(await consoleUrl(gateway.stateDir));
  await window.locator('#content h1').waitFor();
  await window.goto(`${new URL(window.url()).origin}/#/${page}`);
  await window.locator('#content h1').waitFor();
  return window;
}

test('a gateway of the fleet holds events, falls silent, which is an alarm with what to do, and comes back', async () => {
  await using a = await started({ more: { ...CONSOLE, ...ALERTS } });
  const page = await opened(a, 'overview');
  await page.locator('[data-node="sink:out"]').waitFor();
  expect(await page.getByRole('table', FLEET).count(), 'one alone has no card').toBe(0);

  await using b = new FileGateway({
    gateway: { id: 'gw-2' },
    sink: { path: `${a.output}/%{topic}` },
    more: ALERTS,
  });
  await b.start({ clock: systemClock });
  await b.client.call('pause', { by: 'li.wei', why: 'a new disk' });
  b.write(HELD);
  await b.statusIs('its lines wait', ({ channels: [channel] }) => channel?.events === HELD);
  await untilSeenPaused(a);
  await page.reload();
  const row = page.locator('[data-gateway="gw-2"]');
  await page.locator('[data-gateway="gw-2"][data-sign="paused"]').filter({ hasText: '120 events' }).waitFor();
  await page.locator('[data-gateway="gw-1"]').filter({ hasText: en.overview.fleet.own }).waitFor();
  const attention = page.getByRole('region', { name: en.overview.alerts.title });
  expect(await attention.filter({ hasText: 'gw-2' }).count()).toBe(0);

  await b.stop(0);
  await page.locator('[data-gateway="gw-2"][data-alarm]').filter({ hasText: '120 events' }).waitFor();
  await row.getByText(en.overview.fleet.states.silent).waitFor();
  await page.getByText(en.overview.fleet.silentHolds).waitFor();
  await page.getByText('Start gw-2 again: its backlog lands by itself').waitFor();
  await attention.filter({ hasText: 'gw-2 holds' }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  const inChinese = await opened(a, 'overview', { language: 'zh', scheme: 'dark' });
  const { fleet } = zh.overview;
  const table = inChinese.getByRole('table', { name: fleet.title });
  for (const text of [fleet.states.silent, fleet.own, fleet.columns.sign, '重新启动 gw-2'])
    await table.filter({ hasText: text }).waitFor();
  expect(await axeViolations(inChinese)).toEqual([]);

  await b.start({ clock: systemClock });
  await untilSeenPaused(a);
  await page.reload();
  await page.locator('[data-gateway="gw-2"][data-sign="paused"]').waitFor();
  await attention.filter({ hasText: 'gw-2 holds' }).waitFor({ state: 'hidden' });
});

/** The page asks again now and then; who can't wait loads it anew. */
async function untilSeenPaused(gateway: FileGateway): Promise<void> {
  await until('the other gateway is seen, alive and paused', async () => {
    const { gateways } = await gateway.client.call('fleetStatus', { isFactsOnly: true });
    const other = gateways.find(({ gatewayId }) => gatewayId === 'gw-2');
    return other?.isPaused === true && !other.isSilent && other.waitingEvents === HELD;
  });
}

test('hours show as complete once they are, and late events as a further marker', async () => {
  const gateway = new FileGateway();
  await using _ = gateway;
  gateway.configure({
    ...hourly(gateway, { completeness: { marker: '_SUCCESS', grace: '1s' } }),
    more: CONSOLE,
  });
  await gateway.start();
  const write = (clock: string): void =>
    appendFileSync(join(gateway.input, 'www.log'), `2026-11-20T${clock}:00+0000 GET /\n`);
  write('08:10');
  write('09:30');
  const page = await opened(gateway, 'landings');
  // By the keyboard alone: the tabs are one stop, arrows lead on.
  await page.getByRole('tab', { name: en.landings.tabs.ledger }).focus();
  for (let step = 0; step < 2; step++) await page.keyboard.press('ArrowRight');
  const list = page.getByRole('group', { name: en.landings.tabs.directories });
  const { directories } = en.landings;
  await list.getByText(directories.states.complete, { exact: true }).waitFor();
  await list.getByText(/^out marks with _SUCCESS: 1 complete, 1 not yet$/).waitFor();
  await list.getByText(/www\/\d+ has come to 2026-11-20T09:30:00/).waitFor();
  expect(await list.getByText('late events came').count()).toBe(0);
  write('08:59');
  await list.getByText('marker 2: late events came').waitFor();
  await list.getByText(directories.states.complete, { exact: true }).waitFor();
  expect(await axeViolations(page)).toEqual([]);
  const inChinese = await opened(gateway, 'landings?tab=directories', { language: 'zh', scheme: 'dark' });
  await inChinese.getByText(zh.landings.directories.states.complete, { exact: true }).waitFor();
  await inChinese
    .getByText(zh.landings.directories.revision.replace('{{number}}', '2'), { exact: true })
    .waitFor();
  expect(await axeViolations(inChinese)).toEqual([]);
});

test('a pause says how long the disk lasts, and damaged events show until they were pulled again', async () => {
  await using gateway = await started({ more: CONSOLE, source: { batchSize: 20 } });
  await gateway.client.call('pause', { by: 'li.wei', why: 'the cluster moves' });
  const page = await opened(gateway, 'overview');
  const figures = page.getByRole('region', { name: en.overview.figures.label });
  const filled = figures.getByText(/^full in .+ at this pace$/);
  for (let portion = 1; (await filled.count()) === 0; portion++) {
    gateway.write(DAMAGED, 'www.log', ' '.padEnd(2_000, 'abcdefgh'));
    await gateway.statusIs(
      'the portion is stored',
      ({ channels: [channel] }) => channel?.events === portion * DAMAGED,
    );
  }
  expect(await axeViolations(page)).toEqual([]);

  await gateway.stop();
  expect(damageChunks(gateway.stateDir).length).toBeGreaterThan(0);
  // What they were read from is away for a while.
  const [here, away] = [join(gateway.input, 'www.log'), join(gateway.directory, 'away.log')];
  renameSync(here, away);
  await gateway.start({ clock: systemClock });
  await gateway.client.call('resume', { by: 'li.wei' });
  const again = await opened(gateway, 'overview');
  const channel = again.locator('[data-node="channel:disk"]');
  await channel.getByText(/^[\d,]+ to be pulled again for \d+ s$/).waitFor();
  const source = again.locator('[data-node="source:lines"]');
  await source.getByText('the file that the lines were read from is not there').waitFor();
  expect(await axeViolations(again)).toEqual([]);
  renameSync(away, here);
  await channel.getByText('to be pulled again').waitFor({ state: 'hidden' });
  await gateway.allLanded();
  expect((await gateway.landed()).sort()).toEqual([...gateway.written].sort());
});
