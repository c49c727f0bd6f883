/**
 * The browser console: the renderer's pages, the calls and the stream, on loopback, or on another interface under TLS. A port that is taken
 * does not stop the engine: it is said, and tried again until it is free.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { isIP, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { fastify, type FastifyInstance } from 'fastify';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import { forgetConsoleAddress, noteConsoleAddress } from './console-address.ts';
import { addressOf, plainPath, type ConsolePlace } from './console-guard.ts';
import { ConsolePages } from './console-pages.ts';
import { addConsoleRoutes } from './console-routes.ts';
import { ConsoleSessions } from './console-session.ts';
import { ConsoleStreams } from './console-streams.ts';
import { ConsoleToken } from './console-token.ts';
import { BODY_BYTES_MAX } from './control-routes.ts';
import type { EngineApi } from './engine-api.ts';

const PAGES = fileURLToPath(new URL('../../dist/renderer', import.meta.url));
const RETRY_MS = 5 * SECOND_MS;
const HEADER_BYTES_MAX = 16 * 1024;
/** Connections at a time: 32 streams and what the pages of as many windows load. */
const CONNECTIONS_MAX = 256;
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);
/** No route of ours lies under it: what can't be a path of ours is looked for there, and not found. */
const NOWHERE = '/api/nowhere';

/** How long a client may take, in ms. */
export interface ConsoleLimits {
  /** From the first byte to the end of the headers. */
  readonly headersMs: number;
  /** To the end of the body. */
  readonly requestMs: number;
  /** Without reading or writing anything, but for streams. */
  readonly idleMs: number;
}
const LIMITS: ConsoleLimits = {
  headersMs: 10 * SECOND_MS,
  requestMs: 30 * SECOND_MS,
  idleMs: 60 * SECOND_MS,
};

export interface ConsoleServerOptions {
  /** Port 0: any free one. Off loopback only with `tls`; the configuration's check sees to that. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Paths of PEM files. */
  readonly tls?: { readonly certPath: string; readonly keyPath: string } | undefined;
  readonly stateDir: string;
  readonly api: EngineApi;
  readonly log: Logger;
  readonly clock: Clock;
  /** Told why it can't listen, and with undefined when it does. */
  readonly onFault?: ((fault: GatewayError | undefined) => void) | undefined;
  readonly pagesFolder?: string;
  readonly limits?: ConsoleLimits;
}

export interface ConsoleServer {
  /** `http://127.0.0.1:8642`; undefined while it can't listen. */
  readonly url: string | undefined;
  close(): Promise<void>;
}

/** Resolves after the first attempt to listen, also when that failed: then it is tried again in the background. Never rejects for what can come right by itself. */
export async function startConsoleServer(options: ConsoleServerOptions): Promise<ConsoleServer> {
  const server = new RetryingServer(options);
  await server.start();
  return server;
}

class RetryingServer implements ConsoleServer {
  readonly #options: ConsoleServerOptions;
  readonly #closing = new AbortController();
  #server: FastifyInstance | undefined;
  #place: ConsolePlace | undefined;
  #retrying: Promise<void> | undefined;

  constructor(options: ConsoleServerOptions) {
    this.#options = options;
  }

  get url(): string | undefined {
    return this.#place === undefined ? undefined : urlOf(this.#place);
  }

  async start(): Promise<void> {
    if (!(await this.#try(true))) this.#retrying = this.#tryAgainAndAgain();
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the console closes'));
    await this.#retrying;
    await this.#server?.close();
    if (this.#place !== undefined) await forgetConsoleAddress(this.#options.stateDir);
    this.#place = undefined;
  }

  async #tryAgainAndAgain(): Promise<void> {
    const { signal } = this.#closing;
    try {
      do await this.#options.clock.sleep(RETRY_MS, signal);
      while (!(await this.#try(false)));
    } catch (error) {
      // Closed meanwhile: nobody waits for it any more.
      if (!signal.aborted) throw error;
    }
  }

  /** Whether it listens now. */
  async #try(isFirst: boolean): Promise<boolean> {
    const { log, onFault, stateDir } = this.#options;
    try {
      this.#place = await this.#listen();
    } catch (cause) {
      await this.#server?.close();
      this.#server = this.#place = undefined;
      if (!isFault(cause)) throw cause;
      const fault = this.#faultOf(cause);
      if (isFirst) log.error('the console can’t be served yet', { error: toErrorReport(fault) });
      onFault?.(fault);
      return false;
    }
    log.info('console served', { url: this.url });
    onFault?.(undefined);
    try {
      await noteConsoleAddress(stateDir, { url: urlOf(this.#place), pid: process.pid });
    } catch (error) {
      // A full disk: the console is there all the same, `headgate console` only can't tell where.
      log.warn('the console’s address could not be noted', { error: toErrorReport(error) });
    }
    return true;
  }

  async #listen(): Promise<ConsolePlace> {
    const { listen, tls, stateDir, api, log, clock, pagesFolder = PAGES } = this.#options;
    const { signal } = this.#closing;
    const pem =
      tls === undefined
        ? undefined
        : { cert: await readFile(tls.certPath), key: await readFile(tls.keyPath) };
    const token = new ConsoleToken(stateDir);
    // Made now, so that `headgate console` finds it, and whoever can't read it is told at the start.
    token.current();
    const server = (this.#server = this.#makeServer(pem));
    // Asked for a name, it would listen on all addresses of it, and answer as one.
    const host = listen.host === 'localhost' ? '127.0.0.1' : listen.host;
    const base = {
      scheme: pem === undefined ? ('http' as const) : ('https' as const),
      host,
      isCertified: pem === undefined ? undefined : certified(new X509Certificate(pem.cert)),
    };
    const place = (): ConsolePlace => ({ ...base, port: (server.server.address() as AddressInfo).port });
    const sessions = new ConsoleSessions({ token, clock, log, signal });
    const streams = new ConsoleStreams({ sessions, clock, signal });
    const pages = new ConsolePages(pagesFolder);
    addConsoleRoutes(server, { place, api, log, sessions, streams, pages });
    await server.listen({ host, port: listen.port });
    return place();
  }

  #makeServer(pem: { readonly cert: Buffer; readonly key: Buffer } | undefined): FastifyInstance {
    const { headersMs, requestMs, idleMs } = this.#options.limits ?? LIMITS;
    return fastify({
      logger: false,
      bodyLimit: BODY_BYTES_MAX,
      forceCloseConnections: true,
      // No path of ours has an escape in it, so none is ever undone: what is checked here is what the routes see.
      rewriteUrl: ({ url }) => plainPath(url) ?? NOWHERE,
      serverFactory: (handler) => {
        const limits = {
          maxHeaderSize: HEADER_BYTES_MAX,
          headersTimeout: headersMs,
          requestTimeout: requestMs,
          connectionsCheckingInterval: Math.min(headersMs, SECOND_MS),
        };
        const server: Server =
          pem === undefined
            ? createServer(limits, handler)
            : createTlsServer({ ...limits, ...pem, minVersion: 'TLSv1.2' }, handler);
        server.setTimeout(idleMs);
        server.maxConnections = CONNECTIONS_MAX;
        return server;
      },
    });
  }

  #faultOf(cause: unknown): GatewayError {
    if (cause instanceof GatewayError) return cause;
    const { listen, tls } = this.#options;
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    const isTaken = code === 'EADDRINUSE';
    return new GatewayError({
      code: 'io-error',
      operation: 'serve the console',
      place: `${listen.host}:${listen.port}`,
      message: isTaken
        ? 'the port is taken by another program'
        : `it can’t listen there: ${cause instanceof Error ? cause.message : String(cause)}`,
      retry: 'backoff',
      hint: isTaken
        ? 'stop that program, or give `console.listen` another port and restart the engine; it is tried again every few seconds'
        : `look at \`console.listen\`${tls === undefined ? '' : ' and at the files of `console.tls`'}; it is tried again every few seconds`,
      cause,
    });
  }
}

/** Faults of the machine and of the files carry a code; what else is thrown here is a fault of the program. */
function isFault(cause: unknown): boolean {
  const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' && !code.startsWith('FST_');
}

/** For people: who listens on every address is reached by this machine’s own name for itself. */
function urlOf(place: ConsolePlace): string {
  return addressOf({ ...place, host: EVERY_ADDRESS.has(place.host) ? 'localhost' : place.host });
}

function certified(certificate: X509Certificate): (host: string) => boolean {
  return (host) => (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}
