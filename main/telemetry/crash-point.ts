/**
 * Named places where a test may kill the engine (exactly-once.md §6). In production nothing is set and a crash point costs one
 * comparison. `HEADGATE_CRASH_AT=name` or `name:n` kills the whole process with SIGKILL at the n-th time the name is passed,
 * in whichever thread that is; nothing gets a chance to tidy up, as in a power cut that spares the disk. With
 * `HEADGATE_CRASH_SIGNAL=SIGTERM` the process is asked to stop at that moment instead, and goes on. `HEADGATE_STALL_AT=name` makes the
 * thread stand still there for good.
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
  'land.after-marker',
  'land.after-rename',
  'land.before-ledger-commit',
  'land.after-ledger-commit',
  'complete.before-commit',
  'complete.after-commit',
  'complete.after-create',
  'complete.after-rename',
  'retry.before-commit',
  'retry.after-commit',
  'claim.before-commit',
  'claim.after-commit',
  'redeem.before-commit',
  'redeem.after-commit',
  'memory-lost.before-commit',
  'memory-lost.after-commit',
  'spill.before-commit',
  'spill.after-commit',
  'repair.before-commit',
  'repair.after-commit',
  'salvage.after-copy',
  'salvage.after-proof',
  'salvage.after-second-names',
  'salvage.after-new-name',
  'salvage.after-old-log',
  'salvage.after-exchange',
  'janitor.before-remove',
  'janitor.after-remove',
  'config.before-file',
  'config.after-file',
  'config.after-history',
  'recover.after-shut-out',
  'recover.after-files',
  'recover.before-books-commit',
  'recover.after-books-commit',
  'recover.after-facts-ended',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

const order = parseCrashOrder(process.env['HEADGATE_CRASH_AT'] ?? '');
let left = order?.pass ?? 0;
const stopOrder = parseCrashOrder(process.env['HEADGATE_STOP_AT'] ?? '');
let leftToStop = stopOrder?.pass ?? 0;
const stallOrder = parseCrashOrder(process.env['HEADGATE_STALL_AT'] ?? '');
let leftToStall = stallOrder?.pass ?? 0;
const isStopOnly = process.env['HEADGATE_CRASH_SIGNAL'] === 'SIGTERM';

/** Reads `name` or `name:n`. A name that no code passes would make a test that can't fail, so it throws. */
export function parseCrashOrder(
  text: string,
): { readonly name: CrashPoint; readonly pass: number } | undefined {
  if (text === '') return undefined;
  const [name, pass = '1'] = text.split(':');
  const known = CRASH_POINTS.find((one) => one === name);
  if (known === undefined || !/^[1-9]\d{0,8}$/.test(pass))
    throw new Error(`HEADGATE_CRASH_AT or HEADGATE_STOP_AT is ${text}: not a crash point, or not a count`);
  return { name: known, pass: Number(pass) };
}

/** Dies here, or is asked to stop, when a test asked for it. */
export function crashPoint(name: CrashPoint): void {
  if (stopOrder?.name === name && --leftToStop === 0) process.kill(process.pid, 'SIGTERM');
  // A thread that stands still for good, as one does that waits for a disk that never answers.
  if (stallOrder?.name === name && --leftToStall === 0)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  if (order?.name !== name || --left > 0) return;
  if (isStopOnly) {
    if (left === 0) process.kill(process.pid, 'SIGTERM');
    return;
  }
  process.kill(process.pid, 'SIGKILL');
  // SIGKILL is delivered asynchronously to the other threads; this one must not run on meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10_000);
}
