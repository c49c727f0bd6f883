import { usableConfig, type LoadedConfig } from '../../config/config-file.ts';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { readFileState, reviewText } from '../config-review.ts';

/** What the desks that try things know of configurations; without a running flow (first run) there are only texts. */
export interface TrialConfigs {
  /** What runs; undefined: nothing does. */
  readonly running: () => LoadedConfig | undefined;
  /** Reads a text that somebody hands over, marks of kept secrets resolved. */
  readonly resolveText: (text: string) => Promise<LoadedConfig>;
  /** Folder and environment that `${file:}` and `${env:}` are looked up in: those of this path's file. */
  readonly path: () => string;
}

/** Texts over the file at a path: kept secrets are those of the file as it is now. */
export function trialConfigsOf(path: () => string, running: () => LoadedConfig | undefined): TrialConfigs {
  return {
    running,
    path,
    resolveText: async (text) => {
      const { text: base } = await readFileState(path());
      return reviewText(text, { path: path(), base });
    },
  };
}

/** The configuration that is meant: of the text, or the running one. Throws `config-invalid`, and `setup-needed` when there is none. */
export async function meantConfig(
  configs: TrialConfigs,
  text: string | undefined,
): Promise<{ readonly config: GatewayConfig; readonly loaded: LoadedConfig } | undefined> {
  const loaded = text === undefined ? configs.running() : await configs.resolveText(text);
  return loaded === undefined ? undefined : { config: usableConfig(loaded), loaded };
}
