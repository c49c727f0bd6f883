/** Where Electron's binary is, if this machine has it: its package is installed without, because not every build machine may download it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const installed = fileURLToPath(new URL('../../node_modules/electron', import.meta.url));
const PROGRAMS: Readonly<Record<string, string>> = {
  linux: 'electron',
  win32: 'electron.exe',
  darwin: 'Electron.app/Contents/MacOS/Electron',
};

export interface ElectronBinary {
  readonly program: string;
  /** The folder that it was unpacked into. */
  readonly folder: string;
}

/** `ELECTRON_OVERRIDE_DIST_PATH` names an unpacked Electron, as it does for Electron itself. Downloads nothing. */
export function findElectron(environment: NodeJS.ProcessEnv = process.env): ElectronBinary | undefined {
  const folder = environment['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(installed, 'dist');
  const named = join(installed, 'path.txt');
  const program = existsSync(named) ? readFileSync(named, 'utf8').trim() : PROGRAMS[process.platform];
  if (program === undefined || !existsSync(join(folder, program))) return undefined;
  return { program: join(folder, program), folder };
}

export const ELECTRON_MISSING = `The Electron binary is not on this machine: npm installs its package without it.
  With access to the place where Electron is published:  npx install-electron --no
  With an unpacked Electron:                             ELECTRON_OVERRIDE_DIST_PATH=/path/to/it
  Without it, the same console opens in a browser:       bin/headgate console --config FILE  (see docs/console.md),
                                                         or npm run demo for a whole site on this machine`;
