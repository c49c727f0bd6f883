/** How a verb finds the running engine: `--state-dir D`, or the state directory of `--config F`, or the platform's default. */
import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { defaultStateDirectory } from '../config/state-directory.ts';
import { ControlClient } from '../control/control-client.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { stateDirOfConfig } from './state-dir-of-config.ts';

export interface EngineOptions {
  readonly config?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

/** Adds the options that every verb with an engine shares. */
export function withEngine(command: Command): Command {
  return command
    .option('-c, --config <file>', 'find the engine by the configuration file that it runs')
    .option('-d, --state-dir <directory>', 'find it by its state directory')
    .option('--json', 'print facts as JSON');
}

export async function connectToEngine(options: EngineOptions): Promise<ControlClient> {
  const stateDir =
    options.stateDir ??
    (options.config === undefined ? defaultStateDirectory() : await stateDirOfConfig(options.config));
  return new ControlClient(controlSocketPath(stateDir));
}

/** Who throws a switch, as others will read it. */
export function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user may have a number and no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
