/** Which tenures the groups' offsets list, for every partition of the Kafka sources. */
import * as z from 'zod';
import type { RecoveredBooks } from '../channel/recovered-books.ts';
import { parseTenureMetadata, targetTag, type TenureMetadata } from '../sources/kafka/tenure-metadata.ts';
import type { PartitionInfo } from '../sources/kafka/protocol-link.ts';
import { LOG_WITHOUT_ID, topicOf } from '../sources/kafka/opening-verdict.ts';
import { KafkaLog } from './kafka-log.ts';
import { refused } from './lost-states.ts';
import { patiently } from './patience.ts';
import type { RecoveryOptions, RecoverySource } from './recovery-parts.ts';

/** One partition of one source, with what its group has committed for it. */
export interface SurveyedPartition {
  readonly source: RecoverySource;
  readonly group: string;
  readonly clusterId: string;
  readonly info: PartitionInfo;
  readonly committedOffset: number;
  readonly chain: TenureMetadata | undefined;
  /** Of the log that is read now. */
  readonly incarnation: string;
  /** The list is of a log that is gone: the topic was created anew. */
  readonly isReplaced: boolean;
  readonly logStart: number;
}

const noteSchema = z.object({ offset: z.int(), metadata: z.string() });
type Committed = z.infer<typeof noteSchema>;

interface Place {
  readonly source: RecoverySource;
  readonly log: KafkaLog;
  readonly info: PartitionInfo;
  readonly committed: Committed;
}

export class TenureSurvey {
  readonly #options: RecoveryOptions;
  readonly #books: RecoveredBooks;
  readonly #logs: KafkaLog[] = [];
  #places: readonly Place[] = [];

  constructor(options: RecoveryOptions, books: RecoveredBooks) {
    this.#options = options;
    this.#books = books;
  }

  /** Reads what is committed, which may still change. */
  async connect(): Promise<void> {
    const { sources, clock, signal } = this.#options;
    const places: Place[] = [];
    for (const source of sources) {
      if (source.kafka === undefined) continue;
      const log = new KafkaLog(source.kafka, clock);
      this.#logs.push(log);
      for (const info of await patiently(this.#options, () => log.connect(signal))) {
        const committed = await patiently(this.#options, () => log.committed(info));
        places.push({ source, log, info, committed });
      }
    }
    this.#places = places;
  }

  /** State ids under which the gateway has tenures. */
  stateIdsOf(gatewayId: string): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const { committed } of this.#places)
      for (const [stateId, gateway] of Object.entries(chainOf(committed)?.gateways ?? {}))
        if (gateway === gatewayId) ids.add(stateId);
    return ids;
  }

  /** What is committed for good, as far as the lost state ids are concerned; kept in the books from then on. */
  async settle(lost: ReadonlySet<string>): Promise<readonly SurveyedPartition[]> {
    const settled: SurveyedPartition[] = [];
    for (const place of this.#places) settled.push(await this.#settled(place, lost));
    return settled;
  }

  async close(): Promise<void> {
    await Promise.all(this.#logs.map((log) => log.close()));
  }

  async #settled(place: Place, lost: ReadonlySet<string>): Promise<SurveyedPartition> {
    const { source, log, info } = place;
    const { signal, isDryRun } = this.#options;
    const committed = isDryRun ? place.committed : await this.#final(place, lost);
    const key = `recovery-committed:${[...lost].join(',')}:${source.name}:${info.topic}/${info.partition}`;
    const noted = this.#books.note(key);
    const kept =
      noted === undefined ? committed : withEarlier(committed, noteSchema.parse(JSON.parse(noted)), lost);
    if (!isDryRun && noted === undefined)
      this.#books.setNote(key, JSON.stringify({ offset: kept.offset, metadata: kept.metadata }));
    const chain = chainOf(kept);
    this.#refuseOtherTarget(place, chain, lost);
    const isReplaced = chain !== undefined && isOtherTopic(chain, info);
    const current = info.topicId === '' ? LOG_WITHOUT_ID : info.topicId;
    return {
      ...{ source, info, chain, isReplaced },
      ...{ group: log.group, clusterId: log.clusterId, committedOffset: kept.offset },
      incarnation: chain?.incarnation ?? current,
      logStart: await patiently(this.#options, () => log.logStart(info, signal)),
    };
  }

  /** What a lost state can't change any more: it is fenced, by us or by whoever has a tenure after its last one. */
  async #final({ log, info, committed }: Place, lost: ReadonlySet<string>): Promise<Committed> {
    const { signal } = this.#options;
    const isLost = (value: Committed): boolean => lost.has(chainOf(value)?.entries.at(-1)?.stateId ?? '');
    const taken = () => patiently(this.#options, () => log.takenFrom(info, signal));
    if (isLost(committed)) return taken();
    const settled = await patiently(this.#options, () => log.settled(info, signal));
    return isLost(settled) ? taken() : settled;
  }

  #refuseOtherTarget(
    { source, info }: Place,
    chain: TenureMetadata | undefined,
    lost: ReadonlySet<string>,
  ): void {
    if (chain === undefined || source.kafka === undefined) return;
    const isListed = chain.entries.some(({ stateId }) => lost.has(stateId));
    if (!isListed || chain.target === targetTag(source.kafka.landingTargetId)) return;
    throw refused(
      `${info.topic}/${info.partition}: the group was used for another landing target (${chain.target})`,
      'recover with the configuration that the lost gateway ran: its sinks, roots and servers as they were',
    );
  }
}

function chainOf({ offset, metadata }: Committed): TenureMetadata | undefined {
  const parsed = offset >= 0 ? parseTenureMetadata(metadata) : undefined;
  return parsed?.kind === 'ours' ? parsed.metadata : undefined;
}

/**
 * A value that was read by an earlier run, before others went on: it may list tenures of the lost states that are cut off since. It is
 * final for them, unless one of them was opened again.
 */
function withEarlier(now: Committed, earlier: Committed, lost: ReadonlySet<string>): Committed {
  const before = chainOf(earlier);
  if (before === undefined) return now;
  const known = new Set(before.entries.map(({ nonce }) => nonce));
  const isNews = chainOf(now)?.entries.some(({ stateId, nonce }) => lost.has(stateId) && !known.has(nonce));
  return isNews === true ? now : earlier;
}

function isOtherTopic({ incarnation }: TenureMetadata, { topicId }: PartitionInfo): boolean {
  return topicId !== '' && ![topicId, LOG_WITHOUT_ID].includes(topicOf(incarnation));
}
