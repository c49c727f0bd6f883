/**
 * Bundles the desktop program into `dist/desktop`: the main process as one module, the preload as one CommonJS file (a sandboxed
 * preload can load nothing else), the console and the icons beside them. The result is an Electron app without node_modules: the
 * engine is no part of it, it is staged apart (stage-engine.ts).
 */
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const checkout = fileURLToPath(new URL('../..', import.meta.url));

export interface DesktopBundle {
  /** Gets `desktop.mjs`, `preload.cjs`, `package.json`, `icons/` and `renderer/`. */
  readonly folder: string;
  /** The built console (`npm run build:renderer`). */
  readonly renderer?: string;
}

/** Bundles everything. Throws when the console is wished and was not built. */
export async function bundleDesktop({ folder, renderer }: DesktopBundle): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await bundle({ entry: 'main/desktop/desktop.ts', folder, name: 'desktop.mjs', format: 'es' });
  await bundle({ entry: 'main/desktop/preload.ts', folder, name: 'preload.cjs', format: 'cjs' });
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    version: string;
  };
  const about = { name: 'headgate', productName: 'Headgate', version, main: 'desktop.mjs', type: 'module' };
  const people = {
    description: 'Watches the gateway from Kafka to HDFS',
    author: 'Headgate',
    license: 'Apache-2.0',
  };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ ...about, ...people }, null, 2)}\n`);
  await cp(join(checkout, 'build/desktop/icons'), join(folder, 'icons'), { recursive: true });
  if (renderer === undefined) return;
  if (!existsSync(join(renderer, 'index.html')))
    throw new Error(
      `the console is not built: ${renderer} has no index.html; run \`npm run build:renderer\``,
    );
  await cp(renderer, join(folder, 'renderer'), { recursive: true });
}

interface Bundled {
  readonly entry: string;
  readonly folder: string;
  readonly name: string;
  readonly format: 'es' | 'cjs';
}

async function bundle({ entry, folder, name, format }: Bundled): Promise<void> {
  await build({
    configFile: false,
    root: checkout,
    logLevel: 'warn',
    // Nothing of the browser's conditions: this runs in Electron's main process.
    ssr: { noExternal: true },
    build: {
      ssr: join(checkout, entry),
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      target: 'node24',
      copyPublicDir: false,
      rolldownOptions: {
        external: ['electron', /^node:/],
        output: { format, entryFileNames: name, codeSplitting: false },
      },
    },
  });
}

if (import.meta.main)
  await bundleDesktop({ folder: join(checkout, 'dist/desktop'), renderer: join(checkout, 'dist/renderer') });
