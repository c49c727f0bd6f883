/** Where a gateway keeps its state when the file names no directory. */
import { homedir } from 'node:os';
import { posix, win32 } from 'node:path';

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** 0 is the superuser; `undefined` where there are no user ids. */
  readonly userId: number | undefined;
}

export function currentSurroundings(): Surroundings {
  return {
    platform: process.platform,
    environment: process.env,
    home: homedir(),
    userId: process.getuid?.(),
  };
}

/**
 * Services: `/var/lib/headgate`, `%ProgramData%/Headgate`; people: the platform's folder for application state (XDG base directories,
 * `~/Library/Application Support`). It does not hang on the gateway's id, so that `headgate status` finds the engine without a configuration;
 * a second gateway on one machine names a directory of its own.
 */
export function defaultStateDirectory(surroundings: Surroundings = currentSurroundings()): string {
  const { platform, environment, home, userId } = surroundings;
  if (platform === 'win32')
    return win32.join(environment['ProgramData'] ?? win32.join(home, 'AppData', 'Local'), 'Headgate');
  // systemd makes this directory for a unit with StateDirectory= and says so.
  const given = environment['STATE_DIRECTORY']?.split(':')[0];
  if (given !== undefined && posix.isAbsolute(given)) return given;
  if (userId === 0) return '/var/lib/headgate';
  if (platform === 'darwin') return posix.join(home, 'Library', 'Application Support', 'Headgate');
  const base = environment['XDG_STATE_HOME'];
  return posix.join(
    base !== undefined && posix.isAbsolute(base) ? base : posix.join(home, '.local', 'state'),
    'headgate',
  );
}
