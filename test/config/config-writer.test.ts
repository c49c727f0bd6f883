/**
 * Goal: the file is exchanged whole, as it was otherwise (mode, owner, link), and never over somebody else's edit; what can't be written
 * changes nothing. Method: real files; the other editor comes at each moment that can be reached; a full disk is a tiny one where it can be had.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { stageFile } from '../../main/config/config-writer.ts';

const isRoot = process.getuid?.() === 0;
const [OLD, NEW, HAND] = [Buffer.from('old\n'), Buffer.from('the new one\n'), Buffer.from('by hand\n')];

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'headgate-writer-'));
  path = join(folder, 'headgate.yaml');
  writeFileSync(path, OLD);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const exchange = async (): Promise<void> => {
  const staged = await stageFile({ path, base: OLD, bytes: NEW });
  await staged.commit();
};

describe('an exchange', () => {
  test('leaves the new text under the same name and mode, and nothing beside it', async () => {
    chmodSync(path, 0o640);
    await exchange();
    expect(readFileSync(path)).toEqual(NEW);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['headgate.yaml']);
  });

  test.runIf(isRoot)('keeps the owner', async () => {
    chownSync(path, 12_345, 54_321);
    await exchange();
    expect(statSync(path)).toMatchObject({ uid: 12_345, gid: 54_321 });
  });

  test('follows a link, which stays one', async () => {
    const real = join(folder, 'elsewhere', 'real.yaml');
    mkdirSync(join(folder, 'elsewhere'));
    renameSync(path, real);
    symlinkSync(real, path);
    await exchange();
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(readFileSync(real)).toEqual(NEW);
  });

  test('that is staged has changed nothing, and leaves nothing when it is given up', async () => {
    const staged = await stageFile({ path, base: OLD, bytes: NEW });
    expect(readFileSync(path)).toEqual(OLD);
    await staged.discard();
    expect(readdirSync(folder)).toEqual(['headgate.yaml']);
  });

  test('writes over what a killed one left behind, with rights of its own', async () => {
    writeFileSync(join(folder, '.headgate.yaml.headgate-new'), 'half', { mode: 0o666 });
    chmodSync(path, 0o600);
    await exchange();
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path)).toEqual(NEW);
  });

  test('can be undone while the file is still its own', async () => {
    const staged = await stageFile({ path, base: OLD, bytes: NEW });
    await staged.commit();
    await staged.undo();
    expect(readFileSync(path)).toEqual(OLD);
    const again = await stageFile({ path, base: OLD, bytes: NEW });
    await again.commit();
    writeFileSync(path, HAND);
    await again.undo();
    expect(readFileSync(path)).toEqual(HAND);
  });
});

describe('somebody else’s edit', () => {
  const editors: readonly (readonly [string, () => void])[] = [
    ['in place', () => writeFileSync(path, HAND)],
    [
      'by rename',
      () => {
        writeFileSync(`${path}.swp`, HAND);
        renameSync(`${path}.swp`, path);
      },
    ],
  ];
  test.each(editors)('%s between the read and the exchange is a conflict, and stays', async (_how, edit) => {
    const staged = await stageFile({ path, base: OLD, bytes: NEW });
    edit();
    await expect(staged.commit()).rejects.toMatchObject({ code: 'config-conflict', place: path });
    await staged.discard();
    expect(readFileSync(path)).toEqual(HAND);
    expect(readdirSync(folder)).toEqual(['headgate.yaml']);
  });

  test('that is written into the old file while it is being exchanged gets the file back', async () => {
    chmodSync(path, 0o640);
    const descriptor = openSync(path, 'r+');
    const staged = await stageFile({
      ...{ path, base: OLD, bytes: NEW },
      rename: (from, to) => {
        renameSync(from, to);
        writeSync(descriptor, HAND, 0, HAND.length, 0);
      },
    });
    await expect(staged.commit()).rejects.toMatchObject({ code: 'config-conflict' });
    closeSync(descriptor);
    await staged.discard();
    expect(readFileSync(path)).toEqual(HAND);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['headgate.yaml']);
  });

  test('that takes the file away is a conflict', async () => {
    const staged = await stageFile({ path, base: OLD, bytes: NEW });
    rmSync(path);
    await expect(staged.commit()).rejects.toMatchObject({ code: 'config-conflict' });
    await staged.discard();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a file that is not there yet', () => {
  test('is made for our user only, with its folders', async () => {
    const fresh = join(folder, 'a', 'b', 'headgate.yaml');
    const staged = await stageFile({ path: fresh, base: undefined, bytes: NEW });
    await staged.commit();
    expect(readFileSync(fresh)).toEqual(NEW);
    expect(statSync(fresh).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'a', 'b'))).toEqual(['headgate.yaml']);
  });

  test('and that somebody makes meanwhile is a conflict', async () => {
    const fresh = join(folder, 'fresh.yaml');
    const staged = await stageFile({ path: fresh, base: undefined, bytes: NEW });
    writeFileSync(fresh, HAND);
    await expect(staged.commit()).rejects.toMatchObject({ code: 'config-conflict' });
    await staged.discard();
    expect(readFileSync(fresh)).toEqual(HAND);
    await expect(stageFile({ path: fresh, base: undefined, bytes: NEW })).rejects.toMatchObject({
      code: 'config-conflict',
    });
  });
});

describe('what can’t be written', () => {
  test('a file without write permission is left alone, also by the superuser', async () => {
    chmodSync(path, 0o444);
    await expect(exchange()).rejects.toMatchObject({
      code: 'permission-denied',
      message: expect.stringContaining('read-only') as string,
    });
    expect(readFileSync(path)).toEqual(OLD);
    expect(readdirSync(folder)).toEqual(['headgate.yaml']);
  });

  test.runIf(isRoot && isTinyDiskToBeHad())('a full disk is said, and changes nothing', async () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
    try {
      path = join(disk, 'headgate.yaml');
      writeFileSync(path, OLD);
      const bytes = Buffer.alloc(256 * 1024, 'x');
      await expect(stageFile({ path, base: OLD, bytes })).rejects.toMatchObject({ code: 'disk-full' });
      expect(readFileSync(path)).toEqual(OLD);
      expect(readdirSync(disk)).toEqual(['headgate.yaml']);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

/** Containers may not mount. */
function isTinyDiskToBeHad(): boolean {
  const place = mkdtempSync(join(tmpdir(), 'headgate-mount-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', place], { stdio: 'ignore' });
    execFileSync('umount', [place], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
