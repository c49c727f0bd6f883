/**
 * Opens an address that carries a secret in the desktop's browser. Every user of the machine can read the arguments of every process, so the
 * address is not one of them: the browser is given a file, for this user alone, that leads on, and is removed soon after.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../telemetry/clock.ts';

/** A browser that has to start first has read the file by then. */
const FILE_MS = 15_000;

export interface Desktop {
  readonly platform: NodeJS.Platform;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The program that opens a file the way a double click does; undefined where there is no desktop. */
export function openerOf({ platform, environment }: Desktop): readonly [string, ...string[]] | undefined {
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  if (platform === 'darwin') return ['open'];
  const hasDesktop = (environment['DISPLAY'] ?? '') !== '' || (environment['WAYLAND_DISPLAY'] ?? '') !== '';
  return hasDesktop ? ['xdg-open'] : undefined;
}

export interface Opening {
  readonly opener: readonly [string, ...string[]];
  /** Takes the file away at once. */
  readonly signal: AbortSignal;
}

/** Whether the opener took it; resolves when the file has gone again. */
export async function openInBrowser(url: string, { opener, signal }: Opening): Promise<boolean> {
  const folder = await mkdtemp(join(tmpdir(), 'headgate-open-'));
  const file = join(folder, 'console.html');
  try {
    await chmod(folder, 0o700);
    await writeFile(file, leadingPage(url), { mode: 0o600, flag: 'wx' });
    const [program, ...words] = opener;
    const isTaken = await new Promise<boolean>((resolve) => {
      const child = spawn(program, [...words, file], { stdio: 'ignore', detached: true });
      child.once('error', () => resolve(false));
      child.once('exit', (code) => resolve(code === 0));
      child.unref();
    });
    if (isTaken) await sleepUnlessAborted(FILE_MS, signal);
    return isTaken;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sleepUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await systemClock.sleep(ms, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Nothing of the address can end the attribute: it is ours, and escaped all the same. */
function leadingPage(url: string): string {
  const shown = url.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><meta http-equiv="refresh" content="0;url=${shown}"><title>Headgate</title>\n`;
}
