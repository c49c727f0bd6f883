import { Connection } from '@platformatic/kafka';
import type { ConnectionOptions } from 'node:tls';
import { wireError } from './protocol-error.ts';
import type { SaslIdentity } from './wire/pull-link.ts';

export interface BrokerHost {
  readonly host: string;
  readonly port: number;
}

export interface BrokerConnectionOptions {
  readonly clientId: string;
  readonly tls: ConnectionOptions | undefined;
  readonly sasl: SaslIdentity | undefined;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

const MECHANISMS = {
  plain: 'PLAIN',
  'scram-sha-256': 'SCRAM-SHA-256',
  'scram-sha-512': 'SCRAM-SHA-512',
} as const;

/** Questions under way on one connection: a gateway opens all its partitions together, and over a far link each round takes its time. */
const CALLS_IN_FLIGHT_MAX = 32;

/** One shared connection a broker, opened when first asked for and again after it broke. */
export class BrokerConnections {
  readonly #options: BrokerConnectionOptions;
  readonly #open = new Map<string, Promise<Connection>>();
  #isClosed = false;

  constructor(options: BrokerConnectionOptions) {
    this.#options = options;
  }

  /** A connection that was good a moment ago. Throws GatewayError (broker-unreachable, auth-failed, tls-failed …). */
  async to(broker: BrokerHost): Promise<Connection> {
    const place = `${broker.host}:${broker.port}`;
    const known = this.#open.get(place);
    if (known !== undefined) {
      const connection = await known;
      if (connection.isConnected()) return connection;
      if (this.#open.get(place) === known) this.#open.delete(place);
    }
    const opening = this.#open.get(place) ?? this.#connect(broker, place);
    this.#open.set(place, opening);
    try {
      return await opening;
    } catch (error) {
      if (this.#open.get(place) === opening) this.#open.delete(place);
      throw error;
    }
  }

  /** Breaks all connections; calls under way fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(open.map(async (opening) => (await opening).close()));
  }

  async #connect(broker: BrokerHost, place: string): Promise<Connection> {
    const { clientId, tls, sasl, connectTimeoutMs, requestTimeoutMs } = this.#options;
    const connection = new Connection(clientId, {
      connectTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      maxInflights: CALLS_IN_FLIGHT_MAX,
      ...(tls === undefined ? {} : { tls, tlsServerName: true }),
      ...(sasl === undefined
        ? {}
        : {
            sasl: { mechanism: MECHANISMS[sasl.mechanism], username: sasl.username, password: sasl.password },
          }),
    });
    // Without a listener an `error` event would end the process; the calls under way get the error themselves.
    connection.on('error', () => undefined);
    try {
      await connection.connect(broker.host, broker.port);
    } catch (error) {
      connection.socket?.destroy();
      throw wireError(error, { operation: 'connect to a broker', place, isConnecting: true });
    }
    if (this.#isClosed) {
      await connection.close();
      throw wireError(new Error('closed'), { operation: 'connect to a broker', place, isConnecting: true });
    }
    return connection;
  }
}
