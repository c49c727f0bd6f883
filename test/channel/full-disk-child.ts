import { join } from 'node:path';
import { openForReading } from '../../main/channel/channel-database.ts';
import { coverage } from '../../main/channel/coverage-reader.ts';
import { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { CHANNEL, fileRequest, land, putOf, QUIET, settings, SINK, tenureStart } from './channel-fixture.ts';

/**
 * Runs on a tmpfs of 24 MiB (writer-client.test.ts): puts until the disk is full, lands, and puts again, several times; then
 * counts what the books say. Prints the verdict as its last line.
 */
const directory = process.argv[2] ?? '';
const limits = {
  capacityBytes: 1024 ** 3,
  walCheckpointBytes: 2 * 1024 * 1024,
  ballastBytes: 4 * 1024 * 1024,
  compression: {},
};
const writer = new ChannelWriter(settings(directory, limits), QUIET);
writer.tidy();
await writer.perform('beginTenure', tenureStart('t1', 0));
let position = 0;

async function putUntilFull(): Promise<void> {
  for (;;) {
    const put = putOf({ tenure: 't1', first: position, next: position + 1 });
    const bytes = new Uint8Array(700_000).fill(position % 251).buffer;
    const chunks = put.chunks.map((chunk) => ({ ...chunk, byteLength: bytes.byteLength }));
    try {
      await writer.perform('put', { ...put, bytes, chunks });
      position++;
    } catch (error) {
      if (!isGatewayError(error) || error.code !== 'disk-full') throw error;
      return;
    }
  }
}

for (let round = 0; round < 3; round++) {
  await putUntilFull();
  console.log(`full at ${position}, ${String(writer.room.reason)}`);
  await writer.perform('accept', 't1', position);
  for (;;) {
    const [key] = await writer.perform('keys', SINK);
    const planned =
      key === undefined ? undefined : await writer.perform('plan', fileRequest(key.id, { maxEvents: 5 }));
    if (planned === undefined) break;
    await land(writer, planned.plan.fileId);
    // Landing takes seconds a file; the writer looks after its room meanwhile.
    writer.tidy();
  }
  for (let rounds = 0; rounds < 20 && !writer.room.isOpen; rounds++) writer.tidy();
  if (!writer.room.isOpen) throw new Error(`intake did not start again: ${JSON.stringify(writer.room)}`);
}
writer.close();
const db = openForReading(join(directory, 'channel.sqlite'));
let next = 0;
for (const { from, to, kind } of coverage(db, 1, CHANNEL)) {
  if (from !== next || kind !== 'landed') throw new Error(`offset ${from} follows ${next} as ${kind}`);
  next = to;
}
console.log(next === position && position > 30 ? 'every offset once' : `${next} of ${position}`);
