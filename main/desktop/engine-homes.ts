/** Where an engine may be found: the one that the user chose, else the user's own, else the service of this machine. */
import { homedir } from 'node:os';
import { join, posix, win32 } from 'node:path';
import type { DesktopSettings } from '../../shared/contract/desktop.ts';
import { currentSurroundings, defaultStateDirectory, type Surroundings } from '../config/state-directory.ts';
import { controlSocketPath } from '../control/socket-path.ts';

/** Where systemd keeps the state of the unit in build/. */
const SERVICE_STATE_DIRECTORY = '/var/lib/headgate';

export interface EngineHome {
  readonly socketPath: string;
  /** The desktop may start it. A service is started by its service manager. */
  readonly isOwn: boolean;
}

/** The configuration that the user's own engine runs. */
export function ownConfigFile(
  settings: DesktopSettings,
  surroundings: Surroundings = currentSurroundings(),
): string {
  if (settings.engine.configFile !== undefined) return settings.engine.configFile;
  const { platform, environment, home } = surroundings;
  if (platform === 'win32')
    return win32.join(
      environment['ProgramData'] ?? win32.join(home, 'AppData', 'Local'),
      'Headgate',
      'headgate.yaml',
    );
  if (platform === 'darwin')
    return posix.join(home, 'Library', 'Application Support', 'Headgate', 'headgate.yaml');
  return posix.join(configHome(surroundings), 'headgate', 'headgate.yaml');
}

/** XDG_CONFIG_HOME, or its default. */
export function configHome({ environment, home }: Surroundings): string {
  const base = environment['XDG_CONFIG_HOME'];
  return base !== undefined && posix.isAbsolute(base) ? base : posix.join(home, '.config');
}

/**
 * In the order in which they are looked for. `socketOfConfig`: of the engine that the own configuration names, when that can be told.
 */
export function engineHomes(
  settings: DesktopSettings,
  socketOfConfig: string | undefined,
  surroundings: Surroundings = currentSurroundings(),
): readonly EngineHome[] {
  const { platform } = surroundings;
  const { stateDir, configFile } = settings.engine;
  if (stateDir !== undefined) return [{ socketPath: controlSocketPath(stateDir, platform), isOwn: true }];
  const own = {
    socketPath: socketOfConfig ?? controlSocketPath(defaultStateDirectory(surroundings), platform),
    isOwn: true,
  };
  // A chosen configuration is this one engine, and no other will do.
  if (configFile !== undefined || platform === 'win32') return [own];
  const service = { socketPath: controlSocketPath(SERVICE_STATE_DIRECTORY, platform), isOwn: false };
  return own.socketPath === service.socketPath ? [own] : [own, service];
}

/** The folder that holds the user's files of a program on Linux. */
export function linuxConfigHome(): string {
  return configHome({ ...currentSurroundings(), home: homedir() });
}

/** What the packaged app, or the checkout, ships as the engine. */
export interface EngineFiles {
  readonly node: string;
  readonly program: string;
}

/** `resources`: the app's resources folder. */
export function packagedEngine(resources: string, platform: NodeJS.Platform): EngineFiles {
  const node = platform === 'win32' ? 'node.exe' : 'node';
  return {
    node: join(resources, 'node', node),
    program: join(resources, 'engine', 'bin', 'headgate'),
  };
}

export function checkoutEngine(checkout: string, platform: NodeJS.Platform): EngineFiles {
  const node = platform === 'win32' ? 'node.exe' : 'node';
  return {
    node: join(checkout, 'node_modules', 'node', 'bin', node),
    program: join(checkout, 'bin', 'headgate'),
  };
}
