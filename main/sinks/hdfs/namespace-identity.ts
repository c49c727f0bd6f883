import { isGatewayError } from '../../../shared/errors.ts';
import { asJson, nonsense, objectIn } from './file-status.ts';
import { SERVER_FACTS, type HdfsSettings } from './hdfs-settings.ts';
import type { HdfsServers } from './hdfs-servers.ts';

/** What this module needs of the target: making the one-byte probe file, and removing an unfinished one. */
export interface ProbeFiles {
  mkdirs(directory: string): Promise<void>;
  createByte(path: string): Promise<void>;
  remove(path: string): Promise<boolean>;
}

/** `_` keeps it apart from a gateway's marker beside it, whose name has none. */
const PROBE_DIRECTORY = '.headgate';
const PROBE_NAME = '_namespace';
const BLOCK_POOL = /^BP-[\w.:-]{1,200}$/;
const JMX = '/jmx?get=Hadoop:service=NameNode,name=NameNodeInfo::BlockPoolId';

/**
 * The identity of a namespace is its *block pool id* (`BP-<random>-<address>-<time>`): made when the NameNode was formatted, the same on both
 * NameNodes of a pair, kept over restarts, upgrades and new host names, and different between the namespaces of a federation.
 * Addresses or the inode of `/` (16385 everywhere) can't tell clusters apart.
 *
 * A NameNode tells it over `/jmx`. HttpFS, and a NameNode whose `/jmx` is closed, tell it with the block of any file
 * (GET_BLOCK_LOCATIONS): a file of one byte is kept under the sink's root for that. Where that operation is missing too, the
 * operator's `hdfs.namespace` or, last, the server's address has to do.
 */
export async function namespaceIdentity(
  settings: HdfsSettings,
  servers: HdfsServers,
  { files, signal }: { readonly files: ProbeFiles; readonly signal: AbortSignal },
): Promise<string> {
  if (settings.namespace !== undefined) return `hdfs:${settings.namespace}`;
  const fromBean = SERVER_FACTS[settings.server].hasNameNodeBeans
    ? await poolOfBean(servers, signal)
    : undefined;
  const pool = fromBean ?? (await poolOfProbe(settings, servers, { files, signal }));
  return pool === undefined
    ? `hdfs:${settings.urls
        .map((url) => new URL(url).host)
        .sort()
        .join('+')}`
    : `hdfs:${pool}`;
}

async function poolOfBean(servers: HdfsServers, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { body } = await servers.page(JMX, 'ask for the cluster’s identity', signal);
    const beans: unknown = asJson(JSON.parse(body))?.['beans'];
    const bean: unknown = Array.isArray(beans) ? (beans as readonly unknown[])[0] : undefined;
    return poolId(asJson(bean)?.['BlockPoolId']);
  } catch (error) {
    // Closed, or something else answers there: the block of a file says the same.
    if (error instanceof SyntaxError || (isGatewayError(error) && CLOSED.has(error.code))) return undefined;
    throw error;
  }
}

/** In place of a pool id, which has another form. */
const MISSING = 'missing';
const CLOSED = new Set(['auth-failed', 'permission-denied', 'namenode-refused', 'file-missing']);

async function poolOfProbe(
  { root }: HdfsSettings,
  servers: HdfsServers,
  { files, signal }: { readonly files: ProbeFiles; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const directory = `${root.replace(/\/+$/, '')}/${PROBE_DIRECTORY}`;
  const path = `${directory}/${PROBE_NAME}`;
  const seen = await poolOfFile(path, servers, signal);
  if (seen !== MISSING) return seen;
  await files.mkdirs(directory);
  // A byte that never arrived leaves a file without a block.
  await files.remove(path);
  try {
    await files.createByte(path);
  } catch (error) {
    // Another gateway was faster: its file does as well.
    if (!isGatewayError(error) || error.code !== 'file-exists') throw error;
  }
  const made = await poolOfFile(path, servers, signal);
  // Removed by another that was at it too: never a reason to call the cluster by another name.
  if (made === MISSING) throw nonsense(path, 'the probe file vanished');
  return made;
}

async function poolOfFile(
  path: string,
  servers: HdfsServers,
  signal: AbortSignal,
): Promise<string | undefined> {
  const operation = 'ask for the cluster’s identity';
  try {
    const { body } = await servers.call(
      { method: 'GET', op: 'GET_BLOCK_LOCATIONS', path, operation, isRepeatable: true },
      signal,
    );
    const located = objectIn(body, 'LocatedBlocks', path);
    const block = asJson(asJson(located['lastLocatedBlock'])?.['block']);
    return block === undefined ? MISSING : poolId(block['blockPoolId']);
  } catch (error) {
    if (isGatewayError(error) && error.code === 'file-missing') return MISSING;
    if (isGatewayError(error) && error.code === 'namenode-refused') return undefined;
    throw error;
  }
}

function poolId(value: unknown): string | undefined {
  return typeof value === 'string' && BLOCK_POOL.test(value) ? value : undefined;
}
