import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';

/** Of the interface between Linux and its programs, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100;
const HALF_TICK_SECONDS = 0.5 / TICKS_PER_SECOND;
const KIB = 1024;
const SAMPLE_MS = 250;
/** Fields of `/proc/<pid>/stat` after the command's closing bracket: utime and stime (proc(5), fields 14 and 15). */
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

/** CPU time that a process has used, in seconds. */
export interface CpuSeconds {
  readonly total: number;
  /** Of the main thread alone. */
  readonly main: number;
  /** By the name that the thread has in the kernel; threads of one name together. */
  readonly byThread: Readonly<Record<string, number>>;
}

/**
 * What the kernel says of another process, from `/proc` (Linux only): nothing runs inside the measured process for it. The kernel
 * keeps the highest resident size itself, so no peak falls between two samples.
 */
export class ProcessMeter {
  readonly pid: number;

  constructor(pid: number | undefined) {
    if (process.platform !== 'linux') throw new Error('the benches read /proc and so run on Linux only');
    if (pid === undefined) throw new Error('the process to measure does not run');
    this.pid = pid;
  }

  rssBytes(): number {
    return this.#status('VmRSS');
  }

  /** The highest resident size since the process started. */
  peakRssBytes(): number {
    return this.#status('VmHWM');
  }

  cpu(): CpuSeconds {
    const byThread: Record<string, number> = {};
    let main = 0;
    for (const id of readdirSync(`/proc/${this.pid}/task`)) {
      const stat = readIfThere(`/proc/${this.pid}/task/${id}/stat`);
      if (stat === undefined) continue;
      const { name, seconds } = cpuOf(stat);
      if (Number(id) === this.pid) main = seconds;
      byThread[name] = (byThread[name] ?? 0) + seconds;
    }
    const { seconds: total } = cpuOf(readFileSync(`/proc/${this.pid}/stat`, 'latin1'));
    return { total, main, byThread };
  }

  /** Established TCP connections of this process to a port of this machine. */
  connectionsTo(port: number): number {
    const own = new Set<string>();
    for (const name of readdirSync(`/proc/${this.pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkIfThere(`/proc/${this.pid}/fd/${name}`) ?? '')?.[1];
      if (inode !== undefined) own.add(inode);
    }
    return ['tcp', 'tcp6'].reduce((sum, table) => sum + connectionsIn(`/proc/net/${table}`, port, own), 0);
  }

  /** Resident bytes by what lies behind the pages: files, the heap that grows by brk, stacks, and anonymous mappings by size. */
  residentByKind(): Readonly<Record<string, number>> {
    const kinds: Record<string, number> = {};
    let kind = '';
    for (const line of readFileSync(`/proc/${this.pid}/smaps`, 'latin1').split('\n')) {
      const head = /^([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \d+\s*(.*)$/.exec(line);
      if (head !== null) {
        const [, from = '0', to = '0', name = ''] = head;
        kind = kindOfMapping(parseInt(to, 16) - parseInt(from, 16), name);
        continue;
      }
      const resident = /^Rss:\s+(\d+) kB/.exec(line)?.[1];
      if (resident !== undefined) kinds[kind] = (kinds[kind] ?? 0) + Number(resident) * KIB;
    }
    return kinds;
  }

  #status(field: string): number {
    const text = readFileSync(`/proc/${this.pid}/status`, 'latin1');
    const value = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
    if (value === undefined) throw new Error(`the kernel tells no ${field} of process ${this.pid}`);
    return Number(value) * KIB;
  }
}

/** Notes resident sizes over time, for an average beside the peak that the kernel keeps. */
export class RssTrace {
  readonly #meter: ProcessMeter;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #sum = 0;
  #samples = 0;

  constructor(meter: ProcessMeter) {
    this.#meter = meter;
    this.#running = this.#sample();
  }

  async end(): Promise<{ readonly meanBytes: number; readonly peakBytes: number }> {
    this.#stop.abort();
    await this.#running;
    return { meanBytes: this.#sum / Math.max(1, this.#samples), peakBytes: this.#meter.peakRssBytes() };
  }

  async #sample(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.#sum += this.#meter.rssBytes();
      this.#samples++;
      await wait(SAMPLE_MS);
    }
  }
}

/** `after` less `before`, thread names that are new included. */
export function cpuBetween(before: CpuSeconds, after: CpuSeconds): CpuSeconds {
  const byThread: Record<string, number> = {};
  for (const [name, seconds] of Object.entries(after.byThread)) {
    const used = seconds - (before.byThread[name] ?? 0);
    // What is left of a subtraction of hundredths, and threads that did nothing, are no figures.
    if (used > HALF_TICK_SECONDS) byThread[name] = Math.round(used * TICKS_PER_SECOND) / TICKS_PER_SECOND;
  }
  return { total: after.total - before.total, main: after.main - before.main, byThread };
}

function cpuOf(stat: string): { readonly name: string; readonly seconds: number } {
  const open = stat.indexOf('(');
  const close = stat.lastIndexOf(')');
  const fields = stat.slice(close + 2).split(' ');
  const ticks = Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS]);
  return { name: stat.slice(open + 1, close), seconds: ticks / TICKS_PER_SECOND };
}

function connectionsIn(table: string, port: number, inodes: ReadonlySet<string>): number {
  const ESTABLISHED = '01';
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  let count = 0;
  for (const line of (readIfThere(table) ?? '').split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const isThere = fields[2]?.endsWith(`:${wanted}`) === true && fields[3] === ESTABLISHED;
    if (isThere && inodes.has(fields[9] ?? '')) count++;
  }
  return count;
}

/** glibc keeps an arena for a thread in mappings of at most 64 MiB, which the kernel may show as two. */
const ARENA_BYTES = 64 * KIB * KIB;

function kindOfMapping(bytes: number, name: string): string {
  if (name === '[heap]') return 'malloc, main arena (brk)';
  if (name.startsWith('[stack')) return 'main stack';
  if (name.startsWith('[anon')) return name;
  if (name !== '') return 'files (program, libraries, database)';
  if (bytes >= ARENA_BYTES) return 'anonymous, 64 MiB and more';
  if (bytes >= KIB * KIB) return 'anonymous, 1 to 64 MiB';
  return 'anonymous, below 1 MiB';
}

/** Threads and sockets come and go while they are listed. */
function readIfThere(path: string): string | undefined {
  return ifThere(() => readFileSync(path, 'latin1'));
}

function linkIfThere(path: string): string | undefined {
  return ifThere(() => readlinkSync(path));
}

function ifThere<Answer>(read: () => Answer): Answer | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
