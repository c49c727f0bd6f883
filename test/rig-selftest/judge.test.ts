// Goal: the judge finds every planted fault, and passes a good tree. A judge that can't condemn proves nothing.
// Method: trees on disk, written by hand, one fault each; gzip of several members and zstd of several frames; streams cut at odd places.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { describeVerdict, judge, type Verdict } from '../rig/judge.ts';
import { directoryTree } from '../rig/landed-tree.ts';
import { nginxHourDirectory, nginxIdOf, nginxLines } from '../rig/nginx-lines.ts';
import { SequenceSet } from '../rig/sequence-set.ts';
import { zstdFrames } from '../rig/zstd-frames.ts';

const COUNT = 6_000;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'headgate-judge-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function put(path: string, content: string | Buffer): void {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
}

/** All lines by their own directory: about three hours' worth. */
function linesByDirectory(): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const { value } of nginxLines(COUNT, { eventsPerSecond: 0.6, lateShare: 0.05 })) {
    const directory = nginxHourDirectory(value) ?? 'none';
    const lines = map.get(directory) ?? [];
    lines.push(value);
    map.set(directory, lines);
  }
  return map;
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function writeGoodTree(): Map<string, string[]> {
  const map = linesByDirectory();
  for (const [directory, lines] of map) put(`${directory}/data-1`, textOf(lines));
  return map;
}

function verdict(withheld?: (stream: number | string, sequence: number) => boolean): Promise<Verdict> {
  return judge({
    tree: directoryTree(root),
    produced: new Map([0, 1, 2].map((partition) => [partition, COUNT / 3])),
    identify: nginxIdOf,
    expectedDirectory: nginxHourDirectory,
    ...(withheld === undefined ? {} : { isWithheld: withheld }),
  });
}

/** A directory with its lines, of a tree that was written before. */
function firstOf(map: Map<string, string[]>): { directory: string; lines: string[] } {
  const [entry] = map;
  if (entry === undefined) throw new Error('the tree is empty');
  return { directory: entry[0], lines: entry[1] };
}

describe('a good tree', () => {
  test('passes as plain files', async () => {
    const map = writeGoodTree();
    const found = await verdict();
    expect(describeVerdict(found)).toMatch(/^clean/);
    expect(found).toMatchObject({ isClean: true, lines: COUNT, found: COUNT, files: map.size, hidden: [] });
    expect(map.size).toBeGreaterThan(2);
  });

  test('passes as gzip of several members and zstd of several frames', async () => {
    for (const [directory, lines] of linesByDirectory()) {
      const middle = Math.floor(lines.length / 3);
      const parts = [lines.slice(0, middle), lines.slice(middle)].map(textOf);
      const isZstd = directory.endsWith('9') || directory.endsWith('1');
      const bytes = Buffer.concat(parts.map((part) => (isZstd ? zstdCompressSync(part) : gzipSync(part))));
      put(`${directory}/data.${isZstd ? 'zst' : 'gz'}`, bytes);
    }
    const found = await verdict();
    expect(describeVerdict(found)).toMatch(/^clean/);
    expect(found.found).toBe(COUNT);
  });

  test('reports hidden files and judges without them', async () => {
    writeGoodTree();
    put('2026-11-21/08/.data-2.tmp', 'half a li');
    put('_headgate/tmp/x', 'y');
    const found = await verdict();
    expect(found.isClean).toBe(true);
    expect([...found.hidden].sort()).toEqual(['2026-11-21/08/.data-2.tmp', '_headgate/tmp/x']);
  });
});

describe('a planted fault', () => {
  test('a record twice', async () => {
    const { directory, lines } = firstOf(writeGoodTree());
    put(`${directory}/data-2`, textOf(lines.slice(5, 6)));
    const found = await verdict();
    expect(found).toMatchObject({ isClean: false, duplicates: { count: 1 }, found: COUNT });
    expect(found.duplicates.examples[0]).toContain('data-2');
  });

  test('a record missing', async () => {
    const { directory, lines } = firstOf(writeGoodTree());
    const [gone] = lines.splice(17, 1);
    put(`${directory}/data-1`, textOf(lines));
    const found = await verdict();
    const id = nginxIdOf(gone ?? '');
    expect(found).toMatchObject({
      isClean: false,
      missing: { count: 1, examples: [`${id?.stream}-${id?.sequence}`] },
    });
  });

  test('a whole partition missing', async () => {
    for (const [directory, lines] of linesByDirectory()) {
      put(`${directory}/data-1`, textOf(lines.filter((line) => nginxIdOf(line)?.stream !== 2)));
    }
    const found = await verdict();
    expect(found.missing.count).toBe(COUNT / 3);
    expect(found.missing.examples.length).toBe(20);
  });

  test('a record in the directory of another hour', async () => {
    const map = writeGoodTree();
    const { directory, lines } = firstOf(map);
    const moved = lines.pop() ?? '';
    put(`${directory}/data-1`, textOf(lines));
    put('2026-11-21/23/data-1', textOf([moved]));
    const found = await verdict();
    expect(found).toMatchObject({
      isClean: false,
      misplaced: { count: 1 },
      missing: { count: 0 },
      duplicates: { count: 0 },
    });
    expect(found.misplaced.examples[0]).toContain(`belongs in ${directory}`);
  });

  test('two records of a partition in the wrong order', async () => {
    const { directory, lines } = firstOf(writeGoodTree());
    const own = lines.filter((line) => nginxIdOf(line)?.stream === 1);
    const [a, b] = [lines.indexOf(own[3] ?? ''), lines.indexOf(own[4] ?? '')];
    [lines[a], lines[b]] = [lines[b] ?? '', lines[a] ?? ''];
    put(`${directory}/data-1`, textOf(lines));
    expect(await verdict()).toMatchObject({
      isClean: false,
      disordered: { count: 1 },
      misplaced: { count: 0 },
    });
  });

  test('a record that was never produced, a withheld one, and a line that is none', async () => {
    const { directory } = firstOf(writeGoodTree());
    const strange = `x [21/Nov/2026:08:30:00 +0800] "GET /item?id=1-${COUNT} HTTP/1.1"`;
    put(`${directory}/data-2`, `${strange}\nhello\n`);
    const found = await verdict((stream, sequence) => stream === 0 && sequence === 3);
    expect(found).toMatchObject({
      isClean: false,
      unwanted: { count: 2 },
      unidentified: { count: 1 },
      missing: { count: 0 },
    });
  });

  test('a withheld record is not missing', async () => {
    const { directory, lines } = firstOf(writeGoodTree());
    const gone = nginxIdOf(lines.splice(40, 1)[0] ?? '');
    put(`${directory}/data-1`, textOf(lines));
    const found = await verdict((stream, sequence) => stream === gone?.stream && sequence === gone.sequence);
    expect(describeVerdict(found)).toMatch(/^clean/);
  });

  test.each(['gz', 'zst'])('a .%s file that is cut off in its second part', async (suffix) => {
    const compress = suffix === 'gz' ? gzipSync : zstdCompressSync;
    for (const [index, [directory, lines]] of [...linesByDirectory()].entries()) {
      const whole = Buffer.concat([compress(textOf(lines.slice(0, 9))), compress(textOf(lines.slice(9)))]);
      put(`${directory}/data.${suffix}`, index === 0 ? whole.subarray(0, whole.length - 40) : whole);
    }
    const found = await verdict();
    expect(found).toMatchObject({ isClean: false, damaged: { count: 1 } });
    expect(found.missing.count).toBeGreaterThan(0);
  });

  test('a last line without its end', async () => {
    const { directory, lines } = firstOf(writeGoodTree());
    put(`${directory}/data-1`, textOf(lines).slice(0, -1));
    expect(await verdict()).toMatchObject({ isClean: false, torn: { count: 1 }, missing: { count: 0 } });
  });

  test('nothing landed at all', async () => {
    rmSync(root, { recursive: true });
    expect(await verdict()).toMatchObject({ isClean: false, files: 0, missing: { count: COUNT } });
  });
});

describe('zstd frames', () => {
  const texts = ['', 'a', 'hello\n'.repeat(100_000), Buffer.alloc(300_000).toString('latin1'), 'end\n'];
  const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
  const bytes = Buffer.concat([skippable, ...texts.map((text) => zstdCompressSync(text))]);

  async function decode(chunks: Buffer[]): Promise<string> {
    const parts: Buffer[] = [];
    for await (const part of zstdFrames(Readable.from(chunks))) parts.push(part);
    return Buffer.concat(parts).toString('latin1');
  }

  test.each([1, 3, 7, 1_000, 1_000_000])('decode alike in chunks of %i bytes', async (size) => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    expect((await decode(chunks)) === texts.join('')).toBe(true);
  });

  test('cut anywhere within the last frame is an error', async () => {
    const last = zstdCompressSync(texts.at(-1) ?? '').length;
    for (let gone = 1; gone < last; gone++) {
      await expect(decode([bytes.subarray(0, bytes.length - gone)])).rejects.toThrow('cut off');
    }
  });
});

test('a sequence set counts each number once, far apart too', () => {
  const set = new SequenceSet();
  for (const sequence of [0, 31, 32, 5_000_000, 0, 5_000_000]) set.add(sequence);
  expect(set.size).toBe(4);
  expect([0, 1, 31, 32, 33, 5_000_000, 9_000_000].map((sequence) => set.has(sequence))).toEqual([
    true,
    false,
    true,
    true,
    false,
    true,
    false,
  ]);
});
