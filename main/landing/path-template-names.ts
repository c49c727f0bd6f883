/**
 * Makes names of directories and files from texts that nobody vouched for: header values.
 *
 * Promise: whatever a value holds, the name stays one component of its path, is seen by Hadoop's readers, and is legal in HDFS and
 * on the file systems of Linux, macOS and Windows; equal values give equal names, and different values give different names, but for
 * the two exceptions below.
 * 1. Percent encoding of UTF-8 bytes, as Hive writes its partition names: for control and format characters, `/ \ : * ? " < > | %`,
 *    lone surrogates (as the three bytes they would have), a first `.` or `_` (hidden from Hadoop's readers, and the mark of files
 *    in progress), a last `.` or blank. Where a name would not be in Unicode's form NFC, all non-ASCII characters of its
 *    values are encoded, so that two spellings of one text stay two names also where the file system would merge them.
 * 2. A name over its limit of bytes is cut and gets `~` and 16 hexadecimal digits of its SHA-256: different names collide only if
 *    those do.
 * 3. A component that would be empty is `none`; a header with the very value `none` shares it.
 */
import { createHash } from 'node:crypto';

/** The limit of HDFS (`dfs.namenode.fs-limits.max-component-length`) and of common file systems. */
export const MAX_COMPONENT_BYTES = 255;
/** What the name is when every piece of it is empty. */
export const EMPTY_NAME = 'none';
const HASH_DIGITS = 16;

/** One piece of a component; `isVouched`: it stands so in the configuration. */
export interface NamePiece {
  readonly text: string;
  readonly isVouched: boolean;
}

export interface NameRules {
  readonly maxBytes: number;
  /** The configuration itself begins the name with `.` or `_`. */
  readonly isHidden: boolean;
}

/** One component of a path from its pieces. */
export function safeName(pieces: readonly NamePiece[], { maxBytes, isHidden }: NameRules): string {
  const isPlain = pieces.every(({ isVouched }) => isVouched);
  let name = joined(pieces, isHidden, safePiece);
  if (!isPlain && name.normalize('NFC') !== name) {
    name = joined(pieces, isHidden, (text) => encodeAll(safePiece(text), NOT_ASCII));
  }
  return shortened(name, maxBytes);
}

function joined(pieces: readonly NamePiece[], isHidden: boolean, encode: (text: string) => string): string {
  let name = pieces.map(({ text, isVouched }) => (isVouched ? text : encode(text))).join('');
  if (name === '') return EMPTY_NAME;
  if (!isHidden && /^[._]/.test(name)) name = encoded(name.charAt(0)) + name.slice(1);
  if (/^\.{1,2}$/.test(name)) name = encodeAll(name, /\./g);
  const isOurs = pieces.at(-1)?.isVouched === true && /[. ]$/.test(pieces.at(-1)?.text ?? '');
  return isOurs || !/[. ]$/.test(name) ? name : name.slice(0, -1) + encoded(name.slice(-1));
}

/** Most values are plain words, which need no second look. */
const PLAIN = /^[A-Za-z0-9-][A-Za-z0-9._=+@,-]*$/;
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}/\\:*?"<>|%]/gu;
const NOT_ASCII = /[^\x00-\x7f]/gu;

function safePiece(text: string): string {
  if (PLAIN.test(text)) return text;
  return encodeAll(text, UNSAFE);
}

function encodeAll(text: string, characters: RegExp): string {
  return text.replace(characters, encoded);
}

function encoded(character: string): string {
  return utf8BytesOf(character)
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}

function utf8BytesOf(character: string): number[] {
  if (character.isWellFormed()) return [...Buffer.from(character, 'utf8')];
  const code = character.charCodeAt(0);
  return [0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f)];
}

function shortened(name: string, maxBytes: number): string {
  if (name.length * 3 <= maxBytes || Buffer.byteLength(name, 'utf8') <= maxBytes) return name;
  const hash = createHash('sha256').update(name, 'utf8').digest('hex').slice(0, HASH_DIGITS);
  let room = maxBytes - HASH_DIGITS - 1;
  let kept = '';
  for (const character of name) {
    room -= Buffer.byteLength(character, 'utf8');
    if (room < 0) break;
    kept += character;
  }
  return `${kept}~${hash}`;
}
