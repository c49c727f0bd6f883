import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin, type UserConfig } from 'vite';
import { devEngineProxy } from './dev-engine-proxy.ts';

/** Of all files together, compressed, without the editor. */
export const BUNDLE_BYTES_MAX = 1_500_000;
/** Chunks that hold the editor: they are loaded where YAML is edited and nowhere else. */
const EDITOR_CHUNK = /yaml-editor|codemirror/;

/** Prints what the browser loads, and fails a build that outgrew its limit. */
function bundleBudget(): Plugin {
  return {
    name: 'headgate-bundle-budget',
    apply: 'build',
    generateBundle(_options, bundle) {
      const sizes = Object.values(bundle).map((file) => ({
        name: file.fileName,
        bytes: gzipSync(file.type === 'chunk' ? file.code : file.source).length,
      }));
      const sum = (list: typeof sizes) => list.reduce((total, { bytes }) => total + bytes, 0);
      const editor = sum(sizes.filter(({ name }) => EDITOR_CHUNK.test(name)));
      const all = sum(sizes);
      this.info(`compressed: ${kib(all - editor)} without the editor, ${kib(editor)} the editor`);
      if (all - editor > BUNDLE_BYTES_MAX) this.error(`the bundle is larger than ${kib(BUNDLE_BYTES_MAX)}`);
    },
  };
}

/** Lays a compressed copy beside each file, for the console server; touches the start page last, which tells the server that all is there. */
function compressedCopies(folder: string): Plugin {
  return {
    name: 'headgate-compressed-copies',
    apply: 'build',
    closeBundle: async () => {
      const paths = await readdir(folder, { recursive: true });
      for (const path of paths.filter((name) => COMPRESSED.has(extname(name)))) {
        const content = await readFile(join(folder, path));
        await writeFile(join(folder, `${path}.br`), brotliCompressSync(content));
        await writeFile(join(folder, `${path}.gz`), gzipSync(content));
      }
      const now = new Date();
      await utimes(join(folder, 'index.html'), now, now);
    },
  };
}
const COMPRESSED: ReadonlySet<string> = new Set(['.js', '.css', '.svg']);

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

const output = fileURLToPath(new URL('../dist/renderer', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

/** Everybody who works on pages has a port, and a cache, of their own. */
const port = Number(process.env['HEADGATE_DEV_PORT'] ?? 5173);

const settings: UserConfig = {
  root: here,
  cacheDir: fileURLToPath(new URL(`../.cache/vite-${port}`, import.meta.url)),
  // Relative addresses work under app:// and under any path of a browser console.
  base: './',
  plugins: [
    react(),
    devEngineProxy(process.env['HEADGATE_STATE_DIR']),
    bundleBudget(),
    compressedCopies(output),
  ],
  html: { cspNonce: '__CSP_NONCE__' },
  build: {
    outDir: output,
    emptyOutDir: true,
    target: 'es2023',
    // A data: address would need a wider content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'codemirror',
              test: /node_modules[\\/](@codemirror|@lezer|style-mod|w3c-keyname|crelt|yaml)[\\/]/,
            },
            { name: 'chart', test: /node_modules[\\/]uplot/ },
            { name: 'vendor', test: /node_modules/ },
          ],
        },
      },
    },
  },
  // Pages are loaded late; what they import must not surprise the server while somebody looks.
  optimizeDeps: { entries: ['main.tsx', 'pages/**/*.tsx', 'widgets/*.tsx'] },
  server: { port, strictPort: true, host: '127.0.0.1' },
};

export default defineConfig(({ command }) => {
  // Whatever the shell says: a build with React's development half is three times as slow, and tests build the pages as well.
  if (command === 'build') process.env['NODE_ENV'] = 'production';
  return settings;
});
