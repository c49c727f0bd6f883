import { copyFile, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayError } from '../../shared/errors.ts';
import { createTarget } from '../../main/sinks/create-target.ts';
import type { Target } from '../../main/landing/target.ts';
import type { OutputCodec } from '../../shared/model/landing-key.ts';
import { putOf, range, SINK, tenureStart } from '../channel/channel-fixture.ts';
import { AuditedSite, GATEWAY, said } from './audited-site.ts';

/**
 * Goal: what is in place is what the ledger says, or the audit names the file and what is wrong with it.
 * Method: files are landed in a real directory, changed there as an operator or a fault would, and audited.
 */
let site: AuditedSite;
beforeEach(() => {
  site = new AuditedSite();
});
afterEach(() => site[Symbol.asyncDispose]());

async function fill(codec: OutputCodec = 'none'): Promise<string[]> {
  const { writer, root } = site;
  await writer.perform('beginTenure', tenureStart('t1', 0));
  for (const first of [0, 40, 80]) {
    const chunks = [
      { offsets: range(first, first + 20), directory: join(root, 'logs/08'), codec },
      { offsets: range(first + 20, first + 40), directory: join(root, 'logs/09'), codec },
    ];
    await writer.perform('put', putOf({ tenure: 't1', first, next: first + 40, chunks }));
  }
  await writer.perform('accept', 't1', 120);
  return site.landAll();
}

async function firstOf(codec?: OutputCodec): Promise<string> {
  const [path] = await fill(codec);
  if (path === undefined) throw new Error('nothing landed');
  return path;
}

describe.each(['none', 'gzip', 'zstd'] as const)('files in %s', (codec) => {
  test('are clean as they were landed', async () => {
    await fill(codec);
    const report = await site.audit('deep');
    expect(said(report)).toEqual([]);
    expect(report).toMatchObject({ verdict: 'clean', files: 2, offsets: 120, state: 'done' });
    expect(report.notes).toBeUndefined();
    expect(report.summary).toMatch(
      /^Every offset that was taken is accounted for exactly once\. .*to its last/,
    );
  });

  test('whose last bytes are gone are named, and deep that they cannot be decoded', async () => {
    const path = await firstOf(codec);
    const { length } = await readFile(path);
    await truncate(path, length - 2);
    const shallow = said(await site.audit('hdfs'));
    expect(shallow[0]).toMatch(
      new RegExp(`^file-differs ${path}: it is ${length - 2} bytes long, ${length} were landed`),
    );
    const deep = await site.audit('deep');
    const kinds = deep.findings.map(({ kind }) => kind);
    expect(kinds).toContain(codec === 'none' ? 'lines-differ' : 'unreadable');
    expect(deep.verdict).toBe('wrong');
  });
});

describe('the audit of what is in place', () => {
  test('names a file that was deleted', async () => {
    const path = await firstOf();
    await rm(path);
    expect(said(await site.audit('hdfs'))).toEqual([
      `file-missing ${path}: nothing is there; it holds www/0 0-99 (60 events)`,
    ]);
    expect((await site.audit('ledger')).verdict).toBe('clean');
  });

  test('names a file that was renamed, and where it stands', async () => {
    const path = await firstOf();
    const moved = join(dirname(path), `old-${basename(path)}`);
    await rename(path, moved);
    expect(said(await site.audit('deep'))).toEqual([
      `file-moved ${path}: it stands at ${moved} now; it holds www/0 0-99 (60 events)`,
    ]);
    await truncate(moved, 5);
    expect((await site.audit('hdfs')).findings.map(({ kind, place }) => [kind, place])).toEqual([
      ['file-moved', path],
      ['file-differs', moved],
      ['file-differs', moved],
    ]);
  });

  test('names a file that was replaced by one of the same length', async () => {
    const path = await firstOf();
    const bytes = await readFile(path);
    bytes[0] = 120;
    await writeFile(path, bytes);
    expect(said(await site.audit('hdfs'))).toEqual([
      expect.stringMatching(/^file-differs .*its checksum is CRC32C:/),
    ]);
    const deep = await site.audit('deep');
    expect(deep.findings.map(({ kind }) => kind)).toEqual(['file-differs', 'file-differs']);
    expect(deep.summary).toBe(
      '2 findings: landed files are not what was landed: somebody changed or replaced them.',
    );
  });

  test('names a file whose line count the ledger has otherwise', async () => {
    await fill('gzip');
    site.tamper('UPDATE ledger SET lines = 59 WHERE id = 1');
    expect((await site.audit('hdfs')).verdict).toBe('clean');
    expect(said(await site.audit('deep'))).toEqual([
      expect.stringMatching(/^lines-differ .*it holds 60 lines .*, 59 in/),
    ]);
  });

  test('names content that was recompressed with other lines, though nobody summed it', async () => {
    const path = await firstOf('gzip');
    await writeFile(path, gzipSync('one line\n'));
    site.tamper("UPDATE ledger SET checksum = NULL, checksum_note = 'switched off'");
    const report = await site.audit('deep');
    expect(report.findings.map(({ kind }) => kind)).toEqual(['file-differs', 'file-differs', 'lines-differ']);
    expect(report.notes).toEqual(['no checksum to compare for 2 files: switched off']);
  });

  test('names a file without its stamp, and one with the stamp of others', async () => {
    const [one, two] = await fill();
    const idOf = async (path = '') =>
      (await readdir(dirname(path))).find((name) => name.startsWith('.headgate-')) ?? '';
    await rm(join(dirname(one ?? ''), await idOf(one)));
    const sidecar = join(dirname(two ?? ''), await idOf(two));
    await writeFile(
      sidecar,
      (await readFile(sidecar, 'utf8')).replace(/"digest":"sha256:../, '"digest":"sha256:zz'),
    );
    const lines = said(await site.audit('hdfs')).sort();
    expect(lines).toEqual([
      expect.stringMatching(/^file-differs .*neither our attributes nor a sidecar/),
      expect.stringMatching(/^file-differs .*its stamp says digest "sha256:zz/),
    ]);
  });

  test('takes no other gateway’s file for its own whose prefix is this one’s id', async () => {
    const path = await firstOf();
    const name = `${GATEWAY}.${GATEWAY}-second.20261121-115830123-00000000-000abcde.log`;
    await copyFile(path, join(dirname(path), name));
    expect(said(await site.audit('hdfs'))).toEqual([]);
  });

  test('names files of this gateway that the ledger does not know, and copies', async () => {
    const path = await firstOf();
    const directory = dirname(path);
    const stranger = join(directory, `www.${GATEWAY}.20261121-115830123-00000000-000abcde.log`);
    await copyFile(path, stranger);
    await copyFile(path, join(directory, `copy.${basename(path)}`));
    await copyFile(path, join(directory, 'www.other-gw.20261121-115830123-00000000-000abcde.log'));
    await copyFile(path, join(directory, `www.${GATEWAY}x.20261121-115830123-00000000-000abcde.log`));
    expect(said(await site.audit('hdfs')).sort()).toEqual([
      expect.stringMatching(/^unknown-file .*copy\.www.*: the ledger has its file id at .*: this is a copy/),
      expect.stringMatching(
        new RegExp(`^unknown-file ${stranger}: .*20261121-115830123-00000000-000abcde is not in the ledger`),
      ),
    ]);
  });

  test('counts hidden leftovers without calling them faults', async () => {
    const path = await firstOf();
    await copyFile(
      path,
      join(dirname(path), `.www.${GATEWAY}.20261121-115830123-00000000-000abcde.log.1-x.tmp`),
    );
    await writeFile(join(dirname(path), '_SUCCESS'), '');
    const report = await site.audit('hdfs');
    expect(report).toMatchObject({
      verdict: 'clean',
      notes: ['1 temp file left over: the janitor removes them'],
    });
  });

  test('a damaged body in the channel is found deep, with its offsets', async () => {
    await fill();
    await site.writer.perform('put', putOf({ tenure: 't1', first: 120, next: 125 }));
    site.tamper('UPDATE chunk_bodies SET bytes = zeroblob(length(bytes))');
    expect((await site.audit('hdfs')).verdict).toBe('clean');
    expect(said(await site.audit('deep'))).toEqual([
      expect.stringMatching(
        /^damaged www\/0 in disk: offsets 120-124 are in chunk 7: its body does not match its CRC-32C/,
      ),
    ]);
    site.tamper("UPDATE chunk_bodies SET bytes = x'00'");
    expect(said(await site.audit('deep'))).toEqual([
      expect.stringMatching(/^books-differ chunk 7: its body is 1 bytes long, the row says /),
      expect.stringMatching(/^damaged www\/0 in disk: offsets 120-124 are in chunk 7: its body is 1 bytes/),
    ]);
  });
});

describe('a target that does not answer', () => {
  const error = (code: 'namenode-unreachable' | 'datanode-unreachable') =>
    new GatewayError({
      code,
      operation: 'look',
      place: 'nn',
      message: 'no answer',
      retry: 'backoff',
      hint: '',
    });
  /** The site's own target with some calls in other hands. */
  const faulty = (changes: Partial<Target>): ReadonlyMap<string, Target> => {
    const { target } = site;
    const whole = Object.fromEntries(
      (['namespace', 'stat', 'statInode', 'checksum', 'attributes', 'list', 'open'] as const).map((name) => [
        name,
        target[name].bind(target),
      ]),
    ) as unknown as Target;
    return new Map([[SINK, { ...whole, ...changes }]]);
  };

  test('leaves the verdict unknown, and is not asked for each file', async () => {
    await fill();
    for (let at = 0; at < 20; at++) {
      site.tamper(`INSERT INTO ledger SELECT NULL, 'copy-of-file-${at}', sink, channel, directory, prefix, suffix, codec, serializer, version,
        final_path, namespace, bytes, raw_bytes, 0, lines, crc32c, checksum, checksum_note, inode, attempts, planned_at_ms, landed_at_ms
        FROM ledger WHERE id = 1`);
    }
    let calls = 0;
    const stat = (): Promise<never> =>
      Promise.reject(++calls > 0 ? error('namenode-unreachable') : new Error());
    const report = await site.audit('hdfs', { targets: faulty({ stat }) });
    expect(report.findings.filter(({ kind }) => kind !== 'books-differ')).toEqual([]);
    expect(report).toMatchObject({ state: 'failed', verdict: 'wrong' });
    expect(report.error).toMatch(/no answer/);
    expect(report.error).toMatch(/does not answer \(\d+ times\)/);
    expect(calls).toBeLessThan(30);
  });

  test('is unknown, not wrong', async () => {
    await fill();
    const report = await site.audit('hdfs', {
      targets: faulty({ namespace: () => Promise.reject(error('namenode-unreachable')) }),
    });
    expect(report).toMatchObject({ state: 'failed', verdict: 'unknown', findings: [] });
    expect(report.error).toMatch(/no answer/);
    expect(report.summary).toMatch(
      /^There is no verdict\. The audit could not look at everything: .*no answer/,
    );
  });

  test('is asked again before a file counts as unreadable', async () => {
    await fill();
    let calls = 0;
    const open: Target['open'] = (path, signal) =>
      ++calls <= 2 ? Promise.reject(error('datanode-unreachable')) : site.target.open(path, signal);
    expect((await site.audit('deep', { targets: faulty({ open }) })).verdict).toBe('clean');
    const dead: Target['open'] = (path, signal) =>
      path.endsWith('.json') ? site.target.open(path, signal) : Promise.reject(error('datanode-unreachable'));
    const report = await site.audit('deep', { targets: faulty({ open: dead }) });
    expect(report.findings.map(({ kind }) => kind)).toEqual(['unreadable', 'unreadable']);
  });

  test('in another namespace says nothing about the files', async () => {
    await fill();
    const elsewhere = createTarget({ type: 'directory', root: join(site.directory, 'elsewhere') });
    const report = await site.audit('hdfs', { targets: new Map([[SINK, elsewhere]]) });
    expect(report).toMatchObject({ verdict: 'unknown', findings: [] });
    expect(report.error).toMatch(/which no sink of the configuration reaches now/);
    const renamed = await site.audit('hdfs', { targets: new Map([['new-name', site.target]]) });
    expect(renamed.verdict).toBe('clean');
  });
});
