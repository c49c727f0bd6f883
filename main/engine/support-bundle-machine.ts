/** What a support bundle says of the machine: facts that a doctor would ask for first, none of them about events or people. */
import { lstat, readdir, readFile, statfs } from 'node:fs/promises';
import {
  arch,
  availableParallelism,
  freemem,
  loadavg,
  platform,
  release,
  totalmem,
  uptime,
  version,
} from 'node:os';
import { join, relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { SECOND_MS } from '../../shared/units.ts';

const FILES_MAX = 2_000;
/** Counting may take long on a large database; then the bundle does without. */
const DATABASE_LIMIT_MS = 60 * SECOND_MS;

export interface DatabaseFacts {
  readonly pragmas: Readonly<Record<string, unknown>>;
  /** By table. */
  readonly rows: Readonly<Record<string, number>>;
}

export async function machineFacts(nowMs: number): Promise<Readonly<Record<string, unknown>>> {
  return {
    time: new Date(nowMs).toISOString(),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    system: { platform: platform(), release: release(), version: version(), arch: arch() },
    versions: process.versions,
    processors: availableParallelism(),
    load: loadavg(),
    memory: { totalBytes: totalmem(), freeBytes: freemem() },
    uptimeSeconds: { machine: Math.round(uptime()), engine: Math.round(process.uptime()) },
    engine: {
      memory: process.memoryUsage(),
      used: process.resourceUsage(),
      userId: process.getuid?.(),
      groupId: process.getgid?.(),
      limits: await textIfThere('/proc/self/limits'),
      cgroup: await textIfThere('/proc/self/cgroup'),
    },
  };
}

/** Room on the disk of the state directory, and what lies in it: names, sizes, modes and times. */
export async function diskFacts(stateDir: string): Promise<Readonly<Record<string, unknown>>> {
  const { bsize, blocks, bavail, files, ffree } = await statfs(stateDir);
  const listed: Record<string, unknown>[] = [];
  const entries = await readdir(stateDir, { recursive: true, withFileTypes: true });
  for (const entry of entries.slice(0, FILES_MAX)) {
    const path = join(entry.parentPath, entry.name);
    const found = await factsIfThere(path);
    if (found !== undefined) listed.push({ path: relative(stateDir, path), ...found });
  }
  return {
    totalBytes: bsize * blocks,
    availableBytes: bsize * bavail,
    files: { total: files, free: ffree },
    directory: listed,
    leftOut: Math.max(0, entries.length - FILES_MAX),
  };
}

/**
 * Rows and pragmas of the channel database. Rejects when the database can't be read, takes too long or the signal aborts. Its file is
 * never opened but by SQLite: closing any other descriptor would drop the locks that the writer holds.
 */
export async function databaseFacts(stateDir: string, signal: AbortSignal): Promise<DatabaseFacts> {
  const worker = new Worker(new URL('./support-bundle-worker.ts', import.meta.url), {
    workerData: stateDir,
    name: 'support-bundle',
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(DATABASE_LIMIT_MS)]);
  try {
    return await new Promise<DatabaseFacts>((resolve, reject) => {
      worker.once('message', (message: { facts?: DatabaseFacts; error?: string }) =>
        message.facts === undefined ? reject(new Error(message.error)) : resolve(message.facts),
      );
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the thread that counts ended without an answer')));
      limit.addEventListener('abort', () => reject(limit.reason as Error), { once: true });
    });
  } finally {
    await worker.terminate();
  }
}

async function textIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    // Linux alone has it, and some containers hide it.
    return undefined;
  }
}

/** Undefined for what went while the list was being made. */
async function factsIfThere(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const { size, mode, uid, gid, mtimeMs } = await lstat(path);
    return { bytes: size, mode: mode.toString(8), uid, gid, changed: new Date(mtimeMs).toISOString() };
  } catch {
    return undefined;
  }
}
