import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { openStateDirectory } from '../../main/channel/state-directory.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { fileRequest, land, putOf, QUIET, settings, SINK, tenureStart } from './channel-fixture.ts';

/**
 * Runs on a tmpfs of 24 MiB (writer-client.test.ts): the disk is filled by somebody else while no engine runs, and again before one is
 * closed; with a ballast and without one. Prints what happened as its last line.
 */
const directory = process.argv[2] ?? '';
const filler = join(directory, 'of-somebody-else');
const opened = (ballastBytes: number): ChannelWriter =>
  new ChannelWriter(settings(directory, { ballastBytes, compression: {} }), QUIET);

/** Until not a byte is left. */
function fill(): void {
  for (const size of [65_536, 1]) {
    const piece = Buffer.alloc(size, 1);
    for (;;) {
      try {
        appendFileSync(filler, piece);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        break;
      }
    }
  }
}

openStateDirectory(directory, 1).close();
const first = opened(4 * 1024 * 1024);
for (let round = 0; round < 10; round++) first.tidy();
await first.perform('beginTenure', tenureStart('t1', 0));
await first.perform('put', putOf({ tenure: 't1', first: 0, next: 10 }));
await first.perform('accept', 't1', 10);
first.close();

rmSync(join(directory, 'engine.json'));
fill();
openStateDirectory(directory, 2).close();
const onBallast = opened(4 * 1024 * 1024);
const { isOpen, reason } = onBallast.room;
const [key] = await onBallast.perform('keys', SINK);
const planned = key === undefined ? undefined : await onBallast.perform('plan', fileRequest(key.id, {}));
if (planned === undefined) throw new Error('nothing was there to be landed');
await land(onBallast, planned.plan.fileId);
fill();
onBallast.close();

let without = 'opened';
fill();
try {
  opened(0).close();
} catch (error) {
  without = isGatewayError(error) ? error.code : String(error);
}
rmSync(filler);
const last = opened(0);
const left = await last.perform('keys', SINK);
last.close();
console.log(JSON.stringify({ isOpen, reason, without, left: left.length }));
