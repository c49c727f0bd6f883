import { spawnSync } from 'node:child_process';

/**
 * For `describe.skipIf(skipsWithoutStrace('…'))`: true, with a warning on the console, where system calls can't be recorded (no Linux, no strace,
 * or a container that forbids ptrace). With CI=true only a strace that is not installed is an excuse.
 */
export function skipsWithoutStrace(suite: string): boolean {
  const tried = spawnSync('strace', ['-f', '-o', '/dev/null', 'true'], { encoding: 'utf8' });
  if (tried.status === 0) return false;
  const isInstalled = tried.error === undefined;
  if (isInstalled && process.env['CI'] === 'true') return false;
  console.warn(`SKIPPED: ${suite} needs strace: ${tried.error?.message ?? tried.stderr.trim()}`);
  return true;
}
