/**
 * Goal: what a local directory promises beyond the common contract: nothing outside its root, never over a file also without hard
 * links, an interrupted rename finished, and the disk's troubles told by name. Method: a real file system; `/dev/full` and a
 * missing hard link are the only faults that are made.
 */
import { link, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DirectoryTarget } from '../../main/sinks/directory/directory-target.ts';
import { fileError } from '../../main/sinks/directory/file-error.ts';
import { calm, failureOf, upload, zeros } from './bytes.ts';

let root: string;
let target: DirectoryTarget;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sinks-directory-'));
  target = new DirectoryTarget({ type: 'directory', root });
});
afterEach(() => rm(root, { recursive: true, force: true }));

for (const path of ['../out', '/etc/passwd', '/logs/../../../out', 'relative', '/nul\0']) {
  test(`${JSON.stringify(path)} is not used, by no call`, async () => {
    const full = path.startsWith('/') && !path.startsWith('/etc') ? root + path : path;
    const refused = { code: 'permission-denied', retry: 'never' };
    expect(await failureOf(target.create(full, upload(1), calm))).toMatchObject(refused);
    expect(await failureOf(target.mkdirs(full, calm))).toMatchObject(refused);
    expect(await failureOf(target.rename(join(root, 'a'), full, calm))).toMatchObject(refused);
    expect(await failureOf(target.remove(full, calm))).toMatchObject(refused);
    expect(await failureOf(target.open(full, calm))).toMatchObject(refused);
  });
}

test('a root that is a prefix of another name does not open that other name', async () => {
  expect(await failureOf(target.create(`${root}-other/f`, upload(1), calm))).toMatchObject({
    code: 'permission-denied',
  });
});

test('a rename that stopped between its two halves is finished by the next one', async () => {
  await target.create(join(root, '.a'), upload(10), calm);
  await link(join(root, '.a'), join(root, 'a'));
  expect(await target.rename(join(root, '.a'), join(root, 'a'), calm)).toEqual({ renamed: true });
  expect(await readdir(root)).toEqual(['a']);
});

test('without hard links a rename works, and is refused over a file and over a directory', async () => {
  const noLinks = () => Promise.reject(Object.assign(new Error('EPERM'), { code: 'EPERM', errno: -1 }));
  const poor = new DirectoryTarget({ type: 'directory', root, link: noLinks });
  await poor.create(join(root, '.a'), upload(10), calm);
  await poor.create(join(root, 'taken'), upload(20), calm);
  await poor.mkdirs(join(root, 'folder'), calm);
  for (const to of ['taken', 'folder']) {
    expect(await poor.rename(join(root, '.a'), join(root, to), calm)).toEqual({
      renamed: false,
      why: 'destination-exists',
    });
  }
  expect(await poor.rename(join(root, '.a'), join(root, 'a'), calm)).toEqual({ renamed: true });
  expect((await stat(join(root, 'taken'))).size).toBe(20);
  expect((await stat(join(root, 'a'))).size).toBe(10);
});

test('a directory is not renamed', async () => {
  await target.mkdirs(join(root, 'folder'), calm);
  await failureOf(target.rename(join(root, 'folder'), join(root, 'other'), calm));
  expect(await readdir(root)).toEqual(['folder']);
});

test.skipIf(process.platform !== 'linux')('a full disk is told, and waits', async () => {
  await symlink('/dev/full', join(root, 'full'));
  const failure = await writeFile(join(root, 'full'), 'x').catch((error: unknown) =>
    fileError(error, 'write', 'full'),
  );
  expect(failure).toMatchObject({ code: 'disk-full', retry: 'backoff' });
});

test('each trouble of a file system has its code', () => {
  const codeOf = (code: string): unknown =>
    Reflect.get(
      fileError(Object.assign(new Error(code), { code, errno: -1 }), 'write', '/x') as object,
      'code',
    );
  expect(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EIO', 'EMFILE'].map(codeOf)).toEqual([
    'disk-full',
    'quota-exceeded',
    'permission-denied',
    'permission-denied',
    'io-error',
    'io-error',
  ]);
});

test('a failed upload leaves nothing behind', async () => {
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1000);
    await Promise.resolve();
    throw new Error('no more');
  }
  await expect(
    target.create(join(root, '.a'), { lengthBytes: 2000, pieces: broken() }, calm),
  ).rejects.toThrow('no more');
  expect(await readdir(root)).toEqual([]);
});

test('an abort stops an upload', async () => {
  const controller = new AbortController();
  const pieces = zeros(64 * 1024 * 1024, (sent) => {
    if (sent > 8 * 1024 * 1024) controller.abort(new Error('stop'));
  });
  const work = target.create(join(root, '.a'), { lengthBytes: 64 * 1024 * 1024, pieces }, controller.signal);
  expect(await failureOf(work)).toMatchObject({ code: 'aborted' });
  expect(await readdir(root)).toEqual([]);
});

test('bytes that changed on the disk are found by the checksum', async () => {
  const made = await target.create(join(root, 'a'), upload(1000), calm);
  await writeFile(join(root, 'a'), 'x', { flag: 'r+' });
  expect(await target.checksum(join(root, 'a'), calm)).not.toEqual({ value: made.checksum });
});

test('the identity is kept in the root, and another root has another', async () => {
  const id = await target.namespace(calm);
  expect(await new DirectoryTarget({ type: 'directory', root }).namespace(calm)).toBe(id);
  await mkdir(join(root, 'other'));
  expect(
    await new DirectoryTarget({ type: 'directory', root: join(root, 'other') }).namespace(calm),
  ).not.toBe(id);
});

test('of several that make the identity at once, all see one', async () => {
  const ids = await Promise.all(
    Array.from({ length: 8 }, () => new DirectoryTarget({ type: 'directory', root }).namespace(calm)),
  );
  expect(new Set(ids).size).toBe(1);
  expect(await readdir(join(root, '.headgate'))).toEqual(['_namespace']);
});

test('modes are given as asked, whatever the umask', async () => {
  await target.create(join(root, 'a'), upload(1, { permission: '666' }), calm);
  expect((await stat(join(root, 'a'))).mode & 0o777).toBe(0o666);
});
