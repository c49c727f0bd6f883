// Goal: the rig's HDFS behaves as `webhdfs-facts` says, its faults are the faults they are named after, and nothing of it outlives its owner.
// Method: raw node:http calls, as the engine would make them, and Hadoop's own client for the compressed files.
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHdfs, type HdfsRig } from '../rig/hdfs-rig.ts';
import { describeVerdict, judge } from '../rig/judge.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { nginxHourDirectory, nginxIdOf, nginxLines } from '../rig/nginx-lines.ts';
import { until } from '../rig/until.ts';

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
}

function send(method: string, url: string, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': body?.length ?? 0 };
    const outgoing = request(url, { method, headers, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (chunk: Buffer) => (text += chunk.toString()));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, location: answer.headers.location, text }),
      );
      answer.on('error', reject);
    });
    outgoing.on('error', reject).end(body);
  });
}

function at(url: string, path: string, op: string): string {
  return `${url}/webhdfs/v1${path}?user.name=alice&op=${op}`;
}

async function create(url: string, path: string, body: Buffer): Promise<Answer> {
  const first = await send('PUT', at(url, path, 'CREATE&overwrite=false'));
  if (first.status !== 307 || first.location === undefined) return first;
  return send('PUT', first.location, body);
}

describe.skipIf(skipsWithoutJava('the HDFS rig'))('an HDFS of the rig', () => {
  let hdfs: HdfsRig;
  beforeAll(async () => {
    hdfs = await startHdfs({ isProxied: true, datanodes: 2 });
  });
  afterAll(() => hdfs.stop());

  test('creates, sums, and renames, with both legs through the proxies', async () => {
    const before = hdfs.datanodes.map((node) => node.proxy.counts.accepted);
    expect((await create(hdfs.webhdfs, '/basic/.a.tmp', Buffer.from('hello\n'))).status).toBe(201);
    const after = hdfs.datanodes.map((node) => node.proxy.counts.accepted);
    expect(after.reduce((sum, one) => sum + one)).toBe(before.reduce((sum, one) => sum + one) + 1);
    const toNode = await send('GET', at(hdfs.webhdfs, '/basic/.a.tmp', 'GETFILECHECKSUM'));
    const sum = await send('GET', toNode.location ?? '');
    expect(sum.text).toContain('MD5-of-0MD5-of-512CRC32C');
    const renamed = await send(
      'PUT',
      at(hdfs.webhdfs, '/basic/.a.tmp', 'RENAME&destination=/basic/a&renameoptions=NONE'),
    );
    expect(renamed).toMatchObject({ status: 200, text: '' });
    const again = await send(
      'PUT',
      at(hdfs.webhdfs, '/basic/.a.tmp', 'RENAME&destination=/basic/a&renameoptions=NONE'),
    );
    expect(again.status).toBeGreaterThanOrEqual(400);
  });

  test('a lost reply to RENAME: the client sees a reset and the file is renamed', async () => {
    await create(hdfs.directWebhdfs, '/lost/from', Buffer.from('x'));
    const fault = hdfs.namenode.proxy.onRequest((head) => head.includes('op=RENAME'), 'reset-after-forward');
    await expect(send('PUT', at(hdfs.webhdfs, '/lost/from', 'RENAME&destination=/lost/to'))).rejects.toThrow(
      /ECONNRESET|hang up/,
    );
    expect(fault.hits).toBe(1);
    expect((await send('GET', at(hdfs.webhdfs, '/lost/to', 'GETFILESTATUS'))).status).toBe(200);
  });

  test('an upload that breaks off leaves a closed, truncated file', async () => {
    const faults = hdfs.datanodes.map((node) =>
      node.proxy.onRequest((head) => head.includes('op=CREATE'), 'cut-after-bytes', { bytes: 1_000_000 }),
    );
    await expect(create(hdfs.webhdfs, '/broken/big', Buffer.alloc(5_000_000))).rejects.toThrow();
    for (const fault of faults) fault.remove();
    const length = await until('the file is closed', async () => {
      const { text } = await send('GET', at(hdfs.directWebhdfs, '/broken/big', 'GETFILESTATUS'));
      const found = Number(/"length":(\d+)/.exec(text)?.[1] ?? 0);
      return found > 0 ? found : undefined;
    });
    expect(length).toBeLessThan(1_000_000);
  });

  test('the judge reads plain, gzip and zstd files over WebHDFS, and Hadoop’s client reads the same', async () => {
    const lines = [...nginxLines(300)].map((line) => `${line.value}\n`);
    const directory = `/judged/${nginxHourDirectory(lines[0] ?? '') ?? ''}`;
    const text = (from: number, to: number): string => lines.slice(from, to).join('');
    const gzip = Buffer.concat([gzipSync(text(100, 150)), gzipSync(text(150, 200))]);
    const zstd = Buffer.concat([zstdCompressSync(text(200, 250)), zstdCompressSync(text(250, 300))]);
    await create(hdfs.webhdfs, `${directory}/a`, Buffer.from(text(0, 100)));
    await create(hdfs.webhdfs, `${directory}/b.gz`, gzip);
    await create(hdfs.webhdfs, `${directory}/c.zst`, zstd);
    await create(hdfs.webhdfs, `${directory}/.d.tmp`, Buffer.from('half'));
    const verdict = await judge({
      tree: webHdfsTree(hdfs.directWebhdfs, '/judged'),
      produced: new Map([0, 1, 2].map((partition) => [partition, 100])),
      identify: nginxIdOf,
      expectedDirectory: nginxHourDirectory,
    });
    expect(describeVerdict(verdict)).toMatch(/^clean: 300 records/);
    expect(verdict.hidden).toHaveLength(1);
    expect(await hdfs.hadoopText(`${directory}/b.gz`)).toBe(text(100, 200));
    expect(await hdfs.hadoopText(`${directory}/c.zst`)).toBe(text(200, 300));
  });

  test('refuses in safe mode, over quota, and without permission', async () => {
    const put = (path: string): Promise<Answer> => send('PUT', at(hdfs.webhdfs, path, 'MKDIRS'));
    await hdfs.safeMode('enter');
    expect((await put('/safe')).text).toContain('SafeModeException');
    await hdfs.safeMode('leave');
    expect((await put('/limited')).status).toBe(200);
    await hdfs.setQuota('/limited', { names: 2 });
    expect((await put('/limited/a')).status).toBe(200);
    expect((await put('/limited/b')).text).toContain('NSQuotaExceededException');
    await hdfs.setQuota('/limited', 'none');
    expect((await put('/limited/b')).status).toBe(200);
    await hdfs.superuserCall('PUT', '/closed', { op: 'MKDIRS', permission: '700' });
    expect((await put('/closed/a')).text).toContain('AccessControlException');
  });

  test('survives the death of its servers', async () => {
    const node = hdfs.datanodes[0];
    await node?.kill();
    await hdfs.waitForDataNodes(1);
    await node?.start();
    await hdfs.waitForDataNodes(2);
    await hdfs.namenode.kill();
    await expect(send('GET', at(hdfs.directWebhdfs, '/', 'GETFILESTATUS'))).rejects.toThrow('ECONNREFUSED');
    await hdfs.namenode.start();
    await hdfs.waitForDataNodes(2);
    expect((await send('GET', at(hdfs.webhdfs, '/basic/a', 'GETFILESTATUS'))).status).toBe(200);
  });
});

describe.skipIf(skipsWithoutJava('the HDFS rig’s variants'))('an HA pair with HttpFS', () => {
  let hdfs: HdfsRig;
  beforeAll(async () => {
    hdfs = await startHdfs({ isHa: true, hasHttpfs: true });
  });
  afterAll(() => hdfs.stop());

  test('the standby refuses, and becomes the active one, also when the other is dead', async () => {
    const status = (index: number): Promise<Answer> =>
      send('GET', at(hdfs.webhdfsUrls[index] ?? '', '/', 'GETFILESTATUS'));
    expect(await hdfs.states()).toEqual(['active', 'standby']);
    expect((await status(1)).text).toContain('StandbyException');
    expect(await hdfs.failover()).toBe(1);
    expect((await status(0)).text).toContain('StandbyException');
    await hdfs.namenodes[1]?.kill();
    expect(await hdfs.failover()).toBe(0);
    expect((await status(0)).status).toBe(200);
  });

  test('HttpFS takes a body in one step', async () => {
    const created = await send(
      'PUT',
      at(hdfs.httpfs.url, '/by-httpfs', 'CREATE&data=true&overwrite=false'),
      Buffer.from('hello\n'),
    );
    expect(created.status).toBe(201);
    const read = await send('GET', at(hdfs.httpfs.url, '/by-httpfs', 'OPEN'));
    expect(read.text).toBe('hello\n');
  });
});

test('a server dies with the process that started it, also after SIGKILL', async () => {
  const guard = join(import.meta.dirname, '..', 'rig', 'orphan-guard.ts');
  const script = `
    import { spawn } from 'node:child_process';
    import { guardProcess, releaseProcess } from ${JSON.stringify(guard)};
    const [kept, dropped] = [1, 2].map(() => spawn('sleep', ['300'], { detached: true, stdio: 'ignore' }).pid);
    guardProcess(kept); guardProcess(dropped); releaseProcess(dropped);
    setTimeout(() => console.log(kept + ' ' + dropped), 100);
    setInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  owner.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [kept = 0, dropped = 0] = await until('both pids', () =>
    output.includes('\n') ? output.split(' ').map(Number) : undefined,
  );
  try {
    owner.kill('SIGKILL');
    await until('the guarded process is gone', () => !isAlive(kept));
    expect(isAlive(dropped)).toBe(true);
  } finally {
    process.kill(dropped, 'SIGKILL');
  }
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
