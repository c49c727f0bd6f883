/**
 * A real plug, by hand: `npx node test/power/vm-plug.ts [--rounds N] [--seed S] [--kernel FILE] [--modules DIR] [--busybox FILE]`.
 *
 * The engine's durable parts work in a virtual machine on an ext4 disk whose cache a power cut empties (vm/volatile-disk.ts). What they were
 * told is durable they say over the serial console. At a random moment the disk stops answering, what it had not flushed is lost but for a random
 * part, and the machine is killed. The next machine opens the disk: the kernel replays its journal, the judge compares what is there with what was
 * said, and work goes on. Debian packages: qemu-system-x86, linux-image-cloud-amd64, busybox-static, e2fsprogs.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { seededRandom } from '../landing/fake-clock.ts';
import type { Said } from './promises.ts';
import { guestImage } from './vm/guest-image.ts';
import { VolatileDisk } from './vm/volatile-disk.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '30' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    kernel: { type: 'string' },
    modules: { type: 'string' },
    busybox: { type: 'string', default: '/bin/busybox' },
  },
});
const MIB = 1024 * 1024;
const DISK_BYTES = 192 * MIB;
const MEMORY_MIB = 1024;
/** After the first promise of a round. */
const LIFE_MS_MAX = 20_000;
/** Writes that do not come are not waited for longer than this. */
const PULL_LIMIT_MS = 10_000;
const BOOT_LIMIT_MS = 300_000;
/** A kernel that panics before its first program (its timer test does, on a busy machine) has not touched the disk: it is started anew. */
const BOOTS_MAX = 4;
/** Of what the machine says beside facts, to be shown when it ends by itself. */
const CONSOLE_LINES_MAX = 30;
/** A disk is used so many times; then a fresh one is begun, so that first starts are cut off too. */
const ROUNDS_A_DISK = 6;

const seed = Number(values.seed);
const random = seededRandom(seed);
const [kernelName = ''] = readdirSync('/boot').filter((name) => /^vmlinuz-.*cloud-amd64$/.test(name));
const kernel = values.kernel ?? join('/boot', kernelName);
const modules = values.modules ?? join('/lib/modules', kernelName.replace(/^vmlinuz-/, ''));
const scratch = mkdtempSync(join(tmpdir(), 'headgate-plug-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

interface VmFact {
  readonly kind: 'vm';
  readonly started?: true;
  readonly verdict?: 'kept' | 'broken';
  readonly why?: string;
  readonly failure?: string;
}

interface Round {
  readonly said: readonly Said[];
  /** Its first program ran. */
  readonly isStarted: boolean;
  readonly isKept: boolean;
  readonly why: string;
}

function freshDisk(): Buffer {
  const image = join(scratch, 'disk.img');
  writeFileSync(image, '');
  truncateSync(image, DISK_BYTES);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  return readFileSync(image);
}

/** One boot: judge, work, plug. The last one of a disk only judges, and lands everything. */
async function runRound(
  disk: VolatileDisk,
  orders: { readonly seed: number; readonly said: readonly Said[]; readonly isLast: boolean },
): Promise<Round> {
  const ordersFile = join(scratch, 'orders');
  const text = Buffer.from(JSON.stringify(orders));
  writeFileSync(ordersFile, Buffer.concat([text, Buffer.alloc(512 - (text.length % 512))]));
  disk.restorePower();
  const qemu = spawn('qemu-system-x86_64', [
    ...[
      '-machine',
      'pc',
      '-accel',
      'tcg',
      '-cpu',
      'max',
      '-m',
      String(MEMORY_MIB),
      '-smp',
      '2',
      '-nodefaults',
      '-no-reboot',
      '-display',
      'none',
    ],
    ...['-kernel', kernel, '-initrd', join(scratch, 'initrd')],
    ...['-append', 'console=ttyS0 quiet loglevel=1 panic=-1 no_timer_check', '-serial', 'stdio'],
    ...[
      '-drive',
      `file.driver=nbd,file.server.type=unix,file.server.path=${join(scratch, 'nbd')},format=raw,if=virtio,cache=none`,
    ],
    ...['-drive', `file=${ordersFile},format=raw,if=virtio,readonly=on`],
  ]);
  const said: Said[] = [];
  const consoleLines: string[] = [];
  let isStarted = false;
  let isKept = false;
  let why = 'it never said a verdict';
  let plug: NodeJS.Timeout | undefined = setTimeout(() => pull(), BOOT_LIMIT_MS);
  const pull = (): void => {
    // Part of what lay in the disk's cache had been written, mostly little.
    disk.cutPower(random, random() ** 2);
    qemu.kill('SIGKILL');
  };
  /** Between two flushes the cache is mostly empty: so, as a rule, it is in the middle of a few writes. */
  const pullSoon = (): void => {
    plug = setTimeout(pull, random() < 0.25 ? 0 : PULL_LIMIT_MS);
    disk.afterWrites(1 + Math.floor(random() * 6), pull);
  };
  let complaints = '';
  qemu.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  createInterface({ input: qemu.stdout }).on('line', (line) => {
    const begin = line.indexOf('{"kind"');
    if (begin < 0) {
      if (consoleLines.push(line) > CONSOLE_LINES_MAX) consoleLines.shift();
      return;
    }
    const fact = parsed(line.slice(begin));
    if (fact === undefined) return;
    if (fact.kind !== 'vm') {
      if (said.length === 0) {
        clearTimeout(plug);
        plug = setTimeout(pullSoon, random() * LIFE_MS_MAX);
      }
      said.push(fact);
    } else if (fact.started === true) isStarted = true;
    else if (fact.verdict === 'kept') isKept = true;
    else if (fact.verdict === 'broken') why = fact.why ?? '';
    else if (fact.failure !== undefined) console.log(fact.failure);
  });
  await new Promise((resolve) => qemu.on('close', resolve));
  clearTimeout(plug);
  if (!isKept) console.log([...consoleLines, complaints].filter((line) => line !== '').join('\n'));
  return { said, isStarted, isKept, why };
}

/** A line that the power cut off says nothing. */
function parsed(line: string): Said | VmFact | undefined {
  try {
    return JSON.parse(line) as Said | VmFact;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

writeFileSync(join(scratch, 'initrd'), guestImage({ busybox: values.busybox, modules }));
console.log(`power plug, --seed ${seed}`);
const total = { rounds: 0, promises: 0, landed: 0, lostSectors: 0, flushes: 0, broken: 0 };
for (let left = Number(values.rounds); left > 0 && total.broken === 0;) {
  await using disk = new VolatileDisk(freshDisk());
  await disk.listen(join(scratch, 'nbd'));
  const said: Said[] = [];
  const cuts = Math.min(left, ROUNDS_A_DISK);
  for (let round = 0; round <= cuts; round++) {
    const isLast = round === cuts;
    const startedMs = performance.now();
    const orders = { seed: Math.floor(random() * 2 ** 31), said, isLast };
    let result = await runRound(disk, orders);
    for (let boots = 1; !result.isStarted && boots < BOOTS_MAX; boots++) {
      console.log('the machine ended before its first program ran; it is started again');
      result = await runRound(disk, orders);
    }
    said.push(...result.said);
    if (!result.isKept) total.broken++;
    const verdict = result.isKept ? 'kept' : `BROKEN: ${result.why}`;
    console.log(
      `round ${total.rounds + 1}${isLast ? ' (all is landed)' : ''}: ${verdict}; ${result.said.length} promises, ${Math.round((performance.now() - startedMs) / 1_000)} s`,
    );
    if (!result.isKept) break;
    if (!isLast) total.rounds++;
  }
  left -= cuts;
  total.promises += said.length;
  total.landed += said.filter(({ kind }) => kind === 'landed').length;
  total.lostSectors += disk.lostSectors;
  total.flushes += disk.flushes;
}
console.log(JSON.stringify(total));
process.exit(total.broken === 0 ? 0 : 1);
