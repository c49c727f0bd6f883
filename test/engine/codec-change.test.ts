/**
 * Goal: a codec that changes under a backlog changes nothing for what came in before: no file mixes codecs, and each event lands
 * once (exactly-once.md §6: codec changed under a backlog).
 * Method: a paused sink gathers a backlog under each codec in turn, by edits of the running engine and over a restart; then all of
 * it lands, every file is decoded by what its name says, and the audit reads it too.
 */
import { createReadStream, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { zstdFrames } from '../rig/zstd-frames.ts';
import { FileGateway } from './file-gateway.ts';

const LINES = 400;

async function linesOf(path: string): Promise<string[]> {
  return (await textOf(path)).split('\n').slice(0, -1);
}

async function textOf(path: string): Promise<string> {
  if (path.endsWith('.zst')) {
    const pieces: Buffer[] = [];
    for await (const piece of zstdFrames(createReadStream(path))) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }
  const bytes = readFileSync(path);
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
}

test(
  'a backlog of three codecs lands as three kinds of files, each event once',
  { timeout: 120_000 },
  async () => {
    await using gateway = new FileGateway({ sink: { codeC: 'none' } });
    await gateway.start();
    await gateway.client.call('pause', { by: 'test', why: 'a backlog' });
    const gather = async (): Promise<void> => {
      gateway.write(LINES);
      await gateway.statusIs(
        'it is in the channel',
        ({ channels: [channel] }) => channel?.events === gateway.written.length,
      );
    };
    await gather();
    gateway.configure({ sink: { codeC: 'zstd' } });
    await gateway.statusIs('the edit is taken', ({ configVersion }) => configVersion === 2);
    await gather();
    await gateway.stop();
    gateway.configure({ sink: { codeC: 'gzip' } });
    await gateway.start();
    await gather();

    await gateway.client.call('resume', { by: 'test' });
    await gateway.client.call('landNow', {});
    await gateway.statusIs('all has landed', ({ channels: [channel] }) => channel?.events === 0);
    const lines: Record<string, string[]> = { plain: [], gz: [], zst: [] };
    for (const path of gateway.landedFiles())
      lines[/\.(gz|zst)$/.exec(path)?.[1] ?? 'plain']?.push(...(await linesOf(path)));
    const part = (at: number): string[] => gateway.written.slice(at * LINES, (at + 1) * LINES).sort();
    expect(lines['plain']?.sort()).toEqual(part(0));
    expect(lines['zst']?.sort()).toEqual(part(1));
    expect(lines['gz']?.sort()).toEqual(part(2));
    expect((await gateway.verdict('deep')).audit).toMatchObject({ verdict: 'clean', findings: [] });
  },
);
