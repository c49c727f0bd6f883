/**
 * One small file on its whole way: directory made, file written, its length and checksum compared, attributes set, renamed, removed.
 *
 * Promise: nothing stays behind. Everything stands in a directory whose name nobody else has (`.headgate-doctor-<random>` below the sink's root),
 * and that directory goes with all that is in it, also after a failure and after the run was cancelled: taking it away has a time of its own.
 * A DataNode that was silent and is late can't bring the file back, because its directory is gone and none is made for it (`createparent=false`); HttpFS
 * does not heed that, so after a failure it is looked for a few times more.
 * Killed in the middle, the directory stays, hidden from jobs by its dot; the next run removes those that are older than an hour.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import local, { posix } from 'node:path';
import type { SinkConfig } from '../../../shared/contract/config.ts';
import { GatewayError, toErrorReport, type ErrorCode } from '../../../shared/errors.ts';
import { HOUR_MS, SECOND_MS } from '../../../shared/units.ts';
import type { Target } from '../../landing/target.ts';
import { createTarget, type TargetSettings } from '../../sinks/create-target.ts';
import { HdfsSurvey } from '../../sinks/hdfs/hdfs-survey.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { Outcome } from './check-list.ts';

export const PROBE_PREFIX = '.headgate-doctor-';
const PROBE_BYTES = 64 * 1024;
const NONCE_BYTES = 8;
/** For taking away, after the run's own time. */
const CLEANING_LIMIT_MS = 8 * SECOND_MS;
const LATE_LOOKS = 3;
const LATE_LOOK_MS = 300;
const LEFT_BEHIND_MS = HOUR_MS;
const LEFT_BEHIND_MAX = 20;

export interface ProbePlan {
  readonly root: string;
  readonly sink: SinkConfig;
  readonly settings: TargetSettings;
  readonly clock: Clock;
}

/** Throws what fails, with what it could not take away in the message. */
export async function probe(plan: ProbePlan, signal: AbortSignal): Promise<Outcome> {
  const target = createTarget(plan.settings, plan.clock);
  const ground = new ProbeGround(plan, target);
  try {
    const outcome = await writeAndCompare(plan, { target, ground, signal });
    await ground.clean(signal);
    return outcome;
  } catch (error) {
    ground.isUncertain = true;
    const left = await ground.cleanAfterFailure();
    if (left === undefined) throw error;
    throw leftBehind(error, left);
  } finally {
    await target.close();
    ground.close();
  }
}

async function writeAndCompare(
  { sink }: ProbePlan,
  work: { readonly target: Target; readonly ground: ProbeGround; readonly signal: AbortSignal },
): Promise<Outcome> {
  const { target, ground, signal } = work;
  await ground.removeLeftBehind(signal);
  await ground.make(signal);
  const [temp, final] = [`${ground.directory}/.probe.tmp`, `${ground.directory}/probe`];
  const bytes = randomBytes(PROBE_BYTES);
  const isHdfs = sink.type === 'hdfs';
  const sent = await target.create(
    temp,
    {
      lengthBytes: bytes.length,
      pieces: piecesOf(bytes),
      isParentRequired: true,
      permission: sink.permission,
      replication: isHdfs ? sink.replication : undefined,
      blockSizeBytes: isHdfs ? sink.blockSizeBytes : undefined,
    },
    signal,
  );
  const stat = await target.stat(temp, signal);
  if (stat?.lengthBytes !== bytes.length)
    throw different(temp, `it is ${stat?.lengthBytes ?? 0} bytes long, not ${bytes.length}`);
  const sum = await target.checksum(temp, signal);
  if ('value' in sum && sent.checksum !== undefined && sum.value !== sent.checksum)
    throw different(temp, 'its checksum is not that of the bytes sent', 'checksum-mismatch');
  const isStamped = await target.stamp(temp, { probe: 'doctor' }, signal);
  const { renamed, why } = await target.rename(temp, final, signal);
  if (!renamed) throw different(final, `it was not renamed: ${why ?? 'unknown'}`, 'rename-uncertain');
  if ((await target.stat(final, signal)) === undefined)
    throw different(final, 'it is not there after its rename', 'rename-uncertain');
  await target.remove(final, signal);
  const server = sent.server === undefined ? '' : ` at ${sent.server}`;
  const done = `a file was written${server}, verified, renamed and removed`;
  if ('unavailable' in sum)
    return {
      state: 'warning',
      message: `${done}; its checksum can't be compared: ${sum.unavailable}`,
      hint: 'Lengths are compared all the same; landed files say so in the ledger.',
    };
  // A directory has none anywhere, and landing knows it.
  if (!isStamped && isHdfs)
    return {
      state: 'warning',
      message: `${done}; it takes no attributes`,
      hint: 'Landing writes a small hidden file beside each file instead; see dfs.namenode.xattrs.enabled.',
    };
  return { state: 'ok', message: done };
}

/** The directory of one probe, and the directories above it that were not there before. */
class ProbeGround {
  readonly directory: string;
  /** A write may still become a file. */
  isUncertain = false;
  readonly #plan: ProbePlan;
  readonly #target: Target;
  readonly #survey: HdfsSurvey | undefined;
  /** Deepest first. */
  #made: readonly string[] = [];
  #isMade = false;

  constructor(plan: ProbePlan, target: Target) {
    this.#plan = plan;
    this.#target = target;
    this.#survey = plan.settings.type === 'hdfs' ? new HdfsSurvey(plan.settings) : undefined;
    const root = plan.root.replace(/\/$/, '');
    this.directory = `${root}/${PROBE_PREFIX}${randomBytes(NONCE_BYTES).toString('hex')}`;
  }

  async make(signal: AbortSignal): Promise<void> {
    const { root } = this.#plan;
    const missing: string[] = [];
    const paths = this.#survey === undefined ? local : posix;
    for (
      let path = root;
      path !== paths.dirname(path) && !(await this.#exists(path, signal));
      path = paths.dirname(path)
    )
      missing.push(path);
    this.#made = missing;
    // From here on it may be there, whatever the answer is.
    this.#isMade = true;
    await this.#target.mkdirs(this.directory, signal);
  }

  async clean(signal: AbortSignal): Promise<void> {
    if (!this.#isMade) return;
    await this.#removeTree(this.directory, signal);
    // A gateway may land in them by now: then they are not empty, and stay.
    for (const path of this.#made) if (!(await this.#removeEmpty(path, signal))) return;
  }

  /** What could not be taken away; undefined: nothing is left. */
  async cleanAfterFailure(): Promise<string | undefined> {
    const signal = AbortSignal.timeout(CLEANING_LIMIT_MS);
    try {
      await this.clean(signal);
      for (let look = 0; this.isUncertain && this.#isMade && look < LATE_LOOKS; look++) {
        await this.#plan.clock.sleep(LATE_LOOK_MS, signal);
        if (await this.#exists(this.directory, signal)) await this.clean(signal);
      }
      return undefined;
    } catch (error) {
      return `${this.directory} (${toErrorReport(error).message})`;
    }
  }

  /** Of runs that were killed. */
  async removeLeftBehind(signal: AbortSignal): Promise<void> {
    const { root, clock } = this.#plan;
    // Asked first: a listing of a root that is not there is refused in its own way by each kind of target.
    if (!(await this.#exists(root, signal))) return;
    const entries = (await this.#target.list(root, signal)) ?? [];
    const old = entries.filter(({ name, type }) => type === 'directory' && name.startsWith(PROBE_PREFIX));
    for (const { name } of old.slice(0, LEFT_BEHIND_MAX)) {
      const path = `${root.replace(/\/$/, '')}/${name}`;
      const stat = await this.#target.stat(path, signal);
      if (stat !== undefined && clock.nowMs() - stat.modifiedAtMs > LEFT_BEHIND_MS)
        await this.#removeTree(path, signal);
    }
  }

  close(): void {
    this.#survey?.close();
  }

  async #exists(path: string, signal: AbortSignal): Promise<boolean> {
    // A directory target looks no further up than its root.
    if (this.#survey !== undefined) return (await this.#survey.directory(path, signal)) !== undefined;
    return existsSync(path);
  }

  async #removeTree(path: string, signal: AbortSignal): Promise<void> {
    if (this.#survey !== undefined) await this.#survey.removeDirectory(path, true, signal);
    else await rm(path, { recursive: true, force: true });
  }

  async #removeEmpty(path: string, signal: AbortSignal): Promise<boolean> {
    if (this.#survey !== undefined) return this.#survey.removeDirectory(path, false, signal);
    try {
      await rmdir(path);
      return true;
    } catch (error) {
      const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
      if (code === 'ENOENT' || code === 'ENOTEMPTY' || code === 'EEXIST') return false;
      throw error;
    }
  }
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function different(place: string, what: string, code: ErrorCode = 'length-mismatch'): GatewayError {
  return new GatewayError({
    code,
    operation: 'write a probe file',
    place,
    message: `the file is not what was sent: ${what}`,
    retry: 'never',
    hint: 'Something between this machine and the target changes or drops bytes: a proxy, or a gateway before HDFS.',
  });
}

function leftBehind(error: unknown, left: string): GatewayError {
  const { code, operation, place, message, hint } = toErrorReport(error);
  return new GatewayError({
    ...{ code, operation, place, hint },
    message: `${message}; and this could not be taken away: ${left}`,
    retry: 'never',
    cause: error,
  });
}
