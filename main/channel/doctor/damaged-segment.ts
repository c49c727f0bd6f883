import type { FileId } from '../../../shared/model/brand.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { Channel } from '../channel.ts';
import { chunkFault } from '../chunk-fault.ts';

/** Single chunks and claims that are set aside or given up, in the caller's transaction; the caller writes the totals. */

/** A damaged chunk that waits, or of a file that is only planned. True: its offsets are claimed. */
export function setAsideChunk(
  channel: Channel,
  damage: { readonly id: number; readonly reason: string; readonly nowMs: number },
): boolean {
  const { id } = damage;
  const planned = channel.db
    .prepare<[number], { fileId: FileId; state: string }>(
      'SELECT p.file_id AS fileId, p.state FROM chunks c JOIN plans p ON p.id = c.plan_id WHERE c.id = ?',
    )
    .get(id);
  if (planned === undefined) {
    if (channel.damage.setAsideWaiting(damage) === undefined) return false;
  } else {
    if (planned.state !== 'planned') return false;
    channel.plans.setAside(planned.fileId, damage);
  }
  return true;
}

/** What an operator gives up: a damaged chunk by its id, or a claim by its own. */
export type Segment = { readonly chunkId: number } | { readonly claimId: number };

/** Gives a segment up for good; answers how many offsets became gaps. Throws `usage` when it is sound, or none that can be given up. */
export function giveUpSegment(
  channel: Channel,
  segment: Segment,
  word: { readonly by: string; readonly why: string; readonly nowMs: number },
): number {
  const { by, why, nowMs } = word;
  if ('chunkId' in segment) setAsideForSkip(channel, segment.chunkId, nowMs);
  const ids = 'chunkId' in segment ? channel.claims.ofChunk(segment.chunkId) : [segment.claimId];
  const offsets = channel.claims.giveUp({ ids, by, why }, nowMs);
  if (offsets === 0) throw nothingToSkip(segment);
  return offsets;
}

/** A chunk that is still in the channel must be damaged: what is sound lands. */
function setAsideForSkip(channel: Channel, id: number, nowMs: number): void {
  const row = channel.db
    .prepare<[number], { storedBytes: number; crc32c: number }>(
      'SELECT stored_bytes AS storedBytes, crc32c FROM chunks WHERE id = ?',
    )
    .get(id);
  if (row === undefined) return;
  const what = chunkFault({ ...row, id }, () => channel.bodies.ofChunk(id));
  if (what === undefined) throw soundChunk(id);
  setAsideChunk(channel, { id, reason: what, nowMs });
}

function soundChunk(id: number): GatewayError {
  return refusal(
    `chunk ${id} is sound: it lands, and is not given up`,
    '`headgate channel check` lists the damaged ones.',
  );
}

function nothingToSkip(segment: Segment): GatewayError {
  const name = 'chunkId' in segment ? `damaged chunk ${segment.chunkId}` : `open claim ${segment.claimId}`;
  return refusal(
    `there is no ${name} whose offsets are accepted`,
    '`headgate channel check` lists damaged chunks and open claims. One of a put that the broker has not accepted yet can’t be given up.',
  );
}

function refusal(message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'give a segment up',
    place: 'channel',
    message,
    retry: 'never',
    hint,
  });
}
