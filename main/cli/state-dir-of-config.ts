import { dirname } from 'node:path';
import { isRawMap } from '../../shared/contract/config-table.ts';
import { readConfigFile, usableConfig, type LoadedConfig } from '../config/config-file.ts';
import { ReferenceReader } from '../config/config-reference.ts';
import { parseConfigText, writtenTree } from '../config/config-text.ts';

/**
 * The state directory that a configuration names, also when the file can't be used otherwise: the engine goes on with the version
 * before a bad edit, and must be found just then. Throws `config-invalid` or `config-unreadable` when nothing can be told.
 */
export async function stateDirOfConfig(path: string): Promise<string> {
  const loaded = await readConfigFile(path);
  return loaded.config?.gateway.stateDir ?? writtenStateDir(loaded) ?? usableConfig(loaded).gateway.stateDir;
}

function writtenStateDir(loaded: LoadedConfig): string | undefined {
  const text = parseConfigText(loaded.text);
  if (text.problems.length > 0) return undefined;
  const gateway = writtenTree(text)['gateway'];
  const written = isRawMap(gateway) ? gateway['stateDir'] : undefined;
  if (typeof written !== 'string') return undefined;
  const references = new ReferenceReader({ environment: process.env, folder: dirname(loaded.path) });
  const expansion = references.expand(written);
  return 'value' in expansion ? expansion.value : undefined;
}
