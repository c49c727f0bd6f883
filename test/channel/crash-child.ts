import { join } from 'node:path';
import { openStateDirectory } from '../../main/channel/state-directory.ts';
import { startChannelWriter } from '../../main/channel/writer-client.ts';
import type { WriterClient } from '../../main/channel/writer-client.ts';
import { fileId, offset } from '../../shared/model/brand.ts';
import { putOf, settings, SINK, tenureStart } from './channel-fixture.ts';

/**
 * A small engine for channel-crash.test.ts: puts up to an end, accepts, plans and books files that it pretends to upload. Started
 * again after a kill it goes on from what it finds, as the real one does. Prints each fact once it was told it is durable.
 */
const [path = '', endText = ''] = process.argv.slice(2);
const END = Number(endText);
const STEP = 10;

function say(fact: string): void {
  process.stdout.write(`${fact}\n`);
}

async function openTenure(client: WriterClient): Promise<string> {
  const known = await client.partitionState({ source: 'weblogs', topic: 'www', partition: 0 });
  const last = known?.tenures.at(-1);
  const nonce = `t${(last?.sequence ?? 0) + 1}`;
  if (last === undefined) {
    await client.beginTenure(tenureStart(nonce, 0));
    return nonce;
  }
  const ended = await client.endTenure(last.nonce);
  const adopt = ended.state === 'doubt' ? ended.nonce : undefined;
  await client.beginTenure(tenureStart(nonce, ended.acceptedTo, { adopt, sequence: last.sequence + 1 }));
  return nonce;
}

async function landEverything(client: WriterClient): Promise<void> {
  for (const plan of await client.openPlans(SINK))
    await book(client, plan.fileId, plan.attempts.length + 1, plan.state);
  for (;;) {
    const [key] = await client.keys(SINK);
    if (key === undefined) return;
    const id = fileId(`file-${crypto.randomUUID()}`);
    const request = {
      sink: SINK,
      landingKeyId: key.id,
      fileId: id,
      finalPath: `/${id}`,
      namespace: 'ns',
      maxBytes: 0,
    };
    const planned = await client.plan({ ...request, maxEvents: 2 * STEP, nowMs: 1 });
    if (planned === undefined) return;
    await book(client, id, 1, 'planned');
    say(`landed ${planned.plan.events}`);
  }
}

async function book(
  client: WriterClient,
  id: ReturnType<typeof fileId>,
  number: number,
  state: string,
): Promise<void> {
  if (state === 'planned') {
    await client.startAttempt(id, { number, tempPath: `/.${id}.${number}` });
    await client.attemptUploaded(id, { number, inode: undefined });
    await client.startRename(id, number);
  }
  const facts = {
    finalPath: `/${id}`,
    inode: undefined,
    checksum: undefined,
    checksumNote: undefined,
    crc32c: 1,
  };
  await client.landed(id, { ...facts, attempts: number, landedAtMs: 1 }, undefined);
}

const state = openStateDirectory(path, Date.now());
const client = await startChannelWriter(
  { ...settings(join(path)), stateId: state.identity.stateId },
  'gateway',
);
const tenure = await openTenure(client);
for (;;) {
  const { position = 0 } =
    (await client.partitionState({ source: 'weblogs', topic: 'www', partition: 0 })) ?? {};
  if (position >= END) break;
  await client.put(putOf({ tenure, first: position, next: position + STEP }));
  say(`put ${position + STEP}`);
  if ((position / STEP) % 2 === 1) await client.accept(tenure, offset(position + STEP));
}
await client.accept(tenure, offset(END));
say(`accepted ${END}`);
await landEverything(client);
await client.close();
state.close();
say('finished');
