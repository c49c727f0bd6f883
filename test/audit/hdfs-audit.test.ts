import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTarget } from '../../main/sinks/create-target.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { OutputCodec } from '../../shared/model/landing-key.ts';
import { putOf, range, tenureStart } from '../channel/channel-fixture.ts';
import { startHdfs } from '../rig/hdfs-rig.ts';
import type { HdfsRig } from '../rig/hdfs-rig.ts';
import { skipsWithoutJava } from '../rig/needs-java.ts';
import { until } from '../rig/until.ts';
import { AuditedSite, hasty, said } from './audited-site.ts';

/**
 * Goal: on a real HDFS the audit finds each thing that may happen to a landed file, names the file and the offsets in it, and is
 * never clean when HDFS did not answer.
 * Method: files are landed through WebHDFS, then changed by other clients; faults of the link come from the rig's proxies.
 */
const CODECS = {
  none: { encode: (raw: Buffer) => raw, decode: (stored: Buffer) => stored },
  gzip: { encode: (raw: Buffer) => gzipSync(raw), decode: (stored: Buffer) => gunzipSync(stored) },
  zstd: {
    encode: (raw: Buffer) => zstdCompressSync(raw),
    decode: (stored: Buffer) => zstdDecompressSync(stored),
  },
} as const;
const calm = new AbortController().signal;

describe.skipIf(skipsWithoutJava('audit --hdfs and --deep'))('the audit of files in HDFS', () => {
  let rig: HdfsRig;
  let roots = 0;
  beforeAll(async () => {
    rig = await startHdfs({ isProxied: true, properties: { 'fs.trash.interval': '60' } });
  });
  afterAll(() => rig.stop());

  function newSite(): AuditedSite {
    const root = `/audit-${++roots}`;
    const limits = { connectMs: 2_000, answerMs: 5_000, inactivityMs: 5_000 };
    const target = createTarget(
      { type: 'hdfs', server: 'namenode', urls: rig.webhdfsUrls, user: 'headgate', root, limits },
      hasty,
    );
    return new AuditedSite({ target, root });
  }

  /** Lands offsets 0–39 of `www/0` in `files` files; gives their paths. */
  async function landed(site: AuditedSite, codec: OutputCodec = 'none', files = 1): Promise<string[]> {
    await site.writer.perform('beginTenure', tenureStart('t1', 0));
    const chunks = range(0, files).map((at) => ({
      offsets: range(0, 40).filter((offset) => offset % files === at),
      directory: `${site.root}/logs/${at}`,
      codec,
    }));
    await site.writer.perform('put', putOf({ tenure: 't1', first: 0, next: 40, chunks }));
    await site.writer.perform('accept', 't1', 40);
    return site.landAll();
  }

  async function landedOne(site: AuditedSite, codec?: OutputCodec): Promise<string> {
    const [path] = await landed(site, codec);
    if (path === undefined) throw new Error('nothing landed');
    return path;
  }

  async function bytesOf(site: AuditedSite, path: string): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of (await site.target.open(path, calm)) as AsyncIterable<Uint8Array>)
      pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Another file in the place of `path`, with the stamp of the one before unless another one is given. */
  async function replace(
    site: AuditedSite,
    path: string,
    bytes: Uint8Array,
    stamp?: Readonly<Record<string, string>>,
  ): Promise<void> {
    const attributes = stamp ?? (await site.target.attributes(path, calm)) ?? {};
    await site.target.remove(path, calm);
    const pieces = (async function* () {
      yield bytes;
    })();
    await site.target.create(path, { lengthBytes: bytes.byteLength, pieces }, calm);
    await site.target.stamp(path, attributes, calm);
  }

  const kindsOf = (report: AuditReport): string[] => report.findings.map(({ kind }) => kind);

  test.each(['none', 'gzip', 'zstd'] as const)('files in %s are clean as they were landed', async (codec) => {
    await using site = newSite();
    await landed(site, codec, 3);
    const report = await site.audit('deep');
    expect(said(report)).toEqual([]);
    expect(report).toMatchObject({ state: 'done', verdict: 'clean', files: 3, offsets: 40 });
    // Real checksums were compared, and nothing had to be passed over.
    expect(report.notes).toBeUndefined();
  });

  test('a file that was deleted is missing, with the offsets it held', async () => {
    await using site = newSite();
    const path = await landedOne(site);
    await site.target.remove(path, calm);
    expect(said(await site.audit('hdfs'))).toEqual([
      `file-missing ${path}: nothing is there, and its inode is gone: the file was deleted; it holds www/0 0-39 (40 events)`,
    ]);
  });

  test('a file that an operator removed is found in the trash', async () => {
    await using site = newSite();
    const path = await landedOne(site);
    await rig.hadoopFs('-rm', path);
    expect(said(await site.audit('hdfs'))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^file-missing ${path}: nothing is there; the file still exists in a place .* may not see`,
        ),
      ),
    ]);
    const parents = `/user/hdfs/.Trash/Current${path}`.split('/').slice(1, -1);
    for (const [at] of parents.entries()) {
      const directory = `/${parents.slice(0, at + 1).join('/')}`;
      await rig.superuserCall('PUT', directory, { op: 'SETPERMISSION', permission: '755' });
    }
    expect(said(await site.audit('hdfs'))).toEqual([
      expect.stringMatching(
        new RegExp(
          `^file-missing ${path}: it was deleted and lies in the trash at /user/.*${path}, until .*0-39`,
        ),
      ),
    ]);
  });

  test('a file that was moved is said to be moved, not lost, and is read where it stands', async () => {
    await using site = newSite();
    const path = await landedOne(site, 'gzip');
    await rig.superuserCall('PUT', '/elsewhere', { op: 'MKDIRS', permission: '777' });
    const destination = `/elsewhere/of-${roots}.gz`;
    await rig.superuserCall('PUT', path, { op: 'RENAME', destination });
    const moved = await site.audit('deep');
    expect(said(moved)).toEqual([
      `file-moved ${path}: it stands at ${destination} now; it holds www/0 0-39 (40 events)`,
    ]);
    expect(moved.summary).toMatch(/^1 finding: landed files stand in another place\.$/);
    await cutOff(site, destination, 5);
    expect(kindsOf(await site.audit('deep'))).toEqual(
      expect.arrayContaining(['file-moved', 'file-differs', 'unreadable']),
    );
  });

  /** Cuts a file off where it stands: the only change that HDFS allows on a file without making another one of it. */
  async function cutOff(site: AuditedSite, path: string, lengthBytes: number): Promise<void> {
    await rig.superuserCall('POST', path, { op: 'TRUNCATE', newlength: String(lengthBytes) });
    await until('the last block to be recovered', async () => {
      const stat = await site.target.stat(path, calm);
      const sum = await site.target.checksum(path, calm).catch(() => undefined);
      return stat?.lengthBytes === lengthBytes && sum !== undefined;
    });
  }

  test('a file that was truncated is too short, and its sum is another', async () => {
    await using site = newSite();
    const path = await landedOne(site);
    const { lengthBytes = 0 } = (await site.target.stat(path, calm)) ?? {};
    await cutOff(site, path, lengthBytes - 3);
    const [first = ''] = said(await site.audit('hdfs'));
    expect(first).toBe(
      `file-differs ${path}: it is ${lengthBytes - 3} bytes long, ${lengthBytes} were landed; it holds www/0 0-39 (40 events)`,
    );
  });

  test('a file that was replaced is another one, stamped or not, and a true copy is only noted', async () => {
    await using site = newSite();
    const path = await landedOne(site);
    const bytes = await bytesOf(site, path);
    await replace(site, path, bytes);
    const copied = await site.audit('deep');
    expect(copied).toMatchObject({
      verdict: 'clean',
      notes: [expect.stringMatching(/^1 file of the ledger: another one/)],
    });
    const other = Buffer.from(bytes);
    other[0] = 120;
    await replace(site, path, other);
    expect(said(await site.audit('hdfs'))).toEqual([
      expect.stringMatching(/^file-differs .*: its checksum is .*www\/0 0-39/),
    ]);
    await replace(site, path, bytes, {});
    expect(said(await site.audit('hdfs'))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^file-differs .*neither our attributes nor a sidecar/)]),
    );
  });

  test('a file that is stamped otherwise is named with what its stamp says', async () => {
    await using site = newSite();
    const path = await landedOne(site);
    const { file = '' } = (await site.target.attributes(path, calm)) ?? {};
    const query = {
      op: 'SETXATTR',
      'xattr.name': 'user.headgate.file',
      'xattr.value': `0x${Buffer.from(file.replace('"events":40', '"events":41')).toString('hex')}`,
      flag: 'REPLACE',
    };
    await rig.superuserCall('PUT', path, query);
    expect(said(await site.audit('hdfs'))).toEqual([
      expect.stringMatching(/^file-differs .*: its stamp says events 41, the ledger gives 40$/),
    ]);
  });

  describe.each(Object.entries(CODECS))('a line in a %s file', (codec, { encode, decode }) => {
    const changes: readonly [string, (lines: string[]) => string[], RegExp | undefined][] = [
      ['lost', (lines) => lines.toSpliced(7, 1), /it holds 39 lines in \d+ bytes, 40 in/],
      ['doubled', (lines) => lines.toSpliced(7, 0, lines[7] ?? ''), /it holds 41 lines in \d+ bytes, 40 in/],
      ['changed', (lines) => lines.with(7, 'x:7'), undefined],
    ];
    test.each(changes)('that was %s is found by reading', async (_, change, expected) => {
      await using site = newSite();
      const path = await landedOne(site, codec as OutputCodec);
      const lines = decode(await bytesOf(site, path))
        .toString()
        .trimEnd()
        .split('\n');
      await replace(site, path, encode(Buffer.from(`${change(lines).join('\n')}\n`)));
      // Without the checksum, so that only the reading can find it.
      site.tamper("UPDATE ledger SET checksum = NULL, checksum_note = 'switched off'");
      const report = await site.audit('deep');
      expect(report.verdict).toBe('wrong');
      const texts = said(report);
      expect(texts.some((text) => text.startsWith(`file-differs ${path}: it holds `))).toBe(true);
      if (expected !== undefined) {
        const named = texts.filter((text) => text.startsWith(`lines-differ ${path}: `));
        expect(named).toEqual([expect.stringMatching(expected)]);
        expect(named[0]).toMatch(/it holds www\/0 0-39 \(40 events\)$/);
      }
    });
  });

  test('an HDFS that stops answering in the middle ends it as failed with the cause, never as clean', async () => {
    await using site = newSite();
    await landed(site, 'none', 8);
    const { proxy } = rig.namenode;
    if (proxy === undefined) throw new Error('the rig has no proxy');
    let looked = 0;
    const onProgress = (report: () => AuditReport): void => {
      const { progress, files } = report();
      if (progress.step !== 'files' || files !== 2 || looked++ > 0) return;
      void proxy.refuse(true);
      proxy.cut();
    };
    try {
      const report = await site.audit('hdfs', { onProgress });
      expect(looked).toBeGreaterThan(0);
      expect(report).toMatchObject({ state: 'failed', verdict: 'unknown', findings: [] });
      expect(report.error).toMatch(/127\.0\.0\.1|connect|answer/i);
      expect(report.summary).toMatch(/^There is no verdict\. The audit could not look at everything: /);
    } finally {
      await proxy.heal();
    }
    expect((await site.audit('hdfs')).verdict).toBe('clean');
  });

  test('DataNodes that stop answering make files unreadable, not clean', async () => {
    await using site = newSite();
    await landed(site, 'none', 2);
    const proxy = rig.datanodes[0]?.proxy;
    if (proxy === undefined) throw new Error('the rig has no proxy');
    await proxy.refuse(true);
    proxy.cut();
    try {
      const report = await site.audit('deep');
      expect(report.verdict).toBe('wrong');
      expect(kindsOf(report)).toContain('unreadable');
    } finally {
      await proxy.heal();
    }
    expect((await site.audit('deep')).verdict).toBe('clean');
  });
});
