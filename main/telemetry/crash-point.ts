/**
 * Named places where a test may kill the engine (exactly-once.md §6). In production nothing is set and a crash point costs one
 * comparison. `HEADGATE_CRASH_AT=name` or `name:n` kills the whole process with SIGKILL at the n-th time the name is passed,
 * in whichever thread that is; nothing gets a chance to tidy up, as in a power cut that spares the disk.
 */
export const CRASH_POINTS = [
  'put.before-transaction',
  'put.before-commit',
  'put.after-commit',
  'tenure.before-begin',
  'tenure.after-begin',
  'tenure.after-end-txn',
  'commit.before-offset-commit',
  'commit.after-offset-commit',
  'commit.after-end-txn',
  'accept.after-durable',
  'plan.before-commit',
  'plan.after-commit',
  'land.before-create',
  'land.mid-upload',
  'land.after-create',
  'land.after-verify',
  'land.after-stamp',
  'land.after-renaming-durable',
  'land.after-rename',
  'land.before-ledger-commit',
  'land.after-ledger-commit',
  'janitor.before-remove',
  'janitor.after-remove',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

const [wanted, countText] = (process.env['HEADGATE_CRASH_AT'] ?? '').split(':');
let left = Number(countText ?? 1);

/** Dies here when a test asked for it. */
export function crashPoint(name: CrashPoint): void {
  if (wanted !== name || --left > 0) return;
  process.kill(process.pid, 'SIGKILL');
  // SIGKILL is delivered asynchronously to the other threads; this one must not run on meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
}
