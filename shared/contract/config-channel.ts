/** Channels as the file names them (Flume's memory, file and spillable channels: `flume-properties.md` §5.1 to §5.3). */
import type * as z from 'zod';
import { choice, duration, size } from './config-fields.ts';
import { alias, defaulted, ignored, refused, variantsSchema } from './config-table.ts';
import { MIB, SECOND_MS } from '../units.ts';

/** Below this a channel would stop and start all the time: a chunk has up to 1 MiB, and the WAL counts too. */
export const MIN_CHANNEL_BYTES = 16 * MIB;
/** Less would hold no more than a chunk or two. */
export const MIN_MEMORY_BYTES = 4 * MIB;

const oneDatabase = 'all channels of a gateway share one database in the state directory';
const inBytes = 'the channel is bounded in bytes by capacityBytes';

/** What every type has: the books of all of them are in the database, and so is what a memory channel pulls again. */
const databaseKeys = {
  minFreeDiskBytes: defaulted('minFreeDiskBytes', size({ min: 0 }), '2GiB'),
  /** Flume's name for the same; bytes. */
  minimumRequiredSpace: alias('minFreeDiskBytes', size({ min: 0 })),
  /** Of chunks at rest. Where the sink's files are compressed, chunks take the files' codec instead. */
  compression: defaulted('compression', choice(['none', 'zstd', 'gzip']), 'zstd'),
  capacity: ignored(inBytes),
  transactionCapacity: ignored('a put has the size of the source’s batch'),
  'keep-alive': ignored('a full channel makes intake wait as long as it takes'),
} as const;

const diskBytes = size({ min: MIN_CHANNEL_BYTES });
const memoryBytes = size({ min: MIN_MEMORY_BYTES });

const fileChannelKeys = {
  capacityBytes: defaulted('capacityBytes', diskBytes, '20GiB'),
  ...databaseKeys,
  checkpointDir: ignored(oneDatabase),
  dataDirs: ignored(oneDatabase),
  backupCheckpointDir: ignored(oneDatabase),
  useDualCheckpoints: ignored('SQLite’s log takes the place of checkpoints'),
  compressBackupCheckpoint: ignored('SQLite’s log takes the place of checkpoints'),
  checkpointInterval: ignored('SQLite’s log takes the place of checkpoints'),
  checkpointOnClose: ignored('SQLite’s log takes the place of checkpoints'),
  'use-log-replay-v1': ignored('there is no log to replay'),
  'use-fast-replay': ignored('there is no log to replay'),
  maxFileSize: ignored(oneDatabase),
  fsyncPerTransaction: ignored('every transaction is synced, always'),
  fsyncInterval: ignored('every transaction is synced, always'),
  'encryption.*': refused(
    'the channel cannot encrypt, and must not pretend to',
    'Put the state directory on an encrypted volume and remove the line.',
  ),
} as const;

const withoutHeaders = 'headers are not kept once events are placed: nothing is to be set aside for them';

/** Flume's byteCapacity is the same bound: of bodies, in bytes. */
const memoryChannelKeys = {
  capacityBytes: defaulted('memoryCapacityBytes', memoryBytes, '256MiB'),
  byteCapacity: alias('capacityBytes', memoryBytes),
  byteCapacityBufferPercentage: ignored(withoutHeaders),
  /** Of the database: the books, and events that are pulled again. */
  diskCapacityBytes: defaulted('capacityBytes', diskBytes, '20GiB'),
  ...databaseKeys,
} as const;

const spillableChannelKeys = {
  memoryCapacityBytes: defaulted('memoryCapacityBytes', memoryBytes, '256MiB'),
  byteCapacity: alias('memoryCapacityBytes', memoryBytes),
  byteCapacityBufferPercentage: ignored(withoutHeaders),
  /** What has not landed after this goes from memory to the disk: a little longer than a file takes to roll by default. */
  spillAfter: defaulted('spillAfterMs', duration({ minMs: SECOND_MS }), '15min'),
  memoryCapacity: ignored('memory is bounded in bytes by memoryCapacityBytes'),
  overflowCapacity: ignored('the disk is bounded in bytes by capacityBytes'),
  overflowTimeout: ignored(
    'what finds no room in memory goes to the disk at once; spillAfter brings the rest there',
  ),
  overflowDeactivationThreshold: ignored(
    'memory is used again as soon as it has room: order does not depend on it',
  ),
  avgEventSize: ignored('bytes are counted as they are'),
  ...fileChannelKeys,
} as const;

export const channelSchema = variantsSchema(
  { file: fileChannelKeys, memory: memoryChannelKeys, spillable: spillableChannelKeys },
  {
    what: 'a channel',
    aliases: {
      'org.apache.flume.channel.file.filechannel': 'file',
      'org.apache.flume.channel.memorychannel': 'memory',
      spillablememory: 'spillable',
      'org.apache.flume.channel.spillablememorychannel': 'spillable',
    },
    refusedTypes: {
      jdbc: 'the file channel is a database already',
      'org.apache.flume.channel.kafka.kafkachannel': 'it is no store of its own; use the file channel',
    },
  },
);
export type ChannelConfig = z.output<typeof channelSchema>;
