/** Questions about an HDFS that landing does not ask: which NameNode is active, where the DataNodes are, what a quota leaves. All of them only read. */
import { isGatewayError } from '../../../shared/errors.ts';
import { connectionError } from './connection-error.ts';
import { asJson, fileStatus, objectIn, type Json } from './file-status.ts';
import { HdfsServers } from './hdfs-servers.ts';
import { SERVER_FACTS, type HdfsSettings } from './hdfs-settings.ts';
import { exchange } from './http-exchange.ts';
import { unless } from './path-refusal.ts';

const NAMENODE_BEAN = '/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo';

export interface NameNodeLook {
  readonly state: 'active' | 'standby';
  /** The server's clock, to the second; undefined: it did not say. */
  readonly dateMs: number | undefined;
}

export interface DataNodeFacts {
  /** As a redirect names it: host and web port. */
  readonly server: string;
  /** `In Service`, `Decommissioned`, … */
  readonly state: string;
}

/** Bytes and names; -1: no limit. */
export interface QuotaFacts {
  readonly names: number;
  readonly namesUsed: number;
  readonly spaceBytes: number;
  readonly spaceUsedBytes: number;
}

export interface DirectoryFacts {
  readonly owner: string;
  readonly group: string;
  readonly permission: string;
  readonly type: 'file' | 'directory';
}

export class HdfsSurvey {
  readonly #settings: HdfsSettings;
  readonly #servers: HdfsServers;

  constructor(settings: HdfsSettings) {
    this.#settings = settings;
    this.#servers = new HdfsServers(settings);
  }

  close(): void {
    this.#servers.close();
  }

  /** One server of the pair (or HttpFS), by its URL. Throws a GatewayError when it does not answer. */
  async look(url: string, signal: AbortSignal): Promise<NameNodeLook> {
    const servers = new HdfsServers({ ...this.#settings, urls: [url] });
    const call = {
      method: 'GET',
      op: 'GETFILESTATUS',
      path: '/',
      operation: 'look at /',
      isRepeatable: true,
    } as const;
    try {
      const { date } = await servers.call(call, signal);
      // Hadoop says the date twice, and Node joins the two.
      const dateMs = Date.parse(/^\w{3}, [^,]+/.exec(date ?? '')?.[0] ?? '');
      return { state: 'active', dateMs: Number.isNaN(dateMs) ? undefined : dateMs };
    } catch (error) {
      if (isGatewayError(error) && error.code === 'standby') return { state: 'standby', dateMs: undefined };
      throw error;
    } finally {
      servers.close();
    }
  }

  /** The DataNodes that the NameNode knows as live; undefined where it does not tell (HttpFS, a closed `/jmx`). */
  async liveDataNodes(signal: AbortSignal): Promise<readonly DataNodeFacts[] | undefined> {
    if (!SERVER_FACTS[this.#settings.server].hasNameNodeBeans) return undefined;
    const isTls = this.#settings.urls.some((url) => url.startsWith('https:'));
    try {
      const { body } = await this.#servers.page(NAMENODE_BEAN, 'list the DataNodes', signal);
      const beans: unknown = asJson(JSON.parse(body))?.['beans'];
      const live: unknown = asJson(Array.isArray(beans) ? (beans as unknown[])[0] : undefined)?.['LiveNodes'];
      if (typeof live !== 'string') return undefined;
      return Object.entries(asJson(JSON.parse(live)) ?? {}).flatMap(([name, facts]) =>
        dataNodeOf(name, asJson(facts) ?? {}, isTls),
      );
    } catch (error) {
      const isClosed = isGatewayError(error) && CLOSED.has(error.code);
      if (error instanceof SyntaxError || isClosed) return undefined;
      throw error;
    }
  }

  /** Whether a DataNode's web port answers from here, under the host map. Any answer will do; throws when there is none. */
  async reachDataNode(server: string, signal: AbortSignal): Promise<{ readonly address: string }> {
    const scheme = this.#settings.urls.some((url) => url.startsWith('https:')) ? 'https' : 'http';
    const destination = this.#servers.destination(new URL(`${scheme}://${server}/`));
    const { connectMs, answerMs } = this.#servers.limits;
    try {
      await exchange(destination, {
        ...{ method: 'GET', tls: this.#servers.tls, connectMs, answerMs, signal },
      });
    } catch (error) {
      throw connectionError(error, { peer: 'datanode', operation: 'reach the DataNode', server }, signal);
    }
    return { address: `${destination.connectHost}:${destination.connectPort}` };
  }

  /** undefined: there is nothing at the path. */
  async directory(path: string, signal: AbortSignal): Promise<DirectoryFacts | undefined> {
    const operation = 'look at the directory';
    const reply = await unless(['file-missing'], () =>
      this.#servers.call({ method: 'GET', op: 'GETFILESTATUS', path, operation, isRepeatable: true }, signal),
    );
    if (reply === undefined) return undefined;
    const json = objectIn(reply.body, 'FileStatus', path);
    const { type } = fileStatus(json, path).stat;
    return {
      type,
      owner: text(json['owner']),
      group: text(json['group']),
      permission: text(json['permission']),
    };
  }

  /** What quotas on the directory say; undefined where the server can't tell (an older one, or HttpFS without the call). */
  async quota(path: string, signal: AbortSignal): Promise<QuotaFacts | undefined> {
    const operation = 'read the quota';
    const reply = await unless(['namenode-refused', 'permission-denied', 'file-missing'], () =>
      this.#servers.call({ method: 'GET', op: 'GETQUOTAUSAGE', path, operation, isRepeatable: true }, signal),
    );
    if (reply === undefined) return undefined;
    const usage = objectIn(reply.body, 'QuotaUsage', path);
    return {
      names: number(usage['quota']),
      namesUsed: number(usage['fileAndDirectoryCount']),
      spaceBytes: number(usage['spaceQuota']),
      spaceUsedBytes: number(usage['spaceConsumed']),
    };
  }

  /**
   * Removes a directory; `isRecursive` with all that is in it. Only for directories that the caller made under a name of its own. False: it was
   * not there, or not empty.
   */
  async removeDirectory(path: string, isRecursive: boolean, signal: AbortSignal): Promise<boolean> {
    const reply = await unless(isRecursive ? ['file-missing'] : ['file-missing', 'namenode-refused'], () =>
      this.#servers.call(
        {
          ...{ method: 'DELETE', op: 'DELETE', path, operation: 'remove the directory' },
          ...{ query: { recursive: String(isRecursive) }, isRepeatable: true },
        },
        signal,
      ),
    );
    return reply !== undefined && /true/.test(reply.body);
  }
}

const CLOSED: ReadonlySet<string> = new Set([
  'auth-failed',
  'permission-denied',
  'namenode-refused',
  'file-missing',
]);

/** The NameNode names a DataNode with its RPC port, and tells the web address apart from it; redirects have the name and the web port. */
function dataNodeOf(name: string, facts: Json, isTls: boolean): DataNodeFacts[] {
  const host = name.slice(0, name.lastIndexOf(':'));
  const info = text(facts[isTls ? 'infoSecureAddr' : 'infoAddr']);
  const port = info.slice(info.lastIndexOf(':') + 1);
  if (host === '' || !/^\d{1,5}$/.test(port)) return [];
  return [{ server: `${host}:${port}`, state: text(facts['adminState']) }];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : -1;
}
