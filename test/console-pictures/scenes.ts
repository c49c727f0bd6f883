/** What is pictured: which page, what somebody does on it first, and what must be seen then. */
import type { Locator, Page } from 'playwright-core';
import { en } from '../../renderer/text/en.ts';
import { zh } from '../../renderer/text/zh.ts';
import { GATEWAY, OTHER_GATEWAY } from './picture-config.ts';

export const WORDS = { en, zh } as const;
export type Language = keyof typeof WORDS;
/** The same keys in each language; a text is whatever it is there. */
type Texts<T> = T extends string ? string : { readonly [K in keyof T]: Texts<T[K]> };
export type Words = Texts<typeof en>;

export interface Scene {
  /** Of the picture's file. */
  readonly name: string;
  /** The address behind `#/`. */
  readonly at: string;
  /** Leads to what is pictured, and waits until it is there. */
  readonly show: (page: Page, words: Words) => Promise<void>;
  /** Pictured in 简体中文 too. */
  readonly isInChinese?: boolean;
}

/** While everything runs. */
export const SCENES: readonly Scene[] = [
  {
    name: 'overview',
    at: 'overview',
    isInChinese: true,
    show: async (page, { overview }) => {
      await page.getByText(overview.charts.day, { exact: true }).click();
      await seen(page.locator('canvas').nth(2));
      await page.locator('[data-node="source:orders"][data-state=flowing]').waitFor();
    },
  },
  {
    name: 'pause',
    at: 'overview',
    show: async (page, { overview }) => {
      await page.getByRole('button', { name: overview.switch.pauseAll }).click();
      await seen(page.getByRole('dialog').getByText(overview.switch.pauseConsequence));
    },
  },
  { name: 'backlog', at: 'backlog', isInChinese: true, show: (page) => rows(page) },
  {
    name: 'backlog-peek',
    at: 'backlog',
    show: async (page, { backlog }) => {
      const list = page.getByRole('grid', { name: backlog.list });
      await list.getByRole('row').filter({ hasText: '/www/' }).nth(3).click();
      const drawer = page.getByRole('dialog', { name: backlog.key.title });
      await firstRow(drawer.getByRole('grid', { name: backlog.peek.label })).click();
      await seen(drawer.getByRole('region', { name: backlog.peek.event }));
    },
  },
  { name: 'landings', at: 'landings', show: (page) => rows(page) },
  {
    name: 'landing',
    at: 'landings',
    show: async (page, { landings }) => {
      await firstRow(page.getByRole('grid')).click();
      await seen(page.getByRole('dialog').getByText(landings.parts));
    },
  },
  {
    name: 'directories',
    at: 'landings?tab=directories',
    show: async (page, { landings }) => {
      await seen(page.getByText(landings.directories.states.complete, { exact: true }).first());
      await seen(page.getByText(said(landings.directories.revision, { number: 2 })).first());
    },
  },
  {
    name: 'audit',
    at: 'landings?tab=audit',
    isInChinese: true,
    show: async (page) => seen(firstRow(page.getByRole('grid').first())),
  },
  { name: 'quarantine', at: 'quarantine', show: (page) => rows(page) },
  {
    name: 'quarantine-event',
    at: 'quarantine',
    show: async (page, { quarantine }) => {
      await firstRow(page.getByRole('grid').last()).click();
      await seen(page.getByRole('dialog').getByText(quarantine.headers));
    },
  },
  {
    name: 'configuration',
    at: 'configuration',
    isInChinese: true,
    show: async (page, { configuration }) => {
      await replaceInYaml(page, 'hdfs.rollInterval: 5s', 'hdfs.rollInterval: soon');
      const problems = page.getByRole('region', { name: configuration.problems.title });
      await problems.getByRole('button').first().click();
      await page.getByText('hdfs.rollInterval', { exact: true }).first().scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'configuration-try',
    at: 'configuration?try=topic',
    show: async (page, { configuration }) => {
      await replaceInYaml(page, '/logs/%{topic}/%Y-%m-%d/%H', '/logs/%{topic}/%Y-%m-%d');
      await page.getByRole('button', { name: configuration.try.run, exact: true }).click();
      await seen(page.getByText(configuration.try.difference));
    },
  },
  {
    name: 'configuration-diff',
    at: 'configuration',
    show: async (page, { configuration }) => {
      await replaceInYaml(page, 'batchSize: 2000', 'batchSize: 5000');
      await replaceInYaml(page, 'capacityBytes: 20GiB', 'capacityBytes: 40GiB');
      await replaceInYaml(page, 'hdfs.rollInterval: 5s', 'hdfs.rollInterval: 10min');
      await page.getByText(configuration.views.diff, { exact: true }).click();
      await seen(page.getByText('hdfs.rollInterval: 10min').first());
      await seen(page.getByText(configuration.change.title));
    },
  },
  {
    name: 'configuration-apply',
    at: 'configuration',
    show: async (page, { configuration }) => {
      await replaceInYaml(page, 'hdfs.rollInterval: 5s', 'hdfs.rollInterval: 10min');
      const apply = page.locator('[data-apply]:not([aria-disabled=true])');
      await apply.click();
      await seen(page.getByRole('dialog').getByLabel(configuration.note));
    },
  },
  {
    name: 'configuration-history',
    at: 'configuration?view=history',
    show: async (page) => {
      await page.getByText('archive copy').first().click();
      await seen(page.getByText('zhang.min').first());
    },
  },
  {
    name: 'settings',
    at: 'settings',
    isInChinese: true,
    show: (page) => seen(page.getByText('xian-gw-1').nth(1)),
  },
];

/** While the cluster is away. */
export const OUTAGE_SCENES: readonly Scene[] = [
  {
    name: 'overview-outage',
    at: 'overview',
    show: async (page, { overview }) => {
      await page.locator('[data-node="sink:hadoop"][data-state=waiting]').waitFor();
      await seen(page.getByRole('region', { name: overview.alerts.title }));
      await seen(page.locator('canvas').nth(2));
    },
  },
  {
    name: 'alerts',
    at: 'alerts',
    isInChinese: true,
    show: (page, { alerts }) => seen(page.getByText(alerts.advice).first()),
  },
  { name: 'alerts-past', at: 'alerts?view=past', show: (page) => rows(page) },
  { name: 'log', at: 'alerts?view=log', show: (page) => rows(page) },
];

/** While another gateway shares the group, and may not write. */
export const FLEET_SCENE: Scene = {
  name: 'fleet',
  at: 'overview',
  show: async (page, words) => {
    const { fleet } = words.overview;
    const other = fleetRow(page, words, OTHER_GATEWAY);
    await seen(other.filter({ hasText: fleet.states.paused }));
    await seen(other.getByText(said(words.overview.pipeline.events, { events: '' })));
    await seen(fleetRow(page, words, GATEWAY).filter({ hasText: fleet.own }));
    // By the keyboard alone.
    await other.getByRole('button').focus();
    await page.keyboard.press('Enter');
    await seen(page.getByRole('table').getByRole('listitem').first());
    await page.getByRole('table').scrollIntoViewIfNeeded();
  },
};

/** After it died with what it held. */
export const SILENT_SCENE: Scene = {
  name: 'fleet-silent',
  at: 'overview',
  isInChinese: true,
  show: async (page, words) => {
    const { fleet, alerts } = words.overview;
    await seen(fleetRow(page, words, OTHER_GATEWAY).filter({ hasText: fleet.states.silent }));
    await seen(page.getByText(said(fleet.silentHint, { gateway: OTHER_GATEWAY })));
    await seen(page.getByRole('region', { name: alerts.title }).filter({ hasText: OTHER_GATEWAY }));
    await seen(page.locator('canvas').nth(2));
    // The card and the charts below it: the alarm above is on other pictures.
    await page.getByRole('table').evaluate((table) => table.closest('section')?.scrollIntoView());
  },
};

function fleetRow(page: Page, { overview }: Words, gateway: string): Locator {
  return page
    .getByRole('table', { name: overview.fleet.title })
    .getByRole('row')
    .filter({ has: page.getByRole('rowheader', { name: gateway }) });
}

/** A text with its values filled in. */
function said(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name] ?? '')).trim();
}

async function rows(page: Page): Promise<void> {
  await seen(firstRow(page.getByRole('grid').last()));
}

function firstRow(grid: Locator): Locator {
  return grid.getByRole('row').nth(1);
}

/** With the editor's own search, as somebody at the keyboard would. */
async function replaceInYaml(page: Page, before: string, after: string): Promise<void> {
  await page.locator('.cm-content').click();
  await page.keyboard.press('Control+f');
  await page.locator('.cm-search input[name=search]').fill(before);
  await page.locator('.cm-search input[name=replace]').fill(after);
  await page.locator('.cm-search input[name=search]').press('Enter');
  await page.locator('.cm-search input[name=replace]').press('Enter');
  await page.keyboard.press('Escape');
  await seen(
    page
      .locator('.cm-content')
      .getByText(after.split(' ').at(-1) ?? after)
      .first(),
  );
}

async function seen(locator: Locator): Promise<void> {
  await locator.waitFor();
}
