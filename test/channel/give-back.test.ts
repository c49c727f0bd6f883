/**
 * Goal: a file that one sink of a group gives back waits as if it had never been planned, is landed by another one once, and can never
 * be given back when its rename may have gone out; the books prove it.
 * Method: a real channel on a real disk; the audit reads what is left.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runAudit } from '../../main/audit/audit.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import {
  fileRequest,
  land,
  newFileId,
  openWriter,
  putOf,
  SINK,
  tenureStart,
  TestDirectory,
} from './channel-fixture.ts';

let directory: TestDirectory;
let writer: ChannelWriter;
beforeEach(async () => {
  directory = new TestDirectory();
  writer = openWriter(directory.path);
  await writer.perform('beginTenure', tenureStart('t1', 0));
  await writer.perform('put', putOf({ tenure: 't1', first: 0, next: 10 }));
  await writer.perform('put', putOf({ tenure: 't1', first: 10, next: 25 }));
  await writer.perform('accept', 't1', 25);
});
afterEach(() => {
  writer.close();
  directory[Symbol.dispose]();
});

const key = async () => {
  const [only] = await writer.perform('keys', SINK);
  if (only === undefined) throw new Error('nothing waits');
  return only;
};
const audit = () =>
  runAudit({
    ...{ id: 'a', level: 'ledger', gatewayId: 'gw-1', targets: new Map(), clock: systemClock },
    directory: directory.path,
    signal: new AbortController().signal,
  });

test('what was planned waits again, whole, and its names are the janitor’s of the sink that wrote them', async () => {
  const before = await key();
  const fileId = newFileId();
  await writer.perform('plan', fileRequest(before.id, { sink: 'near', fileId }));
  expect(await writer.perform('keys', SINK)).toEqual([]);
  await writer.perform('startAttempt', fileId, { number: 1, tempPath: '/logs/.one' });
  await writer.perform('abandonAttempt', fileId, { number: 1, inode: undefined });
  await writer.perform('startAttempt', fileId, { number: 2, tempPath: '/logs/.two' });
  await writer.perform('attemptUploaded', fileId, { number: 2, inode: 'i2' });

  expect(await writer.perform('giveBack', fileId)).toBe(true);
  expect(await key()).toEqual(before);
  expect(await writer.perform('openPlans', 'near')).toEqual([]);
  const names = await writer.perform('abandonedNames', 'near', 0);
  expect(names.map(({ tempPath }) => tempPath).sort()).toEqual(['/logs/.one', '/logs/.two']);
  expect(await writer.perform('giveBack', fileId)).toBe(false);

  const other = newFileId();
  await writer.perform(
    'plan',
    fileRequest(before.id, { sink: 'far', fileId: other, namespace: 'elsewhere' }),
  );
  await land(writer, other);
  expect(await writer.perform('keys', SINK)).toEqual([]);
  expect(await audit()).toMatchObject({
    verdict: 'clean',
    findings: [],
    coverage: [{ landed: 25, inChannel: 0 }],
  });
});

test('nothing is given back from the moment at which the rename may go out, held or not', async () => {
  const { id } = await key();
  const fileId = newFileId();
  await writer.perform('plan', fileRequest(id, { sink: 'near', fileId }));
  await writer.perform('startAttempt', fileId, { number: 1, tempPath: '/logs/.one' });
  await writer.perform('attemptUploaded', fileId, { number: 1, inode: 'i1' });
  await writer.perform('startRename', fileId, 1);
  expect(await writer.perform('giveBack', fileId)).toBe(false);
  await writer.perform('hold', fileId, 'nobody knows');
  expect(await writer.perform('giveBack', fileId)).toBe(false);
  expect(await writer.perform('openPlans', 'near')).toMatchObject([{ fileId, state: 'held' }]);
  expect(await audit()).toMatchObject({ verdict: 'clean', findings: [] });
});

test('a rename that comes after it is refused: the plan it needs is gone', async () => {
  const { id } = await key();
  const fileId = newFileId();
  await writer.perform('plan', fileRequest(id, { sink: 'near', fileId }));
  await writer.perform('startAttempt', fileId, { number: 1, tempPath: '/logs/.one' });
  await writer.perform('attemptUploaded', fileId, { number: 1, inode: 'i1' });
  await writer.perform('giveBack', fileId);
  await expect(writer.perform('startRename', fileId, 1)).rejects.toThrow(/no open plan/);
  expect((await key()).events).toBe(25);
});
