/**
 * A configuration file that was edited while no engine ran is held to what an edit under a running engine is held to (config-applier.ts): it may
 * not orphan what the state directory holds. It is compared with the version that ran last; a state directory that came to hold something
 * for a missing part in another way (damage found after its source was removed) still starts, and says so.
 */
import { orphaned } from '../config/config-change.ts';
import { readConfigText, type LoadedConfig } from '../config/config-file.ts';
import type { ConfigStore } from '../config/config-store.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { GatewayError } from '../../shared/errors.ts';
import type { Holdings } from '../../shared/model/holdings.ts';

export interface StartCheck {
  readonly loaded: LoadedConfig;
  readonly config: GatewayConfig;
  readonly history: Pick<ConfigStore, 'list' | 'read'>;
  readonly holdings: () => Promise<Holdings>;
}

/** Throws `config-change-refused`; nothing is changed then, and the version is not recorded. */
export async function refuseOrphans({ loaded, config, history, holdings }: StartCheck): Promise<void> {
  const newest = (await history.list()).at(-1);
  if (newest === undefined) return;
  const text = await history.read(newest.number);
  if (text === undefined || text === loaded.text) return;
  // One that can't be read any more (an environment variable that is gone) tells nothing.
  const before = readConfigText(text, { path: loaded.path }).config;
  if (before === undefined) return;
  const refused = orphaned(before, config, await holdings());
  if (refused.length === 0) return;
  throw new GatewayError({
    code: 'config-change-refused',
    operation: 'start with the edited configuration',
    place: loaded.path,
    message: refused.map(({ kind, name, reason }) => `${kind} ${name}: ${reason}`).join('; '),
    retry: 'never',
    hint: `Nothing was started, and nothing is lost. Put it back into the file, start, and let go of it later. ${refused[0]?.hint ?? ''}`,
  });
}
