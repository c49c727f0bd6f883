/**
 * Writes the markers of complete directories (`_SUCCESS`), which the channel decided durably (completeness-store.ts).
 *
 * Promise: nothing is ever overwritten, and a marker stands under its name whole or not at all.
 *
 * 1. A marker is a small file: written under a hidden temp name of its own attempt, which is durable before it is created, looked at
 *    again, and renamed without overwrite. Revision 1 has the configured name, revision n the name and `.r<n>`.
 * 2. Before each try the final name is looked at. Ours, by state id and moment of the decision, means that an earlier try came through and
 *    its answer was lost. Another one of Headgate's (a marker that is forgotten here, or one of another gateway for a decision that did
 *    not name us) keeps its name, and the next revision is tried. One that another gateway wrote for the same decision stands for
 *    ours. Anything else is foreign: it stays, an alarm says so, and it is looked at again.
 * 3. While writing is paused nothing is written. Before the first write the gateway's own marker is checked (landing-marker.ts): a
 *    restored or cloned state directory marks nothing.
 *
 * Crash argument: the row goes after the marker stands, so a crash anywhere before makes the next start look again: it finds its own
 * marker (done), or none (another attempt). Temp names are removed once the marker stands; the row knows them all until then.
 */
import type { OpenMarker } from '../../shared/model/completeness.ts';
import { COMPLETENESS_MARK } from '../../shared/model/completeness.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { CrashPoint } from '../telemetry/crash-point.ts';
import { backoffMs } from './backoff.ts';
import { pathIn } from './file-name.ts';
import type { LandingEvent } from './lander-status.ts';
import type { LanderSettings } from './lander-settings.ts';
import { asGatewayError } from './landing-failure.ts';
import type { Target } from './target.ts';

/** The channel's side; each call that changes something is durable when it resolves. */
export interface MarkerQueue {
  openMarkers(sink: string): Promise<readonly OpenMarker[]>;
  markerAttempt(id: number, tempPath: string): Promise<void>;
  markerTaken(id: number): Promise<void>;
  markerWritten(id: number): Promise<void>;
  isPaused(sink: string): Promise<boolean>;
  onChange(sink: string, listener: () => void): () => void;
}

export interface CompletenessWriterParts {
  readonly settings: Pick<LanderSettings, 'sink' | 'stateId' | 'gatewayId' | 'permission'> & {
    /** Name of the first marker of a directory. */
    readonly markerName: string;
  };
  readonly queue: MarkerQueue;
  readonly target: Pick<Target, 'stat' | 'open' | 'create' | 'rename' | 'remove'>;
  /** Throws while this state directory must not land anything. */
  readonly checkedNamespace: (signal: AbortSignal) => Promise<string>;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: (event: LandingEvent) => void;
  readonly crashPoint: (name: CrashPoint) => void;
}

/** Larger files under a marker's name are none of ours. */
const MARKER_BYTES_MAX = 4 * 1024 * 1024;
/** Without news it looks this often; a decision wakes it. */
const LOOK_MS = 30_000;
/** A name that somebody else holds is looked at again after this. */
const FOREIGN_LOOK_MS = 60_000;

type Outcome = 'written' | 'again' | 'foreign';

export function markerName(name: string, revision: number): string {
  return revision <= 1 ? name : `${name}.r${revision}`;
}

export class CompletenessWriter {
  readonly #parts: CompletenessWriterParts;
  #failures = 0;
  #wake: (() => void) | undefined;
  #isWoken = false;
  /** Markers whose name is somebody else's, and when they are looked at again. */
  readonly #foreign = new Map<number, number>();

  constructor(parts: CompletenessWriterParts) {
    this.#parts = parts;
  }

  /** Until the signal aborts. Rejects for programmer errors only. */
  async run(signal: AbortSignal): Promise<void> {
    const { queue, settings, clock } = this.#parts;
    const wake = (): void => {
      this.#isWoken = true;
      this.#wake?.();
    };
    signal.addEventListener('abort', wake);
    const unsubscribe = queue.onChange(settings.sink, wake);
    try {
      while (!signal.aborted) {
        this.#isWoken = false;
        const waitMs = await this.look(signal);
        // News are no reason to try sooner what has just failed.
        if (!this.#isWoken || this.#failures > 0) await this.#sleep(waitMs, { clock, signal });
      }
    } finally {
      unsubscribe();
      signal.removeEventListener('abort', wake);
    }
  }

  /** One look at what is to be written; answers when the next should be. */
  async look(signal: AbortSignal): Promise<number> {
    const { queue, settings, clock, random, report } = this.#parts;
    let at: OpenMarker | undefined;
    try {
      const markers = await queue.openMarkers(settings.sink);
      const due = markers.filter((marker) => (this.#foreign.get(marker.id) ?? 0) <= clock.nowMs());
      if (due.length === 0 || (await queue.isPaused(settings.sink))) return LOOK_MS;
      await this.#parts.checkedNamespace(signal);
      for (const marker of due) {
        at = marker;
        if (signal.aborted) return 0;
        await this.#writeOne(marker, signal);
      }
      this.#failures = 0;
      return this.#foreign.size > 0 ? FOREIGN_LOOK_MS : LOOK_MS;
    } catch (thrown) {
      const error = asGatewayError(thrown, 'write a completeness marker', at?.directory ?? settings.sink);
      if (signal.aborted && error.code === 'aborted') return 0;
      this.#failures++;
      const waitMs = backoffMs(this.#failures, error.retry, random);
      report({
        kind: 'marker-waits',
        directory: at?.directory ?? '',
        isForeign: false,
        nextTryMs: clock.nowMs() + waitMs,
        why: toErrorReport(error),
      });
      return waitMs;
    }
  }

  async #writeOne(marker: OpenMarker, signal: AbortSignal): Promise<void> {
    let current = marker;
    for (;;) {
      const path = this.#pathOf(current);
      const outcome = await this.#tryOne(current, path, signal);
      if (outcome === 'written' && (await this.#finish(current, path, signal))) return;
      if (outcome === 'foreign') return this.#isForeign(current, path);
      const { queue, settings } = this.#parts;
      const found = (await queue.openMarkers(settings.sink)).find(({ id }) => id === current.id);
      if (found === undefined) return;
      current = found;
    }
  }

  /** `again`: what is known of the marker changed, or its name filled under our hands. */
  async #tryOne(marker: OpenMarker, path: string, signal: AbortSignal): Promise<Outcome> {
    const { target, queue, settings, crashPoint, random } = this.#parts;
    const text = contentOf(marker);
    const there = await this.#whatStands(path, text, signal);
    if (there === 'ours') return 'written';
    if (there === 'foreign') return 'foreign';
    if (there === 'taken') {
      await queue.markerTaken(marker.id);
      return 'again';
    }
    const nonce = Math.floor(random() * 36 ** 8).toString(36);
    const name = markerName(settings.markerName, marker.revision);
    const temp = pathIn(marker.directory, `.${name}.${settings.gatewayId}.${nonce}.tmp`);
    await queue.markerAttempt(marker.id, temp);
    const bytes = Buffer.from(text);
    const how = { permission: settings.permission, isParentRequired: true };
    await target.create(temp, { lengthBytes: bytes.length, pieces: oneOf(bytes), ...how }, signal);
    crashPoint('complete.after-create');
    const stat = await target.stat(temp, signal);
    if (stat?.lengthBytes !== bytes.length) throw tornError(temp, stat?.lengthBytes, bytes.length);
    const { renamed } = await target.rename(temp, path, signal);
    crashPoint('complete.after-rename');
    if (renamed) return 'written';
    // Somebody was quicker, or the file is gone: the next round looks at what stands there.
    await target.remove(temp, signal);
    return 'again';
  }

  /** False: what was seen under the name is not there any more. */
  async #finish(marker: OpenMarker, path: string, signal: AbortSignal): Promise<boolean> {
    const { target, queue, report, settings } = this.#parts;
    const latest = (await queue.openMarkers(settings.sink)).find(({ id }) => id === marker.id);
    for (const temp of latest?.tempPaths ?? []) await target.remove(temp, signal);
    // A dying NameNode can show a rename that it never journaled; one that has just taken a write tells the truth.
    if ((await target.stat(path, signal)) === undefined) return false;
    await queue.markerWritten(marker.id);
    this.#foreign.delete(marker.id);
    report({ kind: 'marker-written', directory: marker.directory, path, revision: marker.revision });
    return true;
  }

  #isForeign(marker: OpenMarker, path: string): void {
    const { clock, report } = this.#parts;
    const nextTryMs = clock.nowMs() + FOREIGN_LOOK_MS;
    this.#foreign.set(marker.id, nextTryMs);
    report({
      kind: 'marker-waits',
      directory: marker.directory,
      isForeign: true,
      nextTryMs,
      why: toErrorReport(foreignError(path)),
    });
  }

  /** `taken`: by a marker of Headgate's that is not this one. */
  async #whatStands(
    path: string,
    text: string,
    signal: AbortSignal,
  ): Promise<'nothing' | 'ours' | 'taken' | 'foreign'> {
    const { target } = this.#parts;
    const stat = await target.stat(path, signal);
    if (stat === undefined) return 'nothing';
    if (stat.type !== 'file' || stat.lengthBytes > MARKER_BYTES_MAX) return 'foreign';
    const found = parsed(await textOf(target, path, signal));
    const ours = parsed(text);
    if (found?.['headgate'] !== COMPLETENESS_MARK || found['directory'] !== ours?.['directory'])
      return 'foreign';
    const isSame = ['stateId', 'decided', 'revision', 'sink'].every((key) => found[key] === ours?.[key]);
    if (isSame) return 'ours';
    const gateways: unknown = found['gateways'];
    // The first marker of a directory is decided by all gateways together; who comes second finds it there, unless files of its own
    // landed after that decision.
    const isJoint =
      found['stateId'] !== ours?.['stateId'] &&
      found['revision'] === 1 &&
      ours?.['revision'] === 1 &&
      Array.isArray(gateways) &&
      gateways.includes(this.#parts.settings.gatewayId) &&
      String(ours['lastLanded']) <= String(found['decided']);
    return isJoint ? 'ours' : 'taken';
  }

  #pathOf(marker: OpenMarker): string {
    return pathIn(marker.directory, markerName(this.#parts.settings.markerName, marker.revision));
  }

  async #sleep(
    ms: number,
    { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  ): Promise<void> {
    if (signal.aborted) return;
    const woken = new AbortController();
    this.#wake = (): void => {
      if (this.#failures === 0 || signal.aborted) woken.abort();
    };
    try {
      await clock.sleep(ms, woken.signal);
    } catch (error) {
      if (!woken.signal.aborted) throw error;
    } finally {
      this.#wake = undefined;
    }
  }
}

function contentOf(marker: OpenMarker): string {
  const facts = JSON.parse(marker.facts) as Record<string, unknown>;
  const { headgate, version, directory, ...rest } = facts;
  return `${JSON.stringify({ headgate, version, directory, revision: marker.revision, ...rest }, undefined, 1)}\n`;
}

function parsed(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function textOf(target: Pick<Target, 'open'>, path: string, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of await target.open(path, signal)) pieces.push(Buffer.from(piece as Uint8Array));
  return Buffer.concat(pieces).toString('utf8');
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function tornError(place: string, there: number | undefined, sent: number): GatewayError {
  return new GatewayError({
    code: 'length-mismatch',
    operation: 'write a completeness marker',
    place,
    message: `The marker has ${there ?? 'no'} bytes in place, ${sent} were sent.`,
    retry: 'backoff',
    hint: 'It is written again under another name; look at the DataNodes if this goes on.',
  });
}

function foreignError(place: string): GatewayError {
  return new GatewayError({
    code: 'file-exists',
    operation: 'write a completeness marker',
    place,
    message: 'A file that is not Headgate’s stands under the marker’s name; it is left as it is.',
    retry: 'never',
    hint: 'Move it away, or choose another name with completeness.marker; the marker is written then.',
  });
}
