/** All texts of one language. Each page has its own file, so that pages don't wait for each other. */
import { alerts } from './en/alerts.ts';
import { backlog } from './en/backlog.ts';
import { configuration } from './en/configuration.ts';
import { landings } from './en/landings.ts';
import { overview } from './en/overview.ts';
import { quarantine } from './en/quarantine.ts';
import { settings } from './en/settings.ts';
import { setup } from './en/setup.ts';
import { shell } from './en/shell.ts';
import { widgets } from './en/widgets.ts';

export const en = {
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
} as const;
