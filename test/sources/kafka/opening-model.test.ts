/**
 * Goal: over any sequence of openings, puts, commits (accepted, lost before or after the broker took them), crashes and take-overs by
 * three gateways, every offset is accepted by exactly one of them once all doubts are settled; none is held for ever.
 * Method: fast-check drives the real verdict, the real metadata and the stores against a simple model of the broker's fence. The
 * seed of a failure is printed by fast-check.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyBatch } from '../../../shared/event-batch.ts';
import { offset } from '../../../shared/model/brand.ts';
import { singleRun } from '../../../shared/model/offset-runs.ts';
import { decideOpening } from '../../../main/sources/kafka/opening-verdict.ts';
import { NO_COMMITTED_VALUE, type CommittedValue } from '../../../main/sources/kafka/protocol-link.ts';
import {
  formatTenureMetadata,
  nextTenureMetadata,
  type TenureMetadata,
} from '../../../main/sources/kafka/tenure-metadata.ts';
import { MemorySourceStore } from './memory-source-store.ts';

const TOPIC_ID = 'topic-id-1';
const EMPTY = emptyBatch();
const REF = { source: 's', topic: 't', partition: 0, incarnation: TOPIC_ID };

class ModelBroker {
  committed: CommittedValue = NO_COMMITTED_VALUE;
  epoch = 0;
}

class ModelGateway {
  readonly store: MemorySourceStore;
  readonly #broker: ModelBroker;
  #open: { nonce: string; epoch: number; metadata: TenureMetadata; position: number } | undefined;
  #serial = 0;

  constructor(name: string, broker: ModelBroker) {
    this.store = new MemorySourceStore(name);
    this.#broker = broker;
  }

  /** `isCutOff`: the process dies after EndTxn, before the tenure is recorded. */
  async open(isCutOff = false): Promise<void> {
    const epoch = ++this.#broker.epoch;
    this.#open = undefined;
    const { committed } = this.#broker;
    const before = await this.store.partitionState(REF);
    for (const row of before?.tenures ?? []) if (row.state === 'open') await this.store.endTenure(row.nonce);
    const state = await this.store.partitionState(REF);
    const { stateId, gatewayId } = this.store.identity;
    const verdict = decideOpening({
      committed,
      state,
      clusterId: 'c',
      topicId: TOPIC_ID,
      group: 'g',
      stateId,
      target: 'x',
      choice: undefined,
    });
    if (verdict.kind === 'hold') throw new Error(`held: ${verdict.message}`);
    for (const { nonce, acceptTo, rest } of verdict.doubts) {
      if (acceptTo !== undefined) await this.store.accept(nonce, offset(acceptTo));
      if (rest === 'hold') throw new Error(`doubt of ${nonce} held`);
      if (rest !== 'adopt') await this.store.resolveDoubt(nonce, rest);
    }
    const start = verdict.start === 'start-point' ? 0 : verdict.start;
    const nonce = `${gatewayId}-${++this.#serial}`;
    const known = new Set(state?.tenures.map((row) => row.nonce));
    const metadata = nextTenureMetadata(
      verdict.previous,
      {
        nonce,
        stateId,
        gatewayId,
        target: 'x',
        incarnation: TOPIC_ID,
        start,
        previousEnd: Math.max(committed.offset, 0),
        isNewLog: false,
        movedTo: undefined,
        fingerprint: undefined,
      },
      (one) => known.has(one),
    );
    expect(Buffer.byteLength(formatTenureMetadata(metadata))).toBeLessThan(1_024);
    this.#broker.committed = { offset: start, leaderEpoch: 0, metadata: formatTenureMetadata(metadata) };
    if (isCutOff) return;
    const adopt = verdict.doubts.find((one) => one.rest === 'adopt')?.nonce;
    const row = await this.store.beginTenure({
      ref: REF,
      clusterId: 'c',
      group: 'g',
      topicId: TOPIC_ID,
      nonce,
      sequence: metadata.sequence,
      startOffset: offset(start),
      fingerprint: undefined,
      adopt,
    });
    this.#open = { nonce, epoch, metadata, position: row.putTo };
  }

  put(count: number): void {
    const open = this.#open;
    if (open === undefined) return;
    const first = open.position;
    open.position += count;
    this.store.put({
      partition: REF,
      tenure: open.nonce,
      first: offset(first),
      next: offset(open.position),
      fingerprint: undefined,
      events: EMPTY,
      dispositions: [
        { kind: 'absent', channel: undefined, runs: singleRun(first, open.position), reason: 'model' },
      ],
      quarantined: [],
    });
  }

  async commit(fate: 'accepted' | 'reply-lost' | 'request-lost'): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    const isTaken = open.epoch === this.#broker.epoch && fate !== 'request-lost';
    if (isTaken) {
      this.#broker.committed = {
        offset: open.position,
        leaderEpoch: 0,
        metadata: formatTenureMetadata(open.metadata),
      };
    }
    if (isTaken && fate === 'accepted') {
      await this.store.accept(open.nonce, offset(open.position));
      return;
    }
    await this.store.endTenure(open.nonce);
    this.#open = undefined;
  }

  crash(): void {
    this.#open = undefined;
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant('open' as const), who: fc.nat(2), cutOff: fc.boolean() }),
  fc.record({ do: fc.constant('put' as const), who: fc.nat(2), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    do: fc.constant('commit' as const),
    who: fc.nat(2),
    fate: fc.constantFrom('accepted' as const, 'reply-lost' as const, 'request-lost' as const),
  }),
  fc.record({ do: fc.constant('crash' as const), who: fc.nat(2) }),
);

describe('the model of openings', () => {
  it('every offset is accepted by exactly one gateway, whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const broker = new ModelBroker();
        const gateways = ['a', 'b', 'c'].map((name) => new ModelGateway(name, broker));
        for (const one of steps) {
          const gateway = gateways[one.who];
          if (gateway === undefined) continue;
          if (one.do === 'open') await gateway.open(one.cutOff);
          else if (one.do === 'put') gateway.put(one.count);
          else if (one.do === 'commit') await gateway.commit(one.fate);
          else gateway.crash();
        }
        // In the end each gateway opens once more: its doubts are settled, and what it adopts it commits.
        for (const gateway of gateways) {
          await gateway.open();
          await gateway.commit('accepted');
        }
        const accepted = gateways.flatMap(({ store }) =>
          store.accepted.flatMap((put) => range(put.first, put.next)),
        );
        expect(accepted.sort((x, y) => x - y)).toEqual(range(0, Math.max(broker.committed.offset, 0)));
        expect(gateways.flatMap(({ store }) => store.held)).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
