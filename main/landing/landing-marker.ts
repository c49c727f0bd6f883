/**
 * The marker (exactly-once.md §5): what the target remembers of our landing, so that a state directory that is not the newest
 * one never lands what has landed already.
 *
 * Promise: no file takes its final name while the target knows of a landing step that our database does not, or while another
 * copy of our state directory lands files.
 *
 * 1. A *step* is counted before every RENAME: first durably in our database, then on the marker, then the RENAME goes out. So at
 *    any moment, whatever crashes, the database's count is at least the marker's. A marker that is ahead means that our database
 *    is an older one: a restored image. Nothing lands then, because files of its backlog may stand in HDFS under other names.
 * 2. Every start writes a nonce of its own, durably in the database and then on the marker, and looks for it before every step.
 *    Another nonce there is another engine that runs on a copy of our state directory: a clone. Between the look and the write
 *    a clone may do the same; then both have counted one step, and both are refused at the next.
 * 3. A marker that vanished proves nothing: it is written anew, and said.
 * 4. A write of an earlier start that comes late (a create that hung in a proxy) is not a clone: the note remembers which nonces
 *    were ours, each with the last step it took. Nothing up to that step is news to our database; a step beyond it is a clone's.
 *
 * 5. A state directory that is written off (written-off.ts: its disk was lost, another one took over) takes no step any more.
 *
 * The marker is a directory `<root>/.headgate/<gateway id>/<state id>.<sink>` with attributes; where the target has none, the
 * name of the file in it says the same. One step serves all files that wait for one.
 */
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import type { CrashPoint } from '../telemetry/crash-point.ts';
import type { LandingEvent } from './lander-status.ts';
import type { LanderSettings } from './lander-settings.ts';
import { stampOrFalse } from './stamp-or-false.ts';
import type { Target } from './target.ts';
import { writtenOffAmong, writtenOffIn } from './written-off.ts';

/** The database's side: notes that are durable when the promise resolves. */
export interface MarkerNotes {
  readNote(name: string): Promise<string | undefined>;
  writeNote(name: string, value: string): Promise<void>;
}

export interface MarkerParts {
  readonly settings: Pick<LanderSettings, 'sink' | 'stateId' | 'markerDirectory'>;
  readonly store: MarkerNotes;
  readonly target: Pick<
    Target,
    'namespace' | 'mkdirs' | 'stamp' | 'attributes' | 'create' | 'list' | 'remove'
  >;
  readonly random: () => number;
  readonly report: (event: LandingEvent) => void;
  readonly crashPoint: (name: CrashPoint) => void;
}

/** What the marker says. */
interface Marker {
  readonly step: number;
  readonly nonce: string;
}

/** What our database says of it; `past` holds the nonces of earlier starts, each with the last step taken under it. */
interface MarkerNote extends Marker {
  readonly past: readonly (readonly [nonce: string, step: number])[];
}

/** Starts that are remembered; a write that comes later than so many starts looks like a clone's. */
const MAX_PAST = 64;

const FILE_NAME = /^step-(\d{1,15})-([a-z0-9]{1,20})$/;

export class LandingMarker {
  readonly #parts: MarkerParts;
  readonly #nonce: string;
  readonly #path: string;
  #checkedNamespace: string | undefined;
  /** Once it was ours, only another engine can have changed it. */
  #wasOurs = false;
  #step = 0;
  #past: ReadonlyMap<string, number> = new Map();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(parts: MarkerParts) {
    const { markerDirectory, stateId, sink } = parts.settings;
    this.#parts = parts;
    this.#nonce = Array.from({ length: 2 }, () => Math.floor(parts.random() * 36 ** 6).toString(36)).join('');
    this.#path = `${markerDirectory}/${stateId}.${sink}`;
  }

  /**
   * The target's namespace, once the marker there is known to agree with our database. Throws `state-outdated`, `state-cloned`,
   * and what the target and the store throw.
   */
  async checkedNamespace(signal: AbortSignal): Promise<string> {
    const { store, target, report, settings } = this.#parts;
    const namespace = await target.namespace(signal);
    if (this.#checkedNamespace === namespace) return namespace;
    const key = this.#noteKey(namespace);
    const note = parseNote(await store.readNote(key));
    this.#past = this.#pastOf(note);
    const seen = await this.#read(signal);
    if (seen !== undefined) this.#compare(seen, note);
    if (seen === undefined && note !== undefined && note.step > 0)
      report({ kind: 'marker-missing', sink: settings.sink, path: this.#path });
    this.#step = note?.step ?? 0;
    await this.#note(namespace);
    await this.#write(signal);
    this.#checkedNamespace = namespace;
    this.#wasOurs = true;
    return namespace;
  }

  /** To be called before a RENAME; resolves when the step stands in the database and on the marker. Throws as above. */
  advance(signal: AbortSignal): Promise<void> {
    if (this.#next !== undefined) return this.#next;
    if (this.#running === undefined) return (this.#running = this.#advanced(signal));
    const begin = (): Promise<void> => {
      this.#next = undefined;
      return (this.#running = this.#advanced(signal));
    };
    // Whoever waited for the step before hears of its failure; this one is tried all the same.
    return (this.#next = this.#running.then(begin, begin));
  }

  async #advanced(signal: AbortSignal): Promise<void> {
    try {
      const namespace = await this.checkedNamespace(signal);
      this.#step++;
      await this.#note(namespace);
      const seen = await this.#read(signal);
      const isOurs = seen?.nonce === this.#nonce && seen.step < this.#step;
      if (seen !== undefined && !isOurs && !this.#isOfThePast(seen)) {
        // The next try begins with the whole comparison.
        this.#checkedNamespace = undefined;
        throw this.#cloned();
      }
      await this.#write(signal);
      this.#parts.crashPoint('land.after-marker');
    } finally {
      this.#running = undefined;
    }
  }

  #compare(seen: Marker, note: MarkerNote | undefined): void {
    const isKnown = note === undefined || this.#isKnown(seen);
    if (this.#wasOurs && !isKnown) throw this.#cloned();
    if (seen.step > (note?.step ?? 0)) throw this.#outdated(seen.step, note?.step ?? 0);
    if (!isKnown) throw this.#cloned();
  }

  #isKnown(seen: Marker): boolean {
    return seen.nonce === this.#nonce || this.#isOfThePast(seen);
  }

  /** A step that our database knows of, taken before this start. */
  #isOfThePast({ nonce, step }: Marker): boolean {
    return step <= (this.#past.get(nonce) ?? -1);
  }

  #pastOf(note: MarkerNote | undefined): ReadonlyMap<string, number> {
    if (note === undefined || note.nonce === this.#nonce) return new Map(note?.past);
    return new Map([...note.past.slice(1 - MAX_PAST), [note.nonce, note.step]]);
  }

  async #note(namespace: string): Promise<void> {
    const note: MarkerNote = { step: this.#step, nonce: this.#nonce, past: [...this.#past] };
    await this.#parts.store.writeNote(this.#noteKey(namespace), JSON.stringify(note));
  }

  /** Another root or another cluster has a marker of its own. */
  #noteKey(namespace: string): string {
    const { sink, markerDirectory } = this.#parts.settings;
    return `landing-step:${sink}:${namespace}:${markerDirectory}`;
  }

  async #read(signal: AbortSignal): Promise<Marker | undefined> {
    const { target } = this.#parts;
    const attributes = await target.attributes(this.#path, signal);
    this.#refuseWrittenOff(writtenOffIn(attributes));
    const { step, instance } = attributes ?? {};
    if (step !== undefined && instance !== undefined) return marker(step, instance, this.#path);
    const entries = (await target.list(this.#path, signal)) ?? [];
    this.#refuseWrittenOff(writtenOffAmong(entries));
    return (
      entries
        .flatMap(({ name }) => {
          const [, digits, nonce] = FILE_NAME.exec(name) ?? [];
          return digits === undefined || nonce === undefined ? [] : [marker(digits, nonce, this.#path)];
        })
        // What is not ours is the one to know of; then the highest step.
        .sort((a, b) => Number(this.#isKnown(a)) - Number(this.#isKnown(b)) || b.step - a.step)[0]
    );
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { target } = this.#parts;
    await target.mkdirs(this.#path, signal);
    const attributes = { step: String(this.#step), instance: this.#nonce };
    if (await stampOrFalse(() => target.stamp(this.#path, attributes, signal))) return;
    const name = `step-${this.#step}-${this.#nonce}`;
    try {
      await target.create(`${this.#path}/${name}`, { lengthBytes: 0, pieces: nothing() }, signal);
    } catch (error) {
      // The reply to an earlier try was lost; the name is all that the file says.
      if (!isGatewayError(error) || error.code !== 'file-exists') throw error;
    }
    for (const entry of (await target.list(this.#path, signal)) ?? [])
      if (FILE_NAME.test(entry.name) && entry.name !== name)
        await target.remove(`${this.#path}/${entry.name}`, signal);
  }

  /** Another state directory was rebuilt in place of this one, and fetched what it holds: nothing of it may land any more. */
  #refuseWrittenOff(by: string | undefined): void {
    if (by === undefined) return;
    throw new GatewayError({
      code: 'state-cloned',
      operation: 'compare the marker at the target',
      place: this.#path,
      message: `This state directory was given up as lost; ${by} was recovered in its place and lands what it holds.`,
      retry: 'backoff',
      hint: 'Stop this engine for good, and keep its state directory for whoever asks. A gateway goes on from an empty one.',
    });
  }

  #outdated(there: number, here: number): GatewayError {
    return new GatewayError({
      code: 'state-outdated',
      operation: 'compare the marker at the target',
      place: this.#path,
      message: `The target knows of ${there} landing steps of this state directory, its database of ${here}: it was restored from an older copy.`,
      retry: 'backoff',
      hint: 'Put the newest copy of the state directory back. Nothing lands meanwhile, because its backlog may have landed already.',
    });
  }

  #cloned(): GatewayError {
    return new GatewayError({
      code: 'state-cloned',
      operation: 'compare the marker at the target',
      place: this.#path,
      message: 'Another engine lands files from a copy of this state directory.',
      retry: 'backoff',
      hint: 'Stop one of the two machines for good: only one may go on, or events land twice. Then restart this engine.',
    });
  }
}

function parseNote(text: string | undefined): MarkerNote | undefined {
  if (text === undefined) return undefined;
  // Engines of before 2026-11-21 noted only the nonce that stood there when theirs was written.
  const { step, nonce, previous, past } = JSON.parse(text) as MarkerNote & { readonly previous?: string };
  if (!Number.isSafeInteger(step) || typeof nonce !== 'string')
    throw new Error(`not a marker's note: ${text}`);
  return { step, nonce, past: past ?? (previous === undefined ? [] : [[previous, step]]) };
}

function marker(step: string, nonce: string, path: string): Marker {
  const value = Number(step);
  if (Number.isSafeInteger(value) && value >= 0) return { step: value, nonce };
  throw new GatewayError({
    code: 'state-outdated',
    operation: 'compare the marker at the target',
    place: path,
    message: 'The marker can’t be read: somebody wrote over it.',
    retry: 'backoff',
    hint: 'Remove the marker when this gateway’s state directory is certainly the newest one; it is written anew.',
  });
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // A file of no bytes.
}
