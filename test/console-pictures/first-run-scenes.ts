/** The first run, step by step, as somebody fills it in; each scene goes on where the one before ended. */
import type { Page } from 'playwright-core';
import type { Rig } from '../rig/rig.ts';
import type { Scene, Words } from './scenes.ts';

export function firstRun(rig: Rig): readonly Scene[] {
  return [
    {
      name: 'setup-topics',
      at: 'setup',
      show: async (page, { setup }) => {
        await page.getByRole('textbox', { name: setup.gateway.id }).fill('xian-gw-2');
        await page.locator('input[aria-haspopup=listbox]').fill('Asia/Shanghai');
        await page.getByRole('option', { name: 'Asia/Shanghai' }).click();
        await next(page, setup);
        await page.getByRole('textbox', { name: setup.brokers.brokers }).fill(rig.kafka.bootstrap);
        await page.getByRole('button', { name: setup.brokers.connect }).click();
        await page.getByText(setup.brokers.connected, { exact: true }).waitFor();
        await next(page, setup);
        const grid = page.getByRole('grid', { name: setup.topics.found });
        for (const topic of ['www', 'api', 'order'])
          await grid.getByRole('row').filter({ hasText: topic }).getByRole('checkbox').click();
      },
    },
    {
      name: 'setup-time',
      at: '',
      show: async (page, { setup }) => {
        await next(page, setup);
        await page.getByText('/logs/').first().waitFor();
      },
    },
    {
      name: 'setup-check',
      at: '',
      show: async (page, { setup }) => {
        await next(page, setup);
        await page.getByRole('textbox', { name: setup.target.namenode }).first().fill(rig.hdfs.webhdfs);
        await page.getByRole('button', { name: setup.target.check, exact: true }).click();
        await page.getByText(setup.check.ready).waitFor();
        // The word that the job has ended lies over the page for a moment.
        await page.locator('.mantine-Notification-closeButton').click();
        await page.locator('.mantine-Notification-root').waitFor({ state: 'detached' });
      },
    },
    {
      name: 'setup-review',
      at: '',
      show: async (page, { setup }) => {
        await next(page, setup);
        await page.getByRole('button', { name: setup.review.start }).waitFor();
      },
    },
  ];
}

async function next(page: Page, setup: Words['setup']): Promise<void> {
  await page.getByRole('button', { name: setup.next, exact: true }).click();
}
