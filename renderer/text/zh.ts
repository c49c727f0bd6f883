/** All texts of one language. Each page has its own file, so that pages don't wait for each other. */
import { alerts } from './zh/alerts.ts';
import { backlog } from './zh/backlog.ts';
import { configuration } from './zh/configuration.ts';
import { landings } from './zh/landings.ts';
import { overview } from './zh/overview.ts';
import { quarantine } from './zh/quarantine.ts';
import { settings } from './zh/settings.ts';
import { setup } from './zh/setup.ts';
import { shell } from './zh/shell.ts';
import { widgets } from './zh/widgets.ts';
import type { en } from './en.ts';
import type { TextsOf } from './texts-of.ts';

export const zh: TextsOf<typeof en> = {
  shell,
  widgets,
  overview,
  backlog,
  landings,
  quarantine,
  configuration,
  alerts,
  settings,
  setup,
};
