/**
 * A state directory that is written off: its disk was lost, and another one was rebuilt from what stands at the target and at the
 * broker (`headgate recover`). The note stands in its marker (landing-marker.ts), and whoever takes a landing step looks there first.
 *
 * Promise: once the note is written, no landing step begins that looks after it, for good. A step that looked before may still be taken,
 * and write over the marker's step and nonce; it does not touch the note, so it is the last one.
 *
 * The note is an attribute of the marker's directory, or, where the target has none, a file in it.
 */
import { isGatewayError } from '../../shared/errors.ts';
import { stampOrFalse } from './stamp-or-false.ts';
import type { Target, TargetEntry } from './target.ts';

const ATTRIBUTE = 'recovered';
const FILE_NAME = /^recovered-by-([0-9A-Za-z-]{1,64})$/;
/** Engines that do not know the note are stopped by a step that is ahead of them all, under a nonce that is nobody's. */
const STEPS_AHEAD = 1_000_000_000;
const NOBODY = 'writtenoff';

type MarkerTarget = Pick<Target, 'mkdirs' | 'stamp' | 'attributes' | 'create' | 'list'>;

/** The state id that took over, as the marker's attributes say; undefined: it is not written off. */
export function writtenOffIn(attributes: Readonly<Record<string, string>> | undefined): string | undefined {
  return attributes?.[ATTRIBUTE];
}

/** The same from the files in the marker's directory. */
export function writtenOffAmong(entries: readonly TargetEntry[]): string | undefined {
  return entries.map(({ name }) => FILE_NAME.exec(name)?.[1]).find((by) => by !== undefined);
}

export async function writtenOffBy(
  target: MarkerTarget,
  markerPath: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const by = writtenOffIn(await target.attributes(markerPath, signal));
  return by ?? writtenOffAmong((await target.list(markerPath, signal)) ?? []);
}

/** Writes the note; `by` is the state id that takes over. May be repeated. Throws what the target throws. */
export async function writeOff(
  target: MarkerTarget,
  marker: { readonly path: string; readonly by: string },
  signal: AbortSignal,
): Promise<void> {
  const { path, by } = marker;
  await target.mkdirs(path, signal);
  const { step = '0' } = (await target.attributes(path, signal)) ?? {};
  const seen = Number(step);
  const ahead = Number.isSafeInteger(seen) && seen < STEPS_AHEAD ? seen + STEPS_AHEAD : STEPS_AHEAD * 2;
  // The note first: whatever follows may be lost.
  const attributes = { [ATTRIBUTE]: by, step: String(ahead), instance: NOBODY };
  if (await stampOrFalse(() => target.stamp(path, attributes, signal))) return;
  try {
    await target.create(`${path}/recovered-by-${by}`, { lengthBytes: 0, pieces: nothing() }, signal);
  } catch (error) {
    // Written before.
    if (!isGatewayError(error) || error.code !== 'file-exists') throw error;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // A file of no bytes.
}
