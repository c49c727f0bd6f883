import assert from 'node:assert/strict';
import { decodeRuns } from '../../shared/model/offset-runs.ts';
import type { QuarantineRetry } from '../../shared/model/quarantine-retry.ts';
import { assertChunks } from './put-tiling.ts';

/**
 * The books of a retry must balance before it is stored, as those of a put must: for every channel, chunks, dispositions and events
 * that go into quarantine for that channel together are exactly the events that leave, each once. One that does not is a
 * programmer's error.
 */
export function assertRetryIsWhole(retry: QuarantineRetry, leaving: readonly number[]): void {
  assertChunks(retry);
  const named = [...retry.chunks, ...retry.dispositions, ...retry.stays].map(({ channel }) => channel);
  for (const channel of named) {
    const isKnown = channel === undefined || retry.channels.includes(channel);
    assert.ok(isKnown, `a retry speaks of channel ${channel}, which has no part in it`);
    assert.ok(retry.channel === undefined || channel === retry.channel, 'a retry speaks of other channels');
  }
  for (const channel of retry.channels) assertEachOnce(retry, channel, leaving);
}

function assertEachOnce(retry: QuarantineRetry, channel: string, leaving: readonly number[]): void {
  const owed = new Set(leaving);
  const claim = (from: number, to: number): void => {
    for (let at = from; at < to; at++)
      assert.ok(owed.delete(at), `offset ${at} is accounted for twice in ${channel}, or is not retried`);
  };
  for (const chunk of retry.chunks) {
    if (chunk.channel !== channel) continue;
    let count = 0;
    for (const { from, to } of decodeRuns(chunk.runs.first, chunk.runs.bytes)) {
      claim(from, to);
      count += to - from;
    }
    assert.equal(count, chunk.runs.count, 'runs hold other offsets than they say');
  }
  for (const { channel: of = channel, runs } of retry.dispositions) {
    if (of !== channel) continue;
    for (const { from, to } of decodeRuns(runs.first, runs.bytes)) claim(from, to);
  }
  for (const { channel: of, offset } of retry.stays)
    if (of === channel && of !== retry.channel) claim(offset, offset + 1);
  assert.equal(owed.size, 0, `${owed.size} offsets of a retry are not accounted for in ${channel}`);
}
