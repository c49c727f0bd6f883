import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { copyFormatted } from './formatted-store.ts';
import { freePort, freePorts } from './free-port.ts';
import {
  clusterProperties,
  coreProperties,
  dataNodeArguments,
  NAME_SERVICE,
  SUPERUSER,
  toXml,
  writeConfiguration,
  type DataNodePlace,
  type NameNodePlace,
  type Properties,
} from './hdfs-configuration.ts';
import { until } from './until.ts';
import { bean, HdfsNode, liveDataNodes } from './hdfs-node.ts';
import { ensureJars, jarsOf } from './jars.ts';
import { isPortOpen, JavaServer, runJavaOrThrow, type JavaCommand } from './java-process.ts';
import { makeRunDirectory, removeRunDirectory } from './run-directory.ts';
import { startProxy, type TcpProxy } from './tcp-proxy.ts';

const HEAP_MB = 256;
/**
 * A DataNode registers with the port it listens on, and the NameNode puts that port into the redirect. Only the host name is ours to
 * choose: a proxied DataNode calls itself 127.0.0.2, listens on 127.0.0.1, and its proxy listens on 127.0.0.2 at the same port. (All of
 * 127/8 is the loop-back on Linux; macOS needs `ifconfig lo0 alias 127.0.0.2`.)
 */
const PROXIED_DATANODE_HOST = '127.0.0.2';
/** HdfsConstants.QUOTA_RESET. */
const NO_QUOTA = -1;
const LIVE_POLL_MS = 60;
const LIVE_TIMEOUT_MS = 60_000;

export interface HdfsOptions {
  readonly onProgress?: (message: string) => void;
  /** How many DataNodes, default 1. */
  readonly datanodes?: number;
  /** Default 1. */
  readonly replication?: number;
  /** A second NameNode with shared edits; nn1 is active at first. */
  readonly isHa?: boolean;
  /** An HttpFS server before the cluster. */
  readonly hasHttpfs?: boolean;
  /** TCP proxies before every NameNode's and DataNode's HTTP port (and HttpFS's): the URLs then lead through them, redirects too. */
  readonly isProxied?: boolean;
  /** Host name under which the DataNodes are announced in redirects. Default localhost; a name that does not resolve makes that fault. */
  readonly datanodeHostname?: string;
  /** Further hdfs-site properties, which win over the rig's. */
  readonly properties?: Properties;
  /** Default 256, each server. */
  readonly heapMb?: number;
  readonly tuning?: 'start-up' | 'throughput';
  /** Mode of `/`; default 777, so that any user may write. */
  readonly rootMode?: string;
}

/** Starts a NameNode and DataNodes on free ports (an HA pair, HttpFS and proxies on request); all die with this process. */
export async function startHdfs(options: HdfsOptions = {}): Promise<HdfsRig> {
  const jars = await ensureJars('hadoop', options);
  const directory = await makeRunDirectory('hdfs');
  const rig = new HdfsRig(jars, directory, options);
  try {
    await rig.bringUp();
    return rig;
  } catch (error) {
    await rig.stop();
    throw error;
  }
}

export class HdfsRig {
  readonly #directory: string;
  readonly #options: HdfsOptions;
  readonly #jars: string;
  readonly namenodes: HdfsNode[] = [];
  readonly datanodes: HdfsNode[] = [];
  #httpfs: HdfsNode | undefined;
  #places: NameNodePlace[] = [];

  constructor(jars: string, directory: string, options: HdfsOptions) {
    this.#jars = jars;
    this.#directory = directory;
    this.#options = options;
  }

  /** The first NameNode: the only one unless HA. */
  get namenode(): HdfsNode {
    return this.#node(0);
  }

  /** `http://host:port` of the first NameNode, through its proxy when there is one. */
  get webhdfs(): string {
    return this.namenode.url;
  }

  /** The same for each NameNode. */
  get webhdfsUrls(): readonly string[] {
    return this.namenodes.map((node) => node.url);
  }

  /** Never through a proxy on the NameNode's leg: for the judge. (Its redirects name the DataNodes' proxies, where there are some.) */
  get directWebhdfs(): string {
    return this.namenode.directUrl;
  }

  /** The direct URL of the NameNode that is active now: for the judge, in an HA pair. Throws when none is. */
  async activeWebhdfs(): Promise<string> {
    const index = this.namenodes.length > 1 ? (await this.states()).indexOf('active') : 0;
    return this.#node(index).directUrl;
  }

  /** `hdfs://…` of the cluster, for Hadoop's own clients. */
  get rpc(): string {
    return `hdfs://${this.authority}`;
  }

  /** `127.0.0.1:<rpc port>`, or the name service of an HA pair. */
  get authority(): string {
    return this.#places.length > 1 ? NAME_SERVICE : `127.0.0.1:${this.#places[0]?.rpcPort}`;
  }

  /** Base URL of HttpFS; throws when it was not asked for. */
  get httpfs(): HdfsNode {
    if (this.#httpfs === undefined) throw new Error('this HDFS was started without hasHttpfs');
    return this.#httpfs;
  }

  /** core-site.xml and hdfs-site.xml, for the class path of other Java programs. */
  get configurationDirectory(): string {
    return join(this.#directory, 'conf');
  }

  /** The user that may do everything: `user.name=hdfs`. */
  get superuser(): string {
    return SUPERUSER;
  }

  #node(index: number): HdfsNode {
    const node = this.namenodes[index];
    if (node === undefined)
      throw new Error(index < 0 ? 'no NameNode is active' : `there is no NameNode ${index}`);
    return node;
  }

  /** For `startHdfs` only. */
  async bringUp(): Promise<void> {
    const options = this.#options;
    for (const id of options.isHa === true ? ['nn1', 'nn2'] : ['nn1']) {
      this.#places.push({ id, rpcPort: await freePort(), httpPort: await freePort() });
    }
    const core = coreProperties(this.#directory, this.#places);
    const hdfs = {
      ...clusterProperties(this.#directory, this.#places, options.replication ?? 1),
      ...options.properties,
    };
    if (this.#places.length === 1)
      await writeConfiguration(this.configurationDirectory, core, { ...hdfs, ...this.#rpcAddress() });
    else await writeConfiguration(this.configurationDirectory, core, hdfs);
    await this.#format();
    // The DataNodes ask for their NameNode until it is there, so nothing is lost by starting them beside it.
    const count = options.datanodes ?? 1;
    const starts = [
      this.#startNameNodes(),
      ...Array.from({ length: count }, (_, index) => this.#startDataNode(index)),
    ];
    await settleAll(starts);
    this.datanodes.sort((a, b) => a.server.name.localeCompare(b.server.name));
    if (options.isHa === true) await this.#haAdmin('-transitionToActive', 'nn1');
    if (options.hasHttpfs === true) await settleAll([this.#startHttpfs(), this.waitForDataNodes(count)]);
    else await this.waitForDataNodes(count);
    await this.superuserCall('PUT', '/', { op: 'SETPERMISSION', permission: options.rootMode ?? '777' });
  }

  #rpcAddress(): Properties {
    return { 'dfs.namenode.rpc-address': this.authority };
  }

  #command(extra: Partial<JavaCommand> & { mainClass: string }): JavaCommand {
    return {
      classPath: [this.configurationDirectory, jarsOf(this.#jars)],
      heapMb: this.#options.heapMb ?? HEAP_MB,
      tuning: this.#options.tuning ?? 'start-up',
      environment: { HADOOP_USER_NAME: SUPERUSER },
      workingDirectory: this.#directory,
      ...extra,
    };
  }

  #nameNodeArguments(id: string): string[] {
    return this.#places.length > 1 ? ['-D', `dfs.ha.namenode.id=${id}`] : [];
  }

  async #format(): Promise<void> {
    const format = async (...settings: string[]): Promise<void> => {
      const args = [...settings, '-format', '-force', '-nonInteractive'];
      await runJavaOrThrow('formatting the NameNode', this.#command({ mainClass: NAMENODE_CLASS, args }));
    };
    const [first, second] = this.#places;
    // Shared edits, and a test's own properties, may leave their mark in the image, so only the plain case is copied.
    if (first === undefined || second !== undefined || this.#options.properties !== undefined) {
      await format(...this.#nameNodeArguments('nn1'));
      return;
    }
    await copyFormatted('hadoop', join(this.#directory, first.id), (directory) =>
      format('-D', `dfs.namenode.name.dir=file://${directory}`),
    );
  }

  async #startNameNodes(): Promise<void> {
    for (const [index, place] of this.#places.entries()) {
      const own = this.#nameNodeArguments(place.id);
      if (index > 0) {
        const args = [...own, '-bootstrapStandby', '-nonInteractive'];
        await runJavaOrThrow('bootstrapping the standby', this.#command({ mainClass: NAMENODE_CLASS, args }));
      }
      const server = new JavaServer({
        ...this.#command({ mainClass: NAMENODE_CLASS, args: own }),
        name: `namenode-${place.id}`,
        logDirectory: this.#directory,
        isReady: async () =>
          (await isPortOpen(place.rpcPort)) &&
          (await bean(`http://127.0.0.1:${place.httpPort}`, 'NameNodeStatus')) !== undefined,
      });
      const proxy = await this.#proxyTo(place.httpPort);
      this.namenodes.push(new HdfsNode(server, { hostname: '127.0.0.1', httpPort: place.httpPort }, proxy));
      await server.start();
    }
  }

  async #proxyTo(port: number): Promise<TcpProxy | undefined> {
    return this.#options.isProxied === true ? startProxy({ target: { host: '127.0.0.1', port } }) : undefined;
  }

  async #startDataNode(index: number): Promise<void> {
    const [transferPort, httpPort, ipcPort] = await freePorts(3);
    if (transferPort === undefined || httpPort === undefined || ipcPort === undefined)
      throw new Error('no ports');
    const isProxied = this.#options.isProxied === true;
    const hostname = this.#options.datanodeHostname ?? (isProxied ? PROXIED_DATANODE_HOST : 'localhost');
    const place: DataNodePlace = { index, hostname, transferPort, httpPort, ipcPort };
    const proxy = isProxied
      ? await startProxy({
          host: PROXIED_DATANODE_HOST,
          port: httpPort,
          target: { host: '127.0.0.1', port: httpPort },
        })
      : undefined;
    const args = dataNodeArguments(this.#directory, place);
    const server = new JavaServer({
      ...this.#command({ mainClass: 'org.apache.hadoop.hdfs.server.datanode.DataNode', args }),
      name: `datanode-${index}`,
      logDirectory: this.#directory,
      isReady: () => isPortOpen(httpPort),
    });
    this.datanodes.push(new HdfsNode(server, { hostname, httpPort }, proxy));
    await server.start();
  }

  async #startHttpfs(): Promise<void> {
    const home = join(this.#directory, 'httpfs');
    for (const folder of ['conf', 'log', 'temp']) await mkdir(join(home, folder), { recursive: true });
    const httpPort = await freePort();
    const own = { 'httpfs.http.port': String(httpPort), 'httpfs.http.hostname': '127.0.0.1' };
    await writeFile(join(home, 'conf', 'httpfs-site.xml'), toXml(own));
    const core = coreProperties(this.#directory, this.#places);
    await writeFile(join(home, 'conf', 'core-site.xml'), toXml(core));
    await writeFile(
      join(home, 'conf', 'hdfs-site.xml'),
      toXml(clusterProperties(this.#directory, this.#places, 1)),
    );
    const server = new JavaServer({
      ...this.#command({ mainClass: 'org.apache.hadoop.fs.http.server.HttpFSServerWebServer' }),
      classPath: [join(home, 'conf'), jarsOf(this.#jars)],
      flags: [`-Dhttpfs.home.dir=${home}`],
      name: 'httpfs',
      logDirectory: this.#directory,
      isReady: () => isPortOpen(httpPort),
    });
    this.#httpfs = new HdfsNode(server, { hostname: '127.0.0.1', httpPort }, await this.#proxyTo(httpPort));
    await server.start();
  }

  /** Waits until the active NameNode counts exactly `count` live DataNodes and has left its start-up safe mode. */
  async waitForDataNodes(count: number): Promise<void> {
    const deadline = Date.now() + LIVE_TIMEOUT_MS;
    for (;;) {
      const seen = await Promise.all(this.namenodes.map((node) => liveDataNodes(node.directUrl)));
      if (seen.includes(count)) return;
      if (Date.now() > deadline) {
        throw new Error(
          `the NameNode counts ${seen.join(' / ')} DataNodes instead of ${count}\n${this.datanodes[0]?.server.logTail()}`,
        );
      }
      await wait(LIVE_POLL_MS);
    }
  }

  /** Ids of the NameNodes and their states: 'active', 'standby', or 'down'. */
  async states(): Promise<string[]> {
    return Promise.all(
      this.namenodes.map(async (node) => {
        const status = await bean(node.directUrl, 'NameNodeStatus').catch(() => undefined);
        return typeof status?.['State'] === 'string' ? status['State'] : 'down';
      }),
    );
  }

  /** Makes the other NameNode the active one, also when the active one is dead. Answers the index of the new active one. */
  async failover(): Promise<number> {
    const states = await this.states();
    const active = states.indexOf('active');
    const target = active === -1 ? await this.#activateOne(states) : 1 - active;
    if (active !== -1) await this.#failoverTo(target);
    // The new active one learns of its DataNodes with their next heartbeats; before that it can place no block.
    const url = this.namenodes[target]?.directUrl ?? '';
    await until(
      'the new active NameNode knows the DataNodes',
      async () =>
        ((await liveDataNodes(url)) ?? -1) >= this.datanodes.filter(({ server }) => server.isRunning).length,
    );
    return target;
  }

  /** One that started a moment ago is not ready before it knows its blocks; the other one may be. */
  async #activateOne(states: readonly string[]): Promise<number> {
    const refusals: unknown[] = [];
    for (const [target, state] of states.entries()) {
      if (state !== 'standby') continue;
      try {
        await this.#failoverTo(target);
        return target;
      } catch (error) {
        refusals.push(error);
      }
    }
    throw new AggregateError(refusals, `no NameNode becomes active: ${refusals.join('; ')}`);
  }

  #failoverTo(target: number): Promise<void> {
    const names = ['nn1', 'nn2'];
    return this.#haAdmin('-failover', names[1 - target] ?? '', names[target] ?? '');
  }

  async #haAdmin(...args: string[]): Promise<void> {
    const command = this.#command({ mainClass: 'org.apache.hadoop.hdfs.tools.DFSHAAdmin', args });
    await runJavaOrThrow(`haadmin ${args.join(' ')}`, command);
  }

  /** Enters or leaves manual safe mode, about 1.5 s. */
  async safeMode(action: 'enter' | 'leave'): Promise<void> {
    await this.dfsAdmin('-safemode', action);
  }

  dfsAdmin(...args: string[]): Promise<string> {
    const command = this.#command({ mainClass: 'org.apache.hadoop.hdfs.tools.DFSAdmin', args });
    return runJavaOrThrow(`dfsadmin ${args.join(' ')}`, command);
  }

  /** Sets a quota of names or of bytes (replicas counted) on a directory; 'none' removes both. */
  async setQuota(directory: string, quota: { names?: number; bytes?: number } | 'none'): Promise<void> {
    // As dfsadmin does, without a JVM for each.
    const { names, bytes } = quota === 'none' ? { names: NO_QUOTA, bytes: NO_QUOTA } : quota;
    await this.superuserCall('PUT', directory, {
      op: 'SETQUOTA',
      ...(names === undefined ? {} : { namespacequota: String(names) }),
      ...(bytes === undefined ? {} : { storagespacequota: String(bytes) }),
    });
  }

  /** Hadoop's own client, e.g. `hadoopFs('-text', '/data/a.gz')`; answers its standard output as text. */
  hadoopFs(...args: string[]): Promise<string> {
    const command = this.#command({ mainClass: 'org.apache.hadoop.fs.FsShell', args });
    return runJavaOrThrow(`hadoop fs ${args.join(' ')}`, command);
  }

  /**
   * `hadoop fs -text <path>`, for `.zst` files too. Hadoop's own zstd codec needs a native library that Maven does not carry, so the
   * shell gets one made of zstd-jni, which comes with Kafka's jars; see `java/FsShellWithZstd.java`. About 3 s.
   */
  async hadoopText(path: string): Promise<string> {
    if (!path.endsWith('.zst')) return this.hadoopFs('-text', path);
    const kafkaJars = await ensureJars('kafka', this.#options);
    const command = this.#command({
      mainClass: join(import.meta.dirname, 'java', 'FsShellWithZstd.java'),
      args: ['-text', path],
    });
    return runJavaOrThrow(`hadoop fs -text ${path}`, {
      ...command,
      // Of Kafka's jars only this one: others would come in a version that is not Hadoop's.
      classPath: [...command.classPath, ...(await zstdJars(kafkaJars))],
    });
  }

  /** The report of `hdfs fsck <path> -openforwrite -files`. */
  fsck(path = '/'): Promise<string> {
    const args = [path, '-openforwrite', '-files'];
    return runJavaOrThrow('fsck', this.#command({ mainClass: 'org.apache.hadoop.hdfs.tools.DFSck', args }));
  }

  /** One WebHDFS call as the superuser at the active NameNode, e.g. `('PUT', '/a', {op: 'SETOWNER', owner: 'x'})`. Throws on a refusal. */
  async superuserCall(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    query: Properties,
  ): Promise<unknown> {
    const url = await this.activeWebhdfs();
    const parameters = new URLSearchParams({ ...query, 'user.name': SUPERUSER });
    const answer = await fetch(`${url}/webhdfs/v1${encodeURI(path)}?${parameters.toString()}`, { method });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path} ${query['op']}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  /** Ends all servers and removes their data. */
  async stop(): Promise<void> {
    await settleAll(
      [...this.namenodes, ...this.datanodes, ...(this.#httpfs ? [this.#httpfs] : [])].map((node) =>
        node.dispose(),
      ),
    );
    await removeRunDirectory(this.#directory);
  }
}

const NAMENODE_CLASS = 'org.apache.hadoop.hdfs.server.namenode.NameNode';

async function zstdJars(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names.filter((name) => /^zstd-jni-.*\.jar$/.test(name)).map((name) => join(directory, name));
}

/** Waits for all, then throws the first failure: nothing is left running behind an error's back. */
async function settleAll(work: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
