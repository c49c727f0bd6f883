import type { Readable } from 'node:stream';
import { isGatewayError } from '../../../shared/errors.ts';
import { systemClock, type Clock } from '../../telemetry/clock.ts';
import type { CreateResult, Target, TargetEntry, TargetStat, Upload } from '../../landing/target.ts';
import { ChecksumForms } from './checksum-forms.ts';
import {
  asJson,
  booleanIn,
  entriesOf,
  fileStatus,
  nonsense,
  objectIn,
  type FileStatus,
} from './file-status.ts';
import { FileCreation, onePiece } from './file-creation.ts';
import { download } from './file-download.ts';
import { attributeOf, XATTR_PREFIX } from './extended-attribute.ts';
import { answeredChecksum } from './hdfs-checksum.ts';
import { HdfsServers, type ServerCall } from './hdfs-servers.ts';
import { SERVER_FACTS, type HdfsSettings, type ServerFacts } from './hdfs-settings.ts';
import type { HttpReply } from './http-exchange.ts';
import { namespaceIdentity } from './namespace-identity.ts';
import { isDirectory, missing, notDirectory, renameRefusal, swallowed, unless } from './path-refusal.ts';
import { RemoteExceptionCause } from './remote-exception.ts';
import type { Query } from './webhdfs-url.ts';

/** Any name does: it only has to be below a file, to be refused with the file's path in the refusal. */
const BELOW = 'x';
/** Names that are not the same after being percent-decoded once more. */
const DECODABLE = /[%+]/;
const NOT_DIRECTORY = /^(\/.*) \(is not a directory\)$/;

/** HDFS over WebHDFS (one NameNode or an HA pair) or HttpFS, for the upload protocol; contract in `Target`. */
export class WebHdfsTarget implements Target {
  readonly #settings: HdfsSettings;
  readonly #servers: HdfsServers;
  readonly #facts: ServerFacts;
  readonly #forms: ChecksumForms;
  readonly #creation: FileCreation;
  #namespace: string | undefined;

  constructor(settings: HdfsSettings, clock: Clock = systemClock) {
    this.#settings = settings;
    this.#servers = new HdfsServers(settings);
    this.#facts = SERVER_FACTS[settings.server];
    this.#forms = new ChecksumForms(this.#servers, clock);
    this.#creation = new FileCreation(this.#servers, this.#facts, { forms: this.#forms, clock });
  }

  async namespace(signal: AbortSignal): Promise<string> {
    const files = {
      mkdirs: (directory: string) => this.mkdirs(directory, signal),
      createByte: async (path: string) => {
        await this.create(
          path,
          { lengthBytes: 1, pieces: onePiece(Uint8Array.of(0x0a)), permission: '644' },
          signal,
        );
      },
      remove: (path: string) => this.remove(path, signal),
    };
    return (this.#namespace ??= await namespaceIdentity(this.#settings, this.#servers, { files, signal }));
  }

  async mkdirs(directory: string, signal: AbortSignal): Promise<void> {
    const query = { permission: this.#settings.directoryPermission };
    const { body } = await this.#put('MKDIRS', directory, { operation: 'make the directory', query, signal });
    if (!booleanIn(body, directory)) throw nonsense(directory, 'MKDIRS answered false');
  }

  create(path: string, upload: Upload, signal: AbortSignal): Promise<CreateResult> {
    return this.#creation.create(path, upload, signal);
  }

  async stat(path: string, signal: AbortSignal): Promise<TargetStat | undefined> {
    return (await this.#status(path, signal))?.stat;
  }

  async statInode(inode: string, signal: AbortSignal): Promise<TargetStat | undefined | 'unsupported'> {
    if (!/^\d+$/.test(inode)) throw new RangeError(`not an HDFS inode: ${inode}`);
    const inodePath = `/.reserved/.inodes/${inode}`;
    const stat = await this.stat(inodePath, signal);
    if (stat?.type !== 'file') return stat;
    const path = await this.#pathOfFile(inodePath, signal);
    return path === undefined ? undefined : { ...stat, path };
  }

  async checksum(
    path: string,
    signal: AbortSignal,
  ): Promise<{ readonly value: string } | { readonly unavailable: string }> {
    const operation = 'ask for the checksum';
    const status = await this.#status(path, signal);
    if (status === undefined) throw missing(path, operation);
    if (status.checksumObstacle !== undefined) return { unavailable: status.checksumObstacle };
    try {
      const { algorithm, bytes } = objectIn(
        await this.#followed('GETFILECHECKSUM', path, { operation, signal }),
        'FileChecksum',
        path,
      );
      const answer =
        typeof algorithm === 'string' && typeof bytes === 'string'
          ? answeredChecksum(algorithm, bytes)
          : undefined;
      if (answer === undefined) return { unavailable: `the cluster sums files as ${String(algorithm)}` };
      const obstacle = this.#forms.obstacle(path, answer);
      return obstacle === undefined ? { value: answer.value } : { unavailable: obstacle };
    } catch (error) {
      // A server that does not have the operation, or may not read (HttpFS in write-only mode).
      if (isGatewayError(error) && error.code === 'namenode-refused') return { unavailable: error.message };
      throw error;
    }
  }

  async rename(from: string, to: string, signal: AbortSignal): ReturnType<Target['rename']> {
    return this.#facts.obeysRenameOptions
      ? this.#renameWithOptions(from, to, signal)
      : this.#renamePlainly(from, to, signal);
  }

  async stamp(
    path: string,
    attributes: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<boolean> {
    try {
      for (const [name, value] of Object.entries(attributes)) {
        const query = {
          'xattr.name': `${XATTR_PREFIX}${name}`,
          'xattr.value': `"${value}"`,
          flag: 'CREATE,REPLACE',
        };
        await this.#put('SETXATTR', path, { operation: 'set the file’s attributes', query, signal });
      }
      return true;
    } catch (error) {
      if (isGatewayError(error) && error.code === 'xattr-unavailable') return false;
      throw error;
    }
  }

  async attributes(path: string, signal: AbortSignal): Promise<Readonly<Record<string, string>> | undefined> {
    const operation = 'read the file’s attributes';
    const reply = await unless(['file-missing', 'xattr-unavailable'], () =>
      this.#get('GETXATTRS', path, { operation, query: { encoding: 'text' }, signal }),
    );
    if (reply === undefined) return undefined;
    const list = objectIn(`{"in":${reply.body}}`, 'in', path)['XAttrs'];
    if (!Array.isArray(list)) throw nonsense(path, 'no XAttrs in the answer');
    return Object.fromEntries(list.flatMap((one: unknown) => attributeOf(one)));
  }

  async remove(path: string, signal: AbortSignal): Promise<boolean> {
    const operation = 'remove the file';
    const stat = await this.stat(path, signal);
    if (stat === undefined) return false;
    if (stat.type === 'directory') throw isDirectory(path, operation);
    const call = {
      method: 'DELETE',
      op: 'DELETE',
      path,
      operation,
      query: { recursive: 'false' },
      isRepeatable: false,
    } as const;
    return booleanIn((await this.#servers.call(call, signal)).body, path);
  }

  async list(directory: string, signal: AbortSignal): Promise<readonly TargetEntry[] | undefined> {
    const entries = await unless(['file-missing'], () =>
      this.#facts.listsInBatches
        ? this.#listInBatches(directory, signal)
        : this.#listAtOnce(directory, signal),
    );
    // Asked about a file, the servers answer that one file without a name.
    if (entries?.[0]?.name === '') throw notDirectory(directory, 'list the directory');
    return entries;
  }

  async open(path: string, signal: AbortSignal): Promise<Readable> {
    const operation = 'read the file';
    const { connectMs, inactivityMs } = this.#servers.limits;
    const options = { connectMs, inactivityMs, tls: this.#servers.tls, signal };
    const destination = this.#facts.takesBodyItself
      ? this.#servers.directDestination('OPEN', path)
      : this.#servers.redirect(await this.#get('OPEN', path, { operation, signal }), operation, path);
    return download(destination, {
      ...options,
      place: { peer: 'datanode', operation, server: destination.server },
    });
  }

  close(): Promise<void> {
    this.#servers.close();
    return Promise.resolve();
  }

  async #status(path: string, signal: AbortSignal): Promise<FileStatus | undefined> {
    const reply = await unless(['file-missing'], () =>
      this.#get('GETFILESTATUS', path, { operation: 'look at the path', signal }),
    );
    return reply === undefined ? undefined : fileStatus(objectIn(reply.body, 'FileStatus', path), path);
  }

  /**
   * Where a file known by its inode stands now. No operation tells; but looking for something *below* a file is refused with the
   * file's real path in the message, and reads only (NameNode and HttpFS 3.4.2, tried).
   */
  async #pathOfFile(inodePath: string, signal: AbortSignal): Promise<string | undefined> {
    try {
      await this.stat(`${inodePath}/${BELOW}`, signal);
      // Gone since the look at the inode itself.
      return undefined;
    } catch (error) {
      if (!isGatewayError(error) || error.code !== 'parent-not-directory') throw error;
      const said = error.cause instanceof RemoteExceptionCause ? error.cause.said : '';
      return NOT_DIRECTORY.exec(said)?.[1] ?? inodePath;
    }
  }

  async #renameWithOptions(from: string, to: string, signal: AbortSignal): ReturnType<Target['rename']> {
    const query = { destination: to, renameoptions: 'NONE' };
    try {
      await this.#put('RENAME', from, { operation: 'rename the file', query, signal, isRepeatable: false });
      return { renamed: true };
    } catch (error) {
      const why = renameRefusal(error, to);
      if (why === undefined) throw error;
      return { renamed: false, why };
    }
  }

  /**
   * HttpFS renames *into* a directory and can't be told not to, so the destination is looked at first, and again after: between
   * the two looks only another writer that uses our own file's name could get in between, and even that would be noticed.
   */
  async #renamePlainly(from: string, to: string, signal: AbortSignal): ReturnType<Target['rename']> {
    const operation = 'rename the file';
    if ((await this.stat(to, signal)) !== undefined) return { renamed: false, why: 'destination-exists' };
    const { body } = await this.#put('RENAME', from, {
      operation,
      query: { destination: to },
      signal,
      isRepeatable: false,
    });
    if (booleanIn(body, from)) {
      const landed = await this.stat(to, signal);
      if (landed?.type !== 'file') throw swallowed(to, operation);
      return { renamed: true };
    }
    if ((await this.stat(to, signal)) !== undefined) return { renamed: false, why: 'destination-exists' };
    if ((await this.stat(from, signal)) === undefined) return { renamed: false, why: 'source-missing' };
    const parent = await this.stat(to.slice(0, to.lastIndexOf('/')) || '/', signal);
    return { renamed: false, why: parent === undefined ? 'parent-missing' : 'unknown' };
  }

  async #listAtOnce(directory: string, signal: AbortSignal): Promise<TargetEntry[]> {
    const { body } = await this.#get('LISTSTATUS', directory, { operation: 'list the directory', signal });
    return entriesOf(objectIn(body, 'FileStatuses', directory), directory);
  }

  async #listInBatches(directory: string, signal: AbortSignal): Promise<TargetEntry[]> {
    const entries: TargetEntry[] = [];
    for (let startAfter: string | undefined; ;) {
      const { body } = await this.#get('LISTSTATUS_BATCH', directory, {
        operation: 'list the directory',
        query: { startAfter },
        signal,
      });
      const listing = objectIn(body, 'DirectoryListing', directory);
      const partial = asJson(asJson(listing['partialListing'])?.['FileStatuses']);
      if (partial === undefined) throw nonsense(directory, 'a listing without entries');
      const batch = entriesOf(partial, directory);
      entries.push(...batch);
      const last = batch.at(-1)?.name;
      if (!(Number(listing['remainingEntries']) > 0)) return entries;
      // A server that does not go on after the name we gave would keep us here for ever.
      if (last === undefined || last === startAfter)
        throw nonsense(directory, 'a listing that does not advance');
      // A NameNode (3.4.2, tried) decodes `startAfter` twice, so that such a name would skip entries or repeat them.
      if (DECODABLE.test(last)) return this.#listAtOnce(directory, signal);
      startAfter = last;
    }
  }

  /** A GET that a NameNode redirects to a DataNode and HttpFS answers itself. */
  async #followed(
    op: string,
    path: string,
    { operation, signal }: { operation: string; signal: AbortSignal },
  ): Promise<string> {
    const reply = await this.#get(op, path, { operation, signal });
    if (reply.status < 300) return reply.body;
    const destination = this.#servers.redirect(reply, operation, path);
    const options = {
      method: 'GET',
      agent: undefined,
      operation,
      peer: 'datanode',
      place: `${destination.server}${path}`,
    } as const;
    return (await this.#servers.send(destination, options, signal)).body;
  }

  #get(
    op: string,
    path: string,
    call: { operation: string; query?: Query; signal: AbortSignal },
  ): Promise<HttpReply> {
    const { operation, query = {}, signal } = call;
    return this.#servers.call({ method: 'GET', op, path, operation, query, isRepeatable: true }, signal);
  }

  #put(
    op: string,
    path: string,
    call: { operation: string; query: Query; signal: AbortSignal; isRepeatable?: boolean },
  ): Promise<HttpReply> {
    const { operation, query, signal, isRepeatable = true } = call;
    return this.#servers.call(
      { method: 'PUT', op, path, operation, query, isRepeatable } satisfies ServerCall,
      signal,
    );
  }
}
