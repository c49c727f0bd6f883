import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { CreateResult, Upload } from '../../landing/target.ts';
import type { ChecksumForms } from './checksum-forms.ts';
import { connectionError, type Peer } from './connection-error.ts';
import { FailedServers } from './failed-servers.ts';
import type { HttpReply } from './http-exchange.ts';
import { HdfsChecksum, type ChecksumForm } from './hdfs-checksum.ts';
import type { HdfsServers } from './hdfs-servers.ts';
import type { ServerFacts } from './hdfs-settings.ts';
import { uploadBody, type UploadReply } from './http-upload.ts';
import { refusal } from './remote-exception.ts';
import type { Destination, Query } from './webhdfs-url.ts';

/**
 * A NameNode whose answer names a DataNode to be avoided is asked again, at most this often in all: asking creates nothing and
 * costs a round trip. (`excludedatanodes` alone is not enough: it matches an address and transfer port, or an address, never
 * the name and HTTP port that a redirect shows, tried; and a DataNode's address may differ on the cluster's side.)
 */
const MAX_LOCATION_CALLS = 12;
const OPERATION = 'upload the file';
const ASK = {
  method: 'PUT',
  op: 'CREATE',
  operation: 'ask for a DataNode',
  isRepeatable: true,
  isAnsweredByStandby: true,
} as const;
/** Refusals that are the DataNode's own trouble, not the cluster's. */
const SERVER_TROUBLE = new Set(['unknown', 'no-datanode', 'namenode-unreachable']);
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** Writes new files: leg 1 at the NameNode (free to repeat), leg 2 with the body at the DataNode (once per name). */
export class FileCreation {
  readonly #servers: HdfsServers;
  readonly #facts: ServerFacts;
  readonly #forms: ChecksumForms;
  readonly #failed: FailedServers;

  constructor(
    servers: HdfsServers,
    facts: ServerFacts,
    { forms, clock }: { readonly forms: ChecksumForms; readonly clock: Clock },
  ) {
    this.#servers = servers;
    this.#facts = facts;
    this.#forms = forms;
    this.#failed = new FailedServers(clock);
  }

  /** See `Target.create`. A GatewayError's `place` begins with the server that failed, which later uploads avoid. */
  async create(path: string, upload: Upload, signal: AbortSignal): Promise<CreateResult> {
    const form = await this.#forms.formFor(path, upload.blockSizeBytes, signal);
    const destination = await this.#destination(path, { upload, form, signal });
    const sum = new HdfsChecksum(form);
    const reply = await this.#send(destination, { upload, sum, signal });
    const { server } = destination;
    const place = `${server}${path}`;
    if (reply.status !== 201 && reply.status !== 200) {
      const error = refusal(reply, OPERATION, place);
      if (SERVER_TROUBLE.has(error.code)) this.#failed.add(server);
      // Which NameNode is active is the DataNode's affair: there is no other one for us to ask.
      throw error.retry === 'now' ? new GatewayError({ ...partsOf(error), retry: 'backoff' }) : error;
    }
    const { lengthBytes, crc32c, value } = sum.digest();
    if (!reply.isWhole || lengthBytes !== upload.lengthBytes) throw cutShort(place, reply.status);
    this.#failed.forget(server);
    return { lengthBytes, crc32c, checksum: value, server };
  }

  async #destination(
    path: string,
    { upload, form, signal }: { upload: Upload; form: ChecksumForm | undefined; signal: AbortSignal },
  ): Promise<Destination> {
    const query: Query = {
      overwrite: 'false',
      permission: upload.permission ?? this.#facts.filePermission,
      replication: upload.replication,
      createparent: upload.isParentRequired === true ? 'false' : undefined,
      // Said explicitly, because the DataNode would take its own default, and the checksum depends on it.
      blocksize: upload.blockSizeBytes ?? form?.blockSizeBytes,
    };
    if (this.#facts.takesBodyItself)
      return this.#servers.directDestination('CREATE', path, { data: 'true', ...query });
    // The caller's word counts more than our memory, and a fresh failure more than an old one.
    const suspects = [...this.#failed.all, ...(upload.avoid ?? [])];
    const suspicion = (server: string): number => suspects.lastIndexOf(server);
    let excludedatanodes = excludedAddresses(suspects);
    let best: Destination | undefined;
    for (let calls = 0; calls < MAX_LOCATION_CALLS; calls++) {
      let reply: HttpReply;
      try {
        reply = await this.#servers.call({ ...ASK, path, query: { ...query, excludedatanodes } }, signal);
      } catch (error) {
        // Nobody is left without those: on a small cluster a server that failed once is better than none for ever.
        if (excludedatanodes === undefined || !isGatewayError(error) || error.code !== 'no-datanode')
          throw error;
        excludedatanodes = undefined;
        continue;
      }
      const seen = this.#servers.redirect(reply, ASK.operation, path);
      if (best === undefined || suspicion(seen.server) < suspicion(best.server)) best = seen;
      if (suspicion(best.server) < 0) break;
    }
    if (best === undefined) throw new RangeError('no call was made');
    return best;
  }

  async #send(
    destination: Destination,
    { upload, sum, signal }: { upload: Upload; sum: HdfsChecksum; signal: AbortSignal },
  ): Promise<UploadReply> {
    const { limits, tls } = this.#servers;
    const { server } = destination;
    const pieces = new WatchedPieces(upload.pieces);
    try {
      return await uploadBody(destination, {
        lengthBytes: upload.lengthBytes,
        pieces,
        onPiece: (piece) => sum.update(piece),
        connectMs: limits.connectMs,
        inactivityMs: limits.inactivityMs,
        uploadAnswerMs: limits.uploadAnswerMs,
        totalMs: limits.uploadBaseMs + (upload.lengthBytes / limits.minBytesPerSecond) * 1000,
        tls,
        signal,
      });
    } catch (error) {
      // The bytes could not be had, or were not as many as was said: no fault of the server.
      if (pieces.failure !== undefined) throw pieces.failure.error;
      if (error instanceof RangeError) throw error;
      const peer: Peer = this.#facts.takesBodyItself ? 'httpfs' : 'datanode';
      const failure = connectionError(error, { peer, operation: OPERATION, server }, signal);
      if (failure.code !== 'aborted') this.#failed.add(server);
      throw failure;
    }
  }
}

/** Remembers a failure of the source of the bytes, so that it is not taken for the network's. */
class WatchedPieces implements AsyncIterable<Uint8Array> {
  failure: { readonly error: unknown } | undefined;
  readonly #pieces: AsyncIterable<Uint8Array>;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#pieces;
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}

/** Only addresses can match, so only they are said. Where several DataNodes share one, asking again does the rest. */
function excludedAddresses(servers: readonly string[]): string | undefined {
  const hosts = [...servers]
    .map((server) => server.slice(0, server.lastIndexOf(':')))
    .filter((host) => IPV4.test(host));
  return hosts.length === 0 ? undefined : [...new Set(hosts)].join(',');
}

function partsOf({
  code,
  operation,
  place,
  message,
  hint,
  cause,
}: GatewayError): Omit<ConstructorParameters<typeof GatewayError>[0], 'retry'> {
  return { code, operation, place, message, hint, cause };
}

function cutShort(place: string, status: number): GatewayError {
  return new GatewayError({
    code: 'transport',
    operation: OPERATION,
    place,
    message: `HTTP ${status} came before the last byte was sent.`,
    retry: 'backoff',
    hint: 'Something between this gateway and the cluster answers in its place.',
  });
}

/** For the callers that create a small file from memory. */
export async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
