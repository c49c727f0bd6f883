import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';

/**
 * The first file system of the virtual machine (initramfs, the `newc` form of cpio): busybox, Node with its libraries, and the program with the
 * packages that it needs. Types are stripped here, as the machine is slow.
 */
export interface GuestParts {
  readonly busybox: string;
  /** Of the kernel: `…/lib/modules/<version>`. */
  readonly modules: string;
}

const ROOT = join(import.meta.dirname, '../../..');
const ENTRY = 'test/power/vm/guest.ts';
const WORKER = 'main/channel/writer-worker.ts';
/** In the order in which they need each other; what is built in is not looked for. */
const MODULES = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_blk',
];
const PACKAGES_MAX = 40;
const NOT_NEEDED = /\.(map|md|c|h|cc|cpp|o|a|ts|mts|cts)$|prebuilds\/(?!linux-x64)/;

const INIT = `#!/bin/busybox sh
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /disk /tmp
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t proc proc /proc
for module in ${MODULES.join(' ')}; do [ -e /modules/$module.ko ] && /bin/busybox insmod /modules/$module.ko; done
/bin/busybox mount -t ext4 /dev/vda /disk || echo '{"kind":"vm","failure":"the disk cannot be mounted"}'
/bin/node --no-warnings /program/${ENTRY.replace(/ts$/, 'mjs')} || echo '{"kind":"vm","failure":"the program failed"}'
/bin/busybox poweroff -f
`;

export function guestImage(parts: GuestParts): Buffer {
  const files = new Map<string, { readonly bytes: Buffer; readonly isProgram: boolean }>();
  const add = (name: string, path: string, isProgram = true): void =>
    void files.set(name, { bytes: readFileSync(path), isProgram });
  files.set('init', { bytes: Buffer.from(INIT), isProgram: true });
  add('bin/busybox', parts.busybox);
  add('bin/node', process.execPath);
  for (const path of filesBelow(parts.modules)) {
    const name = /([^/]+)\.ko$/.exec(path)?.[1];
    if (name !== undefined && MODULES.includes(name)) add(`modules/${name}.ko`, path);
  }
  const packages = new Set<string>();
  for (const path of programFiles(packages))
    files.set(`program/${path.replace(/\.ts$/, '.mjs')}`, { bytes: stripped(path), isProgram: false });
  const natives: string[] = [];
  for (const name of withDependencies(packages))
    for (const path of filesBelow(join(ROOT, 'node_modules', name))) {
      const isNative = path.endsWith('.node') && !NOT_NEEDED.test(path);
      if (isNative) natives.push(path);
      if (!NOT_NEEDED.test(path)) add(`program/${relative(ROOT, path)}`, path, isNative);
    }
  const programs = [process.execPath, ...natives];
  for (const library of new Set(programs.flatMap(librariesOf))) add(library.slice(1), realpathSync(library));
  return cpio(files);
}

/** What the dynamic linker loads, by the names under which it looks for it. */
function librariesOf(program: string): readonly string[] {
  const { stdout: text } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? '').filter((path) => path !== '');
}

function programFiles(packages: Set<string>): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path) || !existsSync(join(ROOT, path))) return;
    found.add(path);
    const text = readFileSync(join(ROOT, path), 'utf8');
    for (const [, target = ''] of text.matchAll(/(?:from|import|import\(|new URL\()\s*'([^'\n]+)'/g)) {
      if (target.startsWith('.')) visit(join(dirname(path), target));
      else if (/^[@a-z]/.test(target) && !target.startsWith('node:')) packages.add(packageOf(target));
    }
  };
  visit(ENTRY);
  visit(WORKER);
  return found;
}

function stripped(path: string): Buffer {
  const text = stripTypeScriptTypes(readFileSync(join(ROOT, path), 'utf8'));
  return Buffer.from(text.replaceAll(/'(\.{1,2}\/[^'\n]+)\.ts'/g, "'$1.mjs'"));
}

function packageOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

function withDependencies(packages: ReadonlySet<string>): ReadonlySet<string> {
  const all = new Set(packages);
  for (const name of all) {
    const path = join(ROOT, 'node_modules', name, 'package.json');
    if (!existsSync(path)) {
      all.delete(name);
      continue;
    }
    const { dependencies = {}, optionalDependencies = {} } = JSON.parse(readFileSync(path, 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    for (const next of [...Object.keys(dependencies), ...Object.keys(optionalDependencies)])
      if (existsSync(join(ROOT, 'node_modules', next))) all.add(next);
    if (all.size > PACKAGES_MAX) throw new Error('the guest’s program needs more packages than it should');
  }
  return all;
}

function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile());
}

/** Directories are made as they are needed. */
function cpio(files: ReadonlyMap<string, { readonly bytes: Buffer; readonly isProgram: boolean }>): Buffer {
  const parts: Buffer[] = [];
  const made = new Set<string>(['.', '']);
  let inode = 1;
  const entry = (name: string, mode: number, bytes: Buffer): void => {
    const path = Buffer.from(`${name}\0`);
    const fields = [inode++, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, path.length, 0];
    const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
    parts.push(padded(Buffer.concat([head, path])), padded(bytes));
  };
  const directory = (path: string): void => {
    if (made.has(path)) return;
    directory(dirname(path));
    made.add(path);
    entry(path, 0o040755, Buffer.alloc(0));
  };
  for (const [name, { bytes, isProgram }] of files) {
    directory(dirname(name));
    entry(name, isProgram ? 0o100755 : 0o100644, bytes);
  }
  entry('TRAILER!!!', 0, Buffer.alloc(0));
  return Buffer.concat(parts);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
