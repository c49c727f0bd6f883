import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { runAudit } from '../../main/audit/audit.ts';
import { ChannelChunkReader } from '../../main/channel/chunk-reader.ts';
import type { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { finalName, pathIn, sidecarPath, tempPath } from '../../main/landing/file-name.ts';
import { FileIdMaker } from '../../main/landing/file-id.ts';
import { fileStamp } from '../../main/landing/file-stamp.ts';
import type { Target } from '../../main/landing/target.ts';
import { createTarget } from '../../main/sinks/create-target.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import type { Clock } from '../../main/telemetry/clock.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { FilePlan, LandingKeySummary } from '../../shared/model/file-plan.ts';
import { openWriter, SINK, STATE_ID, TestDirectory } from '../channel/channel-fixture.ts';

export const GATEWAY = 'xian-gw-1';
/** Waits take no time: retries are counted, not waited for. */
export const hasty: Clock = { ...systemClock, sleep: () => Promise.resolve() };
/** Time runs away between any two looks: everything that is done in slices is cut wherever it may be. */
export function hurried(): Clock {
  let now = 0;
  return { ...hasty, steadyMs: () => (now += 1_000) };
}
const calm = new AbortController().signal;

export interface AuditWishes {
  /** Another state directory than the site's own. */
  readonly directory?: string;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
  readonly targets?: ReadonlyMap<string, Target>;
  readonly onProgress?: (report: () => AuditReport) => void;
}

/** A channel filled through its own writer, a target, and landing in few words: what an audit has before it. */
export class AuditedSite implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'headgate-audit-'));
  readonly writer: ChannelWriter = openWriter(this.directory);
  readonly root: string;
  readonly target: Target;
  readonly #ids = new FileIdMaker(STATE_ID, systemClock, Math.random);
  readonly #reader = new ChannelChunkReader(this.directory);

  /** Without a target of its own, files land in a directory beside the channel. */
  constructor(target?: { readonly target: Target; readonly root: string }) {
    this.root = target?.root ?? join(this.directory, 'landed');
    this.target = target?.target ?? createTarget({ type: 'directory', root: this.root });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#reader.close();
    this.writer.close();
    await this.target.close();
    rmSync(this.directory, { recursive: true });
  }

  keys(): Promise<readonly LandingKeySummary[]> {
    return this.writer.perform('keys', SINK);
  }

  audit(level: AuditReport['level'] = 'ledger', wishes: AuditWishes = {}): Promise<AuditReport> {
    return runAudit({
      id: 'a1',
      level,
      directory: wishes.directory ?? this.directory,
      gatewayId: GATEWAY,
      targets: wishes.targets ?? new Map([[SINK, this.target]]),
      clock: wishes.clock ?? hasty,
      signal: wishes.signal ?? calm,
      ...(wishes.onProgress === undefined ? {} : { onProgress: wishes.onProgress }),
    });
  }

  /** The books as they stand, in a directory of their own. */
  copy(): TestDirectory {
    const copy = new TestDirectory();
    const db = new Database(join(this.directory, 'channel.sqlite'), { readonly: true });
    db.prepare('VACUUM INTO ?').run(join(copy.path, 'channel.sqlite'));
    db.close();
    return copy;
  }

  /** Changes the books behind the writer's back. */
  tamper(sql: string, ...values: readonly unknown[]): number {
    const db = new Database(join(this.directory, 'channel.sqlite'));
    db.pragma('foreign_keys = OFF');
    const { changes } = db.prepare(sql).run(...values);
    db.close();
    return changes;
  }

  /** Lands everything that may land, one file a key; gives the final paths. */
  async landAll(maxEvents = 0): Promise<string[]> {
    const paths: string[] = [];
    for (const key of await this.keys()) {
      for (let isMore = true; isMore;) {
        const fileId = this.#ids.next();
        const name = finalName(key.key, fileId, { gatewayId: GATEWAY, hasCodecExtensionBeforeSuffix: true });
        const planned = await this.writer.perform('plan', {
          ...{ sink: SINK, landingKeyId: key.id, fileId, finalPath: pathIn(key.key.directory, name) },
          ...{ namespace: await this.target.namespace(calm), maxBytes: 0, maxEvents, nowMs: 1 },
        });
        if (planned !== undefined) paths.push(await this.#land(planned.plan));
        isMore = planned?.more ?? false;
      }
    }
    return paths;
  }

  async #land(plan: FilePlan): Promise<string> {
    const { fileId, finalPath } = plan;
    const options = { attempt: 1, nonce: 'abc', inUsePrefix: '', inUseSuffix: '.tmp' };
    const temp = tempPath(finalPath, fileId, options);
    await this.target.mkdirs(dirname(finalPath), calm);
    await this.writer.perform('startAttempt', fileId, { number: 1, tempPath: temp });
    const pieces: Uint8Array[] = [];
    for (const chunk of plan.chunks)
      pieces.push(inFile(await this.#reader.read(chunk), chunk.codec, plan.landingKey.codec));
    const bytes = Buffer.concat(pieces);
    const created = await this.target.create(temp, upload(bytes), calm);
    const { inode } = (await this.target.stat(temp, calm)) ?? { inode: undefined };
    await this.writer.perform('attemptUploaded', fileId, { number: 1, inode });
    const facts = { crc32c: created.crc32c, checksum: created.checksum };
    const stamp = fileStamp(plan, { gatewayId: GATEWAY, stateId: STATE_ID, ...facts });
    if (!(await this.target.stamp(temp, stamp.attributes, calm))) {
      const sidecar = Buffer.from(stamp.sidecar);
      await this.target.create(sidecarPath(dirname(finalPath), fileId), upload(sidecar), calm);
    }
    await this.writer.perform('startRename', fileId, 1);
    const { renamed } = await this.target.rename(temp, finalPath, calm);
    if (!renamed) throw new Error(`${finalPath} could not be renamed`);
    const landed = { finalPath, inode, ...facts, checksumNote: undefined, attempts: 1, landedAtMs: 10 };
    await this.writer.perform('landed', fileId, landed, undefined);
    return finalPath;
  }
}

function inFile(stored: Uint8Array, codec: string, fileCodec: string): Uint8Array {
  if (codec === fileCodec) return stored;
  return codec === 'gzip' ? gunzipSync(stored) : codec === 'zstd' ? zstdDecompressSync(stored) : stored;
}

function upload(bytes: Uint8Array) {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  return { lengthBytes: bytes.byteLength, pieces: pieces() };
}

/** Kinds and texts of the findings, for a message that says what was found instead. */
export function said(report: AuditReport): string[] {
  return report.findings.map(({ kind, place, what }) => `${kind} ${place}: ${what}`);
}
