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
}

export const PAGES: readonly PageEntry[] = [
  {
    id: 'overview',
    icon: IconLayoutDashboard,
    key: 'o',
    page: lazy(async () => ({ default: (await import('./overview/overview-page.tsx')).OverviewPage })),
  },
  {
    id: 'backlog',
    icon: IconStack2,
    key: 'b',
    page: lazy(async () => ({ default: (await import('./backlog/backlog-page.tsx')).BacklogPage })),
  },
  {
    id: 'landings',
    icon: IconFileImport,
    key: 'l',
    page: lazy(async () => ({ default: (await import('./landings/landings-page.tsx')).LandingsPage })),
  },
  {
    id: 'quarantine',
    icon: IconArchive,
    key: 'q',
    page: lazy(async () => ({ default: (await import('./quarantine/quarantine-page.tsx')).QuarantinePage })),
  },
  {
    id: 'configuration',
    icon: IconSitemap,
    key: 'c',
    page: lazy(async () => ({
      default: (await import('./configuration/configuration-page.tsx')).ConfigurationPage,
    })),
  },
  {
    id: 'alerts',
    icon: IconBell,
    key: 'a',
    page: lazy(async () => ({ default: (await import('./alerts/alerts-page.tsx')).AlertsPage })),
  },
  {
    id: 'settings',
    icon: IconSettings,
    key: 's',
    page: lazy(async () => ({ default: (await import('./settings/settings-page.tsx')).SettingsPage })),
  },
  {
    id: 'setup',
    icon: IconWand,
    key: 'f',
    isHidden: true,
    page: lazy(async () => ({ default: (await import('./setup/setup-page.tsx')).SetupPage })),
  },
];

export function pageOf(id: string): PageEntry | undefined {
  return PAGES.find((page) => page.id === id);
}
