/** Channels as the file names them (Flume's file channel: `flume-properties.md` §5.2). */
import type * as z from 'zod';
import { choice, size } from './config-fields.ts';
import { alias, defaulted, ignored, refused, variantsSchema } from './config-table.ts';
import { MIB } from '../units.ts';

/** Below this a channel would stop and start all the time: a chunk has up to 1 MiB, and the WAL counts too. */
export const MIN_CHANNEL_BYTES = 16 * MIB;

const oneDatabase = 'all channels of a gateway share one database in the state directory';
const inBytes = 'the channel is bounded in bytes by capacityBytes';

const fileChannelKeys = {
  capacityBytes: defaulted('capacityBytes', size({ min: MIN_CHANNEL_BYTES }), '20GiB'),
  minFreeDiskBytes: defaulted('minFreeDiskBytes', size({ min: 0 }), '2GiB'),
  /** Flume's name for the same; bytes. */
  minimumRequiredSpace: alias('minFreeDiskBytes', size({ min: 0 })),
  /** Of chunks at rest. Where the sink's files are compressed, chunks take the files' codec instead. */
  compression: defaulted('compression', choice(['none', 'zstd', 'gzip']), 'zstd'),
  checkpointDir: ignored(oneDatabase),
  dataDirs: ignored(oneDatabase),
  backupCheckpointDir: ignored(oneDatabase),
  useDualCheckpoints: ignored('SQLite’s log takes the place of checkpoints'),
  compressBackupCheckpoint: ignored('SQLite’s log takes the place of checkpoints'),
  checkpointInterval: ignored('SQLite’s log takes the place of checkpoints'),
  checkpointOnClose: ignored('SQLite’s log takes the place of checkpoints'),
  'use-log-replay-v1': ignored('there is no log to replay'),
  'use-fast-replay': ignored('there is no log to replay'),
  capacity: ignored(inBytes),
  transactionCapacity: ignored('a put has the size of the source’s batch'),
  maxFileSize: ignored(oneDatabase),
  'keep-alive': ignored('a full channel makes intake wait as long as it takes'),
  fsyncPerTransaction: ignored('every transaction is synced, always'),
  fsyncInterval: ignored('every transaction is synced, always'),
  'encryption.*': refused(
    'the channel cannot encrypt, and must not pretend to',
    'Put the state directory on an encrypted volume and remove the line.',
  ),
} as const;

export const channelSchema = variantsSchema(
  { file: fileChannelKeys },
  {
    what: 'a channel',
    aliases: { 'org.apache.flume.channel.file.filechannel': 'file' },
    refusedTypes: {
      memory: 'Headgate does not have it yet',
      spillable: 'Headgate does not have it yet',
      spillablememory: 'Headgate does not have it yet',
      jdbc: 'the file channel is a database already',
      'org.apache.flume.channel.kafka.kafkachannel': 'it is no store of its own; use the file channel',
    },
  },
);
export type FileChannelConfig = z.output<typeof channelSchema>;
