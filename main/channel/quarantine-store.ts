/**
 * Events that no rule could place: they come in with their put, wait, and leave once.
 *
 * Promise: what leaves quarantine stands somewhere else from that very transaction on, or is dropped by name; and it leaves once.
 *
 * 1. An event leaves only while it waits. A retry of which one event does not wait any more changes nothing at all; so of a retry and a
 *    drop of the same event one wins, and the other sees it.
 * 2. Only events of accepted offsets leave. A held event may still go away with its put, or change hands (held-rows.ts).
 * 3. What an event becomes is written in the transaction that marks its row: chunks, dispositions, or rows in quarantine of their own
 *    for the channels that can't take it. Each channel that had a part in the offset has exactly one of these afterwards, and so has
 *    each channel that the source feeds by now: to them the event is new (channel-parts.ts).
 * 4. Chunks of a retry are chunks like any other: of one landing key, partition and tenure, with their exact runs. Their offsets lie
 *    behind others that may have landed long since; a plan never mixes what would step back within a file (plan-choice.ts).
 * 5. The row stays for ever, with who, when and why; what the event carried goes with the event.
 *
 * Crash argument: one operation is one savepoint of the writer's transaction. A kill before its commit leaves the event waiting, and
 * the retry that is begun again finds it; a kill after it leaves the row marked, and the retry that is begun again does not.
 */
import assert from 'node:assert/strict';
import { decodeRuns, OffsetRunsBuilder } from '../../shared/model/offset-runs.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import type { QuarantinedEvent } from '../../shared/model/put.ts';
import type { QuarantineDrop, QuarantineRetry } from '../../shared/model/quarantine-retry.ts';
import type { ChannelDatabase } from './channel-database.ts';
import type { ChannelParts } from './channel-parts.ts';
import type { EncodedChunk } from './chunk-encoding.ts';
import type { ChunkOwner, ChunkStore } from './chunk-store.ts';
import type { DispositionStore } from './disposition-store.ts';
import { assertRetryIsWhole } from './quarantine-books.ts';
import { reasonForm } from './quarantine-reason.ts';
import { prepareQuarantineStatements } from './quarantine-statements.ts';
import type { WaitingRow } from './quarantine-statements.ts';
import type { Totals } from './totals.ts';

/** So much of a body stands in its row, for lists. */
export const PREVIEW_BYTES = 160;
/** Why a channel that a source fed once gets nothing of an event that is retried. */
const FED_NO_MORE = 'the source feeds this channel no more';

/** A retry whose chunks are compressed and checksummed, ready to be written. */
export interface PreparedRetry {
  readonly retry: QuarantineRetry;
  readonly chunks: readonly EncodedChunk[];
}

/** Encodes the chunks of a retry: the part that needs no transaction. */
export function prepareRetry(
  retry: QuarantineRetry,
  encode: (retry: QuarantineRetry) => EncodedChunk[],
): PreparedRetry {
  return { retry, chunks: encode(retry) };
}

export interface QuarantineStoreParts {
  readonly chunks: ChunkStore;
  readonly channelParts: ChannelParts;
  readonly dispositions: DispositionStore;
  readonly totals: Totals;
}

type Owner = ChunkOwner & { readonly configVersion: number };

export class QuarantineStore {
  readonly #statements;
  readonly #parts: QuarantineStoreParts;

  constructor(db: ChannelDatabase, parts: QuarantineStoreParts) {
    this.#statements = prepareQuarantineStatements(db);
    this.#parts = parts;
  }

  /** An event of a put. */
  add(event: QuarantinedEvent, owner: Owner): void {
    const { body, headers, key } = event;
    const { lastInsertRowid: id } = this.#statements.insert.run({
      ...owner,
      channel: event.channel ?? null,
      first: event.offset,
      reason: event.reason,
      form: reasonForm(event.reason),
      timestampMs: Number.isFinite(event.timestampMs) ? event.timestampMs : null,
      bodyBytes: body.byteLength,
      preview: body.subarray(0, PREVIEW_BYTES),
    });
    this.#statements.insertBody.run({ id, headers: JSON.stringify(headers), key: key ?? null, body });
  }

  /**
   * Stores what became of events that went through the rules again; gives the sinks that have more to land. Undefined: nothing was
   * changed, for one of them does not wait any more.
   */
  retry({ retry, chunks }: PreparedRetry, nowMs: number): { readonly sinks: readonly string[] } | undefined {
    const rows = retry.events.map(({ id }) => this.#statements.row.get(id));
    if (!rows.every((row) => row?.state === 'waiting')) return undefined;
    const owner = { ...ownerOf(retry, rows), nowMs, configVersion: retry.configVersion };
    const stayReasons = new Map(
      retry.stays
        .filter(({ channel }) => channel === retry.channel)
        .map(({ offset, reason }) => [offset, reason]),
    );
    const leaving = retry.events.filter(({ offset }) => !stayReasons.has(offset));
    const offsets = leaving.map(({ offset }) => offset);
    assertRetryIsWhole(retry, offsets);
    this.#parts.chunks.add(chunks, owner);
    for (const disposition of retry.dispositions) this.#parts.dispositions.add(disposition, owner);
    if (retry.channel === undefined) this.#accountPerChannel(retry, offsets, owner);
    this.#split(retry, owner);
    const why = `with configuration version ${retry.configVersion}`;
    for (const { id } of leaving) this.#settle(id, { state: 'retried', nowMs, by: retry.by, why });
    for (const { id, offset } of retry.events) {
      const reason = stayReasons.get(offset);
      if (reason !== undefined) this.#stay(id, reason, retry.configVersion);
    }
    this.#parts.totals.add('quarantine.retried', leaving.length);
    this.#parts.totals.add('quarantine.failedAgain', stayReasons.size);
    return { sinks: [...new Set(retry.chunks.map(({ landingKey }) => landingKey.sink))] };
  }

  /** Gives up those of the events that wait and are not held; gives how many. */
  drop({ ids, by, why }: QuarantineDrop, nowMs: number): number {
    let dropped = 0;
    for (const id of ids) {
      const row = this.#statements.row.get(id);
      if (row?.state !== 'waiting' || row.first >= row.accepted_to) continue;
      this.#settle(id, { state: 'dropped', nowMs, by, why });
      dropped++;
    }
    this.#parts.totals.add('quarantine.dropped', dropped);
    return dropped;
  }

  /** Events that were in quarantine for all channels: who has a part in them now, and who has none any more. */
  #accountPerChannel(retry: QuarantineRetry, offsets: readonly number[], owner: Owner): void {
    const { channelParts, dispositions } = this.#parts;
    const had = channelParts.of(owner.tenureId, offsets);
    for (const channel of retry.channels) {
      const parts = had.get(channel);
      const fresh = toRuns(offsets.filter((at) => parts?.has(at) !== true));
      if (fresh === undefined) continue;
      for (const { from: first, to: next } of decodeRuns(fresh.first, fresh.bytes))
        channelParts.take({ tenureId: owner.tenureId, channel, first, next });
    }
    const fallen = new Set<number>();
    for (const { channel, runs } of retry.dispositions) {
      if (channel !== undefined) continue;
      for (const { from, to } of decodeRuns(runs.first, runs.bytes))
        for (let at = from; at < to; at++) fallen.add(at);
    }
    for (const [channel, parts] of had) {
      if (retry.channels.includes(channel)) continue;
      const runs = toRuns(offsets.filter((at) => parts.has(at) && !fallen.has(at)));
      if (runs === undefined) continue;
      dispositions.add({ kind: 'not-routed', channel, reason: FED_NO_MORE, runs }, owner);
    }
  }

  /** An event that some channels took and others can't: for each of these it goes on waiting, in a row of its own. */
  #split(retry: QuarantineRetry, owner: Owner): void {
    const ids = new Map(retry.events.map(({ id, offset }) => [offset, id]));
    for (const { offset, channel, reason } of retry.stays) {
      if (channel === retry.channel) continue;
      const from = ids.get(offset);
      assert.ok(from !== undefined, `offset ${offset} is not retried`);
      const { lastInsertRowid: id } = this.#statements.split.run({
        from,
        channel: channel ?? null,
        reason,
        form: reasonForm(reason),
        configVersion: owner.configVersion,
      });
      this.#statements.copyBody.run(id, from);
    }
  }

  #settle(
    id: number,
    end: {
      readonly state: 'retried' | 'dropped';
      readonly nowMs: number;
      readonly by: string;
      readonly why: string;
    },
  ): void {
    assert.equal(
      this.#statements.settle.run({ id, ...end }).changes,
      1,
      `quarantine ${id} does not wait any more`,
    );
    this.#statements.removeBody.run(id);
  }

  #stay(id: number, reason: string, configVersion: number): void {
    this.#statements.stay.run({ id, reason, form: reasonForm(reason), configVersion });
  }
}

/** Whose rows they are: one partition, tenure and channel, accepted, and the offsets that the retry says. */
function ownerOf(retry: QuarantineRetry, rows: readonly (WaitingRow | undefined)[]) {
  const [head] = rows;
  assert.ok(head !== undefined, 'a retry of nothing');
  let before = -1;
  for (const [at, row] of rows.entries()) {
    const offset = retry.events[at]?.offset;
    assert.ok(row !== undefined, 'a row that was just read is missing');
    assert.equal(
      row.first,
      offset,
      `quarantine ${row.id} is of offset ${row.first}, the retry says ${offset}`,
    );
    assert.ok(
      row.partition_id === head.partition_id && row.tenure_id === head.tenure_id,
      'a retry holds events of several tenures',
    );
    assert.equal(row.channel ?? undefined, retry.channel, `quarantine ${row.id} is of another channel`);
    assert.ok(row.first < row.accepted_to, `offset ${row.first} is not accepted`);
    assert.ok(row.first > before, 'the events of a retry do not stand in offset order');
    before = row.first;
  }
  return { partitionId: head.partition_id, tenureId: head.tenure_id };
}

function toRuns(offsets: readonly number[]): EncodedRuns | undefined {
  if (offsets.length === 0) return undefined;
  const builder = new OffsetRunsBuilder();
  for (const at of offsets) builder.add(at);
  return builder.finish();
}
