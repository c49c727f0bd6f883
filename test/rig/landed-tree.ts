import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** A file below the judged root. */
export interface LandedFile {
  /** Relative to the root, `/` between the parts. */
  readonly path: string;
  /** `path` without the name; '' for a file right in the root. */
  readonly directory: string;
  readonly name: string;
  readonly length: number;
}

/** Where landed files are read from. A root that does not exist is an empty tree. */
export interface LandedTree {
  /** All files, in a stable order. */
  files(): Promise<LandedFile[]>;
  open(file: LandedFile): Promise<Readable>;
}

interface Entry {
  readonly name: string;
  readonly isDirectory: boolean;
  readonly length: number;
}

async function walk(
  list: (directory: string) => Promise<Entry[]>,
  directory: string,
  into: LandedFile[],
): Promise<void> {
  const entries = await list(directory);
  entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { name, isDirectory, length } of entries) {
    const path = directory === '' ? name : `${directory}/${name}`;
    if (isDirectory) await walk(list, path, into);
    else into.push({ path, directory, name, length });
  }
}

/** A directory of this machine. */
export function directoryTree(root: string): LandedTree {
  const list = async (directory: string): Promise<Entry[]> => {
    const entries = await readdir(join(root, directory), { withFileTypes: true }).catch(emptyWhenMissing);
    return Promise.all(
      entries.map(async (entry) => ({
        name: entry.name,
        isDirectory: entry.isDirectory(),
        length: entry.isDirectory() ? 0 : (await stat(join(root, directory, entry.name))).size,
      })),
    );
  };
  return {
    files: async () => {
      const files: LandedFile[] = [];
      await walk(list, '', files);
      return files;
    },
    open: (file) => Promise.resolve(createReadStream(join(root, file.path))),
  };
}

function emptyWhenMissing(error: unknown): never[] {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
  throw error;
}

/**
 * A directory in HDFS, read over WebHDFS with a client of its own: the judge shares no code with what it judges.
 * `url` is `http://host:port` of a NameNode (the active one) or HttpFS.
 */
export function webHdfsTree(url: string, root: string, user = 'hdfs'): LandedTree {
  const base = root.replace(/\/+$/, '');
  const address = (path: string, op: string): string => {
    const full = `${base}${path === '' ? '' : '/'}${path}`;
    return `${url}/webhdfs/v1${full.split('/').map(encodeURIComponent).join('/')}?op=${op}&user.name=${user}`;
  };
  const list = async (directory: string): Promise<Entry[]> => {
    const answer = await get(address(directory, 'LISTSTATUS'));
    const text = await readText(answer);
    if (answer.statusCode === 404) return [];
    if (answer.statusCode !== 200)
      throw new Error(`listing ${base}/${directory}: ${answer.statusCode} ${text}`);
    const { FileStatuses } = JSON.parse(text) as { FileStatuses: { FileStatus: RawStatus[] } };
    return FileStatuses.FileStatus.map(({ pathSuffix, type, length }) => ({
      name: pathSuffix,
      isDirectory: type === 'DIRECTORY',
      length,
    }));
  };
  return {
    files: async () => {
      const files: LandedFile[] = [];
      await walk(list, '', files);
      return files;
    },
    open: async (file) => {
      const answer = await get(address(file.path, 'OPEN'));
      if (answer.statusCode !== 200) {
        throw new Error(`opening ${base}/${file.path}: ${answer.statusCode} ${await readText(answer)}`);
      }
      return answer;
    },
  };
}

interface RawStatus {
  readonly pathSuffix: string;
  readonly type: 'FILE' | 'DIRECTORY';
  readonly length: number;
}

const REDIRECTS_MAX = 3;

async function get(url: string, redirects = 0): Promise<IncomingMessage> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request(url, { method: 'GET' }, resolve).once('error', reject).end();
  });
  const location = answer.headers.location;
  if (answer.statusCode !== 307 || location === undefined) return answer;
  answer.resume();
  if (redirects === REDIRECTS_MAX) throw new Error(`too many redirects from ${url}`);
  return get(location, redirects + 1);
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
