/**
 * Goal: what a browser loads is the production build of everything, whoever builds it, and the editor stands apart.
 * Method: this process builds the pages (vitest sets NODE_ENV to "test", which made Vite take React's development half once: pages
 * three times as slow, and tasks of 300 ms), and the files are read.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { buildPages } from './built-pages.ts';

const ASSETS = fileURLToPath(new URL('../../dist/renderer/assets', import.meta.url));
const BUILD_LIMIT_MS = 180_000;

beforeAll(buildPages, BUILD_LIMIT_MS);

test('no development half of a library is in the pages', async () => {
  const scripts = (await readdir(ASSETS)).filter((name) => name.endsWith('.js'));
  expect(scripts.some((name) => name.startsWith('vendor'))).toBe(true);
  for (const name of scripts)
    expect(await readFile(join(ASSETS, name), 'utf8'), name).not.toMatch(/jsxDEV|react_stack_bottom_frame/);
});

test('the start page does not load the editor', async () => {
  const start = await readFile(join(ASSETS, '../index.html'), 'utf8');
  expect(start).toMatch(/assets\/vendor/);
  expect(start).not.toMatch(/codemirror/);
});
