/** The state directory and its disk: rights, room, what kind of file system it is, and how long a write takes to be safe. */
import { open, rm, stat, statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { formatBytes, formatDuration, SECOND_MS } from '../../../shared/units.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { CheckList, Outcome } from './check-list.ts';

const SYNCS = 7;
const SYNC_BYTES = 4096;
/** A put waits for one sync; at this the intake is bounded by it. */
const SLOW_SYNC_MS = 50;
const CLOCK_DIFFERENCE_MS = 2 * SECOND_MS;
/** The engine's own mode is 710: its group may reach the control socket by name, and see nothing else. */
const OTHERS_MASK = 0o067;

/** `statfs` types (linux/magic.h). */
const MEMORY_TYPES: ReadonlySet<number> = new Set([0x0102_1994, 0x8584_58f6]);
const NETWORK_TYPES: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff53_4d42, 'CIFS'],
  [0xfe53_4d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x00c3_6400, 'Ceph'],
  [0x0bd0_0bd0, 'Lustre'],
  [0x4750_4653, 'GPFS'],
]);

export async function checkStateDirectory(list: CheckList, config: GatewayConfig): Promise<void> {
  const { stateDir } = config.gateway;
  const found = await list.run({ area: 'disk', place: stateDir }, () => placeOf(stateDir));
  if (found === undefined) return;
  await Promise.all([
    list.run({ area: 'disk', place: `${found} (room)` }, () => roomIn(found, config)),
    list.run({ area: 'disk', place: `${found} (writing)` }, () => writingIn(list.clock, found)),
  ]);
}

/** The directory, or the nearest one above it where it will be made. */
async function placeOf(stateDir: string): Promise<Outcome & { found?: string }> {
  let found = stateDir;
  while (!existsSync(found) && dirname(found) !== found) found = dirname(found);
  const facts = await stat(found);
  if (!facts.isDirectory())
    return { state: 'failed', message: `${found} is no directory`, hint: 'Choose another gateway.stateDir.' };
  if (found !== stateDir) return { state: 'ok', message: 'it is made when the engine starts', found };
  const own = process.getuid?.();
  if (own !== undefined && own !== 0 && facts.uid !== own)
    return {
      state: 'warning',
      message: `it belongs to user ${facts.uid}, and this runs as ${own}`,
      hint: 'Run the doctor as the user of the service; what follows holds for this user only.',
      found,
    };
  if (process.platform !== 'win32' && (facts.mode & OTHERS_MASK) !== 0)
    return {
      state: 'warning',
      message: `others may look into it (mode ${(facts.mode & 0o777).toString(8)})`,
      hint: 'The engine makes it 710 when it starts; it holds events, and the socket that commands the engine.',
      found,
    };
  return { state: 'ok', message: 'it is there, and ours alone', found };
}

async function roomIn(directory: string, config: GatewayConfig): Promise<Outcome> {
  const facts = await statfs(directory);
  const free = facts.bavail * facts.bsize;
  const channels = Object.values(config.channels);
  const least = Math.max(0, ...channels.map(({ minFreeDiskBytes }) => minFreeDiskBytes));
  const capacity = channels.reduce((sum, { capacityBytes }) => sum + capacityBytes, 0);
  const room = `${formatBytes(free)} are free; ${formatBytes(least)} must stay free, and the channels may take ${formatBytes(capacity)}`;
  if (MEMORY_TYPES.has(facts.type))
    return {
      state: 'warning',
      message: `it lies in memory (tmpfs): after a power cut it is gone. ${room}`,
      hint: 'Choose a gateway.stateDir on a disk.',
    };
  const network = NETWORK_TYPES.get(facts.type);
  if (network !== undefined)
    return {
      state: 'warning',
      message: `it lies on a network file system (${network}), whose locks and syncs SQLite can't rely on. ${room}`,
      hint: 'Choose a gateway.stateDir on a local disk.',
    };
  if (free <= least) return { state: 'failed', message: room, hint: 'Make room: intake would stop at once.' };
  if (free - least < capacity)
    return {
      state: 'warning',
      message: room,
      hint: 'The disk is full before the channels are; give them less capacityBytes, or the disk more room.',
    };
  return { state: 'ok', message: room };
}

/** How long a small write takes until it is safe, and whether the file system's clock is ours. */
async function writingIn(clock: Clock, directory: string): Promise<Outcome> {
  const path = join(directory, `.headgate-doctor-${randomBytes(8).toString('hex')}`);
  const times: number[] = [];
  let aheadMs: number;
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      for (let at = 0; at < SYNCS; at++) {
        const startedMs = clock.steadyMs();
        await handle.write(Buffer.alloc(SYNC_BYTES, at), 0, SYNC_BYTES, at * SYNC_BYTES);
        await handle.sync();
        times.push(clock.steadyMs() - startedMs);
      }
      aheadMs = (await handle.stat()).mtimeMs - clock.nowMs();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(path, { force: true });
  }
  const middleMs = times.sort((left, right) => left - right)[Math.floor(SYNCS / 2)] ?? 0;
  const message = `a small write is safe on the disk after ${middleMs.toFixed(1)} ms`;
  if (Math.abs(aheadMs) > CLOCK_DIFFERENCE_MS)
    return {
      state: 'warning',
      message: `${message}; the file system's clock differs from this machine's by ${formatDuration(Math.abs(aheadMs))}`,
      hint: 'It is a file system of another machine; run NTP there.',
    };
  if (middleMs > SLOW_SYNC_MS)
    return { state: 'warning', message, hint: 'Intake waits for this at every put; a slow disk bounds it.' };
  return { state: 'ok', message };
}
