/**
 * The writer's side of a recovery (main/recovery): books that were not written by puts and landings, but found again at the target and
 * at the broker. It works on an open channel while no engine does; every method is one transaction, or runs in the caller's.
 *
 * 1. Files are entered as they are found, each once by its id; their partitions get rows without a tenure, which no engine takes for its own.
 * 2. Tenures, the channels' parts in them, claims and gaps come in one transaction, with the note that says so. Before it the directory
 *    holds a list of files; after it, whole books.
 * 3. What an engine has written since, on the same directory, stays as it is: its partitions keep position and tenure, and tenures that
 *    are found again get ids below its own, for the last one by id is the one that it goes on from.
 */
import type { FilePart } from '../../shared/model/file-plan.ts';
import type { EncodedRuns } from '../../shared/model/offset-runs.ts';
import type { Fingerprint, PartitionRef } from '../../shared/model/partition.ts';
import { piecesOf } from '../../shared/model/run-sets.ts';
import { wrapped, type ChannelDatabase } from './channel-database.ts';
import type { Channel } from './channel.ts';
import { DISPOSITION_RUNS_BYTES_MAX } from './channel-limits.ts';
import { ChannelParts } from './channel-parts.ts';
import { toFingerprintColumns } from './fingerprint-columns.ts';

/** One file as the ledger has it. */
export interface RecoveredFile {
  readonly fileId: string;
  readonly sink: string;
  readonly channel: string;
  readonly directory: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly codec: string;
  readonly serializer: string;
  readonly version: number;
  readonly finalPath: string;
  readonly namespace: string;
  readonly bytes: number;
  readonly rawBytes: number;
  readonly events: number;
  readonly lines: number;
  readonly crc32c: number;
  readonly checksum: string | undefined;
  readonly inode: string | undefined;
  readonly landedAtMs: number;
  readonly parts: readonly FilePart[];
}

export interface RecoveredPartition {
  readonly id: number;
  readonly ref: PartitionRef;
}

export interface RecoveredTenure {
  readonly nonce: string;
  readonly from: number;
  readonly to: number;
}

/** What a partition's row says once its tenures are known. */
export interface RecoveredPosition {
  readonly partition: RecoveredPartition;
  readonly clusterId: string;
  readonly group: string;
  readonly topicId: string;
  readonly isCurrent: boolean;
  readonly fingerprint: Fingerprint | undefined;
  /** In order; not empty. */
  readonly tenures: readonly RecoveredTenure[];
  readonly channels: readonly string[];
}

export class RecoveredBooks {
  readonly #channel: Channel;
  readonly #parts: ChannelParts;
  readonly #statements;
  #claimedMs = 0;

  constructor(channel: Channel) {
    this.#channel = channel;
    this.#parts = new ChannelParts(channel.db);
    this.#statements = prepare(channel.db);
  }

  get path(): string {
    return this.#channel.path;
  }

  note(name: string): string | undefined {
    return this.#statements.note.get(name)?.value;
  }

  setNote(name: string, value: string): void {
    this.transaction(() => void this.#statements.setNote.run(name, value));
  }

  forgetNote(name: string): void {
    this.transaction(() => void this.#statements.forgetNote.run(name));
  }

  /** Offsets of a partition that some tenure of these books has. */
  tenureRanges(partitionId: number): readonly RecoveredTenure[] {
    return this.#statements.tenures.all(partitionId);
  }

  /** All or nothing, durable when it returns; within another one it is a part of that. Throws what `work` throws. */
  transaction(work: () => void): void {
    const { db, path, totals } = this.#channel;
    if (db.inTransaction) return work();
    wrapped('rebuild the books', path, () => {
      db.exec('BEGIN IMMEDIATE');
      try {
        work();
        totals.flush();
        db.exec('COMMIT');
      } catch (error) {
        totals.discard();
        if (db.inTransaction) db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** Events of a file that the ledger has at this path; undefined: it does not. */
  eventsOfFile(fileId: string, path: string): number | undefined {
    const row = this.#statements.pathOf.get(fileId);
    return row?.final_path === path ? row.events : undefined;
  }

  isFileKnown(fileId: string): boolean {
    return this.#statements.pathOf.get(fileId) !== undefined;
  }

  /** Whether a file of the ledger has this inode: then it is no leftover, whatever its name. */
  isInodeKnown(inode: string): boolean {
    return this.#statements.byInode.get(inode) !== undefined;
  }

  /** Enters the files that are not there yet. Gives those that stand at two places: a copy was made of them. */
  addFiles(
    files: readonly RecoveredFile[],
  ): readonly { readonly file: RecoveredFile; readonly knownAt: string }[] {
    const copies: { file: RecoveredFile; knownAt: string }[] = [];
    this.transaction(() => {
      for (const file of files) {
        const knownAt = this.#statements.pathOf.get(file.fileId)?.final_path;
        if (knownAt === undefined) this.#addFile(file);
        else if (knownAt !== file.finalPath) copies.push({ file, knownAt });
      }
    });
    return copies;
  }

  /** Every incarnation of every partition that the books know, those of an engine's own among them. */
  partitions(): readonly RecoveredPartition[] {
    return this.#statements.partitions.all().map(({ id, ...ref }) => ({ id, ref }));
  }

  partition(ref: PartitionRef): RecoveredPartition {
    const id =
      this.#statements.partition.get({ ...ref })?.id ??
      Number(this.#statements.insertPartition.run({ ...ref }).lastInsertRowid);
    return { id, ref };
  }

  /** Channels that have files: of one partition, or any. */
  landedChannels(partitionId?: number): readonly string[] {
    const { channels, channelsOf } = this.#statements;
    const rows = partitionId === undefined ? channels.all() : channelsOf.all(partitionId);
    return rows.map(({ channel }) => channel);
  }

  /** Events of a partition in files of one sink whose ids carry one of the marks (`statePart`). */
  landedEvents(partitionId: number, sink: string, marks: readonly string[]): number {
    return marks.reduce(
      (sum, mark) => sum + (this.#statements.landed.get(partitionId, sink, mark)?.events ?? 0),
      0,
    );
  }

  /** To be called in a transaction, before the claims and gaps of the tenures. */
  addTenures({ partition, tenures, channels, ...facts }: RecoveredPosition): void {
    const last = tenures.at(-1);
    if (last === undefined) throw new RangeError('a partition without a tenure');
    const ids = this.#tenureIds(tenures.length);
    const fingerprint = toFingerprintColumns(facts.fingerprint);
    tenures.forEach(({ nonce, from, to }, at) => {
      const id = ids + at;
      this.#statements.insertTenure.run({
        ...{ id, nonce, from, to, partitionId: partition.id, sequence: at + 1 },
        ...fingerprint,
      });
      for (const channel of channels) this.#parts.take({ tenureId: id, channel, first: from, next: to });
    });
    this.#statements.settle.run({
      ...{ id: partition.id, clusterId: facts.clusterId, group: facts.group, topicId: facts.topicId },
      ...{ position: last.to, tenureId: ids + tenures.length - 1, isCurrent: facts.isCurrent ? 1 : 0 },
      ...fingerprint,
    });
  }

  /** When claims are made, as their rows say. */
  set claimedMs(value: number) {
    this.#claimedMs = value;
  }

  /** Offsets of one tenure that are to be pulled again. */
  claim(
    at: { readonly nonce: string; readonly channel: string; readonly detail: string },
    runs: EncodedRuns,
  ): void {
    const { nonce: tenure, channel, detail } = at;
    this.#channel.claims.addAll([{ tenure, channel, runs, cause: 'lost-disk', detail }], this.#claimedMs);
  }

  /** Offsets of one tenure that nobody can pull any more. */
  gap(
    at: { readonly nonce: string; readonly channel: string; readonly reason: string },
    runs: EncodedRuns,
  ): void {
    const { id, partition_id: partitionId } = this.#channel.tenures.get(at.nonce);
    const owner = { partitionId, tenureId: id, configVersion: 0, nowMs: this.#claimedMs };
    for (const piece of piecesOf(runs, DISPOSITION_RUNS_BYTES_MAX))
      this.#channel.dispositions.add(
        { kind: 'gap', channel: at.channel, reason: at.reason, runs: piece },
        owner,
      );
  }

  /** The first of so many ids in a row. */
  #tenureIds(count: number): number {
    const { low, high } = this.#statements.tenureIds.get() ?? { low: null, high: null };
    const hasOwn = this.#statements.ownTenure.get() !== undefined;
    if (!hasOwn) return (high ?? 0) + 1;
    return Math.min(0, low ?? 1) - count;
  }

  #addFile(file: RecoveredFile): void {
    const { parts, ...row } = file;
    this.#statements.insertFile.run({
      ...row,
      checksum: file.checksum ?? null,
      checksumNote: file.checksum === undefined ? 'none was known when it was landed' : null,
      inode: file.inode ?? null,
    });
    for (const { runs, source, topic, partition, incarnation } of parts) {
      const { id } = this.partition({ source, topic, partition, incarnation });
      this.#statements.insertPart.run({
        ...{ fileId: file.fileId, partitionId: id, channel: file.channel },
        ...{ first: runs.first, next: runs.next, count: runs.count, bytes: runs.bytes },
      });
    }
  }
}

const FINGERPRINT = 'fp_offset, fp_crc, fp_timestamp_ms, fp_leader_epoch';
const FINGERPRINT_VALUES = '@fp_offset, @fp_crc, @fp_timestamp_ms, @fp_leader_epoch';

function prepare(db: ChannelDatabase) {
  return {
    note: db.prepare<[string], { value: string }>('SELECT value FROM notes WHERE name = ?'),
    setNote: db.prepare<[string, string]>(
      'INSERT INTO notes (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    ),
    forgetNote: db.prepare<[string]>('DELETE FROM notes WHERE name = ?'),
    tenures: db.prepare<[number], { nonce: string; from: number; to: number }>(
      'SELECT nonce, start_offset AS "from", put_to AS "to" FROM tenures WHERE partition_id = ? ORDER BY start_offset',
    ),
    pathOf: db.prepare<[string], { final_path: string; events: number }>(
      'SELECT final_path, events FROM ledger WHERE file_id = ?',
    ),
    channels: db.prepare<[], { channel: string }>('SELECT DISTINCT channel FROM ledger ORDER BY channel'),
    channelsOf: db.prepare<[number], { channel: string }>(
      'SELECT DISTINCT channel FROM ledger_parts WHERE partition_id = ? ORDER BY channel',
    ),
    byInode: db.prepare<[string], { id: number }>('SELECT id FROM ledger WHERE inode = ? LIMIT 1'),
    insertFile:
      db.prepare(`INSERT INTO ledger (file_id, sink, channel, directory, prefix, suffix, codec, serializer, version,
      final_path, namespace, bytes, raw_bytes, events, lines, crc32c, checksum, checksum_note, inode, attempts, planned_at_ms,
      landed_at_ms) VALUES (@fileId, @sink, @channel, @directory, @prefix, @suffix, @codec, @serializer, @version, @finalPath,
      @namespace, @bytes, @rawBytes, @events, @lines, @crc32c, @checksum, @checksumNote, @inode, 1, @landedAtMs, @landedAtMs)`),
    insertPart:
      db.prepare(`INSERT INTO ledger_parts (file_id, partition_id, channel, first, next, events, runs)
      VALUES (@fileId, @partitionId, @channel, @first, @next, @count, @bytes)`),
    partitions: db.prepare<[], PartitionRef & { id: number }>(
      'SELECT id, source, topic, partition, incarnation FROM partitions ORDER BY source, topic, partition, id',
    ),
    partition: db.prepare<[PartitionRef], { id: number }>(`SELECT id FROM partitions
      WHERE source = @source AND topic = @topic AND partition = @partition AND incarnation = @incarnation`),
    insertPartition: db.prepare(`INSERT INTO partitions
      (source, topic, partition, incarnation, cluster_id, consumer_group, topic_id, is_current, position)
      VALUES (@source, @topic, @partition, @incarnation, '', '', '', 0, 0)`),
    landed: db.prepare<[number, string, string], { events: number | null }>(`SELECT sum(p.events) AS events
      FROM ledger_parts p JOIN ledger l ON l.file_id = p.file_id
      WHERE p.partition_id = ? AND l.sink = ? AND substr(l.file_id, 20, 8) = ?`),
    tenureIds: db.prepare<[], { low: number | null; high: number | null }>(
      'SELECT min(id) AS low, max(id) AS high FROM tenures',
    ),
    // An engine has opened partitions on this directory: not all of its tenures were found again.
    ownTenure: db.prepare<[], { id: number }>('SELECT id FROM tenures WHERE started_at_ms > 0 LIMIT 1'),
    insertTenure: db.prepare(`INSERT INTO tenures
      (id, nonce, partition_id, sequence, start_offset, put_to, accepted_to, state, started_at_ms, ${FINGERPRINT})
      VALUES (@id, @nonce, @partitionId, @sequence, @from, @to, @to, 'ended', 0, ${FINGERPRINT_VALUES})`),
    // A row with a tenure is an engine's own.
    settle:
      db.prepare(`UPDATE partitions SET cluster_id = @clusterId, consumer_group = @group, topic_id = @topicId,
      position = @position, tenure_id = @tenureId, fp_offset = @fp_offset, fp_crc = @fp_crc, fp_timestamp_ms = @fp_timestamp_ms,
      fp_leader_epoch = @fp_leader_epoch, is_current = CASE WHEN @isCurrent = 1 AND NOT EXISTS (SELECT 1 FROM partitions o
        WHERE o.source = partitions.source AND o.topic = partitions.topic AND o.partition = partitions.partition
        AND o.is_current = 1) THEN 1 ELSE 0 END
      WHERE id = @id AND tenure_id IS NULL`),
  };
}
