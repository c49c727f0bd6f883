import { spawn } from 'node:child_process';
import { createReadStream, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { runsProgram } from './outside-program.ts';
import { makePatterns } from './backlog-filler.ts';

const MIB = 1024 * 1024;
const READ_BYTES = MIB;

export interface UploadReport {
  readonly tool: 'curl' | 'node';
  readonly bytes: number;
  readonly seconds: number;
  readonly bytesPerSecond: number;
}

/** Writes a file of nginx lines of about `bytes`. */
export async function writeLinesFile(path: string, bytes: number): Promise<void> {
  const patterns = makePatterns(MIB);
  await using file = await open(path, 'w');
  for (let written = 0, at = 0; written < bytes; at++) {
    const pattern = patterns[at % patterns.length];
    if (pattern === undefined) throw new Error('no patterns');
    await file.write(pattern.bytes);
    written += pattern.bytes.length;
  }
}

/**
 * Uploads a file as an administrator would: asks the NameNode where to, then `curl -T` to that DataNode (`http.request` where there is
 * no curl). Only the second step is timed, which is what speaks for curl.
 */
export async function uploadFile(webhdfs: string, path: string, file: string): Promise<UploadReport> {
  const location = await createAt(`${webhdfs}/webhdfs/v1${path}?op=CREATE&user.name=hdfs&overwrite=true`);
  const bytes = statSync(file).size;
  const tool = (await runsProgram('curl')) ? 'curl' : 'node';
  const startedMs = performance.now();
  await (tool === 'curl' ? curl(location, file) : put(location, file));
  const seconds = (performance.now() - startedMs) / 1_000;
  return { tool, bytes, seconds, bytesPerSecond: bytes / seconds };
}

async function createAt(url: string): Promise<string> {
  const answer = await fetch(url, { method: 'PUT', redirect: 'manual' });
  const location = answer.headers.get('location');
  if (answer.status !== 307 || location === null) throw new Error(`no DataNode for ${url}: ${answer.status}`);
  return location;
}

async function curl(url: string, file: string): Promise<void> {
  const child = spawn('curl', ['--silent', '--show-error', '--fail', '-T', file, url], { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`curl ended with ${code}`);
}

async function put(url: string, file: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const call = request(url, { method: 'PUT' }, (answer) => {
    answer.resume();
    if (answer.statusCode === 201) resolve();
    else reject(new Error(`the upload was answered with ${answer.statusCode}`));
  });
  call.once('error', reject);
  await pipeline(createReadStream(file, { highWaterMark: READ_BYTES }), call);
  await promise;
}
