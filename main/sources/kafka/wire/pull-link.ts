import type { ConnectionOptions } from 'node:tls';
import { isGatewayError, type GatewayError } from '../../../../shared/errors.ts';
import { BrokerLane, placeOf, type LaneCall } from './broker-lane.ts';
import { brokersRequest, fetchRequest, listOffsetsRequest } from './kafkajs-guards.ts';
import { abortedError } from './link-error.ts';
import { RESPONSE_BYTES_MAX } from './response-framer.ts';
import {
  movedError,
  noServers,
  nobodyAnswered,
  orAbort,
  parseEndpoint,
  unknownNode,
  type Endpoint,
} from './broker-directory.ts';
import { answeredOffsets, answeredPartitions, fetchArguments, listOffsetsArguments } from './pull-call.ts';

export interface PullLinkOptions {
  /** `host:port`, IPv6 hosts in brackets. */
  readonly bootstrapServers: readonly string[];
  readonly clientId: string;
  /** What `tls.connect` takes (ca, cert, key, …); `{}` for the system's authorities. */
  readonly tls?: ConnectionOptions;
  readonly sasl?: SaslIdentity;
  /** For one broker: name, TCP, TLS, versions and SASL together. */
  readonly connectTimeoutMs: number;
  /** Beyond the broker's own `maxWaitMs`: no answer within it breaks the connection. */
  readonly requestTimeoutMs: number;
  /** Gets kafkajs' log lines, without secrets. */
  readonly log: (line: LinkLogLine) => void;
}

export interface SaslIdentity {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface LinkLogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly message: string;
  /** `host:port`, when the line is about one broker. */
  readonly place: string | undefined;
}

export interface FetchPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** The broker sends the first batch whole even when it is larger. */
  readonly maxBytes: number;
  /** Leader epoch the caller knows; the broker then refuses with FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH. */
  readonly leaderEpoch?: number;
}

export interface FetchRequest {
  readonly node: number;
  readonly partitions: readonly FetchPartition[];
  readonly maxBytes: number;
  readonly minBytes: number;
  readonly maxWaitMs: number;
}

/** A transaction whose records from `firstOffset` to its abort marker must not be delivered. */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

/** One partition's answer, its records raw. All partitions asked for are there, those with an error too. */
export interface PartitionFetch {
  readonly topic: string;
  readonly partition: number;
  /** Offset that was asked for. */
  readonly fetchOffset: number;
  /** undefined: no error. Kafka's names: `OFFSET_OUT_OF_RANGE`, `NOT_LEADER_OR_FOLLOWER`, … */
  readonly error: string | undefined;
  /** -1 where the broker did not say. */
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  readonly abortedTransactions: readonly AbortedTransaction[];
  /** Record batches one after the other; the last one may be cut off. A view on the response. */
  readonly records: Buffer;
}

export interface ListOffsetsRequest {
  readonly node: number;
  /** timestampMs -1: the end (last stable offset); -2: the start; else the first offset at or after that time. */
  readonly partitions: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly timestampMs: number;
  }[];
}

export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly error: string | undefined;
  /** -1: no record at or after the time asked for. */
  readonly offset: number;
  readonly timestampMs: number;
}

export interface BrokerAddress {
  readonly node: number;
  readonly host: string;
  readonly port: number;
}

type LaneKind = 'fetch' | 'control';

/**
 * The connections over which records are pulled: per broker one for fetches, which may wait at the broker for data, and one for
 * quick questions, made when first needed. It retries nothing and knows nothing of groups, positions or leaders: the caller says
 * which node to ask, and the supervisor above decides what a failure means. A broken connection is replaced by the next call, and
 * concerns calls over that connection only.
 */
export class PullLink {
  readonly #options: PullLinkOptions;
  readonly #bootstrap: readonly Endpoint[];
  readonly #closing = new AbortController();
  readonly #lanes = new Map<string, BrokerLane>();
  readonly #seedLanes = new Set<BrokerLane>();
  #brokers: ReadonlyMap<number, BrokerAddress> = new Map();
  /** Nodes whose address may have changed: the last connection to it failed. */
  readonly #doubted = new Set<number>();
  #refreshing: Promise<readonly BrokerAddress[]> | undefined;
  #seedTurn = 0;

  /** Throws GatewayError `config-invalid` when a bootstrap server is no `host:port`. */
  constructor(options: PullLinkOptions) {
    this.#options = options;
    this.#bootstrap = options.bootstrapServers.map(parseEndpoint);
    if (this.#bootstrap.length === 0) throw noServers();
  }

  /** Reaches any bootstrap server and learns the brokers' addresses. Rejects like `refreshBrokers`. */
  async connect(signal: AbortSignal): Promise<void> {
    await this.refreshBrokers(signal);
  }

  /**
   * Asks any reachable broker for the brokers' addresses. Rejects with GatewayError `broker-unreachable` when none answers, with
   * `auth-failed` or `tls-failed` when one refused us, or with the only server's own error.
   */
  async refreshBrokers(signal: AbortSignal): Promise<readonly BrokerAddress[]> {
    this.#refreshing ??= this.#refresh().finally(() => (this.#refreshing = undefined));
    return orAbort(this.#refreshing, signal, { operation: 'look for brokers', place: this.#places() });
  }

  /**
   * One fetch (read committed) from one broker. Resolves with all partitions asked for, in that order; a partition with an error
   * does not concern the others. Rejects with a GatewayError when the request as a whole failed: `timeout`, `transport`,
   * `broker-unreachable`, `name-unresolved`, `tls-failed`, `auth-failed`, `kafka-unsupported`, `kafka-refused`, `aborted`.
   */
  async fetch(request: FetchRequest, signal: AbortSignal): Promise<PartitionFetch[]> {
    const args = fetchArguments(request);
    const lane = await this.#lane(request.node, 'fetch', signal);
    const response = await this.#call(request.node, lane, {
      operation: 'fetch records',
      request: (versions) => fetchRequest(versions, args),
      timeoutMs: this.#options.requestTimeoutMs + request.maxWaitMs,
      signal,
    });
    return answeredPartitions(request, response, lane.place);
  }

  /** False when the next fetch from this node will have to connect first. */
  isConnected(node: number): boolean {
    const lane = this.#lanes.get(`fetch:${node}` satisfies `${LaneKind}:${number}`);
    return lane !== undefined && lane.isOpen;
  }

  /** Offsets by time from the partitions' leader. Resolves and rejects like `fetch`. */
  async listOffsets(request: ListOffsetsRequest, signal: AbortSignal): Promise<PartitionOffset[]> {
    const args = listOffsetsArguments(request);
    const lane = await this.#lane(request.node, 'control', signal);
    const response = await this.#call(request.node, lane, {
      operation: 'list offsets',
      request: (versions) => listOffsetsRequest(versions, args),
      timeoutMs: this.#options.requestTimeoutMs,
      signal,
    });
    return answeredOffsets(request, response, lane.place);
  }

  /** Breaks all connections at once; calls under way, and later ones, reject with `aborted`. */
  async close(): Promise<void> {
    const error = abortedError({ operation: 'talk to brokers', place: this.#places() });
    this.#closing.abort(error);
    for (const lane of [...this.#lanes.values(), ...this.#seedLanes]) lane.break(error);
    this.#lanes.clear();
    // A refresh under way ends with its lane; it must not outlive the link.
    await this.#refreshing?.catch(() => undefined);
  }

  async #call<T>(node: number, lane: BrokerLane, call: LaneCall<T>): Promise<T> {
    const wasOpen = lane.isOpen;
    try {
      return await lane.call(call);
    } catch (error) {
      if (lane.isBroken && !wasOpen) this.#doubted.add(node);
      throw error;
    }
  }

  /** The usable lane to a node; a new one when the old one broke. Nothing is sent yet. */
  async #lane(node: number, kind: LaneKind, signal: AbortSignal): Promise<BrokerLane> {
    const key = `${kind}:${node}`;
    const existing = this.#lanes.get(key);
    if (existing !== undefined && !existing.isBroken) return existing;
    if (!this.#brokers.has(node) || this.#doubted.has(node)) await this.refreshBrokers(signal);
    const address = this.#brokers.get(node);
    if (address === undefined) throw unknownNode(node, this.#places());
    if (this.#closing.signal.aborted) throw this.#closing.signal.reason;
    // Another caller may have made it while we asked for addresses.
    const present = this.#lanes.get(key);
    if (present !== undefined && !present.isBroken) return present;
    const lane = this.#newLane(address);
    this.#lanes.set(key, lane);
    return lane;
  }

  #newLane({ host, port }: Endpoint): BrokerLane {
    return new BrokerLane({ ...this.#options, host, port, responseBytesMax: RESPONSE_BYTES_MAX });
  }

  async #refresh(): Promise<readonly BrokerAddress[]> {
    const errors: GatewayError[] = [];
    for (const [kind, endpoint] of this.#askable()) {
      try {
        const brokers = kind === 'open' ? await this.#askBrokers(endpoint) : await this.#askSeed(endpoint);
        this.#learn(brokers);
        return brokers;
      } catch (error) {
        if (!isGatewayError(error) || this.#closing.signal.aborted) throw error;
        errors.push(error);
      }
    }
    throw nobodyAnswered(errors, this.#places());
  }

  /** Open control lanes first, then each bootstrap server, beginning with another one each time. */
  *#askable(): Generator<readonly ['open', BrokerLane] | readonly ['seed', Endpoint]> {
    for (const [key, lane] of this.#lanes)
      if (key.startsWith('control:') && lane.isOpen) yield ['open', lane];
    const turn = this.#seedTurn++;
    for (let index = 0; index < this.#bootstrap.length; index++) {
      const endpoint = this.#bootstrap[(turn + index) % this.#bootstrap.length];
      if (endpoint !== undefined) yield ['seed', endpoint];
    }
  }

  async #askSeed(endpoint: Endpoint): Promise<readonly BrokerAddress[]> {
    const lane = this.#newLane(endpoint);
    this.#seedLanes.add(lane);
    try {
      return await this.#askBrokers(lane);
    } finally {
      this.#seedLanes.delete(lane);
      lane.break(abortedError({ operation: 'look for brokers', place: lane.place }));
    }
  }

  async #askBrokers(lane: BrokerLane): Promise<readonly BrokerAddress[]> {
    const { brokers } = await lane.call({
      operation: 'look for brokers',
      request: brokersRequest,
      timeoutMs: this.#options.requestTimeoutMs,
      signal: this.#closing.signal,
    });
    return brokers.map(({ nodeId, host, port }) => ({ node: nodeId, host, port }));
  }

  #learn(brokers: readonly BrokerAddress[]): void {
    for (const broker of brokers) {
      const before = this.#brokers.get(broker.node);
      if (before === undefined || (before.host === broker.host && before.port === broker.port)) continue;
      for (const kind of ['fetch', 'control'] satisfies LaneKind[]) {
        const lane = this.#lanes.get(`${kind}:${broker.node}`);
        lane?.break(movedError(lane.place, broker));
      }
    }
    this.#brokers = new Map(brokers.map((broker) => [broker.node, broker]));
    this.#doubted.clear();
    for (const [key, lane] of this.#lanes) {
      const node = Number(key.slice(key.indexOf(':') + 1));
      if (lane.isBroken || this.#brokers.has(node)) continue;
      lane.break(movedError(lane.place, undefined));
    }
    for (const [key, lane] of this.#lanes) if (lane.isBroken) this.#lanes.delete(key);
  }

  #places(): string {
    return this.#bootstrap.map(placeOf).join(', ');
  }
}
