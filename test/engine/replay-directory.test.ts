/**
 * Goal: a replay lands nowhere where a reader of landed files could meet its events by accident, however the directory is written.
 * Method: configurations with sinks, and the ways in which one directory can be named; links are real ones on a real disk.
 */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { replayBounds } from '../../main/engine/replay/replay-range.ts';
import { replayDirectory } from '../../main/engine/replay/replay-directory.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';

/** Only what the check reads of a configuration. */
const configOf = (type: 'hdfs' | 'directory', ...paths: string[]): GatewayConfig =>
  ({
    sinks: Object.fromEntries(paths.map((path, at) => [`s${at}`, { type, path }])),
  }) as unknown as GatewayConfig;

describe('a replay into HDFS', () => {
  const config = configOf('hdfs', '/logs/www/%Y-%m-%d/%H', '/archive/');

  test.each(['/replays/incident-7', '/logs/replays', '/logs/www2', '/logsx', '/archived'])(
    'may land in %s',
    async (into) => {
      expect(await replayDirectory(into, config, 'hdfs')).toBe(into);
    },
  );

  test('is given a plain path', async () => {
    expect(await replayDirectory('//replays///x/', config, 'hdfs')).toBe('/replays/x');
  });

  test.each([
    ['/logs/www', 'it is /logs/www'],
    ['/logs/www/', 'it is /logs/www'],
    ['//logs//www//', 'it is /logs/www'],
    ['/logs/www/2026-11-21/08', 'it lies under /logs/www'],
    ['/logs/www/replays', 'it lies under /logs/www'],
    ['/archive', 'it is /archive/'],
    ['/archive/x', 'it lies under /archive/'],
    ['/logs', 'it holds /logs/www'],
    ['/', 'it holds /logs/www'],
    ['/replays/../logs/www', '. or ..'],
    ['/replays/./x', '. or ..'],
    ['replays/x', 'slash'],
    ['/.reserved/raw/logs/www', 'reserved'],
    ['/.reserved/.inodes/16386', 'reserved'],
    ['/replays/.headgate/x', 'reserved'],
    ['/replays/%Y', 'character'],
    ['hdfs://nn/replays', 'slash'],
    ['/replays/a:b', 'character'],
  ])('is refused %s', async (into, why) => {
    await expect(replayDirectory(into, config, 'hdfs')).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining(why) as string,
    });
  });

  test('is refused every directory while a sink’s path begins with an escape', async () => {
    await expect(replayDirectory('/replays', configOf('hdfs', '/%{topic}'), 'hdfs')).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('fixed first directory') as string,
    });
  });

  test('is not kept from a path that only a sink of local files has', async () => {
    expect(await replayDirectory('/data/x', configOf('directory', '/data'), 'hdfs')).toBe('/data/x');
  });
});

describe('a replay into a local directory', () => {
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'headgate-replay-'));
    await mkdir(join(root, 'landed', 'www'), { recursive: true });
    await symlink(join(root, 'landed'), join(root, 'alias'));
    await symlink(join(root, 'nowhere'), join(root, 'dead'));
  });
  afterAll(() => rm(root, { recursive: true }));

  test('may land beside the landed files, where nothing is yet', async () => {
    const config = configOf('directory', join(root, 'landed'));
    expect(await replayDirectory(join(root, 'again', 'x'), config, 'directory')).toBe(
      join(root, 'again', 'x'),
    );
  });

  test.each(['alias', 'alias/new', 'dead', 'dead/x'])(
    'is refused %s, which a link leads elsewhere',
    async (into) => {
      const config = configOf('directory', join(root, 'landed'));
      await expect(replayDirectory(join(root, into), config, 'directory')).rejects.toMatchObject({
        code: 'usage',
      });
    },
  );

  test('is refused where the sink’s own path is the link', async () => {
    const config = configOf('directory', join(root, 'alias', 'www'));
    const landed = join(root, 'landed', 'www', 'x');
    await expect(replayDirectory(landed, config, 'directory')).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('the range of a replay', () => {
  const bounds = (from: string, to: string, isByTime = false) => replayBounds({ from, to, isByTime });

  test('is of offsets, of times, or from end to end', () => {
    expect(bounds('12', '40')).toEqual({
      from: { kind: 'offset', offset: 12 },
      to: { kind: 'offset', offset: 40 },
    });
    expect(bounds('earliest', 'latest')).toEqual({ from: { kind: 'earliest' }, to: { kind: 'latest' } });
    const timeMs = Date.parse('2026-11-21T00:00:00Z');
    expect(bounds('2026-11-21T08:00:00+08:00', String(timeMs + 1), true)).toEqual({
      from: { kind: 'time', timeMs },
      to: { kind: 'time', timeMs: timeMs + 1 },
    });
  });

  test.each([
    ['40', '12'],
    ['12', '12'],
    ['2026-11-21T08:00:00Z', '2026-11-21T08:00:00Z'],
    ['yesterday', '12'],
    ['-1', '12'],
    ['2026-11-21T08:00:00', '2026-11-21T09:00:00'],
  ])('is refused from %s to %s', (from, to) => {
    expect(() => bounds(from, to)).toThrow();
  });
});
