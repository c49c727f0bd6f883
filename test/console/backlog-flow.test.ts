/**
 * Goal: what an operator sees and does when the cluster is away: the backlog grows and its cause is named, he pauses and resumes, looks
 * into what waits, searches and exports it, and finds it landed; and a killed engine comes back to the open page.
 * Method: a real Chromium on the console of a real engine, with Kafka and HDFS of the rig, HDFS behind a proxy that is cut. What stands
 * on the page is held against what the judge reads in HDFS, which shares no code with the engine.
 */
import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it } from 'vitest';
import { en } from '../../renderer/text/en.ts';
import { zh } from '../../renderer/text/zh.ts';
import { produceLines } from '../rig/produce.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { HACKED } from './console-browser.ts';
import { consoleSite, landedLines, LINE_IS_CUT, linesOf } from './console-site.ts';

const EVENTS = 3_000;
const CASE_LIMIT_MS = 150_000;
/** Of a topic that keeps so little, the alarm comes when half of it is left; that half is long enough for a busy machine to show it. */
const RETENTION_MS = 40_000;
const ALARM_LIMIT_MS = 60_000;

describe.skipIf(skipsWithoutJava('the console, backlog'))('the console while the cluster is away', () => {
  const site = consoleSite();
  afterEach(async () => {
    await site.rig.hdfs.namenode.proxy.heal();
    await site.rig.kafka.proxy.heal();
  });

  it(
    'shows the backlog grow when HDFS is cut, names the cause everywhere, and all of it land when it is back',
    async () => {
      await using gateway = await site.gateway('cut-off', { more: { alerts: { landingStuck: '1s' } } });
      await gateway.produce(EVENTS);
      await gateway.startReady();
      await gateway.untilLanded();
      await using operator = await site.operator(gateway);
      const { page } = operator;
      const sink = page.locator('[data-node="sink:hadoop"]');
      await sink.getByText(en.overview.pipeline.lastLanded).waitFor();
      await page.getByText(en.overview.figures.backlogNone).waitFor();

      const { proxy } = site.rig.hdfs.namenode;
      await proxy.refuse(true);
      proxy.cut();
      await gateway.produce(EVENTS);
      const place = `${proxy.host}:${proxy.port}`;
      await sink.filter({ hasText: place }).waitFor();
      const attention = page.getByRole('region', { name: en.overview.alerts.title });
      await attention.filter({ hasText: place }).waitFor();
      await operator.openPage(en.shell.pages.backlog);
      const figures = page.getByLabel(en.backlog.figures.label);
      await figures.getByText('3,000', { exact: true }).waitFor();
      const rows = page.getByRole('grid', { name: en.backlog.list }).getByRole('row');
      await rows.filter({ hasText: place }).first().waitFor();

      await gateway.produce(EVENTS);
      await figures.getByText('6,000', { exact: true }).waitFor();
      expect((await gateway.status()).channels[0]?.events).toBe(2 * EVENTS);
      expect((await gateway.judge()).found, 'nothing of it is in HDFS').toBe(EVENTS);
      await operator.openPage(en.shell.pages.alerts);
      const alert = page.getByRole('main').filter({ hasText: place });
      await alert.waitFor();

      await proxy.heal();
      await page.getByText(en.alerts.noneActive).waitFor();
      await operator.openPage(en.shell.pages.backlog);
      await page.getByText(en.backlog.none).waitFor();
      await gateway.verdict();
    },
    CASE_LIMIT_MS,
  );

  it(
    'pauses writing with a name and a reason, lets somebody look, search and export, resumes, and shows what landed',
    async () => {
      await using gateway = await site.gateway('paused');
      await gateway.startReady();
      await using operator = await site.operator(gateway);
      const { page } = operator;
      const dialog = page.getByRole('dialog');
      await page.getByRole('button', { name: en.overview.switch.pauseAll }).click();
      await dialog.getByText(en.overview.switch.pauseConsequence).waitFor();
      await dialog.getByLabel(en.overview.switch.by).fill('li.wei');
      await dialog.getByLabel(en.overview.switch.why).fill('the cluster moves');
      await page.keyboard.press('Enter');
      await page.getByText('Paused by li.wei').waitFor();
      expect((await gateway.status()).sinks[0]?.paused).toMatchObject({
        by: 'li.wei',
        why: 'the cluster moves',
      });
      await gateway.produce(EVENTS);
      await page.getByText('3,000 events').first().waitFor();

      await operator.openPage(en.shell.pages.backlog);
      const grid = page.getByRole('grid', { name: en.backlog.list });
      const [waiting] = (await gateway.engine.client.call('backlogList', { sort: 'directory' })).rows;
      if (waiting === undefined) throw new Error('nothing waits');
      await grid.getByRole('row').filter({ hasText: waiting.directory }).click();
      const drawer = page.getByRole('dialog', { name: en.backlog.key.title });
      const events = drawer.getByRole('grid', { name: en.backlog.peek.label });
      await events.getByRole('row').filter({ hasText: 'item?id=' }).first().waitFor();
      await drawer.getByRole('searchbox', { name: en.backlog.peek.search }).fill('id=1-7 ');
      const found = events.getByRole('row').filter({ hasText: 'item?id=' });
      await expect.poll(() => found.allInnerTexts()).toEqual([expect.stringContaining('item?id=1-7 ')]);
      await page.keyboard.press('Tab');
      await found.click();
      const line = [...gateway.producedLines()].find((text) => text.includes('id=1-7 '));
      await drawer
        .getByRole('region', { name: en.backlog.peek.event })
        .getByText(line ?? '')
        .waitFor();

      await drawer.getByRole('button', { name: en.backlog.exportThis }).click();
      await page
        .getByRole('dialog', { name: /^Export/ })
        .getByRole('button', { name: en.backlog.exportStart })
        .click();
      const download = page.waitForEvent('download');
      await page.getByRole('main').getByRole('button', { name: en.shell.jobs.download }).click();
      const exported = await readFile(await (await download).path(), 'utf8');
      expect(linesOf(exported)).toHaveLength(waiting.events);
      expect((await gateway.judge()).files, 'looking and copying lands nothing').toBe(0);

      await operator.openPage(en.shell.pages.overview);
      await page.getByRole('button', { name: en.overview.switch.resumeAll }).click();
      await dialog.getByRole('button', { name: en.overview.switch.resume }).click();
      await page.getByText(en.overview.figures.backlogNone).waitFor();
      await gateway.verdict();
      expect((await landedLines(site.rig, waiting.directory)).sort()).toEqual(linesOf(exported).sort());

      await operator.openPage(en.shell.pages.landings);
      const ledger = page.getByRole('grid', { name: en.landings.tabs.ledger });
      const landing = (await gateway.landings()).find(({ path }) => path.startsWith(`${waiting.directory}/`));
      await ledger
        .getByRole('row')
        .filter({ hasText: landing?.path.split('/').at(-1) ?? '' })
        .click();
      const details = page.getByRole('dialog', { name: en.landings.landing });
      await details.getByText(landing?.path ?? '').waitFor();
      await details.getByText(landing?.checksum ?? '').waitFor();
      for (const { partition, first, last } of landing?.parts ?? [])
        await details
          .getByRole('row')
          .filter({ hasText: `${gateway.topic}/${partition}` })
          .filter({ hasText: `${first}–${last}` })
          .waitFor();
    },
    CASE_LIMIT_MS,
  );

  it(
    'says at once that the engine is gone, stays readable, and goes on by itself with the engine that is started again',
    async () => {
      await using gateway = await site.gateway('killed');
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      await using operator = await site.operator(gateway, 'landings', { expects: LINE_IS_CUT });
      const { page } = operator;
      const rows = page.getByRole('grid', { name: en.landings.tabs.ledger }).getByRole('row');
      await rows.filter({ hasText: gateway.root }).first().waitFor();
      await untilPagesAreHere(page);
      const landedBefore = (await gateway.landings()).length;
      await gateway.engine.kill();
      const banner = page.getByRole('alert').filter({ hasText: en.shell.lost.title });
      await banner.waitFor();
      expect(await rows.filter({ hasText: gateway.root }).count(), 'what was read stays').toBe(landedBefore);
      await operator.openPage(en.shell.pages.overview);
      await page.getByRole('button', { name: en.overview.switch.pauseAll }).waitFor();
      expect(await page.getByRole('button', { name: en.overview.switch.pauseAll }).isDisabled()).toBe(true);

      await gateway.produce(EVENTS);
      await gateway.startReady();
      await banner.waitFor({ state: 'hidden' });
      await gateway.untilLanded();
      await operator.openPage(en.shell.pages.landings);
      await expect
        .poll(() => rows.filter({ hasText: gateway.root }).count())
        .toBe((await gateway.landings()).length);
      await gateway.verdict();
    },
    CASE_LIMIT_MS,
  );

  it(
    'counts down, before everything else that is wrong, to when the broker deletes what is still needed',
    async () => {
      await using gateway = await site.gateway('countdown', {
        partitions: 1,
        isTopicMissing: true,
        more: { alerts: { countdown: '1h', linkDown: '1s' } },
      });
      await site.rig.kafka.createTopic(gateway.topic, 1, { 'retention.ms': String(RETENTION_MS) });
      await gateway.startReady();
      await gateway.produce(EVENTS);
      await gateway.untilLanded();
      await using operator = await site.operator(gateway);
      const { page } = operator;
      const { proxy } = site.rig.kafka;
      await proxy.refuse(true);
      proxy.cut();
      // What the gateway can’t see: the first record that it needs.
      await gateway.produce(1);
      const source = page.locator('[data-node="source:weblogs"]');
      await source
        .getByText(/^the broker deletes unread data in \d+ s$/)
        .waitFor({ timeout: ALARM_LIMIT_MS });
      const attention = page.getByRole('region', { name: en.overview.alerts.title });
      const first = attention.locator(':scope > div').first();
      await first.filter({ hasText: en.overview.countdown }).waitFor();
      await first.filter({ hasText: `${gateway.topic}/0` }).waitFor();
      await page.getByRole('button', { name: en.shell.preferences.language }).click();
      await page.getByRole('menuitem', { name: '简体中文' }).click();
      await page
        .getByRole('region', { name: zh.overview.alerts.title })
        .getByText(zh.overview.countdown)
        .waitFor();
      await source.getByText(/^Kafka 将在 .+ 后删除未读数据$/).waitFor();
    },
    CASE_LIMIT_MS,
  );

  it(
    'shows headers and keys that want to be markup as text',
    async () => {
      const markup = `<img src=x onerror="globalThis.${HACKED}=1">`;
      const tricks = '\u001b[31mred \u202egnp.exe';
      await using gateway = await site.gateway('headers', {
        partitions: 1,
        source: {
          [`header.${markup}`]: 'x-evil',
          interceptors: [
            {
              type: 'regex_extractor',
              regex: String.raw`\[([^\]]+)\]`,
              serializers: [{ type: 'millis', name: 'timestamp', pattern: 'yyyy-MM-dd' }],
            },
          ],
        },
      });
      await produceLines({
        bootstrap: site.rig.kafka.directBootstrap,
        topic: gateway.topic,
        lines: [
          {
            value: `[no time] ${markup} ${tricks}`,
            key: `${markup}${tricks}`,
            headers: { 'x-evil': `${tricks}${markup}` },
          },
        ],
      });
      await gateway.startReady();
      await gateway.untilStatus(
        'it is in quarantine',
        ({ channels: [channel] }) => channel?.quarantined === 1,
      );
      await using operator = await site.operator(gateway, 'quarantine');
      const { page } = operator;
      await page
        .getByRole('grid', { name: en.quarantine.events })
        .getByRole('row')
        .filter({ hasText: '[no time]' })
        .click();
      const details = page.getByRole('dialog', { name: en.quarantine.event });
      const shown = '␛[31mred ‹202E›gnp.exe';
      for (const part of [`[no time] ${markup} ${shown}`, `${shown}${markup}`, `${markup}${shown}`])
        await details.filter({ hasText: part }).waitFor();
      expect(await page.locator('img').count()).toBe(0);
    },
    CASE_LIMIT_MS,
  );
});

/** The code of pages that nobody opened yet is fetched while there is an engine to ask for it. */
async function untilPagesAreHere(page: Page): Promise<void> {
  const files = "performance.getEntriesByType('resource').map(({ name }) => name).join(' ')";
  for (const name of ['overview', 'backlog', 'alerts', 'settings'])
    await expect.poll(() => page.evaluate<string>(files)).toContain(`/assets/${name}-page-`);
}
