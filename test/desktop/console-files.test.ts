/**
 * Goal: `app://headgate/` gives the console's files with a strict policy and never another file of the disk. Method: a folder with a
 * secret beside it, the tricks that are known, and any address at all.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConsoleFiles, contentPolicy, filePath } from '../../main/desktop/console-files.ts';
import { allowedLink } from '../../main/desktop/external-links.ts';

let folder = '';
let files: ConsoleFiles;
let nonces = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-files-'));
  const root = join(folder, 'renderer');
  await mkdir(join(root, 'assets'), { recursive: true });
  await mkdir(join(folder, 'renderer-secret'));
  await writeFile(join(folder, 'secret.json'), '"secret"');
  await writeFile(join(folder, 'renderer-secret', 'a.json'), '"secret"');
  await writeFile(join(root, '.hidden.json'), '"secret"');
  await writeFile(
    join(root, 'index.html'),
    '<meta name="csp-nonce" content="__CSP_NONCE__"><script nonce="__CSP_NONCE__">',
  );
  await writeFile(join(root, 'assets', 'app.js'), 'export const nonce = "__CSP_NONCE__";');
  await writeFile(join(root, 'assets', 'notes.txt'), 'secret');
  files = new ConsoleFiles({ folder: root, nonce: () => `nonce-${++nonces}` });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const get = (path: string, method = 'GET') => files.answer({ url: `app://headgate/${path}`, method });

describe('the console’s files', () => {
  test('the page gets a fresh nonce each time, in the text and in the policy', async () => {
    const [first, second] = [await get(''), await get('index.html')];
    const texts = [await first.text(), await second.text()];
    expect(new Set(texts).size).toBe(2);
    for (const [at, answer] of [first, second].entries()) {
      const nonce = /content="([^"]+)"/.exec(texts[at] ?? '')?.[1] ?? '';
      expect(texts[at]).toBe(`<meta name="csp-nonce" content="${nonce}"><script nonce="${nonce}">`);
      expect(answer.headers.get('content-security-policy')).toContain(`'nonce-${nonce}'`);
    }
  });

  test('scripts come as they are, with their type', async () => {
    const answer = await get('assets/app.js');
    expect(await answer.text()).toContain('__CSP_NONCE__');
    expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('a path without a file is the page, which knows its own addresses', async () => {
    expect((await get('backlog/7')).headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  test('HEAD has no body; other methods are refused', async () => {
    const head = await get('', 'HEAD');
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS'])
      expect((await get('', method)).status).toBe(405);
  });

  test('nothing runs and nothing is fetched but what is ours', () => {
    const policy = contentPolicy('n');
    expect(policy).toContain(`default-src 'none'`);
    expect(policy).not.toMatch(/unsafe|\*|https?:|blob:|data:.*script/);
    expect(policy).toMatch(/script-src 'self' 'nonce-n'(;|$)/);
    for (const rule of ['base-uri', 'form-action', 'frame-ancestors', 'object-src'])
      expect(policy).toContain(`${rule} 'none'`);
  });
});

describe('path tricks', () => {
  test.each([
    '../secret.json',
    '..%2fsecret.json',
    '%2e%2e/secret.json',
    '%2e%2e%2fsecret.json',
    '..%5csecret.json',
    '..\\secret.json',
    'assets/../../secret.json',
    'assets/..%2f..%2fsecret.json',
    '%252e%252e%252fsecret.json',
    '/..//../secret.json',
    '../renderer-secret/a.json',
    '.hidden.json',
    'assets/notes.txt',
    'secret.json%00.js',
    'C:/secret.json',
    'assets/app.js::$DATA.js',
    '%ff%fe.js',
    `${'a/'.repeat(2000)}x.js`,
  ])('%s gives nothing', async (path) => {
    const answer = await get(path);
    expect(await answer.text()).not.toContain('secret"');
    expect(answer.status).toBe(404);
    expect(answer.headers.get('content-security-policy')).toContain(`default-src 'none'`);
  });

  test.each([
    'app://other/index.html',
    'https://headgate/index.html',
    'app://headgate:1/index.html',
    'nonsense',
  ])('%s is another place', async (url) => {
    expect((await files.answer({ url, method: 'GET' })).status).toBe(404);
  });

  test('whatever the address, the file is inside the folder', () => {
    const root = join(folder, 'renderer');
    const piece = fc.oneof(
      fc.constantFrom(
        '..',
        '.',
        '%2e%2e',
        '%2f',
        '%5c',
        '\\',
        '/',
        '//',
        '%00',
        'assets',
        'app.js',
        '~',
        'C:',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.constantFrom('', '/'), (pieces, between) => {
        const path = filePath(root, `app://headgate/${pieces.join(between)}`);
        if (path !== undefined) {
          expect(path.startsWith(root + sep)).toBe(true);
          expect(path.slice(root.length)).not.toMatch(/(^|[\\/])\.|[\\:\0]/);
        }
      }),
      { numRuns: 1000, verbose: 1 },
    );
  });
});

test.each<[string, boolean]>([
  ['https://kafka.apache.org/documentation/', true],
  ['https://hadoop.apache.org/docs/stable/', true],
  ['http://kafka.apache.org/', false],
  ['https://kafka.apache.org.evil.example/', false],
  ['https://evil.example/#kafka.apache.org', false],
  ['https://kafka.apache.org@evil.example/', false],
  ['https://user:pw@kafka.apache.org/', false],
  ['https://kafka.apache.org:8443/', false],
  ['file:///etc/passwd', false],
  ['javascript:alert(1)', false],
  ['smb://host/share', false],
  ['', false],
])('the link %s may be opened outside: %s', (address, isAllowed) => {
  expect(allowedLink(address) !== undefined).toBe(isAllowed);
});
