/** From what was found to the new books: which offsets were the lost states', and what becomes of each. */
import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import { openForReading, type ChannelDatabase } from '../channel/channel-database.ts';
import { coverage } from '../channel/coverage-reader.ts';
import type { RecoveredBooks, RecoveredPartition } from '../channel/recovered-books.ts';
import type { FleetFacts, PartitionFacts } from '../landing/fleet-facts.ts';
import { readFleet } from '../landing/fleet-facts-object.ts';
import { statePart } from '../landing/file-id.ts';
import { makeBooks, type GoneRange, type PartitionWork } from './book-making.ts';
import type { FilesOfLost } from './files-of-lost.ts';
import { refused, type KnownState } from './lost-states.ts';
import { ownershipOf, type Ownership, type PublishedRanges } from './ownership.ts';
import { patiently } from './patience.ts';
import { joined, rangesText, without, within } from './ranges.ts';
import type { RecoveryOptions, RecoverySource } from './recovery-parts.ts';
import type { RecoveryQuestion, RecoveryReport } from './recovery-report.ts';
import type { SurveyedPartition } from './tenure-survey.ts';

export interface BooksOfLostParts {
  readonly books: RecoveredBooks;
  readonly lost: ReadonlySet<string>;
  readonly states: readonly KnownState[];
  readonly partitions: readonly SurveyedPartition[];
  readonly files: FilesOfLost;
}

/** Where the events of a partition are counted as landed, and how many are missing. */
interface Missing {
  readonly events: number;
  /** Below it nothing waited when the lost state last published. */
  readonly landedTo: number;
}

export class BooksOfLost {
  readonly #options: RecoveryOptions;
  readonly #parts: BooksOfLostParts;
  readonly #questions: RecoveryQuestion[] = [];
  readonly #notes: string[] = [];
  readonly #work: PartitionWork[] = [];
  readonly #detail: string;
  #fleet: readonly FleetFacts[] = [];

  constructor(options: RecoveryOptions, parts: BooksOfLostParts) {
    this.#options = options;
    this.#parts = parts;
    this.#detail = `state ${[...parts.lost].join(', ')}`;
  }

  /** Writes the books and the report in one transaction; with open questions, or on a dry run, nothing. */
  async make(report: RecoveryReport, reportNote: string): Promise<RecoveryReport> {
    const { books } = this.#parts;
    this.#refuseStrangers();
    this.#fleet = await this.#published();
    const reader = openForReading(books.path);
    try {
      for (const partition of this.#parts.partitions) this.#decide(partition, reader);
      for (const partition of this.#localPartitions()) this.#decideLocal(partition, reader);
      for (const partition of this.#unreadPartitions()) this.#decideUnread(partition, reader);
      const told = { ...report, questions: this.#questions, notes: [...report.notes, ...this.#notes] };
      if (this.#questions.length > 0) return { ...told, outcome: 'undecided' };
      let made = told;
      books.transaction(() => {
        const rows = this.#work.flatMap((work) => makeBooks(work, { books, reader }));
        made = { ...told, partitions: rows };
        this.#options.crashPoint('recover.before-books-commit');
        books.setNote(reportNote, JSON.stringify(made));
      });
      return made;
    } finally {
      reader.close();
    }
  }

  /** Files of sources and channels that this configuration does not have: their events would have no place in the books. */
  #refuseStrangers(): void {
    const { sources, sinks } = this.#options;
    const { books } = this.#parts;
    const names = new Map(sources.map((source) => [source.name, source]));
    const unknownSources = [...new Set(books.partitions().map(({ ref }) => ref.source))].filter(
      (one) => !names.has(one),
    );
    if (unknownSources.length > 0)
      throw refused(
        `files of the lost state directory name sources that the configuration does not have: ${unknownSources.join(', ')}`,
        'recover with the configuration that the lost gateway ran; rename afterwards',
      );
    const known = new Set([
      ...sinks.map(({ channel }) => channel),
      ...sources.flatMap(({ channels }) => channels),
    ]);
    const unknownChannels = books.landedChannels().filter((one) => !known.has(one));
    if (unknownChannels.length > 0)
      throw refused(
        `files of the lost state directory are of channels that the configuration does not have: ${unknownChannels.join(', ')}`,
        'recover with the configuration that the lost gateway ran; rename afterwards',
      );
  }

  async #published(): Promise<readonly FleetFacts[]> {
    const { sinks, signal } = this.#options;
    const facts: FleetFacts[] = [];
    for (const { target, root } of sinks)
      for (const entry of await patiently(this.#options, () => readFleet(target, root, signal)))
        if (entry.facts !== undefined) facts.push(entry.facts);
    return facts;
  }

  /** With tenures that the books have already there is nothing to be done: of an earlier recovery, or an engine's own. */
  #add(work: PartitionWork): void {
    const known = this.#parts.books.tenureRanges(work.partition.id);
    const taken = joined(known);
    const nonces = new Set(known.map(({ nonce }) => nonce));
    const tenures = work.tenures.flatMap((tenure) =>
      without([tenure], taken).map((rest) => {
        const isWhole = rest.from === tenure.from && rest.to === tenure.to && !nonces.has(tenure.nonce);
        return isWhole ? tenure : { ...rest, nonce: `${tenure.nonce}:${rest.from}` };
      }),
    );
    if (tenures.length > 0) this.#work.push({ ...work, tenures });
  }

  #decide(surveyed: SurveyedPartition, reader: ChannelDatabase): void {
    const { books } = this.#parts;
    const { source, info, incarnation, chain, logStart } = surveyed;
    const { topic, partition } = info;
    const rows = books
      .partitions()
      .filter(({ ref }) => ref.source === source.name && ref.topic === topic && ref.partition === partition);
    const row = rows.find(({ ref }) => ref.incarnation === incarnation);
    const listed = joined(listedOf(surveyed, this.#parts.lost));
    const landed =
      row === undefined
        ? []
        : landedOutside(reader, row.id, { channels: this.#channelsOf(source, row), listed });
    const place = `${topic}/${partition}`;
    const ownership = ownershipOf({
      ...{ place, lost: this.#parts.lost, chain, landed },
      committedOffset: surveyed.committedOffset,
      published: this.#publishedOf(surveyed),
      words: this.#wordsOf(topic, partition),
    });
    this.#ask(place, ownership, logStart);
    this.#decideOldLogs(surveyed, { rows: rows.filter((one) => one !== row), ownership, reader });
    if (ownership.ranges.length === 0) return;
    const current = row ?? books.partition({ source: source.name, topic, partition, incarnation });
    const missing = this.#missingOf(surveyed, current);
    this.#add({
      ...{ partition: current, tenures: ownership.ranges, channels: this.#channelsOf(source, current) },
      ...{ clusterId: surveyed.clusterId, group: surveyed.group, isCurrent: true, detail: this.#detail },
      topicId: surveyed.isReplaced ? '' : info.topicId,
      fingerprint: surveyed.isReplaced ? undefined : chain?.fingerprint,
      gone: this.#goneOf(surveyed, ownership, missing),
    });
  }

  /** Channels that the source feeds, and those that have files of the partition. */
  #channelsOf({ channels }: RecoverySource, { id }: RecoveredPartition): readonly string[] {
    return [...new Set([...channels, ...this.#parts.books.landedChannels(id)])].sort();
  }

  #goneOf(
    { isReplaced, logStart }: SurveyedPartition,
    { ranges }: Ownership,
    missing: Missing | undefined,
  ): readonly GoneRange[] {
    const disk = `lost with the disk of ${[...this.#parts.lost].join(', ')}`;
    if (isReplaced)
      return [{ from: 0, to: Infinity, why: `${disk}; the topic was deleted and created again` }];
    const skipped = ranges
      .filter(({ skippedTo }) => skippedTo !== undefined)
      .map(({ from, skippedTo }) => ({ from, to: skippedTo ?? from, why: 'moved by an operator' }));
    const deleted = [
      { from: 0, to: logStart, why: `${disk}, deleted at the broker (its log begins at ${logStart})` },
    ];
    const moved =
      missing === undefined || missing.events === 0 || this.#options.missingFiles !== 'landed'
        ? []
        : [
            {
              ...{ from: 0, to: missing.landedTo },
              why: `in no file at the target now; the gateway of the lost disk had said that nothing below ${missing.landedTo} waits`,
            },
          ];
    return disjoint([...skipped, ...moved, ...deleted]);
  }

  #ask(place: string, { undecided }: Ownership, logStart: number): void {
    const open = within(undecided, [{ from: logStart, to: Infinity }]);
    const past = without(undecided, open);
    if (past.length > 0)
      this.#notes.push(
        `${place}: nobody knows any more who had offsets ${rangesText(past)}; the broker has deleted them, and no file of the lost state holds them`,
      );
    for (const { from, to } of open)
      this.#questions.push({
        place: `${place}:${from}-${to}`,
        what: `the list of tenures is cut off: no fact says whether the lost state directory had accepted offsets ${from} to ${to - 1}`,
        answer: `--claim ${place}:${from}-${to} pulls them again, --not-ours ${place}:${from}-${to} leaves them to the others; headgate audit on the gateways that live tells which they accepted`,
      });
  }

  /** Fewer events in files than the lost state had called landed: some files were moved or removed. */
  #missingOf(
    { info, incarnation, group }: SurveyedPartition,
    { id }: RecoveredPartition,
  ): Missing | undefined {
    const marks = [...this.#parts.lost].map(statePart);
    let missing: Missing | undefined;
    for (const facts of this.#parts.states.flatMap((state) => state.facts)) {
      const said = facts.partitions.find(
        (one) => isSame(one, info, incarnation) && (one.group === group || one.group === ''),
      );
      if (said === undefined) continue;
      const events = Math.max(0, said.landedEvents - this.#parts.books.landedEvents(id, facts.sink, marks));
      missing = {
        events: (missing?.events ?? 0) + events,
        landedTo: Math.max(missing?.landedTo ?? 0, said.landedTo),
      };
    }
    if (missing === undefined || missing.events === 0 || this.#options.missingFiles !== undefined)
      return missing;
    this.#questions.push({
      place: `${info.topic}/${info.partition}`,
      what: `the lost state directory had called ${missing.events} events landed that stand in no file now: somebody moved or removed files`,
      answer:
        '--missing-files landed takes its word for them (a gap that says so), --missing-files again pulls them again, and they land a second time',
    });
    return missing;
  }

  #publishedOf({ info, incarnation, group }: SurveyedPartition): PublishedRanges[] {
    const newest = new Map<string, { facts: FleetFacts; said: PartitionFacts }>();
    for (const facts of this.#fleet)
      for (const said of facts.partitions)
        if (isSame(said, info, incarnation) && said.group === group) {
          const before = newest.get(facts.stateId);
          if (before === undefined || before.facts.writtenMs < facts.writtenMs)
            newest.set(facts.stateId, { facts, said });
        }
    return [...newest].map(([stateId, { said }]) => ({
      stateId,
      ranges: said.ranges.map(([from, to]) => ({ from, to })),
      wholeFrom: said.rangesFrom,
      acceptedTo: said.acceptedTo,
    }));
  }

  #wordsOf(topic: string, partition: number): { readonly ours: OffsetRun[]; readonly notOurs: OffsetRun[] } {
    const words = this.#options.words.filter((one) => one.topic === topic && one.partition === partition);
    return {
      ours: joined(words.filter(({ isOurs }) => isOurs)),
      notOurs: joined(words.filter(({ isOurs }) => !isOurs)),
    };
  }

  /** Logs that were replaced: what is in files goes into the books, and the rest can't be pulled any more. */
  #decideOldLogs(
    { source, clusterId, group, info }: SurveyedPartition,
    at: {
      readonly rows: readonly RecoveredPartition[];
      readonly ownership: Ownership;
      readonly reader: ChannelDatabase;
    },
  ): void {
    const { rows, ownership, reader } = at;
    const place = `${info.topic}/${info.partition}`;
    const [only] = rows;
    const isNamed = rows.length === 1 && only !== undefined;
    if (ownership.ofOldLogs.length > 0 && !isNamed)
      this.#notes.push(
        `${place}: the lost state directory had accepted offsets ${rangesText(joined(ownership.ofOldLogs))} of logs that were replaced since; what of them stands in no file is lost`,
      );
    for (const row of rows) {
      const channels = this.#channelsOf(source, row);
      const listed = isNamed ? ownership.ofOldLogs : [];
      const landed = landedOutside(reader, row.id, { channels, listed: joined(listed) });
      const tenures = [
        ...listed,
        ...landed.map((range) => ({
          ...range,
          nonce: `recovered:${place}:${row.ref.incarnation}:${range.from}`,
        })),
      ].sort((a, b) => a.from - b.from);
      if (tenures.length === 0) continue;
      this.#add({
        ...{ partition: row, tenures, channels, clusterId, group, topicId: '', isCurrent: false },
        ...{ fingerprint: undefined, detail: this.#detail },
        gone: [{ from: 0, to: Infinity, why: 'lost with the disk; the log was replaced since' }],
      });
    }
  }

  /** Of topics that are gone, or that the configuration does not read any more: they have files, and nobody asks a broker about them. */
  #unreadPartitions(): readonly RecoveredPartition[] {
    const read = new Set(
      this.#parts.partitions.map(({ source, info }) =>
        JSON.stringify([source.name, info.topic, info.partition]),
      ),
    );
    const kafka = new Set(
      this.#options.sources.filter((source) => source.kafka !== undefined).map(({ name }) => name),
    );
    return this.#parts.books
      .partitions()
      .filter(
        ({ ref }) =>
          kafka.has(ref.source) && !read.has(JSON.stringify([ref.source, ref.topic, ref.partition])),
      );
  }

  #decideUnread(partition: RecoveredPartition, reader: ChannelDatabase): void {
    const { topic, partition: number, source: name, incarnation } = partition.ref;
    const source = this.#options.sources.find((one) => one.name === name);
    if (source === undefined) return;
    const channels = this.#channelsOf(source, partition);
    const place = `${topic}/${number}`;
    const landed = landedOutside(reader, partition.id, { channels, listed: [] });
    const why = `lost with the disk of ${[...this.#parts.lost].join(', ')}; no source reads ${place} any more`;
    this.#add({
      ...{ partition, channels, clusterId: '', group: source.kafka?.groupId ?? '', topicId: '' },
      ...{
        isCurrent: false,
        fingerprint: undefined,
        detail: this.#detail,
        gone: [{ from: 0, to: Infinity, why }],
      },
      tenures: landed.map((range) => ({
        ...range,
        nonce: `recovered:${place}:${incarnation}:${range.from}`,
      })),
    });
    this.#notes.push(
      `${place}: no source of the configuration reads it now, or the topic is gone; its files are in the ledger, what else was accepted of it is not known`,
    );
  }

  /** Files of this machine: nobody else can have accepted their lines; what is beyond the last landed one is simply read. */
  #localPartitions(): readonly RecoveredPartition[] {
    const local = new Set(
      this.#options.sources.filter(({ kafka }) => kafka === undefined).map(({ name }) => name),
    );
    return this.#parts.books.partitions().filter(({ ref }) => local.has(ref.source));
  }

  #decideLocal(partition: RecoveredPartition, reader: ChannelDatabase): void {
    const source = this.#options.sources.find(({ name }) => name === partition.ref.source);
    if (source === undefined) return;
    const channels = this.#channelsOf(source, partition);
    const to = Math.max(
      0,
      ...landedOutside(reader, partition.id, { channels, listed: [] }).map((one) => one.to),
    );
    if (to === 0) return;
    const { topic, partition: number, incarnation } = partition.ref;
    this.#work.push({
      ...{
        partition,
        channels,
        clusterId: '',
        group: '',
        topicId: '',
        isCurrent: true,
        fingerprint: undefined,
      },
      tenures: [{ nonce: `recovered:${source.name}:${topic}/${number}:${incarnation}`, from: 0, to }],
      ...{ gone: [], detail: this.#detail },
    });
  }
}

function isSame(said: PartitionFacts, info: SurveyedPartition['info'], incarnation: string): boolean {
  return said.topic === info.topic && said.partition === info.partition && said.incarnation === incarnation;
}

/** What the list names as the lost states', of the present log; `ownershipOf` judges the rest. */
function listedOf(surveyed: SurveyedPartition, lost: ReadonlySet<string>): OffsetRun[] {
  const { chain, committedOffset, incarnation } = surveyed;
  const nothing = { published: [], landed: [], words: { ours: [], notOurs: [] } };
  return [...ownershipOf({ ...nothing, chain, committedOffset, lost, place: incarnation }).ranges].filter(
    ({ basis }) => basis === 'listed',
  );
}

/** Offsets that are in the books already, outside of the listed ranges; joined, as they come in order. */
function landedOutside(
  reader: ChannelDatabase,
  partitionId: number,
  { channels, listed }: { readonly channels: readonly string[]; readonly listed: readonly OffsetRun[] },
): OffsetRun[] {
  return joined(
    channels.flatMap((channel) => {
      const outside: { from: number; to: number }[] = [];
      for (const { from, to, kind } of coverage(reader, partitionId, channel)) {
        if (kind !== 'landed') continue;
        for (const rest of without([{ from, to }], listed)) {
          const last = outside.at(-1);
          if (last?.to === rest.from) last.to = rest.to;
          else outside.push({ ...rest });
        }
      }
      return outside;
    }),
  );
}

/** In order, each offset in the first of them that has it. */
function disjoint(ranges: readonly GoneRange[]): GoneRange[] {
  const result: GoneRange[] = [];
  for (const { why, ...range } of ranges) {
    const rest = without(joined([range]), joined(result));
    result.push(...rest.map((one) => ({ ...one, why })));
  }
  return result.sort((a, b) => a.from - b.from);
}
