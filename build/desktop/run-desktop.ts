/** `npm run desktop`: the desktop app from the checkout, where Electron's binary can be had; otherwise why not, and what to do. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleDesktop } from './bundle-desktop.ts';
import { ELECTRON_MISSING, findElectron } from './electron-binary.ts';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(checkout, 'dist/desktop');
const renderer = join(checkout, 'dist/renderer');

const electron = findElectron();
if (electron === undefined) {
  console.error(`The desktop app can’t be started here.\n${ELECTRON_MISSING}`);
  process.exit(1);
}
if (!existsSync(join(renderer, 'index.html'))) {
  console.error('The console is not built yet: run `npm run build:renderer` first.');
  process.exit(1);
}
await bundleDesktop({ folder, renderer });
// The app itself is started like a packaged one; only the engine comes from the checkout.
const app = spawn(electron.program, [folder, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, HEADGATE_CHECKOUT: checkout },
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => app.kill(signal));
app.on('error', (error) => {
  console.error(`Electron does not start: ${error.message}`);
  process.exit(1);
});
app.on('exit', (code) => process.exit(code ?? 1));
