/** How a verb finds the running engine: `--state-dir D`, or the state directory of `--config F`, or the platform's default, or the service's. */
import { existsSync } from 'node:fs';
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

/** Where systemd keeps the state of the unit in build/. */
const SERVICE_STATE_DIRECTORY = '/var/lib/headgate';

/** The first of the two where an engine has listened: who calls `headgate status` on a gateway means its service. */
export function likelyStateDirectory(own: string, service: string): string {
  const isThere = (directory: string): boolean => existsSync(controlSocketPath(directory));
  return process.platform !== 'win32' && !isThere(own) && isThere(service) ? service : own;
}

/** Of the engine that is meant, running or not. */
export async function engineStateDirectory(options: EngineOptions): Promise<string> {
  return (
    options.stateDir ??
    (options.config === undefined
      ? likelyStateDirectory(defaultStateDirectory(), SERVICE_STATE_DIRECTORY)
      : await stateDirOfConfig(options.config))
  );
}

export async function connectToEngine(options: EngineOptions): Promise<ControlClient> {
  return new ControlClient(controlSocketPath(await engineStateDirectory(options)));
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
