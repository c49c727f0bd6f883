/**
 * Goal: a NameNode, an HttpFS and a directory keep the same contract (`main/landing/target.ts`), so that the upload protocol can be
 * written once. Method: every fact runs against all three, the first two on a real HDFS.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTarget } from '../../main/sinks/create-target.ts';
import type { Target } from '../../main/landing/target.ts';
import { startHdfs, type HdfsRig } from '../rig/hdfs-rig.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { bytesAt, calm, failureOf, upload } from './bytes.ts';

const BLOCK_BYTES = 1024 * 1024;
const NAMES = ['plain', '中 文', 'a%41', 'a+b', 'c#d?e', "q'!()*~", 'x;y&z=1', '.hidden', 'back\\slash'];

describe.skipIf(skipsWithoutJava('the target contract'))('each kind of target', () => {
  let hdfs: HdfsRig;
  let temp: string;
  const targets: Record<string, Target> = {};

  beforeAll(async () => {
    hdfs = await startHdfs({ hasHttpfs: true, properties: { 'dfs.ls.limit': '3' } });
    temp = await mkdtemp(join(tmpdir(), 'sinks-'));
    const common = { type: 'hdfs', user: 'gateway', root: '/t' } as const;
    targets['namenode'] = createTarget({ ...common, server: 'namenode', urls: hdfs.webhdfsUrls });
    targets['httpfs'] = createTarget({ ...common, server: 'httpfs', urls: [hdfs.httpfs.url] });
    targets['directory'] = createTarget({ type: 'directory', root: temp });
    await hdfs.superuserCall('PUT', '/t', { op: 'MKDIRS', permission: '777' });
  });
  afterAll(async () => {
    for (const target of Object.values(targets)) await target.close();
    await hdfs.stop();
    await rm(temp, { recursive: true });
  });

  for (const kind of ['namenode', 'httpfs', 'directory']) {
    describe(kind, () => {
      let target: Target;
      let root: string;
      beforeAll(async () => {
        target = targets[kind] as Target;
        root = kind === 'directory' ? join(temp, 'logs') : `/t/${kind}`;
        await target.mkdirs(root, calm);
      });

      for (const length of [
        0,
        1,
        511,
        512,
        513,
        BLOCK_BYTES - 1,
        BLOCK_BYTES,
        BLOCK_BYTES + 1,
        4 * BLOCK_BYTES + 1000,
      ]) {
        test(`a file of ${length} bytes is stored whole, and its checksum is the one computed on the way`, async () => {
          const path = `${root}/length-${length}`;
          const made = await target.create(path, upload(length, { blockSizeBytes: BLOCK_BYTES }), calm);
          expect(made.lengthBytes).toBe(length);
          expect(made.checksum).toBeDefined();
          expect(await target.checksum(path, calm)).toEqual({ value: made.checksum });
          expect(await target.stat(path, calm)).toMatchObject({ path, type: 'file', lengthBytes: length });
          expect(Buffer.compare(await buffer(await target.open(path, calm)), bytesAt(0, length))).toBe(0);
        });
      }

      test('a file that exists is never written over', async () => {
        const path = `${root}/taken`;
        await target.create(path, upload(10), calm);
        expect(await failureOf(target.create(path, upload(20), calm))).toMatchObject({
          code: 'file-exists',
          retry: 'never',
        });
        expect((await target.stat(path, calm))?.lengthBytes).toBe(10);
      });

      test('the permission asked for is given, and 644 is not lost to a default', async () => {
        if (kind === 'directory') return;
        await target.create(`${root}/mode-640`, upload(1, { permission: '640' }), calm);
        await target.create(`${root}/mode-default`, upload(1), calm);
        const listing = JSON.stringify(await hdfs.superuserCall('GET', root, { op: 'LISTSTATUS' }));
        expect(listing).toMatch(/"pathSuffix":"mode-640","permission":"640"/);
        expect(listing).toMatch(/"pathSuffix":"mode-default","permission":"644"/);
      });

      test('nothing there is no error: stat, list, attributes and remove say so', async () => {
        expect(await target.stat(`${root}/none`, calm)).toBeUndefined();
        expect(await target.list(`${root}/none`, calm)).toBeUndefined();
        expect(await target.attributes(`${root}/none`, calm)).toBeUndefined();
        expect(await target.remove(`${root}/none`, calm)).toBe(false);
      });

      test('a file keeps its inode through a rename', async () => {
        await target.create(`${root}/.before`, upload(5), calm);
        const before = await target.stat(`${root}/.before`, calm);
        expect(await target.rename(`${root}/.before`, `${root}/after`, calm)).toEqual({ renamed: true });
        expect((await target.stat(`${root}/after`, calm))?.inode).toBe(before?.inode);
        expect(await target.stat(`${root}/.before`, calm)).toBeUndefined();
      });

      test('a rename is refused, with why, and moves nothing', async () => {
        await target.create(`${root}/.one`, upload(1), calm);
        await target.create(`${root}/two`, upload(2), calm);
        await target.mkdirs(`${root}/folder`, calm);
        const refused = async (from: string, to: string) =>
          target.rename(`${root}/${from}`, `${root}/${to}`, calm);
        expect(await refused('.one', 'two')).toEqual({ renamed: false, why: 'destination-exists' });
        expect(await refused('.one', 'folder')).toEqual({ renamed: false, why: 'destination-exists' });
        expect(await refused('.one', 'nowhere/x')).toEqual({ renamed: false, why: 'parent-missing' });
        expect(await refused('.none', 'x')).toEqual({ renamed: false, why: 'source-missing' });
        expect(await target.list(`${root}/folder`, calm)).toEqual([]);
        expect((await target.stat(`${root}/two`, calm))?.lengthBytes).toBe(2);
        expect((await target.stat(`${root}/.one`, calm))?.lengthBytes).toBe(1);
      });

      test('names of all sorts are stored and listed as they are', async () => {
        const names = kind === 'directory' ? NAMES : NAMES.filter((name) => !name.includes('\\'));
        const folder = `${root}/sorts of/日志`;
        await target.mkdirs(folder, calm);
        for (const name of names) await target.create(`${folder}/${name}`, upload(3), calm);
        const listed = await target.list(folder, calm);
        expect(listed?.map(({ name }) => name).sort()).toEqual([...names].sort());
        for (const name of names)
          expect(await target.rename(`${folder}/${name}`, `${folder}/${name}.done`, calm)).toEqual({
            renamed: true,
          });
        for (const name of names) expect(await target.remove(`${folder}/${name}.done`, calm)).toBe(true);
        expect(await target.list(folder, calm)).toEqual([]);
      });

      test('a directory is not removed', async () => {
        await target.mkdirs(`${root}/kept`, calm);
        await failureOf(target.remove(`${root}/kept`, calm));
        expect((await target.stat(`${root}/kept`, calm))?.type).toBe('directory');
      });

      test('a parent that is a file is named as such', async () => {
        await target.create(`${root}/file`, upload(1), calm);
        expect(await failureOf(target.mkdirs(`${root}/file/sub`, calm))).toMatchObject({
          code: 'parent-not-directory',
        });
        expect(await failureOf(target.create(`${root}/file/sub`, upload(1), calm))).toMatchObject({
          code: 'parent-not-directory',
        });
      });

      test('bytes that are fewer or more than announced make no success', async () => {
        await expect(target.create(`${root}/few`, { ...upload(10), lengthBytes: 11 }, calm)).rejects.toThrow(
          '10 of the announced 11',
        );
        await expect(target.create(`${root}/many`, { ...upload(10), lengthBytes: 9 }, calm)).rejects.toThrow(
          'announced 9',
        );
      });

      test('a failure of the source of the bytes comes back as it is', async () => {
        const failure = new Error('the chunk is damaged');
        async function* broken(): AsyncGenerator<Uint8Array> {
          yield bytesAt(0, 100_000);
          await Promise.resolve();
          throw failure;
        }
        await expect(
          target.create(`${root}/broken`, { lengthBytes: 200_000, pieces: broken() }, calm),
        ).rejects.toBe(failure);
      });

      test('the namespace is one and the same for every instance', async () => {
        const id = await target.namespace(calm);
        const again = createTarget(
          kind === 'directory'
            ? { type: 'directory', root: temp }
            : { type: 'hdfs', server: 'namenode', urls: hdfs.webhdfsUrls, user: 'another', root: '/t' },
        );
        expect(await again.namespace(calm)).toBe(id);
        expect(id).toMatch(kind === 'directory' ? /^directory:[0-9a-f-]{36}$/ : /^hdfs:BP-/);
        await again.close();
      });

      if (kind === 'directory') return;

      test('attributes survive a rename, are replaced, and come back letter for letter', async () => {
        const path = `${root}/stamped`;
        await target.create(path, upload(1), calm);
        const values = {
          file: 'id-1',
          runs: '{"a":[1,2],"b":"x \\" %+&#"}',
          name: '北京',
          quoted: '"q"',
          empty: '',
        };
        expect(await target.stamp(path, { file: 'old' }, calm)).toBe(true);
        expect(await target.stamp(path, values, calm)).toBe(true);
        await target.rename(path, `${path}-2`, calm);
        expect(await target.attributes(`${path}-2`, calm)).toEqual(values);
      });

      test('a value that is too long for the cluster asks for a sidecar', async () => {
        await target.create(`${root}/long`, upload(1), calm);
        expect(await target.stamp(`${root}/long`, { runs: 'x'.repeat(16_500) }, calm)).toBe(false);
      });

      test('a file is found by its inode where others moved it, and is gone when it is removed', async () => {
        await target.mkdirs(`${root}/elsewhere %2B token=x`, calm);
        await target.create(`${root}/wanderer`, upload(7), calm);
        const inode = (await target.stat(`${root}/wanderer`, calm))?.inode ?? '';
        await hdfs.superuserCall('PUT', `${root}/wanderer`, {
          op: 'RENAME',
          destination: `${root}/elsewhere %2B token=x/moved`,
        });
        expect(await target.statInode(inode, calm)).toMatchObject({
          inode,
          path: `${root}/elsewhere %2B token=x/moved`,
          lengthBytes: 7,
        });
        expect(await target.remove(`${root}/elsewhere %2B token=x/moved`, calm)).toBe(true);
        expect(await target.statInode(inode, calm)).toBeUndefined();
      });
    });
  }
});
