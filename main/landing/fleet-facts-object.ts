/**
 * Where a gateway's facts stand: `<root>/.headgate/<gateway id>/<state id>.<sink>.facts`, a directory beside the step marker, which is
 * not touched by them.
 *
 * Promise: a reader finds whole facts, the newest that were written whole; and the facts of a state directory are written by one engine,
 * the one that goes on with the newest copy of it.
 *
 * 1. Short facts are the directory's attribute `facts`: replaced in one call of the NameNode. Longer ones, or all where the target has
 *    no attributes, stand in a file `facts-<sequence>.json`, which is written under a name that was never used, then pointed at by the
 *    attribute (`@name`), and only then the older ones go. A file that was cut off does not parse, and the one before it is read.
 * 2. The sequence is durable in our database before it is used. Facts at the target with a higher one were written by an engine that
 *    knows more than our database: ours was restored from an older copy, or is a clone's. Then nothing is written (the marker
 *    refuses landing as well), and the newer facts stay.
 */
import type { Readable } from 'node:stream';
import { isGatewayError } from '../../shared/errors.ts';
import {
  FACTS_BYTES_MAX,
  FACTS_INLINE_BYTES_MAX,
  formatFleetFacts,
  parseFleetFacts,
  type FactsEnd,
  type FleetFacts,
} from './fleet-facts.ts';
import type { MarkerNotes } from './landing-marker.ts';
import { stampOrFalse } from './stamp-or-false.ts';
import type { Target } from './target.ts';

const FOLDER = '.headgate';
const DIRECTORY_SUFFIX = '.facts';
const ATTRIBUTE = 'facts';
const FILE_NAME = /^facts-(\d{1,15})\.json$/;
const FILE_POINTER = '@';
/** Gateways, and facts of one gateway, that a reader looks at; a root has few, and a listing of many must not stop it. */
const GATEWAYS_MAX = 256;
const OBJECTS_MAX = 64;

type FactsTarget = Pick<
  Target,
  'mkdirs' | 'stamp' | 'attributes' | 'create' | 'list' | 'remove' | 'open' | 'namespace'
>;

/** One gateway's facts at a root, or a place where some should be that can't be read. */
export type FleetEntry =
  | { readonly path: string; readonly facts: FleetFacts }
  | { readonly path: string; readonly facts: undefined; readonly why: string };

/** Where the facts of one state directory for one sink stand; `markerDirectory` is `<root>/.headgate/<gateway id>`. */
export function factsPath(markerDirectory: string, stateId: string, sink: string): string {
  return `${markerDirectory}/${stateId}.${sink}${DIRECTORY_SUFFIX}`;
}

/** What all gateways published at a landing root, in the order of their paths. Throws what the target throws. */
export async function readFleet(
  target: FactsTarget,
  root: string,
  signal: AbortSignal,
): Promise<readonly FleetEntry[]> {
  const folder = `${root.replace(/\/$/, '')}/${FOLDER}`;
  const entries: FleetEntry[] = [];
  const gateways = directoriesIn(await target.list(folder, signal)).slice(0, GATEWAYS_MAX);
  for (const gateway of gateways) {
    const objects = directoriesIn(await target.list(`${folder}/${gateway}`, signal));
    for (const name of objects.filter((one) => one.endsWith(DIRECTORY_SUFFIX)).slice(0, OBJECTS_MAX)) {
      const path = `${folder}/${gateway}/${name}`;
      const facts = await readFacts(target, path, signal);
      entries.push(
        facts === undefined ? { path, facts, why: 'no facts that can be read stand there' } : { path, facts },
      );
    }
  }
  return entries;
}

function directoriesIn(entries: Awaited<ReturnType<Target['list']>>): string[] {
  return (entries ?? [])
    .filter(({ type }) => type === 'directory')
    .map(({ name }) => name)
    .sort();
}

/** The facts at a path, or undefined. Throws what the target throws. */
export async function readFacts(
  target: FactsTarget,
  path: string,
  signal: AbortSignal,
): Promise<FleetFacts | undefined> {
  const text = (await target.attributes(path, signal))?.[ATTRIBUTE];
  if (text !== undefined && !text.startsWith(FILE_POINTER)) return parseFleetFacts(text);
  const pointed = text?.slice(FILE_POINTER.length);
  const names = (await factsFiles(target, path, signal)).map(({ name }) => name);
  for (const name of pointed === undefined ? names : [pointed, ...names]) {
    const facts = await readFactsFile(target, `${path}/${name}`, signal);
    if (facts !== undefined) return facts;
  }
  return undefined;
}

async function readFactsFile(
  target: FactsTarget,
  path: string,
  signal: AbortSignal,
): Promise<FleetFacts | undefined> {
  let stream: Readable;
  try {
    stream = await target.open(path, signal);
  } catch (error) {
    // Its writer replaced it since it was named: a newer one stands beside it.
    if (isGatewayError(error) && error.code === 'file-missing') return undefined;
    throw error;
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > FACTS_BYTES_MAX) {
      stream.destroy();
      return undefined;
    }
    pieces.push(piece);
  }
  return parseFleetFacts(Buffer.concat(pieces).toString('latin1'));
}

/** Newest first. */
async function factsFiles(
  target: FactsTarget,
  path: string,
  signal: AbortSignal,
): Promise<readonly { readonly name: string; readonly sequence: number }[]> {
  return ((await target.list(path, signal)) ?? [])
    .flatMap(({ name }) => {
      const sequence = FILE_NAME.exec(name)?.[1];
      return sequence === undefined ? [] : [{ name, sequence: Number(sequence) }];
    })
    .sort((a, b) => b.sequence - a.sequence);
}

export interface FactsObjectParts {
  /** `<root>/.headgate/<gateway id>`. */
  readonly markerDirectory: string;
  readonly stateId: string;
  readonly sink: string;
  readonly store: MarkerNotes;
  readonly target: FactsTarget;
}

/** The facts of our own state directory for one sink. */
export class FleetFactsObject {
  readonly path: string;
  readonly #parts: FactsObjectParts;
  /** Files of ours may stand there: the first writing of a run looks, and every one after a file was written. */
  #hasFiles = true;

  constructor(parts: FactsObjectParts) {
    this.#parts = parts;
    this.path = factsPath(parts.markerDirectory, parts.stateId, parts.sink);
  }

  /**
   * Replaces the facts; the sequence is given here. Answers the facts as written, or `newer` when the target has facts that our
   * database does not know of. Throws what the target and the store throw.
   */
  async publish(facts: Omit<FleetFacts, 'sequence'>, signal: AbortSignal): Promise<FleetFacts | 'newer'> {
    const { target, store } = this.#parts;
    const key = `fleet-facts:${await target.namespace(signal)}:${this.path}`;
    const noted = Number((await store.readNote(key)) ?? 0);
    const seen = await readFacts(target, this.path, signal);
    if (seen !== undefined && seen.sequence > noted) return 'newer';
    const written = { ...facts, sequence: noted + 1 };
    await store.writeNote(key, String(written.sequence));
    await this.#write(written, signal);
    return written;
  }

  async #write(facts: FleetFacts, signal: AbortSignal): Promise<void> {
    const { target } = this.#parts;
    const text = formatFleetFacts(facts);
    await target.mkdirs(this.path, signal);
    const isShort = text.length <= FACTS_INLINE_BYTES_MAX;
    if (isShort && (await this.#stamp(text, signal))) return this.#removeFiles(undefined, signal);
    const name = `facts-${String(facts.sequence).padStart(12, '0')}.json`;
    this.#hasFiles = true;
    const bytes = Buffer.from(text, 'latin1');
    await target.create(`${this.path}/${name}`, { lengthBytes: bytes.length, pieces: once(bytes) }, signal);
    await this.#stamp(`${FILE_POINTER}${name}`, signal);
    await this.#removeFiles(name, signal);
  }

  #stamp(text: string, signal: AbortSignal): Promise<boolean> {
    return stampOrFalse(() => this.#parts.target.stamp(this.path, { [ATTRIBUTE]: text }, signal));
  }

  async #removeFiles(keep: string | undefined, signal: AbortSignal): Promise<void> {
    if (!this.#hasFiles) return;
    const { target } = this.#parts;
    for (const { name } of await factsFiles(target, this.path, signal))
      if (name !== keep) await target.remove(`${this.path}/${name}`, signal);
    this.#hasFiles = keep !== undefined;
  }
}

/**
 * Says at the target that a state directory is done for good, so that nobody waits for it: after `retire`, or after its disk was lost
 * and another one fetched what it had accepted. Answers false when there are no facts of it. To be called when its engine does
 * not run. Throws what the target throws.
 */
export async function endFacts(
  target: FactsTarget,
  path: string,
  options: { readonly end: FactsEnd; readonly signal: AbortSignal },
): Promise<boolean> {
  const { end, signal } = options;
  const facts = await readFacts(target, path, signal);
  if (facts === undefined) return false;
  const markerDirectory = path.slice(0, path.lastIndexOf('/'));
  // Its database is gone or will not be used again: the number after the last one is ours to take.
  let noted = facts.sequence;
  const store: MarkerNotes = {
    readNote: () => Promise.resolve(String(noted)),
    writeNote: (_name, value) => Promise.resolve(void (noted = Number(value))),
  };
  const { stateId, sink } = facts;
  const object = new FleetFactsObject({ markerDirectory, stateId, sink, store, target });
  return (await object.publish({ ...facts, ended: end }, signal)) !== 'newer';
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}
