/**
 * Says that a state directory is being rebuilt after a disk was lost: its books are not whole yet. Whoever would work on them as they
 * are must not; `headgate recover` goes on, and takes the note away when the books are whole.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { GatewayError } from '../../shared/errors.ts';
import { syncDirectory } from './state-directory.ts';

const FILE = 'recovering.json';
const FILE_MODE = 0o600;

/** From here on no engine starts on the directory; durable when it returns. */
export function noteRecovery(directory: string, facts: Readonly<Record<string, unknown>>): void {
  const path = join(directory, FILE);
  if (existsSync(path)) return;
  writeFileSync(path, `${JSON.stringify(facts)}\n`, { mode: FILE_MODE, flush: true });
  syncDirectory(directory);
}

export function isRecoveryUnfinished(directory: string): boolean {
  return existsSync(join(directory, FILE));
}

export function forgetRecovery(directory: string): void {
  rmSync(join(directory, FILE), { force: true });
  syncDirectory(directory);
}

/** Throws `state-dir-unusable` when `headgate recover` began on the directory and did not end. */
export function refuseUnfinishedRecovery(directory: string): void {
  const path = join(directory, FILE);
  if (!existsSync(path)) return;
  throw new GatewayError({
    code: 'state-dir-unusable',
    operation: 'open the state directory',
    place: directory,
    message: `A recovery of this state directory began and did not end: ${readFileSync(path, 'utf8').trim()}.`,
    retry: 'never',
    hint: 'Run the same `headgate recover` again: it goes on where it ended. Its books are not whole before.',
  });
}
