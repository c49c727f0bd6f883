/**
 * Goal: each bad day of a real HDFS ends in its own code and leaves the truth findable. Method: a NameNode and three DataNodes, all
 * behind TCP proxies; limits are short, but long enough for a busy machine.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTarget } from '../../main/sinks/create-target.ts';
import type { Target } from '../../main/landing/target.ts';
import { startHdfs, type HdfsRig } from '../rig/hdfs-rig.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { until } from '../rig/until.ts';
import { calm, failureOf, upload, zeros } from './bytes.ts';

const LIMITS = { connectMs: 2_000, answerMs: 10_000, inactivityMs: 6_000, uploadAnswerMs: 20_000 };
const MIB = 1024 * 1024;

describe.skipIf(skipsWithoutJava('HDFS faults'))('on a bad day', () => {
  let hdfs: HdfsRig;
  let target: Target;

  const connect = (user = 'gateway'): Target =>
    createTarget({
      type: 'hdfs',
      server: 'namenode',
      urls: hdfs.webhdfsUrls,
      user,
      root: '/t',
      limits: LIMITS,
    });
  beforeAll(async () => {
    hdfs = await startHdfs({ isProxied: true, datanodes: 3 });
    target = connect();
    await target.mkdirs('/t', calm);
  });
  afterEach(async () => {
    for (const node of [hdfs.namenode, ...hdfs.datanodes]) await node.proxy.heal();
  });
  afterAll(async () => {
    await target.close();
    await hdfs.stop();
  });

  /** A body that does something to the link once half of it is out. */
  const halfway = (act: () => void, lengthBytes = 48 * MIB) => {
    let isDone = false;
    const pieces = zeros(lengthBytes, (sent) => {
      if (isDone || sent < lengthBytes / 2) return;
      isDone = true;
      act();
    });
    return { lengthBytes, pieces };
  };
  const eachDataNode = (act: (proxy: HdfsRig['namenode']['proxy']) => void): void =>
    hdfs.datanodes.forEach((node) => act(node.proxy));

  test('a rename whose answer is lost is unknown, and the inode tells that it happened', async () => {
    await target.create('/t/.lost', upload(100), calm);
    const inode = (await target.stat('/t/.lost', calm))?.inode ?? '';
    hdfs.namenode.proxy.onRequest((head) => head.includes('op=RENAME'), 'reset-after-forward');
    expect(await failureOf(target.rename('/t/.lost', '/t/lost', calm))).toMatchObject({
      code: 'transport',
      retry: 'backoff',
    });
    expect(await target.statInode(inode, calm)).toMatchObject({ path: '/t/lost', lengthBytes: 100 });
    expect(await target.rename('/t/.lost', '/t/lost', calm)).toEqual({
      renamed: false,
      why: 'source-missing',
    });
  });

  test('a rename that never arrived leaves the file where it was', async () => {
    await target.create('/t/.kept', upload(100), calm);
    hdfs.namenode.proxy.onRequest((head) => head.includes('op=RENAME'), 'reset-before-forward');
    expect(await failureOf(target.rename('/t/.kept', '/t/kept', calm))).toMatchObject({ code: 'transport' });
    expect(await target.rename('/t/.kept', '/t/kept', calm)).toEqual({ renamed: true });
  });

  test('a read whose connection is reset is asked again', async () => {
    const fault = hdfs.namenode.proxy.onRequest(
      (head) => head.includes('op=GETFILESTATUS'),
      'reset-before-forward',
    );
    expect((await target.stat('/t', calm))?.type).toBe('directory');
    expect(fault.hits).toBe(1);
  });

  test('a link that stalls in mid-body ends in a time-out, and another name can be used at once', async () => {
    const failure = await failureOf(
      target.create(
        '/t/.stalled',
        halfway(() => eachDataNode((proxy) => proxy.stall(true))),
        calm,
      ),
    );
    expect(failure).toMatchObject({ code: 'timeout', retry: 'backoff' });
    eachDataNode((proxy) => proxy.stall(false));
    expect((await target.create('/t/.second', upload(10), calm)).lengthBytes).toBe(10);
  });

  test('a link that is cut in mid-body leaves a shorter file, which the length gives away', async () => {
    await failureOf(
      target.create(
        '/t/.cut',
        halfway(() => eachDataNode((proxy) => proxy.cut())),
        calm,
      ),
    );
    const left = await until('the truncated file is closed', async () => {
      const stat = await target.stat('/t/.cut', calm);
      return stat !== undefined && stat.lengthBytes > 0 && stat;
    });
    expect(left.lengthBytes).toBeLessThan(48 * MIB);
  });

  test('a reset in mid-body is told as a broken connection', async () => {
    const failure = await failureOf(
      target.create(
        '/t/.reset',
        halfway(() => eachDataNode((proxy) => proxy.reset())),
        calm,
      ),
    );
    expect(failure).toMatchObject({ code: 'transport', retry: 'backoff' });
  });

  test('a lost answer to an upload is unknown, though the file is whole', async () => {
    for (const node of hdfs.datanodes)
      node.proxy.onRequest((head) => head.includes('op=CREATE'), 'reset-after-forward');
    const failure = await failureOf(target.create('/t/.answerless', upload(1000), calm));
    expect(failure.retry).toBe('backoff');
    await until(
      'the file is whole',
      async () => (await target.stat('/t/.answerless', calm))?.lengthBytes === 1000,
    );
  });

  test('a dead DataNode is named, and the next uploads go elsewhere', async () => {
    const first = await target.create('/t/.first', upload(10), calm);
    const dead = hdfs.datanodes.find((node) => node.url === `http://${first.server}`);
    await dead?.proxy.refuse(true);
    const failed = await until('the NameNode names the dead one', async () => {
      try {
        await connect().create(`/t/.${Math.random()}`, upload(10), calm);
        return undefined;
      } catch (error) {
        return error;
      }
    });
    expect(failed).toMatchObject({ code: 'datanode-unreachable', retry: 'backoff', place: first.server });
    for (let round = 0; round < 12; round++) {
      const made = await target.create(
        `/t/.avoid-${round}`,
        upload(10, { avoid: [first.server ?? ''] }),
        calm,
      );
      expect(made.server).not.toBe(first.server);
    }
  });

  test('when every DataNode is to be avoided, one of them is used all the same', async () => {
    const avoid = hdfs.datanodes.map((node) => node.url.slice('http://'.length));
    expect(await target.create('/t/.all-avoided', upload(10, { avoid }), calm)).toMatchObject({
      lengthBytes: 10,
    });
  });

  test('safe mode, and its end', async () => {
    await target.create('/t/.safe', upload(10), calm);
    await hdfs.safeMode('enter');
    try {
      const seen = { code: 'safe-mode', retry: 'backoff' };
      expect(await failureOf(target.create('/t/.unsafe', upload(10), calm))).toMatchObject(seen);
      expect(await failureOf(target.rename('/t/.safe', '/t/safe', calm))).toMatchObject(seen);
      expect(await failureOf(target.mkdirs('/t/new', calm))).toMatchObject(seen);
      expect(await failureOf(target.stamp('/t/.safe', { a: 'b' }, calm))).toMatchObject(seen);
      expect((await target.stat('/t/.safe', calm))?.lengthBytes).toBe(10);
    } finally {
      await hdfs.safeMode('leave');
    }
    expect(await target.rename('/t/.safe', '/t/safe', calm)).toEqual({ renamed: true });
  });

  test('a quota of names and a quota of space', async () => {
    for (const [directory, quota] of [
      ['/t/names', { names: 1 }],
      ['/t/space', { bytes: 1 }],
    ] as const) {
      await target.mkdirs(directory, calm);
      await hdfs.setQuota(directory, quota);
      expect(await failureOf(target.create(`${directory}/f`, upload(10), calm))).toMatchObject({
        code: 'quota-exceeded',
        retry: 'never',
      });
    }
  });

  test('no permission', async () => {
    await target.create('/t/.mine', upload(10), calm);
    const other = connect('eve');
    const seen = { code: 'permission-denied', retry: 'never' };
    expect(await failureOf(other.create('/t/.theirs', upload(10), calm))).toMatchObject(seen);
    expect(await failureOf(other.rename('/t/.mine', '/t/mine', calm))).toMatchObject(seen);
    expect(await failureOf(other.stamp('/t/.mine', { a: 'b' }, calm))).toMatchObject(seen);
    expect(await failureOf(other.remove('/t/.mine', calm))).toMatchObject(seen);
    await other.close();
  });

  test('an upload over a slow link takes its time and succeeds', async () => {
    eachDataNode((proxy) => proxy.limit(2 * MIB, 'up'));
    expect((await target.create('/t/.slow', upload(4 * MIB), calm)).lengthBytes).toBe(4 * MIB);
  });

  test('a NameNode that is gone is told, and works again when it is back', async () => {
    await hdfs.namenode.proxy.refuse(true);
    hdfs.namenode.proxy.cut();
    expect(await failureOf(target.stat('/t', calm))).toMatchObject({
      code: 'namenode-unreachable',
      retry: 'backoff',
    });
    await hdfs.namenode.proxy.refuse(false);
    expect((await target.stat('/t', calm))?.type).toBe('directory');
  });

  test('a file of many times the memory that it may take goes through in pieces', async () => {
    const lengthBytes = 192 * MIB;
    let peakBytes = 0;
    const before = process.memoryUsage().rss;
    const pieces = zeros(lengthBytes, () => {
      peakBytes = Math.max(peakBytes, process.memoryUsage().rss - before);
    });
    const made = await target.create('/t/.large', { lengthBytes, pieces, blockSizeBytes: 64 * MIB }, calm);
    expect(await target.checksum('/t/.large', calm)).toEqual({ value: made.checksum });
    // The proxies of the rig live in this process too, with their buffers.
    expect(peakBytes).toBeLessThan(lengthBytes / 2);
  });
});

describe.skipIf(skipsWithoutJava('a crippled HDFS'))(
  'on a cluster with extended attributes off and DataNodes whose names do not resolve',
  () => {
    let hdfs: HdfsRig;
    beforeAll(async () => {
      hdfs = await startHdfs({
        datanodeHostname: 'nowhere.invalid',
        properties: { 'dfs.namenode.xattrs.enabled': 'false' },
      });
    });
    afterAll(() => hdfs.stop());

    test('the name is told, a host map reaches it, and attributes ask for a sidecar', async () => {
      const settings = {
        type: 'hdfs',
        server: 'namenode',
        urls: hdfs.webhdfsUrls,
        user: 'gateway',
        root: '/',
        limits: LIMITS,
      } as const;
      const lost = createTarget(settings);
      expect(await failureOf(lost.create('/f', upload(10), calm))).toMatchObject({
        code: 'name-unresolved',
        retry: 'backoff',
      });
      const mapped = createTarget({ ...settings, hostMap: { 'nowhere.invalid': '127.0.0.1' } });
      const made = await mapped.create('/f', upload(10), calm);
      expect(await mapped.checksum('/f', calm)).toEqual({ value: made.checksum });
      expect(await mapped.stamp('/f', { file: 'id' }, calm)).toBe(false);
      expect(await mapped.attributes('/f', calm)).toBeUndefined();
      await lost.close();
      await mapped.close();
    });
  },
);
