/** The renderer as it is built, for tests that open it in a browser: built once, and again only when a source is newer. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../rig/until.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START = join(ROOT, 'dist/renderer/index.html');
const LOCK = join(ROOT, 'dist/renderer.lock');
/** Two test files at a time may want it. */
const OTHERS_BUILD_LIMIT_MS = 120_000;

export async function buildPages(): Promise<void> {
  if (await isFresh()) return;
  await mkdir(join(ROOT, 'dist'), { recursive: true });
  try {
    await mkdir(LOCK);
  } catch (error) {
    if (!(error instanceof Error) || Reflect.get(error, 'code') !== 'EEXIST') throw error;
    await until('another test builds the renderer', async () => !(await isLocked()), OTHERS_BUILD_LIMIT_MS);
    // It may have failed, or been killed in the middle.
    return buildPages();
  }
  try {
    const vite = join(ROOT, 'node_modules/vite/bin/vite.js');
    await promisify(execFile)(process.execPath, [vite, 'build', '--config', 'renderer/vite.config.ts'], {
      cwd: ROOT,
    });
  } finally {
    await rm(LOCK, { recursive: true, force: true });
  }
}

/** A lock that is older than a build can take was left by a test that was killed. */
async function isLocked(): Promise<boolean> {
  const sinceMs = await modifiedMs(LOCK);
  if (sinceMs === undefined) return false;
  if (Date.now() - sinceMs < OTHERS_BUILD_LIMIT_MS) return true;
  await rm(LOCK, { recursive: true, force: true });
  return false;
}

async function isFresh(): Promise<boolean> {
  const built = await modifiedMs(START);
  if (built === undefined) return false;
  for (const folder of ['renderer', 'shared']) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const changed = entry.isFile() ? await modifiedMs(join(entry.parentPath, entry.name)) : undefined;
      if (changed !== undefined && changed > built) return false;
    }
  }
  return true;
}

async function modifiedMs(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.mtimeMs;
}
