/** The file's root: which sections there are, and what each may hold. */
import type * as z from 'zod';
import { channelSchema } from './config-channel.ts';
import { checked, duration, endpoint, size, text, timeZone } from './config-fields.ts';
import { sinkGroupSchema } from './config-sink-group.ts';
import { sinkSchema } from './config-sink.ts';
import { sourceSchema } from './config-source.ts';
import { defaulted, namedMapSchema, optional, required, tableSchema } from './config-table.ts';

const gatewayId = checked(text, (id) => /^[a-z0-9-]{1,32}$/.test(id), [
  'a gateway id with other characters than a-z, 0-9 and -, or more than 32',
  'It goes into file names, attributes and offset metadata.',
]);

const listenSchema = tableSchema({ listen: required('listen', endpoint) } as const, { what: 'a listener' });

const consoleKeys = {
  listen: defaulted('listen', endpoint, '127.0.0.1:8642'),
  /** Paths of PEM files; needed as soon as other machines can reach the listener. */
  tls: optional(
    'tls',
    tableSchema({ cert: required('certPath', text), key: required('keyPath', text) } as const, {
      what: 'the console’s tls',
    }),
  ),
} as const;

const rootKeys = {
  gateway: required(
    'gateway',
    tableSchema(
      {
        id: required('id', gatewayId),
        stateDir: optional('stateDir', text),
        timeZone: optional('timeZone', timeZone),
      } as const,
      { what: 'gateway' },
    ),
  ),
  console: optional('console', tableSchema(consoleKeys, { what: 'the console' })),
  metrics: optional('metrics', listenSchema),
  sources: required('sources', namedMapSchema(sourceSchema, 'sources')),
  channels: required('channels', namedMapSchema(channelSchema, 'channels')),
  sinks: required('sinks', namedMapSchema(sinkSchema, 'sinks')),
  sinkgroups: defaulted('sinkGroups', namedMapSchema(sinkGroupSchema, 'sinkgroups'), {}),
  alerts: defaulted(
    'alerts',
    tableSchema(
      {
        backlogBytes: defaulted('backlogBytes', size({ min: 0 }), '5GiB'),
        oldestEvent: defaulted('oldestEventMs', duration(), '2h'),
        heldPut: defaulted('heldPutMs', duration(), '10min'),
        landingStuck: defaulted('landingStuckMs', duration(), '15min'),
        linkDown: defaulted('linkDownMs', duration(), '5min'),
        countdown: defaulted('countdownMs', duration(), '12h'),
        timeToFull: defaulted('timeToFullMs', duration(), '2h'),
        silentPeer: defaulted('silentPeerMs', duration(), '30min'),
      } as const,
      { what: 'alerts' },
    ),
    {},
  ),
} as const;

/** The schema of the whole file, before components are related to each other. */
export const fileSchema = tableSchema(rootKeys, { what: 'headgate.yaml' });
/** The file's content, typed, each component by itself. */
export type FileConfig = z.output<typeof fileSchema>;
