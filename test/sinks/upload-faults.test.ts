/**
 * Goal: whatever a server does in the middle of an upload, the outcome is told as it is: a refusal wins over the broken pipe behind
 * it, silence becomes a time-out that means "unknown", and nothing is taken for a success that is none. Method: a TCP double that
 * plays a NameNode's redirect and then the fault, byte by byte; limits are short, no test sleeps.
 */
import { lookup } from 'node:dns/promises';
import { afterEach, expect, test } from 'vitest';
import { createTarget } from '../../main/sinks/create-target.ts';
import type { HdfsSettings } from '../../main/sinks/hdfs/hdfs-settings.ts';
import type { Target } from '../../main/landing/target.ts';
import { calm, failureOf, upload, zeros } from './bytes.ts';
import { exceptionReply, jsonReply, rawServer, type RawServer } from './raw-server.ts';

const DEFAULTS = jsonReply(
  '200 OK',
  '{"FsServerDefaults":{"blockSize":134217728,"bytesPerChecksum":512,"checksumType":2}}',
  'Connection: close\r\n',
);
const LIMITS = {
  connectMs: 2_000,
  answerMs: 300,
  inactivityMs: 300,
  uploadAnswerMs: 300,
  uploadBaseMs: 20_000,
};
const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.stop();
});

type Play = Parameters<typeof rawServer>[0];

async function cluster(
  play: Play,
  more: Partial<HdfsSettings> & { location?: string } = {},
): Promise<{ target: Target; dataNode: RawServer }> {
  const dataNode = await rawServer(play);
  const { location = dataNode.url, ...settings } = more;
  const nameNode = await rawServer((socket, head) => {
    if (head.includes('GETSERVERDEFAULTS')) socket.end(DEFAULTS);
    else
      socket.end(
        `HTTP/1.1 307 x\r\nLocation: ${location}/webhdfs/v1/f?op=CREATE&delegation=SECRET\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
  });
  const target = createTarget({
    type: 'hdfs',
    server: 'namenode',
    urls: [nameNode.url],
    user: 'u',
    root: '/',
    limits: LIMITS,
    ...settings,
  });
  open.push(dataNode, nameNode, { stop: () => target.close() });
  return { target, dataNode };
}

const big = () => ({ lengthBytes: 64 * 1024 * 1024, pieces: zeros(64 * 1024 * 1024) });

test('an early refusal in mid-body is what is reported, not the reset that follows it', async () => {
  const { target, dataNode } = await cluster((socket) => {
    socket.write('HTTP/1.1 100 Continue\r\n\r\n');
    socket.once('data', () => {
      socket.write(
        exceptionReply(
          '403 Forbidden',
          'DSQuotaExceededException',
          'The DiskSpace quota of /f is exceeded',
          'Connection: close\r\n',
        ),
        () => socket.resetAndDestroy(),
      );
    });
  });
  for (let round = 0; round < 20; round++) {
    const failure = await failureOf(target.create('/f', big(), calm));
    expect(failure).toMatchObject({ code: 'quota-exceeded', retry: 'never' });
    expect(failure.place).toBe(`${dataNode.host}/f`);
  }
});

test('an early refusal is read while the server has stopped reading', async () => {
  const { target } = await cluster((socket) => {
    socket.pause();
    socket.write(exceptionReply('500 x', 'RemoteException', 'Cannot create /f. Name node is in safe mode.'));
  });
  expect(await failureOf(target.create('/f', big(), calm))).toMatchObject({
    code: 'safe-mode',
    retry: 'backoff',
  });
});

test('a server that stops reading is a time-out, and the outcome is unknown', async () => {
  const { target } = await cluster((socket) => socket.pause());
  const failure = await failureOf(target.create('/f', big(), calm));
  expect(failure).toMatchObject({ code: 'timeout', retry: 'backoff' });
  expect(failure.message).toContain('no byte accepted');
});

test('silence after the last byte is a time-out', async () => {
  const { target } = await cluster((socket) => socket.resume());
  const failure = await failureOf(target.create('/f', upload(1000), calm));
  expect(failure).toMatchObject({ code: 'timeout', retry: 'backoff' });
  expect(failure.message).toContain('after the last byte');
});

test('an end or a reset instead of an answer is a broken connection', async () => {
  for (const end of [(s: Parameters<Play>[0]) => s.end(), (s: Parameters<Play>[0]) => s.resetAndDestroy()]) {
    const { target } = await cluster((socket) => {
      socket.resume();
      socket.once('data', () => end(socket));
    });
    expect(await failureOf(target.create('/f', upload(1000), calm))).toMatchObject({
      code: 'transport',
      retry: 'backoff',
    });
  }
});

test('a success that comes before the last byte is none', async () => {
  const { target } = await cluster((socket) => {
    socket.resume();
    socket.write('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n');
  });
  expect(await failureOf(target.create('/f', big(), calm))).toMatchObject({
    code: 'transport',
    retry: 'backoff',
  });
});

test('a broken chunk in the answer is a broken connection', async () => {
  const { target } = await cluster((socket) => {
    socket.resume();
    socket.end('HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n');
  });
  expect(await failureOf(target.create('/f', upload(10), calm))).toMatchObject({
    code: 'transport',
    retry: 'backoff',
  });
});

test('unasked interim answers and a slow end do no harm', async () => {
  const { target } = await cluster((socket) => {
    let bytes = 0;
    socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n');
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes >= 100_000)
        socket.end('HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
  });
  expect((await target.create('/f', upload(100_000), calm)).lengthBytes).toBe(100_000);
});

test('an abort ends the upload at once', async () => {
  const controller = new AbortController();
  const { target } = await cluster((socket) => {
    socket.pause();
    controller.abort(new Error('stop'));
  });
  expect(await failureOf(target.create('/f', big(), controller.signal))).toMatchObject({ code: 'aborted' });
});

test('a DataNode name without an address is told with the host map and HttpFS as ways out, and the token is told nobody', async () => {
  const name = 'datanode.invalid';
  await expect(lookup(name)).rejects.toThrow();
  const { target } = await cluster((socket) => socket.end(), { location: `http://${name}:9864` });
  const failure = await failureOf(target.create('/f', upload(10), calm));
  expect(failure).toMatchObject({ code: 'name-unresolved', retry: 'backoff' });
  expect(failure.hint).toMatch(/hdfs\.hostMap.*hdfs\.httpfs/);
  expect(JSON.stringify([failure.message, failure.place, String(failure.cause)])).not.toContain('SECRET');
});

test('the host map leads to where a DataNode is reached, by name and by name and port', async () => {
  for (const key of ['dn1.inner', 'dn1.inner:9864']) {
    let head = '';
    const real = await rawServer((socket, text) => {
      head = text;
      socket.resume();
      socket.end('HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
    open.push(real);
    const { target } = await cluster(() => undefined, {
      location: 'http://dn1.inner:9864',
      hostMap: { [key]: real.host },
    });
    expect((await target.create('/f', upload(0), calm)).server).toBe('dn1.inner:9864');
    expect(head).toMatch(/^host: dn1\.inner:9864$/im);
    expect(head).toMatch(/^x-xsrf-header: /im);
    expect(head).toMatch(/^content-type: application\/octet-stream$/im);
  }
});

test('a silent NameNode is a time-out of its own', async () => {
  const silent = await rawServer(() => undefined);
  const target = createTarget({
    type: 'hdfs',
    server: 'namenode',
    urls: [silent.url],
    user: 'u',
    root: '/',
    limits: LIMITS,
  });
  open.push(silent, { stop: () => target.close() });
  expect(await failureOf(target.stat('/f', calm))).toMatchObject({ code: 'timeout', retry: 'backoff' });
});

test('an answer that stops in its middle is a time-out too', async () => {
  const server = await rawServer((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{'));
  const target = createTarget({
    type: 'hdfs',
    server: 'namenode',
    urls: [server.url],
    user: 'u',
    root: '/',
    limits: LIMITS,
  });
  open.push(server, { stop: () => target.close() });
  expect(await failureOf(target.stat('/f', calm))).toMatchObject({ code: 'timeout' });
});

test('an upload that drags on beyond its whole time is a time-out', async () => {
  const { target } = await cluster((socket) => socket.resume(), {
    limits: { ...LIMITS, uploadAnswerMs: 60_000, uploadBaseMs: 200 },
  });
  expect(await failureOf(target.create('/f', upload(10), calm))).toMatchObject({ code: 'timeout' });
});

test('a rename whose answer was lost is not sent again, to nobody', async () => {
  let renames = 0;
  const dying = () =>
    rawServer((socket) => {
      renames++;
      socket.resetAndDestroy();
    });
  const servers = [await dying(), await dying()];
  const target = createTarget({
    type: 'hdfs',
    server: 'namenode',
    urls: servers.map(({ url }) => url),
    user: 'u',
    root: '/',
    limits: LIMITS,
  });
  open.push(...servers, { stop: () => target.close() });
  expect(await failureOf(target.rename('/a', '/b', calm))).toMatchObject({
    code: 'transport',
    retry: 'backoff',
  });
  expect(renames).toBe(1);
});

test('a listing that does not advance is an error, not an endless loop', async () => {
  const page =
    '{"DirectoryListing":{"partialListing":{"FileStatuses":{"FileStatus":[{"pathSuffix":"a","type":"FILE","length":1}]}},"remainingEntries":1}}';
  const server = await rawServer((socket) => socket.end(jsonReply('200 OK', page, 'Connection: close\r\n')));
  const target = createTarget({
    type: 'hdfs',
    server: 'namenode',
    urls: [server.url],
    user: 'u',
    root: '/',
    limits: LIMITS,
  });
  open.push(server, { stop: () => target.close() });
  expect(await failureOf(target.list('/d', calm))).toMatchObject({ code: 'transport' });
});

test('a cluster that sums otherwise than its defaults say is believed, and the file counts as not comparable', async () => {
  const sum = `{"FileChecksum":{"algorithm":"MD5-of-0MD5-of-4096CRC32","bytes":"${'00'.repeat(32)}","length":28}}`;
  const status = '{"FileStatus":{"pathSuffix":"","type":"FILE","length":10}}';
  const server = await rawServer((socket, head) => {
    socket.resume();
    if (head.includes('GETSERVERDEFAULTS')) socket.end(DEFAULTS);
    else if (head.includes('GETFILESTATUS')) socket.end(jsonReply('200 OK', status, 'Connection: close\r\n'));
    else if (head.includes('GETFILECHECKSUM')) socket.end(jsonReply('200 OK', sum, 'Connection: close\r\n'));
    else socket.end('HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  const target = createTarget({
    type: 'hdfs',
    server: 'httpfs',
    urls: [server.url],
    user: 'u',
    root: '/',
    limits: LIMITS,
  });
  open.push(server, { stop: () => target.close() });
  expect((await target.create('/f', upload(10), calm)).checksum).toMatch(/^MD5-of-0MD5-of-512CRC32C:/);
  expect(await target.checksum('/f', calm)).toMatchObject({
    unavailable: expect.stringContaining('4096CRC32') as string,
  });
  expect((await target.create('/g', upload(10), calm)).checksum).toMatch(/^MD5-of-0MD5-of-4096CRC32:/);
});
