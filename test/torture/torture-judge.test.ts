/**
 * Goal: the torture's judge can fail. Method: a tree of files on disk and a log that is known; one thing at a time is planted, and the
 * verdict must name it.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { directoryTree } from '../rig/landed-tree.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import { range } from '../channel/channel-fixture.ts';
import type { LogTruth } from './log-truth.ts';
import { eventDirectory, kindOf, numberedEvent, STREAMS, type EventKind } from './numbered-events.ts';
import { ToldGaps } from './told-gaps.ts';
import { judgeTree } from './torture-verdict.ts';

const SEED = 7;
const EVENTS = 3_000;
const PER_SECOND = 10;
const [STREAM] = STREAMS;

function event(sequence: number): string {
  if (STREAM === undefined) throw new Error('no stream');
  return numberedEvent({ seed: SEED, stream: STREAM, sequence, perSecond: PER_SECOND }).line;
}

/** The log holds the numbers 10 … 2999 at the offsets 0 … 2989: a request of ten was never written. */
function truthOf(start = 0): LogTruth {
  const offsets: (number | undefined)[] = [];
  const kinds = new Map<number, EventKind>();
  const counts = { plain: 0, noise: 0, oversize: 0 };
  for (let sequence = 10; sequence < EVENTS; sequence++) {
    offsets[sequence] = sequence - 10;
    const kind = kindOf(event(sequence));
    kinds.set(sequence - 10, kind);
    counts[kind]++;
  }
  return {
    streams: new Map([['www/0', { offsets, kinds, start, end: EVENTS - 10 }]]),
    counts,
    repeated: [],
  };
}

describe('the judge of the torture', () => {
  const truth = truthOf();
  let root = '';
  let files: Map<string, string[]>;
  let gaps: ReadonlySet<number> = new Set();

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'headgate-torture-judge-'));
    files = new Map();
    gaps = new Set();
    for (let sequence = 10; sequence < EVENTS; sequence++) {
      const line = event(sequence);
      if (kindOf(line) === 'plain') place(`${eventDirectory(line)}/www.gw1.log`, line);
    }
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  function place(path: string, line: string): void {
    files.set(path, [...(files.get(path) ?? []), line]);
  }

  async function verdict() {
    for (const [path, lines] of files) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), `${lines.join('\n')}\n`, 'latin1');
    }
    const has = (_stream: string, offset: number) => gaps.has(offset);
    return judgeTree({ truth, tree: directoryTree(root), gaps: { has } });
  }

  function plain(from: number): string {
    for (let sequence = from; ; sequence++) if (kindOf(event(sequence)) === 'plain') return event(sequence);
  }

  function first(kind: EventKind): string {
    for (let sequence = 10; sequence < EVENTS; sequence++)
      if (kindOf(event(sequence)) === kind) return event(sequence);
    throw new Error(`no ${kind} event among ${EVENTS}`);
  }

  test('finds nothing where nothing is wrong, in several hours', async () => {
    const { isClean, found, linesByDirectory } = await verdict();
    expect({ isClean, found }).toEqual({ isClean: true, found: truth.counts.plain });
    expect(linesByDirectory.size).toBeGreaterThan(3);
  });

  test('names an event that is there twice', async () => {
    const line = plain(100);
    place(`${eventDirectory(line)}/www.gw2.log`, line);
    expect(await verdict()).toMatchObject({ isClean: false, duplicates: { count: 1 } });
  });

  test('names an event that is lost', async () => {
    const line = plain(100);
    for (const [path, lines] of files)
      files.set(
        path,
        lines.filter((one) => one !== line),
      );
    expect(await verdict()).toMatchObject({ isClean: false, missing: { count: 1 } });
  });

  test('names an event in the directory of another hour', async () => {
    const line = plain(100);
    for (const [path, lines] of files)
      files.set(
        path,
        lines.filter((one) => one !== line),
      );
    place('www/2026-11-20/00/www.gw1.log', line);
    expect(await verdict()).toMatchObject({ isClean: false, misplaced: { count: 1 }, missing: { count: 0 } });
  });

  test('names an event that an interceptor should have dropped', async () => {
    const line = first('noise');
    place(`${eventDirectory(line)}/www.gw2.log`, line);
    expect(await verdict()).toMatchObject({ isClean: false, unwanted: { count: 1 } });
  });

  test('names an event that never was in the log', async () => {
    const line = plain(0);
    place(`${eventDirectory(line)}/www.gw2.log`, line);
    expect(await verdict()).toMatchObject({ isClean: false, unidentified: { count: 1 } });
  });

  test('names events that stand in another order than in the log', async () => {
    const [path = '', lines = []] = [...files].find(([, many]) => many.length > 2) ?? [];
    files.set(path, lines.toReversed());
    expect((await verdict()).disordered.count).toBeGreaterThan(0);
  });

  test('misses nothing that is listed as a gap, and names what landed all the same', async () => {
    const line = plain(100);
    const offset = Number(/event=www\/0-(\d+)/.exec(line)?.[1]) - 10;
    gaps = new Set([offset]);
    expect(await verdict()).toMatchObject({ isClean: false, unwanted: { count: 1 } });
    for (const [path, lines] of files)
      files.set(
        path,
        lines.filter((one) => one !== line),
      );
    expect(await verdict()).toMatchObject({ isClean: true, found: truth.counts.plain - 1 });
  });

  test('holds the list of gaps against what the broker still has, and against itself', () => {
    const told = new ToldGaps(truthOf(100));
    const gap = { channel: 'disk', topic: 'www', partition: 0, incarnation: 'a', reason: 'retention' };
    const report = (gaps: { from: number; to: number }[], gapsLeftOut = 0) =>
      ({
        gaps: gaps.map((run) => ({ ...gap, ...run })),
        gapsLeftOut,
        coverage: [{ gap: gaps.reduce((sum, { from, to }) => sum + to - from, 0) }],
      }) as unknown as AuditReport;
    told.take('gw1', report([{ from: 10, to: 20 }]));
    expect([told.findings, told.size]).toEqual([[], 10]);
    const inGap = range(10, 20).filter((offset) => kindOf(event(offset + 10)) === 'plain').length;
    expect(told.outside('plain')).toBe(truth.counts.plain - inGap);
    told.take('gw2', report([{ from: 19, to: 21 }]));
    told.take('gw2', report([{ from: 99, to: 101 }], 3));
    expect(told.findings).toEqual([
      expect.stringContaining('tells of 19 a second time'),
      'gw2 does not name 3 gaps',
      expect.stringContaining('is of what the broker has, from 100 on'),
    ]);
  });

  test('reads a visible temp file like any other: what stands in it stands there twice', async () => {
    const line = plain(100);
    place(`${eventDirectory(line)}/www.gw1.log.tmp`, line);
    expect(await verdict()).toMatchObject({ isClean: false, duplicates: { count: 1 } });
  });
});
