import http from 'node:http';
import https from 'node:https';
import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import { connectionError, isNeverSent, type CallPlace, type Peer } from './connection-error.ts';
import { DEFAULT_LIMITS, SERVER_FACTS, type HdfsLimits, type HdfsSettings } from './hdfs-settings.ts';
import { exchange, type ExchangeOptions, type HttpReply } from './http-exchange.ts';
import { refusal } from './remote-exception.ts';
import { destinationOf, webhdfsUrl, type Destination, type HostMap, type Query } from './webhdfs-url.ts';

/** One call to a NameNode or to HttpFS. */
export interface ServerCall {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  readonly op: string;
  readonly path: string;
  readonly query?: Query;
  /** For messages: `rename the file`. */
  readonly operation: string;
  /**
   * True when doing it twice is the same as once. Only then is it sent again after an outcome that is unknown; a call that is not
   * repeatable goes to the other NameNode only when the first has certainly not done it.
   */
  readonly isRepeatable: boolean;
  /** True for calls that a standby answers too: they say nothing about who is active. */
  readonly isAnsweredByStandby?: boolean;
}

/** Calls at once to one server; more wait for a connection. */
const MAX_SOCKETS = 16;
/** Below Jetty's 60 s, so that we close an idle connection first: the other way round a request meets a closing one. */
const IDLE_SOCKET_MS = 20_000;

/**
 * The NameNode, the two of an HA pair, or HttpFS: sends a call to the one that was active last, and to the other when that one is
 * standby or can't be reached; at most one round a call.
 */
export class HdfsServers {
  readonly limits: HdfsLimits;
  readonly #settings: HdfsSettings;
  readonly #peer: Peer;
  readonly #agents: readonly http.Agent[];
  #active = 0;

  /** Throws RangeError when there is no URL. */
  constructor(settings: HdfsSettings) {
    if (settings.urls.length === 0) throw new RangeError('an HDFS needs at least one URL');
    this.#settings = settings;
    this.#peer = settings.server;
    const limits = { ...DEFAULT_LIMITS, ...settings.limits };
    const answerMsMin =
      settings.limits?.answerMs === undefined ? SERVER_FACTS[settings.server].answerMsMin : 0;
    this.limits = { ...limits, answerMs: Math.max(limits.answerMs, answerMsMin) };
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS };
    this.#agents = settings.urls.map((url) =>
      url.startsWith('https:') ? new https.Agent(options) : new http.Agent(options),
    );
  }

  /** The reply, 2xx or 3xx. Throws GatewayError for everything else. */
  async call(call: ServerCall, signal: AbortSignal): Promise<HttpReply> {
    const failures: GatewayError[] = [];
    for (let step = 0; step < this.#settings.urls.length; step++) {
      const index = (this.#active + step) % this.#settings.urls.length;
      try {
        const reply = await this.#callOne(index, call, signal);
        if (call.isAnsweredByStandby !== true) this.#active = index;
        return reply;
      } catch (error) {
        if (!isGatewayError(error) || !mayAskAnother(error, call.isRepeatable)) throw error;
        failures.push(error);
      }
    }
    throw noneCould(failures, call.operation);
  }

  /** A call to a page that is no WebHDFS operation (`/jmx`), at any server that answers. */
  async page(pathAndQuery: string, operation: string, signal: AbortSignal): Promise<HttpReply> {
    const failures: GatewayError[] = [];
    for (const [index, base] of this.#settings.urls.entries()) {
      const destination = this.destination(new URL(pathAndQuery, base));
      try {
        return await this.send(
          destination,
          { method: 'GET', agent: this.#agents[index], operation, peer: this.#peer },
          signal,
        );
      } catch (error) {
        if (!isGatewayError(error) || error.code === 'aborted') throw error;
        failures.push(error);
      }
    }
    throw noneCould(failures, operation);
  }

  /** A redirect's target under the host map; throws when the redirect makes no sense. */
  redirect(reply: HttpReply, operation: string, place: string): Destination {
    const url = reply.location === undefined ? null : URL.parse(reply.location);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      throw new GatewayError({
        code: 'namenode-refused',
        operation,
        place,
        message: `HTTP ${reply.status} where a redirect to a DataNode was due.`,
        retry: 'backoff',
        hint: 'Check that the address is that of a NameNode’s (or Knox’s) WebHDFS, and for HttpFS use hdfs.httpfs.',
      });
    }
    return this.destination(url);
  }

  destination(url: URL): Destination {
    const hostMap: HostMap = this.#settings.hostMap ?? {};
    return destinationOf(url, hostMap);
  }

  /** For what HttpFS does itself and a NameNode leaves to a DataNode: file contents, in and out. */
  directDestination(op: string, path: string, query: Query = {}): Destination {
    return this.destination(this.#url(this.#active, { op, path, query }));
  }

  /** One exchange without redirects; a reply of 400 and more is thrown. */
  async send(
    destination: Destination,
    options: Pick<ExchangeOptions, 'method' | 'agent'> & {
      readonly operation: string;
      readonly peer: Peer;
      readonly place?: string;
    },
    signal: AbortSignal,
  ): Promise<HttpReply> {
    const { operation, peer, method, agent, place = destination.server } = options;
    const { connectMs, answerMs } = this.limits;
    let reply: HttpReply;
    try {
      reply = await exchange(destination, { method, agent, tls: this.tls, connectMs, answerMs, signal });
    } catch (error) {
      throw connectionError(
        error,
        { peer, operation, server: destination.server } satisfies CallPlace,
        signal,
      );
    }
    if (reply.status >= 400) throw refusal(reply, operation, place);
    return reply;
  }

  get tls(): HdfsSettings['tls'] {
    return this.#settings.tls;
  }

  close(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #callOne(index: number, call: ServerCall, signal: AbortSignal): Promise<HttpReply> {
    const destination = this.destination(this.#url(index, call));
    const { method, operation } = call;
    const options = {
      method,
      operation,
      peer: this.#peer,
      place: `${destination.server}${call.path}`,
    } as const;
    // On a shared connection a request can meet the server's closing of it, and its fate is unknown; a call that can't be
    // repeated gets a new one.
    if (!call.isRepeatable) return this.send(destination, { ...options, agent: undefined }, signal);
    try {
      return await this.send(destination, { ...options, agent: this.#agents[index] }, signal);
    } catch (error) {
      if (!isGatewayError(error) || error.code !== 'transport') throw error;
      return this.send(destination, { ...options, agent: undefined }, signal);
    }
  }

  #url(index: number, { op, path, query }: Pick<ServerCall, 'op' | 'path' | 'query'>): URL {
    const base = this.#settings.urls[index];
    if (base === undefined) throw new RangeError(`no server ${index}`);
    return webhdfsUrl(base, path, { op, 'user.name': this.#settings.user, ...query });
  }
}

/** Codes after which the other server may know better, when asking twice does no harm. */
const OTHER_MAY_KNOW = new Set([
  'transport',
  'timeout',
  'namenode-unreachable',
  'name-unresolved',
  'tls-failed',
]);

function mayAskAnother(error: GatewayError, isRepeatable: boolean): boolean {
  if (error.code === 'aborted') return false;
  if (error.code === 'standby' || isNeverSent(error.cause)) return true;
  return isRepeatable && OTHER_MAY_KNOW.has(error.code);
}

/** One error for a round that nobody could answer: the first that says more than `standby`. */
function noneCould(failures: readonly GatewayError[], operation: string): GatewayError {
  const telling = failures.find((one) => one.code !== 'standby') ?? failures[0];
  if (telling === undefined) throw new RangeError('a round without servers');
  return new GatewayError({
    code: telling.code,
    operation,
    place: failures.map((one) => one.place).join(', '),
    message: failures.map((one) => one.message).join(' '),
    retry: telling.retry === 'now' ? 'backoff' : telling.retry,
    hint: telling.hint,
    cause: failures.length === 1 ? telling.cause : new AggregateError(failures, 'no server could answer'),
  });
}
