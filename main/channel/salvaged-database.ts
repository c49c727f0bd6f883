import { existsSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { crashPoint } from '../telemetry/crash-point.ts';
import { CHANNEL_FILE } from './channel-database.ts';
import { syncDirectory } from './state-directory.ts';

/** A new database that is complete and waits to take the channel's place (doctor/channel-salvage.ts). */
export const SALVAGED_SUFFIX = '.salvaged';

/** One that is being built; whoever opens the channel has the state directory's lock, so nobody works at it any more. */
export const BUILDING_SUFFIX = '.salvaging';

/**
 * Finishes an exchange of the database that was begun: the old log first, which must never be read into the new database; then the database.
 * Both have second names by then. Does nothing when none was begun; may be cut off and made again at any point. What a doctor that was killed had
 * only half built is removed.
 */
export function finishSalvage(directory: string): void {
  const file = join(directory, CHANNEL_FILE);
  removeHalfBuilt(directory);
  if (!existsSync(`${file}${SALVAGED_SUFFIX}`)) return;
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  syncDirectory(directory);
  crashPoint('salvage.after-old-log');
  renameSync(`${file}${SALVAGED_SUFFIX}`, file);
  syncDirectory(directory);
  crashPoint('salvage.after-exchange');
}

export function removeHalfBuilt(directory: string): void {
  for (const suffix of ['', '-wal', '-shm'])
    rmSync(join(directory, `${CHANNEL_FILE}${BUILDING_SUFFIX}${suffix}`), { force: true });
}
