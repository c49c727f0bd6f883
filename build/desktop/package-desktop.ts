/**
 * `npm run package`: the installers of this platform (Linux: deb, rpm, AppImage; Windows: NSIS) in `dist/packages`. `-- --dir` makes
 * the unpacked app alone. Uses an Electron that is here already: nothing is downloaded for it.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Configuration } from 'electron-builder';
import { parse } from 'yaml';
import { bundleDesktop } from './bundle-desktop.ts';
import { ELECTRON_MISSING, findElectron } from './electron-binary.ts';
import { stageEngine } from './stage-engine.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const renderer = join(checkout, 'dist/renderer');

const electron = findElectron();
if (electron === undefined) {
  console.error(`Packages can’t be made here.\n${ELECTRON_MISSING}`);
  process.exit(1);
}
if (!existsSync(join(renderer, 'index.html'))) {
  console.error('The console is not built yet: run `npm run build:renderer` first.');
  process.exit(1);
}
await bundleDesktop({ folder: join(checkout, 'dist/desktop'), renderer });
await stageEngine({ folder: join(checkout, 'dist/engine') });
const file = join(checkout, 'build/desktop/electron-builder.yml');
const configuration = parse(await readFile(file, 'utf8')) as Configuration;
const made = await build({
  projectDir: checkout,
  dir: process.argv.includes('--dir'),
  publish: 'never',
  config: { ...configuration, electronDist: electron.folder },
});
for (const path of made) console.log(path);
