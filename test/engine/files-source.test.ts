/**
 * Goal: the files source reads every complete line of every file once, however files are written, rotated and removed, and holds a
 * file rather than guess. Method: one engine for the room, real files; each test has a topic of its own.
 */
import { appendFileSync, mkdirSync, renameSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { until } from '../rig/until.ts';
import { FileGateway } from './file-gateway.ts';

/** Each step has a limit of its own; a machine that runs other suites beside needs more than the default for the sum. */
vi.setConfig({ testTimeout: 240_000 });

let gateway: FileGateway;
beforeAll(async () => {
  gateway = new FileGateway({ source: { maxEventBytes: 1024, batchSize: 7 }, sink: { idleTimeout: '50ms' } });
  await gateway.start();
});
afterAll(() => gateway[Symbol.asyncDispose]());

const pathOf = (name: string): string => join(gateway.input, name);

async function landedOf(topic: string, count: number): Promise<string[]> {
  return until(`${count} lines of ${topic}`, async () => {
    await gateway.client.call('landNow', {});
    const lines = (await gateway.landed()).filter((line) => line.startsWith(`${topic} `));
    return lines.length >= count ? lines.sort() : undefined;
  });
}

async function held(topic: string) {
  const status = await gateway.statusIs(`${topic} is held`, ({ sources }) =>
    (sources[0]?.partitions ?? []).some((row) => row.topic === topic && row.state === 'held'),
  );
  return {
    row: status.sources[0]?.partitions.find((row) => row.topic === topic),
    alert: status.alerts.find(({ code, place }) => code === 'held' && place.endsWith(`${topic}.log`)),
  };
}

describe('lines', () => {
  test('are taken when they are complete; \\r\\n ends a line too; empty lines are events', async () => {
    appendFileSync(pathOf('ends.log'), 'ends 1\r\nends 2\n\nends 3');
    await landedOf('ends', 2);
    appendFileSync(pathOf('ends.log'), ' whole\nends 4\n');
    expect(await landedOf('ends', 4)).toEqual(['ends 1', 'ends 2', 'ends 3 whole', 'ends 4']);
    const { sources } = await gateway.status();
    expect(sources[0]?.partitions.find(({ topic }) => topic === 'ends')?.position).toBe(5);
  });
});

describe('a file', () => {
  test('that is rotated is read to its end under its new name, and the new one beside it', async () => {
    appendFileSync(pathOf('turn.log'), 'turn 1\nturn 2\n');
    await landedOf('turn', 2);
    renameSync(pathOf('turn.log'), pathOf('turn.old'));
    appendFileSync(pathOf('turn.old'), 'turn 3\n');
    appendFileSync(pathOf('turn.log'), 'turn 4\n');
    expect(await landedOf('turn', 4)).toEqual(['turn 1', 'turn 2', 'turn 3', 'turn 4']);
  });

  test('that is removed makes room for another with the same inode, which is read from its beginning', async () => {
    for (let i = 1; i <= 5; i++) {
      writeFileSync(pathOf('again.log'), `again ${i} a\nagain ${i} b\n`);
      await landedOf('again', 2 * i);
      unlinkSync(pathOf('again.log'));
      await until('it is let go', async () =>
        (await gateway.status()).sources[0]?.partitions.every(({ topic }) => topic !== 'again'),
      );
    }
    expect(await landedOf('again', 10)).toHaveLength(10);
  });

  test('that was cut is held with the reason, and the others go on', async () => {
    appendFileSync(pathOf('cut.log'), 'cut 1\ncut 2\ncut 3\n');
    await landedOf('cut', 3);
    truncateSync(pathOf('cut.log'), 'cut 1\n'.length);
    const { row, alert } = await held('cut');
    expect(row?.cause).toBe('the file has fewer lines than the 3 that were stored; it was cut or replaced');
    expect(alert).toMatchObject({ level: 'error', hint: 'Give new data a new file; what was stored lands.' });
    appendFileSync(pathOf('other.log'), 'other 1\n');
    expect(await landedOf('other', 1)).toEqual(['other 1']);
    expect(await landedOf('cut', 3)).toHaveLength(3);
  });

  test('with a line over the limit is held before that line, with the way out', async () => {
    appendFileSync(pathOf('long.log'), `long 1\nlong ${'x'.repeat(2_000)}\nlong 3\n`);
    const { row, alert } = await held('long');
    expect(row).toMatchObject({ cause: 'line 2 is longer than maxEventBytes (1024 bytes)', position: 1 });
    expect(alert?.hint).toBe('Raise maxEventBytes of the source; the file goes on from this line.');
    expect(await landedOf('long', 1)).toEqual(['long 1']);
  });

  test('is only what is a file, matches the pattern and does not begin with a dot', async () => {
    mkdirSync(pathOf('folder.log'));
    writeFileSync(pathOf('.hidden.log'), 'hidden 1\n');
    writeFileSync(pathOf('wrong.txt'), 'wrong 1\n');
    writeFileSync(pathOf('right.log'), 'right 1\n');
    await landedOf('right', 1);
    const { sources } = await gateway.status();
    expect(sources[0]).toMatchObject({ state: expect.stringMatching(/flowing|idle/) as string });
    expect((await gateway.landed()).filter((line) => /^(hidden|wrong)/.test(line))).toEqual([]);
  });
});

test('a file whose stored lines were written over while the engine was off is held; all the rest goes on, and the audit is clean', async () => {
  appendFileSync(pathOf('over.log'), 'over 1\nover 2\n');
  await landedOf('over', 2);
  await gateway.stop();
  writeFileSync(pathOf('over.log'), 'over 1\nover X\nover 3\n');
  appendFileSync(pathOf('right.log'), 'right 2\n');
  await gateway.start();
  const { row } = await held('over');
  expect(row?.cause).toBe('line 2 is not the one that was stored; the file was replaced or written over');
  expect(await landedOf('right', 2)).toEqual(['right 1', 'right 2']);
  expect(await landedOf('over', 2)).toEqual(['over 1', 'over 2']);
  const { audit } = await gateway.verdict();
  expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
});
