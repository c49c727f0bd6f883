import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * Reads what strace wrote (`-f -xx`): which calls a process made on files, with their bytes, in the order in which they began and ended.
 * Calls of several threads overlap: strace prints the beginning of one that is overtaken as `<unfinished ...>` and its end as
 * `<... name resumed>`. A call has come before another one only if it had ended when the other one began.
 */
export interface SystemCall {
  readonly name: string;
  /** As strace prints them; strings are `"\x2f\x61"`. */
  readonly args: string;
  readonly result: number;
  /** Lines of the trace, counted on from the process before. */
  readonly beginsAt: number;
  readonly endsAt: number;
}

/** What the recording asks strace for. A call that changes a file and is not listed here would go unseen. */
export const TRACED_CALLS = [
  ...['open', 'openat', 'creat', 'close', 'dup', 'dup2', 'dup3', 'fcntl', 'lseek', 'truncate', 'ftruncate'],
  ...[
    'write',
    'writev',
    'pwrite64',
    'pwritev',
    'pwritev2',
    'fsync',
    'fdatasync',
    'sync_file_range',
    'sync',
    'syncfs',
  ],
  ...[
    'rename',
    'renameat',
    'renameat2',
    'link',
    'linkat',
    'symlink',
    'symlinkat',
    'unlink',
    'unlinkat',
    'rmdir',
  ],
  ...['mkdir', 'mkdirat', 'fallocate', 'copy_file_range', 'sendfile', 'io_uring_setup'],
] as const;

/** Longer than any single write of the engine: strace cuts off what is longer, and the reader throws then. */
export const STRING_BYTES_MAX = 4 * 1024 * 1024;

const WHOLE = /^(\d+) +([a-z_0-9]+)\((.*)\) += (-?\d+|\?)/s;
const BEGUN = /^(\d+) +([a-z_0-9]+)\((.*) <unfinished \.\.\.>$/s;
const RESUMED = /^(\d+) +<\.\.\. ([a-z_0-9]+) resumed>(.*)\) += (-?\d+|\?)/s;

/**
 * All calls that succeeded, in the order of their beginnings. Throws when the process died in the middle of a call that changes a file: then
 * nobody can say whether it was made. `linesBefore`: of the traces of processes that ran before this one.
 */
export async function readTrace(path: string, linesBefore: number): Promise<SystemCall[]> {
  const calls: SystemCall[] = [];
  const open = new Map<string, { readonly name: string; readonly args: string; readonly at: number }>();
  let at = linesBefore;
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    at++;
    const whole = WHOLE.exec(line);
    if (whole !== null) {
      const [, , name = '', args = '', result = ''] = whole;
      add(calls, { name, args, result, beginsAt: at, endsAt: at });
      continue;
    }
    const [, thread = '', name = '', args = ''] = BEGUN.exec(line) ?? [];
    if (name !== '') {
      open.set(thread, { name, args, at });
      continue;
    }
    const resumed = RESUMED.exec(line);
    const begun = open.get(resumed?.[1] ?? '');
    if (resumed === null || begun === undefined) continue;
    open.delete(resumed[1] ?? '');
    const [, , , rest = '', result = ''] = resumed;
    add(calls, { name: begun.name, args: begun.args + rest, result, beginsAt: begun.at, endsAt: at });
  }
  const undecided = [...open.values()].find(
    ({ name }) => !['close', 'fcntl', 'lseek', 'fsync', 'fdatasync'].includes(name),
  );
  if (undecided !== undefined) throw new Error(`the process died in the middle of ${undecided.name}`);
  return calls.toSorted((a, b) => a.beginsAt - b.beginsAt || a.endsAt - b.endsAt);
}

function add(calls: SystemCall[], call: Omit<SystemCall, 'result'> & { readonly result: string }): void {
  const result = Number(call.result);
  if (result >= 0) calls.push({ ...call, result });
}

/** The strings among the arguments, as bytes. */
export function stringsOf(args: string): Buffer[] {
  const found: Buffer[] = [];
  for (let at = args.indexOf('"'); at >= 0; at = args.indexOf('"', at + 1)) {
    const end = args.indexOf('"', at + 1);
    if (args.startsWith('...', end + 1)) throw new Error('strace cut a string off: raise STRING_BYTES_MAX');
    found.push(Buffer.from(args.slice(at + 1, end).replaceAll('\\x', ''), 'hex'));
    at = end;
  }
  return found;
}

/** The first argument as a file descriptor. */
export function descriptorOf(args: string): number {
  return Number.parseInt(args, 10);
}

/** The last argument as a number. */
export function lastNumberOf(args: string): number {
  return Number(args.slice(args.lastIndexOf(',') + 1));
}
