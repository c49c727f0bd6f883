/**
 * Goal: a configuration that would leave claimed events without their channel or source, or chunks without their sink, does not come into force:
 * neither under a running engine nor at a start after the file was edited (exactly-once.md §2).
 * Method: a whole engine without servers. A chunk goes bad while it is stopped; the file that its lines came from is away, so that the claim stays
 * open.
 */
import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ErrorReport } from '../../shared/errors.ts';
import { CHANNEL, FileGateway, SINK, SOURCE } from './file-gateway.ts';

vi.setConfig({ testTimeout: 120_000 });

let gateway: FileGateway;
beforeEach(() => {
  gateway = new FileGateway({
    channel: { compression: 'none' },
    sink: { paused: true },
    source: { batchSize: 100 },
  });
});
afterEach(() => gateway[Symbol.asyncDispose]());

/** Wherever it stands as a word of its own, but not within a path. */
const renamed = (name: string) => (text: string) =>
  text.replaceAll(new RegExp(`(?<![/\\w-])${name}(?![/\\w-])`, 'g'), 'renamed');
const toldOf = (text: string) => expect.stringContaining(text) as string;

function edit(change: (text: string) => string): void {
  const before = readFileSync(gateway.configFile, 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(gateway.configFile, after);
}

/** 300 lines are in the channel, and the engine is stopped. */
async function stoppedWithBacklog(): Promise<void> {
  gateway.write(300);
  await gateway.start();
  await gateway.statusIs('all is in the channel', ({ channels }) => channels[0]?.events === 300);
  await gateway.stop();
}

/** 200 have landed, 100 are claimed and can't be had. */
async function runningWithClaims(): Promise<void> {
  await stoppedWithBacklog();
  const file = join(gateway.stateDir, 'channel.sqlite');
  const at = readFileSync(file).indexOf('www.log 150\n');
  expect(at).toBeGreaterThan(0);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.from('X'), 0, 1, at);
  closeSync(descriptor);
  renameSync(join(gateway.input, 'www.log'), join(gateway.directory, 'www.log.away'));
  await gateway.start();
  await gateway.client.call('resume', { by: 'test' });
  await gateway.statusIs(
    'the others have landed, the claim waits',
    ({ channels }) => channels[0]?.events === 0 && channels[0].claims?.events === 100,
  );
}

async function applied(change: (text: string) => string): Promise<ErrorReport | undefined> {
  const { text, sha256 } = await gateway.client.call('configText', { of: { kind: 'file' } });
  try {
    await gateway.client.call('configApply', { text: change(text), baseSha256: sha256, by: 'li' });
    return undefined;
  } catch (error) {
    return error as ErrorReport;
  }
}

test('the channel or source of open claims is not renamed under a running engine', async () => {
  await runningWithClaims();
  expect(await applied(renamed(CHANNEL))).toMatchObject({
    code: 'config-change-refused',
    message: toldOf(
      `channel ${CHANNEL}: 100 events of it are still to be pulled again from the source "${SOURCE}"`,
    ),
  });
  expect(await applied(renamed(SOURCE))).toMatchObject({
    code: 'config-change-refused',
    message: toldOf(`source ${SOURCE}: 100 events for the channel "${CHANNEL}" are still to be pulled again`),
  });
  // A hand edit is refused as well, and the old one runs on.
  const before = readFileSync(gateway.configFile, 'utf8');
  edit(renamed(SOURCE));
  await gateway.statusIs('it is told', ({ configProblems }) =>
    configProblems.some((problem) => problem.includes('channel skip')),
  );
  writeFileSync(gateway.configFile, before);
  await gateway.statusIs('it is taken back', ({ configProblems }) => configProblems.length === 0);
});

test('nor at a start; put back, the engine starts and the claim is redeemed', async () => {
  await runningWithClaims();
  await gateway.stop();
  const before = readFileSync(gateway.configFile, 'utf8');
  for (const [name, kind] of [
    [CHANNEL, 'channel'],
    [SOURCE, 'source'],
  ] as const) {
    edit(renamed(name));
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'config-change-refused',
      place: gateway.configFile,
      message: toldOf(`${kind} ${name}: 100 events `),
      hint: toldOf('channel skip'),
    });
    writeFileSync(gateway.configFile, before);
  }
  renameSync(join(gateway.directory, 'www.log.away'), join(gateway.input, 'www.log'));
  await gateway.start();
  await gateway.allLanded();
  const { lines, audit } = await gateway.verdict();
  expect(lines).toEqual([...gateway.written].sort());
  expect(audit).toMatchObject({ verdict: 'clean', findings: [] });
});

test.each([
  [SINK, `sink ${SINK}: `],
  [CHANNEL, `channel ${CHANNEL}: it still holds `],
])(
  'a start without what holds chunks (%s) is refused with the same words; other changes are not',
  async (name, words) => {
    await stoppedWithBacklog();
    const before = readFileSync(gateway.configFile, 'utf8');
    edit(renamed(name));
    await expect(gateway.start()).rejects.toMatchObject({
      code: 'config-change-refused',
      message: toldOf(words),
      hint: toldOf('headgate backlog'),
    });
    writeFileSync(gateway.configFile, before);
    edit((text) => text.replace('batchSize: 100', 'batchSize: 50'));
    await gateway.start();
    await gateway.client.call('resume', { by: 'test' });
    await gateway.allLanded();
  },
);
