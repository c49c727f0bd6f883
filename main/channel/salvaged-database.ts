import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { CHANNEL_FILE } from './channel-database.ts';
import { syncDirectory } from './state-directory.ts';

/** A new database that is complete and waits to take the channel's place (doctor/channel-salvage.ts). */
export const SALVAGED_SUFFIX = '.salvaged';

/**
 * Finishes an exchange of the database that was begun: the old log first, which must never be read into the new database; then the database.
 * Both have second names by then. Does nothing when none was begun; may be cut off and made again at any point.
 */
export function finishSalvage(directory: string): void {
  const file = join(directory, CHANNEL_FILE);
  if (!existsSync(`${file}${SALVAGED_SUFFIX}`)) return;
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  syncDirectory(directory);
  renameSync(`${file}${SALVAGED_SUFFIX}`, file);
  syncDirectory(directory);
}
