import { createServer, connect, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.ts';
import { hasFinalAnswer, RequestWatch, type RequestAction, type RequestFault } from './http-watch.ts';
import { noFaults, ProxyLane, type Direction, type LaneFaults } from './proxy-lane.ts';

export interface ProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default: any free one. */
  readonly port?: number;
}

export interface RequestFaultHandle {
  readonly hits: number;
  /** Settles at the first hit. */
  readonly hit: Promise<void>;
  remove(): void;
}

type LaneChoice = Direction | 'both';

interface Link {
  readonly client: Socket;
  readonly upstream: Socket | undefined;
  readonly lanes: Readonly<Record<Direction, ProxyLane>> | undefined;
  readonly watch: RequestWatch;
  /** The fault that a request on this connection ran into. */
  fault: RequestFault | undefined;
  bytesLeftBeforeCut: number;
  /** Lived while the proxy was half open: bytes are missing, so it can't be mended. */
  isBroken: boolean;
}

/** Listens, forwards to `target`, and fails in the ways networks do. Faults apply to open connections and to later ones. */
export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  // A port of the system's own choice could be taken by an outgoing connection while the proxy refuses.
  const proxy = new TcpProxy({ ...options, port: options.port ?? (await freePort(options.host)) });
  await proxy.listen();
  return proxy;
}

export class TcpProxy {
  readonly host: string;
  readonly #faults = { up: noFaults(), down: noFaults() };
  readonly #links = new Set<Link>();
  readonly #requestFaults: RequestFault[] = [];
  #server: Server | undefined;
  #port: number;
  #target: { readonly host: string; readonly port: number };
  #isHalfOpen = false;
  #accepted = 0;
  #closedLaneBytes = { up: 0, down: 0 };

  constructor(options: ProxyOptions) {
    this.#target = options.target;
    this.host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
  }

  get port(): number {
    return this.#port;
  }

  /** Connections open now, accepted ever, and bytes carried. */
  get counts(): { open: number; accepted: number; bytesUp: number; bytesDown: number } {
    let { up, down } = this.#closedLaneBytes;
    for (const link of this.#links) {
      up += link.lanes?.up.bytesCarried ?? 0;
      down += link.lanes?.down.bytesCarried ?? 0;
    }
    return { open: this.#links.size, accepted: this.#accepted, bytesUp: up, bytesDown: down };
  }

  listen(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, this.host, () => {
        const address = server.address();
        if (address !== null && typeof address === 'object') this.#port = address.port;
        resolve();
      });
    });
  }

  /** Later connections go there. */
  retarget(target: { host: string; port: number }): void {
    this.#target = target;
  }

  /** Every byte arrives this much later. 0: no delay. */
  delay(ms: number, lane: LaneChoice = 'both'): void {
    for (const faults of this.#lanes(lane)) faults.delayMs = ms;
  }

  /** All connections together carry at most this much in a direction. Infinity: no limit. */
  limit(bytesPerSecond: number, lane: LaneChoice = 'both'): void {
    for (const faults of this.#lanes(lane)) faults.bytesPerSecond = bytesPerSecond;
    this.#pumpAll();
  }

  /** Nothing moves, and the senders feel it: buffers fill up. Data goes on where it stood when the stall is off. */
  stall(on: boolean, lane: LaneChoice = 'both'): void {
    for (const faults of this.#lanes(lane)) faults.isStalled = on;
    this.#pumpAll();
  }

  /**
   * Connections stay open, are accepted too, and all they send is swallowed: a peer whose host has vanished. Off again, the
   * connections that lived through it are reset, because bytes of theirs are lost.
   */
  halfOpen(on: boolean): void {
    this.#isHalfOpen = on;
    for (const link of [...this.#links]) {
      if (on) link.isBroken = true;
      else if (link.isBroken) this.#reset(link);
    }
  }

  /** Refuses new connections (nobody listens); open ones live on. */
  async refuse(on: boolean): Promise<void> {
    if (!on) {
      if (this.#server === undefined) await this.listen();
      return;
    }
    const server = this.#server;
    this.#server = undefined;
    // The callback of close() waits for the open connections; the listening itself ends at once.
    server?.close();
  }

  /** Ends all open connections with FIN on both sides. Answers how many. */
  cut(): number {
    const links = [...this.#links];
    for (const link of links) this.#cut(link);
    return links.length;
  }

  /** Resets (RST) all open connections on both sides. Answers how many. */
  reset(): number {
    const links = [...this.#links];
    for (const link of links) this.#reset(link);
    return links.length;
  }

  /**
   * Does `action` to the next `times` (default 1) HTTP requests whose head matches; see `RequestAction`. `bytes` belongs to
   * 'cut-after-bytes'. Example, the lost reply to a rename:
   * `proxy.onRequest((head) => head.includes('op=RENAME'), 'reset-after-forward')`.
   */
  onRequest(
    match: (head: string) => boolean,
    action: RequestAction,
    options: { readonly times?: number; readonly bytes?: number } = {},
  ): RequestFaultHandle {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { times = 1, bytes = 0 } = options;
    const fault: RequestFault = { match, action, bytes, remaining: times, hits: 0, onHit: resolve };
    this.#requestFaults.push(fault);
    return {
      get hits() {
        return fault.hits;
      },
      hit: promise,
      remove: () => {
        fault.remaining = 0;
      },
    };
  }

  /** No fault any more; see `halfOpen` for what happens to connections that lived through one. */
  async heal(): Promise<void> {
    Object.assign(this.#faults.up, noFaults());
    Object.assign(this.#faults.down, noFaults());
    for (const fault of this.#requestFaults) fault.remaining = 0;
    this.halfOpen(false);
    this.#pumpAll();
    await this.refuse(false);
  }

  /** Resets what is open and stops listening. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.reset();
    await new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
  }

  #lanes(choice: LaneChoice): LaneFaults[] {
    return choice === 'both' ? [this.#faults.up, this.#faults.down] : [this.#faults[choice]];
  }

  #pumpAll(): void {
    for (const link of this.#links) {
      link.lanes?.up.pump();
      link.lanes?.down.pump();
    }
  }

  #accept(client: Socket): void {
    this.#accepted++;
    client.setNoDelay(true);
    const upstream = this.#isHalfOpen
      ? undefined
      : connect({ ...this.#target, allowHalfOpen: true, noDelay: true });
    const link: Link = {
      client,
      upstream,
      lanes: upstream && {
        up: new ProxyLane(client, upstream, this.#faults.up),
        down: new ProxyLane(upstream, client, this.#faults.down),
      },
      watch: new RequestWatch(),
      fault: undefined,
      bytesLeftBeforeCut: Infinity,
      isBroken: upstream === undefined,
    };
    this.#links.add(link);
    client.on('data', (chunk: Buffer) => this.#fromClient(link, chunk));
    client.on('end', () => this.#isSilent(link) || link.lanes?.up.push(undefined));
    upstream?.on('data', (chunk: Buffer) => this.#fromServer(link, chunk));
    upstream?.on('end', () => this.#isSilent(link) || link.lanes?.down.push(undefined));
    // A reset of one side becomes a reset of the other, unless the link is to look alive.
    client.on('error', () => upstream?.resetAndDestroy());
    upstream?.on('error', () => this.#isSilent(link) || client.resetAndDestroy());
    client.on('close', () => this.#forget(link));
  }

  #isSilent(link: Link): boolean {
    return link.isBroken || link.fault?.action === 'swallow-reply';
  }

  #forget(link: Link): void {
    if (!this.#links.delete(link)) return;
    this.#closedLaneBytes.up += link.lanes?.up.bytesCarried ?? 0;
    this.#closedLaneBytes.down += link.lanes?.down.bytesCarried ?? 0;
    link.upstream?.destroy();
  }

  #fromClient(link: Link, chunk: Buffer): void {
    if (link.isBroken) return;
    const head = this.#requestFaults.length === 0 ? undefined : link.watch.headIn(chunk);
    const fault =
      head === undefined
        ? undefined
        : this.#requestFaults.find((one) => one.remaining > 0 && one.match(head));
    if (fault !== undefined) {
      fault.remaining--;
      fault.hits++;
      link.fault = fault;
      if (fault.action === 'cut-after-bytes') link.bytesLeftBeforeCut = fault.bytes;
      fault.onHit();
      if (fault.action === 'reset-before-forward') {
        this.#reset(link);
        return;
      }
    }
    if (chunk.length < link.bytesLeftBeforeCut) {
      link.bytesLeftBeforeCut -= chunk.length;
      link.lanes?.up.push(chunk);
      return;
    }
    const last = chunk.subarray(0, link.bytesLeftBeforeCut);
    link.isBroken = true;
    if (last.length > 0) link.upstream?.write(last);
    this.#cut(link);
  }

  #fromServer(link: Link, chunk: Buffer): void {
    if (this.#isSilent(link)) return;
    if (link.fault?.action === 'reset-after-forward' && hasFinalAnswer(chunk)) {
      this.#reset(link);
      return;
    }
    link.lanes?.down.push(chunk);
  }

  #cut(link: Link): void {
    link.isBroken = true;
    link.upstream?.end(() => link.upstream?.destroy());
    link.client.end(() => link.client.destroy());
  }

  #reset(link: Link): void {
    link.isBroken = true;
    link.upstream?.resetAndDestroy();
    link.client.resetAndDestroy();
  }
}
