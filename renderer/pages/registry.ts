/** The pages: address, icon, key after `g`, and the file that is loaded when it is first opened. */
import {
  IconArchive,
  IconBell,
  IconWand,
  IconFileImport,
  IconLayoutDashboard,
  IconSettings,
  IconSitemap,
  IconStack2,
  type Icon,
} from '@tabler/icons-react';
import type { ComponentType, LazyExoticComponent } from 'react';
import { latePart } from '../client/late-part.ts';
import type { en } from '../text/en.ts';
import { loadChart } from '../widgets/chart.tsx';

export type PageId = keyof typeof en.shell.pages;

export interface PageEntry {
  readonly id: PageId;
  readonly icon: Icon;
  /** Pressed after `g`. */
  readonly key: string;
  /** Not in the navigation: only where the engine has no configuration. */
  readonly isHidden?: boolean;
  readonly page: LazyExoticComponent<ComponentType>;
  /** Fetches its code before it is opened. */
  readonly preload: () => Promise<unknown>;
}

function loaded(load: () => Promise<ComponentType>): Pick<PageEntry, 'page' | 'preload'> {
  return { page: latePart(load), preload: load };
}

export const PAGES: readonly PageEntry[] = [
  {
    id: 'overview',
    icon: IconLayoutDashboard,
    key: 'o',
    ...loaded(async () => (await import('./overview/overview-page.tsx')).OverviewPage),
  },
  {
    id: 'backlog',
    icon: IconStack2,
    key: 'b',
    ...loaded(async () => (await import('./backlog/backlog-page.tsx')).BacklogPage),
  },
  {
    id: 'landings',
    icon: IconFileImport,
    key: 'l',
    ...loaded(async () => (await import('./landings/landings-page.tsx')).LandingsPage),
  },
  {
    id: 'quarantine',
    icon: IconArchive,
    key: 'q',
    ...loaded(async () => (await import('./quarantine/quarantine-page.tsx')).QuarantinePage),
  },
  {
    id: 'configuration',
    icon: IconSitemap,
    key: 'c',
    ...loaded(async () => (await import('./configuration/configuration-page.tsx')).ConfigurationPage),
  },
  {
    id: 'alerts',
    icon: IconBell,
    key: 'a',
    ...loaded(async () => (await import('./alerts/alerts-page.tsx')).AlertsPage),
  },
  {
    id: 'settings',
    icon: IconSettings,
    key: 's',
    ...loaded(async () => (await import('./settings/settings-page.tsx')).SettingsPage),
  },
  {
    id: 'setup',
    icon: IconWand,
    key: 'f',
    isHidden: true,
    ...loaded(async () => (await import('./setup/setup-page.tsx')).SetupPage),
  },
];

export function pageOf(id: string): PageEntry | undefined {
  return PAGES.find((page) => page.id === id);
}

/**
 * The code of every page, while there is an engine to ask for it: with the engine gone, or another version of the console in its place, a
 * page that was never opened could not be opened any more. A failure is no matter here: `latePart` knows what to do when it is opened.
 */
export function preloadPages(): void {
  const pages = PAGES.filter(({ isHidden }) => isHidden !== true);
  void Promise.allSettled([loadChart(), ...pages.map(({ preload }) => preload())]);
}
