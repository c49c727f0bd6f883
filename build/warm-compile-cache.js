// Runs the engine once for a moment after an install, so that Node's compile cache holds its modules without their types: a later
// start is quicker and needs some 70 MB less, because no thread loads the TypeScript stripper (docs/decisions.md). Whatever goes
// wrong here costs nothing but that; the cache then fills itself at the first ordinary run.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIMIT_MS = 30_000;

const pathOf = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
// The node of the checkout keys the cache; without dev dependencies there is none, and nothing to warm.
const node = pathOf(
  process.platform === 'win32' ? 'node_modules/node/bin/node.exe' : 'node_modules/node/bin/node',
);
if (existsSync(node)) await warmUp(mkdtempSync(join(tmpdir(), 'headgate-warm-up-')));

async function warmUp(directory) {
  const text = (name) => JSON.stringify(join(directory, name));
  const config = join(directory, 'headgate.yaml');
  mkdirSync(join(directory, 'in'));
  writeFileSync(
    config,
    `gateway: { id: warm-up, stateDir: ${text('state')}, timeZone: UTC }
sources: { in: { type: files, directory: ${text('in')}, channels: [disk] } }
channels: { disk: { type: file, capacityBytes: 1GiB, minFreeDiskBytes: 1MiB } }
sinks: { out: { type: directory, channel: disk, path: ${text('out')} } }
`,
  );
  try {
    await runOnce(config);
  } catch (error) {
    console.error(`headgate: the compile cache was not filled (${error.message}); the first run does it`);
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function runOnce(config) {
  return new Promise((resolve, reject) => {
    const engine = spawn(node, [pathOf('bin/headgate'), 'run', '--config', config, '--log-format', 'json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const limit = setTimeout(() => engine.kill('SIGKILL'), LIMIT_MS);
    let last = '';
    for (const stream of [engine.stdout, engine.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        last = line;
        if (line.includes('"engine started"')) engine.kill('SIGTERM');
      });
    }
    engine.on('error', reject);
    engine.on('close', (code) => {
      clearTimeout(limit);
      if (code === 0) resolve();
      else reject(new Error(`the engine ended with ${code}: ${last}`));
    });
  });
}
