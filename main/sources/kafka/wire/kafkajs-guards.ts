/**
 * Everything that stands between Headgate and the traps of kafkajs 2.2.4: the only file that touches its inside, whose types stand
 * in `kafkajs-internals.ts`.
 *
 * Promise: what kafkajs does behind our back can't lose, repeat or delay an event. Each guard names its trap; each has a test in
 * `test/sources/kafka-wire/kafkajs-guards.test.ts`, which also fails when the guarded source changes. Loading this module throws
 * when kafkajs is another version or has another shape.
 *
 * 1. An idle connection wakes about 920 times a second (`RequestQueue.scheduleCheckPendingRequests`): it sleeps unless something
 *    is pending.
 * 2. The fetch decoder throws each batch's CRC away, decodes record by record, and fails all partitions for one with an error:
 *    ours keeps the bytes, and each partition's error beside them.
 * 3. Metadata and ListOffsets fail whole for one topic or partition with an error, and metadata without topics asks for all of
 *    them: we ask for no topic, and read the errors ourselves.
 * 4. A connection that is opened again goes on with the bytes of the answer that broke off, and two callers who open it at once
 *    get two sockets that feed one buffer: a connection object lives as long as one socket (`newConnection`, `BrokerLane`).
 * 5. `disconnect` waits for answers that never come, and a socket that ends during the TLS handshake settles nothing:
 *    `breakConnection` settles everything now.
 * 6. Any size of answer is believed and buffered, and each answer is held twice: `ResponseFramer` has a limit and one copy.
 * 7. The consumer jumps silently on OFFSET_OUT_OF_RANGE, commits −2, and stops for good on errors of its choice: there is no
 *    consumer here, nor its retries. `rackId` (broken follower guard) is never sent.
 * 8. An offset that is no number is sent as 0: `assertOffset`.
 * 9. Its authenticators are written into the caller's SASL object: it gets a copy.
 */
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { withoutSecrets } from '../../../../shared/errors.ts';
import { decodeFetchResponse, type FetchResponse } from './fetch-response.ts';
import type {
  ApiDefinition,
  ApiVersions,
  ConnectionConfig,
  FetchArguments,
  KafkajsBroker,
  KafkajsConnection,
  KafkajsEncoder,
  KafkajsLogger,
  KafkajsRequestQueue,
  ListOffsetsArguments,
  ListOffsetsResponse,
  LogEntry,
  MetadataResponse,
  ProtocolRequest,
} from './kafkajs-internals.ts';
import type { LinkLogLine } from './pull-link.ts';
import { ResponseFramer } from './response-framer.ts';

const require = createRequire(import.meta.url);

export const KAFKAJS_VERSION = '2.2.4';
/** KIP-98's record batches begin with version 4; kafkajs' requests end with 11, the last one that needs no topic ids. */
export const FETCH_VERSION_MIN = 4;
export const FETCH_VERSION_MAX = 11;
const METADATA_VERSION_MIN = 4;
const LIST_OFFSETS_VERSION_MIN = 2;

export const READ_COMMITTED = 1;

type Constructor<Arguments extends unknown[], T> = new (...args: Arguments) => T;

// The one place where kafkajs' untyped inside gets types: the checks below stand behind these casts.
const Connection = require('kafkajs/src/network/connection.js') as Constructor<[object], KafkajsConnection>;
const RequestQueue = require('kafkajs/src/network/requestQueue/index.js') as Constructor<
  [object],
  KafkajsRequestQueue
>;
const Broker = require('kafkajs/src/broker/index.js') as Constructor<[object], KafkajsBroker>;
const Encoder = require('kafkajs/src/protocol/encoder.js') as Constructor<[], KafkajsEncoder>;
const { requests } = require('kafkajs/src/protocol/requests/index.js') as {
  requests: {
    Fetch: ApiDefinition<FetchArguments, unknown>;
    ListOffsets: ApiDefinition<ListOffsetsArguments, unknown>;
    Metadata: ApiDefinition<{ topics: []; allowAutoTopicCreation: boolean }, unknown>;
  };
};
const loggers = require('kafkajs/src/loggers/index.js') as {
  createLogger(options: { level: number; logCreator: () => (entry: LogEntry) => void }): KafkajsLogger;
  LEVELS: { INFO: number };
};

/** Throws unless kafkajs is the version, and has the shape, that the guards were written for. */
export function assertKafkajsAsExpected(version: string, parts: Readonly<Record<string, boolean>>): void {
  const wrong = Object.keys(parts).filter((name) => parts[name] !== true);
  if (version === KAFKAJS_VERSION && wrong.length === 0) return;
  throw new Error(
    `kafkajs ${version} is not the ${KAFKAJS_VERSION} that main/sources/kafka/wire/kafkajs-guards.ts guards` +
      (wrong.length === 0 ? '' : `: ${wrong.join(', ')} changed`) +
      '; install exactly that version, or look at every guard again',
  );
}

function hasMethods(constructor: { readonly prototype: object }, names: readonly string[]): boolean {
  const { prototype } = constructor;
  return names.every((name) => typeof Reflect.get(prototype, name) === 'function');
}

assertKafkajsAsExpected((require('kafkajs/package.json') as { version: string }).version, {
  Connection: hasMethods(Connection, [
    'connect',
    'send',
    'processData',
    'authenticate',
    'setVersions',
    'isAuthenticated',
  ]),
  RequestQueue: hasMethods(RequestQueue, [
    'scheduleCheckPendingRequests',
    'checkPendingRequests',
    'fulfillRequest',
    'rejectAll',
    'destroy',
  ]),
  Broker: hasMethods(Broker, ['connect', 'apiVersions']),
  Encoder: hasMethods(Encoder, ['writeInt32', 'writeBoolean']),
  Fetch: requests.Fetch.versions.includes(String(FETCH_VERSION_MAX)),
  ListOffsets: requests.ListOffsets.versions.includes('3'),
  Metadata: requests.Metadata.versions.includes('6'),
  loggers: typeof loggers.createLogger === 'function' && typeof loggers.LEVELS.INFO === 'number',
});

const IDLE_GUARD = Symbol.for('headgate.kafkajs.idleGuard');

/** Guard 1, on the prototype: it does good to every connection of the process. Once, however often this module is loaded. */
function guardIdleQueues(): void {
  const prototype = RequestQueue.prototype as KafkajsRequestQueue & { [IDLE_GUARD]?: boolean };
  if (prototype[IDLE_GUARD] === true) return;
  const original = Reflect.get(prototype, 'scheduleCheckPendingRequests');
  prototype.scheduleCheckPendingRequests = function (this: KafkajsRequestQueue): void {
    if (this.pending.length > 0) original.call(this);
  };
  Object.defineProperty(prototype, IDLE_GUARD, { value: true });
}

guardIdleQueues();

/** What `kafkajs/src/broker` needs of a pool, over one connection. */
class OneConnectionPool {
  readonly host: string;
  readonly port: number;
  readonly sasl: object | undefined;
  readonly connectionTimeout: number;
  readonly #connection: KafkajsConnection;

  constructor(config: ConnectionConfig, connection: KafkajsConnection) {
    this.host = config.host;
    this.port = config.port;
    this.sasl = config.sasl;
    this.connectionTimeout = config.connectionTimeout;
    this.#connection = connection;
  }

  isConnected(): boolean {
    return this.#connection.isConnected();
  }

  isAuthenticated(): boolean {
    return this.#connection.isAuthenticated();
  }

  setVersions(versions: ApiVersions): void {
    this.#connection.setVersions(versions);
  }

  setSupportAuthenticationProtocol(isSupported: boolean): void {
    this.#connection.setSupportAuthenticationProtocol(isSupported);
  }

  async getConnection(): Promise<KafkajsConnection> {
    if (!this.#connection.isConnected()) await this.#connection.connect();
    return this.#connection;
  }

  send<T>(request: ProtocolRequest<T>): Promise<T> {
    return this.#connection.send(request);
  }

  /** Asked for by the broker when its connection closed: `breakConnection` has done it. */
  async destroy(): Promise<void> {}
}

export interface NewConnection {
  readonly connection: KafkajsConnection;
  /** Connects, learns the broker's versions and authenticates. To be called once. */
  open(): Promise<ApiVersions>;
}

/** A connection for one socket. `onExcess` is told when an answer claims more than `responseBytesMax`. */
export function newConnection(
  config: ConnectionConfig,
  limits: { readonly responseBytesMax: number; readonly onExcess: (bytes: number) => void },
): NewConnection {
  const sasl = config.sasl === undefined ? undefined : { ...config.sasl };
  // Time limits are the lane's: kafkajs' own would wake ten times a second for each connection.
  const connection = new Connection({ ...config, sasl, requestTimeout: 0, enforceRequestTimeout: false });
  guardFraming(connection, limits);
  const pool = new OneConnectionPool({ ...config, sasl }, connection);
  const broker = new Broker({ connectionPool: pool, logger: config.logger, allowAutoTopicCreation: false });
  return {
    connection,
    open: async () => {
      await broker.connect();
      if (broker.versions === null) throw new TypeError('kafkajs connected without learning versions');
      return broker.versions;
    },
  };
}

/** Guard 6. Before Kafka 1.0, SASL tokens have no frame of a response: kafkajs reads these itself. */
function guardFraming(
  connection: KafkajsConnection,
  limits: { readonly responseBytesMax: number; readonly onExcess: (bytes: number) => void },
): void {
  const framer = new ResponseFramer({
    bytesMax: limits.responseBytesMax,
    onExcess: limits.onExcess,
    onResponse: (frame) =>
      connection.requestQueue.fulfillRequest({
        correlationId: frame.readInt32BE(0),
        payload: frame.subarray(4),
        size: frame.length,
      }),
  });
  const original = connection.processData.bind(connection);
  connection.processData = (data) => {
    if (connection.authHandlers !== null) original(data);
    else framer.push(data);
  };
}

/** Guard 5: every waiting promise settles, no timer stays, the socket is gone. */
export function breakConnection(
  connection: KafkajsConnection,
  socket: Socket | undefined,
  error: Error,
): void {
  connection.authHandlers?.onError();
  connection.requestQueue.rejectAll(error);
  connection.requestQueue.destroy();
  connection.connectionStatus = 'disconnected';
  // With an error, so that a `connect` under way ends too; kafkajs listens for it.
  socket?.destroy(error);
}

/** Guard 8. */
export function assertOffset(value: number, what: string): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`${what} ${value} is no whole number`);
}

/** The version to use of an API; undefined when the broker and we have none in common. */
function commonVersion(
  versions: ApiVersions,
  apiKey: number,
  ours: { min: number; max: number },
): number | undefined {
  const theirs = versions[apiKey];
  if (theirs === undefined) return undefined;
  const version = Math.min(ours.max, theirs.maxVersion);
  return version >= Math.max(ours.min, theirs.minVersion) ? version : undefined;
}

/** Guard 2. undefined: the broker speaks no version that we do. */
export function fetchRequest(
  versions: ApiVersions,
  args: FetchArguments,
): ProtocolRequest<FetchResponse> | undefined {
  const version = commonVersion(versions, 1, { min: FETCH_VERSION_MIN, max: FETCH_VERSION_MAX });
  if (version === undefined) return undefined;
  const { request } = requests.Fetch.protocol({ version })(args);
  return {
    request,
    response: {
      decode: async (raw) => decodeFetchResponse(raw, version),
      parse: async (decoded) => decoded as FetchResponse,
    },
  };
}

/** Guard 3. undefined: the broker speaks no version that we do. */
export function listOffsetsRequest(
  versions: ApiVersions,
  args: ListOffsetsArguments,
): ProtocolRequest<ListOffsetsResponse> | undefined {
  const version = commonVersion(versions, 2, { min: LIST_OFFSETS_VERSION_MIN, max: 3 });
  if (version === undefined) return undefined;
  const { request, response } = requests.ListOffsets.protocol({ version })(args);
  return {
    request,
    response: {
      decode: (raw) => response.decode(raw),
      parse: async (decoded) => decoded as ListOffsetsResponse,
    },
  };
}

/** Guard 3: the brokers' addresses and nothing else. undefined: the broker speaks no version that we do. */
export function brokersRequest(versions: ApiVersions): ProtocolRequest<MetadataResponse> | undefined {
  const version = commonVersion(versions, 3, { min: METADATA_VERSION_MIN, max: 6 });
  if (version === undefined) return undefined;
  const { request, response } = requests.Metadata.protocol({ version })({
    topics: [],
    allowAutoTopicCreation: false,
  });
  return {
    request: { ...request, encode: async () => new Encoder().writeInt32(0).writeBoolean(false) },
    response: {
      decode: (raw) => response.decode(raw),
      parse: async (decoded) => decoded as MetadataResponse,
    },
  };
}

/** kafkajs' log lines, down to its level INFO, without its stacks and without secrets. */
export function kafkajsLogger(log: (line: LinkLogLine) => void): KafkajsLogger {
  const levels: Readonly<Record<string, LinkLogLine['level']>> = {
    ERROR: 'error',
    WARN: 'warn',
    INFO: 'info',
    DEBUG: 'debug',
  };
  return loggers.createLogger({
    level: loggers.LEVELS.INFO,
    logCreator:
      () =>
      ({ label, log: { message, broker } }) =>
        log({ level: levels[label] ?? 'info', message: withoutSecrets(String(message)), place: broker }),
  });
}
