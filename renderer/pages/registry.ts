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
import { lazy, type ComponentType, type LazyExoticComponent } from 'react';
import type { en } from '../text/en.ts';

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

/** The code of a page could not be fetched: there was no engine to ask, or it serves another build by now. Only the whole page, loaded again, helps. */
export class PageNotLoaded extends Error {}

function loaded(load: () => Promise<ComponentType>): Pick<PageEntry, 'page' | 'preload'> {
  const page = lazy(async () => {
    try {
      return { default: await load() };
    } catch (cause) {
      throw new PageNotLoaded(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  });
  return { page, preload: load };
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
 * page that was never opened could not be opened any more. A failure is no matter: the page is asked for again when it is opened.
 */
export function preloadPages(): void {
  void Promise.allSettled(PAGES.filter(({ isHidden }) => isHidden !== true).map(({ preload }) => preload()));
}
