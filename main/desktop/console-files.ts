/**
 * `app://headgate/`: the console's files, and nothing else of the disk. Every answer carries a strict content security policy; the
 * page gets a fresh nonce each time it is loaded, where it has its placeholder.
 */
import { readFile } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';
import { isConsoleAddress } from './bridge-sender.ts';
import { isAbsent } from './private-file.ts';

const PAGE = 'index.html';
const NONCE_PLACEHOLDER = '__CSP_NONCE__';
const ADDRESS_CHARS_MAX = 2_000;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

export interface ConsoleFilesOptions {
  /** The folder of the built console. */
  readonly folder: string;
  /** Fresh for each page, at least 128 bits as base64 or hex. */
  readonly nonce: () => string;
}

export class ConsoleFiles {
  readonly #options: ConsoleFilesOptions;

  constructor(options: ConsoleFilesOptions) {
    this.#options = options;
  }

  /** Never rejects for what a page can ask. */
  async answer(request: { readonly url: string; readonly method: string }): Promise<Response> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'only GET');
    const path = filePath(this.#options.folder, request.url);
    const type = path === undefined ? undefined : TYPES[extname(path)];
    if (path === undefined || type === undefined) return plain(404, 'no such file');
    try {
      const content = await readFile(path);
      const nonce = this.#options.nonce();
      const body = extname(path) === '.html' ? withNonce(content, nonce) : content;
      return new Response(request.method === 'HEAD' ? null : new Uint8Array(body), {
        headers: { 'content-type': type, ...securityHeaders(nonce) },
      });
    } catch (error) {
      return isAbsent(error) ? plain(404, 'no such file') : plain(500, 'the file can’t be read');
    }
  }
}

/** The file that an address names inside the folder; undefined for every address that could name another. */
export function filePath(folder: string, address: string): string | undefined {
  if (address.length > ADDRESS_CHARS_MAX || !isConsoleAddress(address)) return undefined;
  const written = decoded(new URL(address).pathname);
  // A second layer of escapes, Windows' separators and streams, and hidden files have no business here.
  if (written === undefined || /[%\\:\0-\x1f]/.test(written)) return undefined;
  const parts = written.split('/').filter((part) => part !== '');
  if (parts.some((part) => part.startsWith('.'))) return undefined;
  // Pages are addressed within the one page: a path without an extension is one of them.
  const name = extname(parts.at(-1) ?? '') === '' ? PAGE : join(...parts);
  const path = resolve(folder, name);
  return path.startsWith(resolve(folder) + sep) ? path : undefined;
}

export function contentPolicy(nonce: string): string {
  return [
    `default-src 'none'`,
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    `img-src 'self' data:`,
    `font-src 'self'`,
    `connect-src 'self'`,
    `base-uri 'none'`,
    `form-action 'none'`,
    `frame-ancestors 'none'`,
    `object-src 'none'`,
  ].join('; ');
}

function withNonce(page: Buffer, nonce: string): Buffer {
  return Buffer.from(page.toString('utf8').replaceAll(NONCE_PLACEHOLDER, nonce));
}

function securityHeaders(nonce: string): Record<string, string> {
  return {
    'content-security-policy': contentPolicy(nonce),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cache-control': 'no-store',
  };
}

function plain(status: number, text: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', ...securityHeaders('none') };
  return new Response(text, { status, headers });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    // A broken escape names no file.
    return undefined;
  }
}
