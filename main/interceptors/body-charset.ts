/**
 * Bodies as text and back without damage: what an expression does not touch comes back as the same bytes.
 *
 * Bytes that are no text of the charset become single surrogates (byte 0x80 is U+DC80, up to 0xFF), which no valid text holds, and
 * turn back into the same bytes. Java would read each as U+FFFD, which `.` matches just as well.
 */
import { isUtf8 } from 'node:buffer';

export type BodyCharset = 'UTF-8' | 'ISO-8859-1' | 'US-ASCII';

const BYTE_BASE = 0xdc00;
const REPLACEMENT = 0x3f;

export function textOf(body: Buffer, charset: BodyCharset): string {
  if (charset === 'ISO-8859-1') return body.toString('latin1');
  if (charset === 'UTF-8' && isUtf8(body)) return body.toString('utf8');
  if (charset === 'UTF-8') return brokenUtf8Text(body);
  return body
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (char) => String.fromCharCode(BYTE_BASE + char.charCodeAt(0)));
}

/** Characters that the charset lacks become `?`, as Java writes them. */
export function bytesOf(text: string, charset: BodyCharset): Buffer {
  if (charset === 'UTF-8' && text.isWellFormed()) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  let plain = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    if (code >= BYTE_BASE + 0x80 && code <= BYTE_BASE + 0xff && charset !== 'ISO-8859-1') {
      parts.push(Buffer.from(plain, 'utf8'), Buffer.of(code - BYTE_BASE));
      plain = '';
    } else if (charset === 'UTF-8') {
      plain += char;
    } else if (charset === 'ISO-8859-1') {
      parts.push(Buffer.of(code <= 0xff ? code : REPLACEMENT));
    } else {
      plain += code <= 0x7f ? char : '?';
    }
  }
  parts.push(Buffer.from(plain, 'utf8'));
  return Buffer.concat(parts);
}

/** Valid stretches as text, every byte of the others by itself. */
function brokenUtf8Text(body: Buffer): string {
  let text = '';
  for (let at = 0; at < body.length;) {
    const length = sequenceLength(body, at);
    text +=
      length === 0
        ? String.fromCharCode(BYTE_BASE + (body[at] ?? 0))
        : body.toString('utf8', at, at + length);
    at += Math.max(length, 1);
  }
  return text;
}

/** Bytes of the valid character at a position; 0 when there is none. */
function sequenceLength(body: Buffer, at: number): number {
  const first = body[at] ?? 0;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  return length > 0 && at + length <= body.length && isUtf8(body.subarray(at, at + length)) ? length : 0;
}
