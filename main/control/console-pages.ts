/**
 * The console's pages: the built renderer. Its folder is read once into a list, and only what stands in the list is served, so no path can lead
 * out of it. A build makes `index.html` last, or anew: its time says when to read the folder again.
 */
import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { MIB } from '../../shared/units.ts';
import { plainPath } from './console-guard.ts';

const FILES_MAX = 2_000;
const FILE_BYTES_MAX = 16 * MIB;
const NONCE_PLACE = '__CSP_NONCE__';
const START = '/index.html';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.txt': 'text/plain; charset=utf-8',
};
/** Vite's assets carry a hash of their content in the name. */
const HASHED = /^\/assets\/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9]+$/;
/** Made beside a file by the build; the better one first. */
const ENCODINGS = [
  { name: 'br', ending: '.br' },
  { name: 'gzip', ending: '.gz' },
] as const;

export interface ConsoleFile {
  readonly content: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

export class ConsolePages {
  readonly #folder: string;
  /** By path as it is asked for. */
  #files: ReadonlySet<string> = new Set();
  #startVersion: string | undefined;
  #reading: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The start page with the nonce filled in; undefined when the renderer is not built. */
  async start(nonce: string): Promise<string | undefined> {
    await this.#refresh();
    if (!this.#files.has(START)) return undefined;
    const content = await this.#read(START);
    return content?.toString('utf8').replaceAll(NONCE_PLACE, nonce);
  }

  /** Any other file; undefined when there is none of that path. */
  async file(path: string, acceptEncoding: string): Promise<ConsoleFile | undefined> {
    if (this.#startVersion === undefined) await this.#refresh();
    const type = TYPES[extname(path)];
    if (!this.#files.has(path) || path === START || type === undefined) return undefined;
    const accepted = new Set(acceptEncoding.split(',').map((one) => one.split(';')[0]?.trim() ?? ''));
    const encoding = ENCODINGS.find(
      ({ name, ending }) => accepted.has(name) && this.#files.has(`${path}${ending}`),
    );
    const content = await this.#read(`${path}${encoding?.ending ?? ''}`);
    if (content === undefined) return undefined;
    return {
      content,
      headers: {
        'content-type': type,
        'cache-control': HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache',
        vary: 'accept-encoding',
        ...(encoding === undefined ? {} : { 'content-encoding': encoding.name }),
      },
    };
  }

  async #refresh(): Promise<void> {
    const version = await versionOf(join(this.#folder, START));
    if (version === this.#startVersion) return;
    this.#reading ??= this.#list()
      .then((files) => {
        this.#files = files;
        this.#startVersion = version;
      })
      .finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  /** Plain files only: what a link points to is not of the build. */
  async #list(): Promise<Set<string>> {
    const files = new Set<string>();
    if ((await versionOf(join(this.#folder, START))) === undefined) return files;
    for (const entry of await readdir(this.#folder, { recursive: true, withFileTypes: true })) {
      const path = `/${relative(this.#folder, join(entry.parentPath, entry.name)).replaceAll(sep, '/')}`;
      if (entry.isFile() && plainPath(path) === path && files.size < FILES_MAX) files.add(path);
    }
    return files;
  }

  /** Undefined when it has gone, or is no plain file any more. */
  async #read(path: string): Promise<Buffer | undefined> {
    try {
      const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);
      const handle = await open(join(this.#folder, ...path.split('/')), flags);
      try {
        const facts = await handle.stat();
        return facts.isFile() && facts.size <= FILE_BYTES_MAX ? await handle.readFile() : undefined;
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return [mtimeMs, size, ino].join(' ');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return ['ENOENT', 'ENOTDIR', 'ELOOP', 'EMLINK'].includes(String(code));
}

/** For a checkout whose renderer was not built. */
export const UNBUILT_PAGE = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Headgate</title></head>
<body>
<h1>Headgate runs; its console is not built</h1>
<p>In the folder of Headgate, run <code>npm run build:renderer</code>, and load this page again. The engine need not be restarted.</p>
<p>The command line does the same without a browser: <code>headgate status --watch</code>.</p>
</body>
</html>
`;
