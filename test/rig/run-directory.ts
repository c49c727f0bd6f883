import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A fresh directory for one server's data, configuration and logs, under the system's temporary directory. */
export function makeRunDirectory(name: string): Promise<string> {
  return mkdtemp(join(tmpdir(), `headgate-rig-${name}-`));
}

/** Removes a run directory. With HEADGATE_RIG_KEEP=1 it stays, for reading the logs afterwards. */
export async function removeRunDirectory(directory: string): Promise<void> {
  if (process.env['HEADGATE_RIG_KEEP'] === '1') return;
  await rm(directory, { recursive: true, force: true, maxRetries: 3 });
}
