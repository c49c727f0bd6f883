import type { Clock } from '../../telemetry/clock.ts';
import { isGatewayError } from '../../../shared/errors.ts';
import { objectIn } from './file-status.ts';
import type { AnsweredChecksum, ChecksumForm } from './hdfs-checksum.ts';
import type { HdfsServers } from './hdfs-servers.ts';

/** The defaults of a cluster change with a restart of its NameNode at most. */
const DEFAULTS_TTL_MS = 10 * 60_000;
/** Files between their upload and their verification. */
const MAX_PENDING = 256;
/** `DataChecksum.Type` in Hadoop. */
const CRC_TYPES: Readonly<Record<number, ChecksumForm['crcType']>> = { 1: 'CRC32', 2: 'CRC32C' };

interface ServerDefaults {
  readonly blockSizeBytes: number;
  readonly bytesPerCrc: number;
  readonly crcType: ChecksumForm['crcType'] | undefined;
}

/**
 * In which form the cluster will sum a file, known before the first byte goes out: the block size is said explicitly in each
 * upload; CRC type and piece size come from the NameNode's GETSERVERDEFAULTS. They are really the DataNode's own settings, so an
 * answer in another form is believed and used from then on, and the file it was seen on counts as not comparable, not as damaged.
 */
export class ChecksumForms {
  readonly #servers: HdfsServers;
  readonly #clock: Clock;
  readonly #pending = new Map<string, ChecksumForm>();
  #defaults: { readonly value: ServerDefaults | undefined; readonly atMs: number } | undefined;
  #seen: Pick<ChecksumForm, 'crcType' | 'bytesPerCrc'> | undefined;

  constructor(servers: HdfsServers, clock: Clock) {
    this.#servers = servers;
    this.#clock = clock;
  }

  /** Undefined: the cluster can't be asked (older than 3.1) or does not sum with a CRC. */
  async formFor(
    path: string,
    blockSizeBytes: number | undefined,
    signal: AbortSignal,
  ): Promise<ChecksumForm | undefined> {
    const defaults = await this.#serverDefaults(signal);
    const numbers = this.#seen ?? defaults;
    const blockSize = blockSizeBytes ?? defaults?.blockSizeBytes;
    if (numbers?.crcType === undefined || blockSize === undefined || blockSize % numbers.bytesPerCrc !== 0)
      return undefined;
    const form = { crcType: numbers.crcType, bytesPerCrc: numbers.bytesPerCrc, blockSizeBytes: blockSize };
    this.#pending.set(path, form);
    const [oldest] = this.#pending.keys();
    if (this.#pending.size > MAX_PENDING && oldest !== undefined) this.#pending.delete(oldest);
    return form;
  }

  /** Undefined when the answer can be compared with what was computed for this path; else why not. */
  obstacle(path: string, answer: AnsweredChecksum): string | undefined {
    const form = this.#pending.get(path);
    this.#pending.delete(path);
    if (form === undefined || answer.crcType === undefined || answer.bytesPerCrc === undefined)
      return undefined;
    if (answer.crcType === form.crcType && answer.bytesPerCrc === form.bytesPerCrc) return undefined;
    this.#seen = { crcType: answer.crcType, bytesPerCrc: answer.bytesPerCrc };
    return `the cluster sums with ${answer.bytesPerCrc}${answer.crcType}, not with ${form.bytesPerCrc}${form.crcType} as its defaults say`;
  }

  async #serverDefaults(signal: AbortSignal): Promise<ServerDefaults | undefined> {
    const nowMs = this.#clock.steadyMs();
    if (this.#defaults === undefined || nowMs - this.#defaults.atMs > DEFAULTS_TTL_MS) {
      this.#defaults = { value: await this.#ask(signal), atMs: nowMs };
    }
    return this.#defaults.value;
  }

  async #ask(signal: AbortSignal): Promise<ServerDefaults | undefined> {
    const operation = 'ask for the cluster’s defaults';
    try {
      const call = {
        method: 'GET',
        op: 'GETSERVERDEFAULTS',
        path: '/',
        operation,
        isRepeatable: true,
      } as const;
      const { body } = await this.#servers.call(call, signal);
      const { blockSize, bytesPerChecksum, checksumType } = objectIn(body, 'FsServerDefaults', '/');
      if (typeof blockSize !== 'number' || typeof bytesPerChecksum !== 'number' || bytesPerChecksum <= 0)
        return undefined;
      const crcType = typeof checksumType === 'number' ? CRC_TYPES[checksumType] : undefined;
      return { blockSizeBytes: blockSize, bytesPerCrc: bytesPerChecksum, crcType };
    } catch (error) {
      // An older Hadoop does not know the question; any other failure is the upload's failure too.
      if (isGatewayError(error) && error.code === 'namenode-refused') return undefined;
      throw error;
    }
  }
}
