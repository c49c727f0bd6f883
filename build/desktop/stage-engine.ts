/**
 * Puts the engine together as the packages ship it, in `dist/engine`: `engine/` with the program and its production packages, and
 * `node/` with the Node that runs it. Native parts are those of this machine, so a package is built on the platform it is for.
 */
import { chmod, cp, link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = ['bin', 'main', 'shared', 'examples', 'package.json', 'LICENSE'];
/** Parts of `main` that no engine needs: the desktop itself is bundled apart. */
const LEFT_OUT = ['main/desktop'];
/** What packages carry and no program reads at run time. */
const DEAD_WEIGHT =
  /[\\/](test|tests|docs|example|examples|\.github|deps|src)[\\/]|\.(md|map|d\.ts|d\.mts|d\.cts|c|cc|h|gyp)$/;
/** Its sources and its programs for other platforms are most of its size. */
const SQLITE = 'node_modules/better-sqlite3';

export interface StagedEngine {
  /** Gets `engine/` and `node/`. */
  readonly folder: string;
}

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}

export async function stageEngine({ folder }: StagedEngine): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const engine = join(folder, 'engine');
  await mkdir(engine, { recursive: true });
  for (const name of PROGRAM)
    await cp(join(checkout, name), join(engine, name), {
      recursive: true,
      filter: (path) => !LEFT_OUT.some((left) => path === join(checkout, left)),
    });
  // The console for browsers is served by the engine.
  const renderer = join(checkout, 'dist/renderer');
  if (existsSync(renderer)) await cp(renderer, join(engine, 'dist/renderer'), { recursive: true });
  for (const path of await productionPackages()) await copyPackage(path, engine);
  await copyNode(join(folder, 'node'));
}

/** Folders of packages that run in production, as the lock file says. Throws when one is not installed. */
export async function productionPackages(): Promise<readonly string[]> {
  const text = await readFile(join(checkout, 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Readonly<Record<string, LockedPackage>> };
  return Object.entries(packages).flatMap(([path, about]) => {
    if (path === '' || about.dev === true || about.devOptional === true) return [];
    if (existsSync(join(checkout, path))) return [path];
    // Programs for other platforms are optional and stay away.
    if (about.optional === true) return [];
    throw new Error(`${path} is not installed: run \`npm ci\``);
  });
}

async function copyPackage(path: string, engine: string): Promise<void> {
  const from = join(checkout, path);
  await cp(from, join(engine, path), {
    recursive: true,
    filter: (file) => isShipped(file.slice(checkout.length), file === from),
  });
}

function isShipped(file: string, isRoot: boolean): boolean {
  if (isRoot) return true;
  const path = file.split(sep).join('/').replace(/^\//, '');
  // Nested packages are listed, and copied, on their own.
  if (/node_modules\/.+\/node_modules(\/|$)/.test(path)) return false;
  if (path.startsWith(`${SQLITE}/prebuilds/`)) return path.includes(`${process.platform}-${process.arch}`);
  if (path.startsWith(`${SQLITE}/`)) return !DEAD_WEIGHT.test(`${path}${path.includes('.') ? '' : '/'}`);
  return !/\.(md|map|d\.ts|d\.mts|d\.cts)$/.test(path);
}

/** A link where the file system has them: 120 MB that change never. */
async function copyNode(folder: string): Promise<void> {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const from = join(checkout, 'node_modules/node/bin', name);
  const to = join(folder, name);
  await mkdir(dirname(to), { recursive: true });
  try {
    await link(from, to);
  } catch {
    // Another file system: a copy does as well.
    await cp(from, to);
  }
  if (((await stat(to)).mode & 0o111) === 0) await chmod(to, 0o755);
}

if (import.meta.main) await stageEngine({ folder: join(checkout, 'dist/engine') });
