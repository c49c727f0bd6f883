/** How a verb finds the running engine: `--state-dir D`, or the state directory of `--config F`, or the platform's default. */
import type { Command } from 'commander';
import { ControlClient } from '../control/control-client.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { defaultStateDirectory } from '../config/state-directory.ts';
import { stateDirOfConfig } from './config-commands.ts';

export interface EngineOptions {
  readonly config?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

/** Adds the options that every verb with an engine shares. */
export function withEngine(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration file that the engine runs')
    .option('-d, --state-dir <directory>', 'the state directory that the engine runs on')
    .option('--json', 'print facts as JSON');
}

export async function connectToEngine(options: EngineOptions): Promise<ControlClient> {
  const stateDir =
    options.stateDir ??
    (options.config === undefined ? defaultStateDirectory() : await stateDirOfConfig(options.config));
  return new ControlClient(controlSocketPath(stateDir));
}
