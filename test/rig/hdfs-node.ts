import type { JavaServer } from './java-process.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** One server of the cluster with an HTTP port. */
export class HdfsNode {
  readonly server: JavaServer;
  /** Where clients reach it over HTTP: the proxy's address when there is one. */
  readonly httpHost: string;
  readonly httpPort: number;
  readonly #realHttpPort: number;
  readonly #proxy: TcpProxy | undefined;

  constructor(
    server: JavaServer,
    place: { hostname: string; httpPort: number },
    proxy: TcpProxy | undefined,
  ) {
    this.server = server;
    this.#realHttpPort = place.httpPort;
    this.#proxy = proxy;
    this.httpHost = proxy?.host ?? place.hostname;
    this.httpPort = proxy?.port ?? place.httpPort;
  }

  /** `http://host:port`, through the proxy when there is one. */
  get url(): string {
    return `http://${this.httpHost}:${this.httpPort}`;
  }

  /** Never through a proxy. */
  get directUrl(): string {
    return `http://127.0.0.1:${this.#realHttpPort}`;
  }

  get proxy(): TcpProxy {
    if (this.#proxy === undefined) throw new Error('this HDFS was started without isProxied');
    return this.#proxy;
  }

  /** SIGKILL; `start()` brings it back. */
  kill(): Promise<void> {
    return this.server.kill();
  }

  start(): Promise<void> {
    return this.server.start();
  }

  restart(): Promise<void> {
    return this.server.restart();
  }

  pause(): void {
    this.server.pause();
  }

  continue(): void {
    this.server.continue();
  }

  async dispose(): Promise<void> {
    await this.server.kill();
    await this.#proxy?.stop();
  }
}

type Bean = Readonly<Record<string, unknown>>;

/** A management bean of a NameNode, by its name ('NameNodeStatus', 'FSNamesystemState'); undefined when it has none such. */
export async function bean(url: string, name: string): Promise<Bean | undefined> {
  const answer = await fetch(`${url}/jmx?qry=Hadoop:service=NameNode,name=${name}`, {
    signal: AbortSignal.timeout(3_000),
  });
  const { beans } = (await answer.json()) as { beans: Bean[] };
  return beans[0];
}

/** How many live DataNodes a NameNode counts; undefined when it is in safe mode, still starting, or down. */
export async function liveDataNodes(url: string): Promise<number | undefined> {
  const state = await bean(url, 'FSNamesystemState').catch(() => undefined);
  const isOperational = state?.['FSState'] === 'Operational';
  const live = state?.['NumLiveDataNodes'];
  return isOperational && typeof live === 'number' ? live : undefined;
}
