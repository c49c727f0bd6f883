import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export type Properties = Readonly<Record<string, string>>;

export interface NameNodePlace {
  /** 'nn1', 'nn2'. */
  readonly id: string;
  readonly rpcPort: number;
  readonly httpPort: number;
}

export interface DataNodePlace {
  readonly index: number;
  readonly hostname: string;
  readonly transferPort: number;
  readonly httpPort: number;
  readonly ipcPort: number;
}

export const NAME_SERVICE = 'ns1';
/** The superuser: the user that the servers themselves run as. */
export const SUPERUSER = 'hdfs';

const LOG4J = `log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
`;

/** The folders that the Maven jars lack; without them neither server starts its web part. */
const WEB_FOLDERS = ['hdfs', 'datanode', 'static', 'secondary', 'journal', 'router'];

export async function writeConfiguration(
  directory: string,
  core: Properties,
  hdfs: Properties,
): Promise<void> {
  for (const folder of WEB_FOLDERS) await mkdir(join(directory, 'webapps', folder), { recursive: true });
  await writeFile(join(directory, 'core-site.xml'), toXml(core));
  await writeFile(join(directory, 'hdfs-site.xml'), toXml(hdfs));
  await writeFile(join(directory, 'log4j.properties'), LOG4J);
}

export function toXml(properties: Properties): string {
  const escape = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  const entries = Object.entries(properties).map(
    ([name, value]) => `  <property><name>${escape(name)}</name><value>${escape(value)}</value></property>\n`,
  );
  return `<?xml version="1.0"?>\n<configuration>\n${entries.join('')}</configuration>\n`;
}

export function coreProperties(run: string, nameNodes: readonly NameNodePlace[]): Properties {
  const authority = nameNodes.length > 1 ? NAME_SERVICE : `127.0.0.1:${nameNodes[0]?.rpcPort}`;
  return {
    'fs.defaultFS': `hdfs://${authority}`,
    'hadoop.tmp.dir': join(run, 'tmp'),
    // HttpFS impersonates every caller.
    [`hadoop.proxyuser.${SUPERUSER}.hosts`]: '*',
    [`hadoop.proxyuser.${SUPERUSER}.groups`]: '*',
    'ipc.client.connect.retry.interval': '200',
    // `du` of a directory is a process per DataNode; the file system's own figure is enough here.
    'fs.getspaceused.classname': 'org.apache.hadoop.fs.DFCachingGetSpaceUsed',
  };
}

/** What all servers of a cluster share. */
export function clusterProperties(
  run: string,
  nameNodes: readonly NameNodePlace[],
  replication: number,
): Properties {
  return {
    'dfs.replication': String(replication),
    // A restarted NameNode would stay in safe mode for 30 s.
    'dfs.namenode.safemode.extension': '0',
    'dfs.namenode.fs-limits.min-block-size': '512',
    'dfs.namenode.handler.count': '8',
    'dfs.heartbeat.interval': '1',
    'dfs.namenode.heartbeat.recheck-interval': '1000',
    // Free space of a small test disk must not make DataNodes unusable.
    'dfs.namenode.resource.du.reserved': '1048576',
    'dfs.blockreport.initialDelay': '0',
    ...(nameNodes.length > 1 ? haProperties(run, nameNodes) : singleProperties(run, nameNodes)),
  };
}

function singleProperties(run: string, nameNodes: readonly NameNodePlace[]): Properties {
  const [only] = nameNodes;
  if (only === undefined) throw new Error('a cluster needs a NameNode');
  return {
    'dfs.namenode.http-address': `127.0.0.1:${only.httpPort}`,
    'dfs.namenode.name.dir': `file://${join(run, only.id)}`,
  };
}

function haProperties(run: string, nameNodes: readonly NameNodePlace[]): Properties {
  const properties: Record<string, string> = {
    'dfs.nameservices': NAME_SERVICE,
    [`dfs.ha.namenodes.${NAME_SERVICE}`]: nameNodes.map((one) => one.id).join(','),
    'dfs.namenode.shared.edits.dir': `file://${join(run, 'shared-edits')}`,
    [`dfs.client.failover.proxy.provider.${NAME_SERVICE}`]:
      'org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider',
    'dfs.ha.fencing.methods': 'shell(/bin/true)',
    'dfs.ha.tail-edits.period': '1',
  };
  for (const { id, rpcPort, httpPort } of nameNodes) {
    properties[`dfs.namenode.rpc-address.${NAME_SERVICE}.${id}`] = `127.0.0.1:${rpcPort}`;
    properties[`dfs.namenode.http-address.${NAME_SERVICE}.${id}`] = `127.0.0.1:${httpPort}`;
    properties[`dfs.namenode.name.dir.${NAME_SERVICE}.${id}`] = `file://${join(run, id)}`;
  }
  return properties;
}

/** What differs from DataNode to DataNode, as `-D` arguments of the same class path. */
export function dataNodeArguments(run: string, place: DataNodePlace): string[] {
  const properties: Properties = {
    'dfs.datanode.data.dir': `file://${join(run, `dn${place.index}`)}`,
    'dfs.datanode.hostname': place.hostname,
    'dfs.datanode.address': `127.0.0.1:${place.transferPort}`,
    'dfs.datanode.http.address': `127.0.0.1:${place.httpPort}`,
    'dfs.datanode.ipc.address': `127.0.0.1:${place.ipcPort}`,
  };
  return Object.entries(properties).flatMap(([key, value]) => ['-D', `${key}=${value}`]);
}
