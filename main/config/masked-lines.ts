import { createHash } from 'node:crypto';
import { maskText, restoreText } from './config-secret.ts';
import type { DiffText } from './line-diff.ts';

/**
 * A text's lines as they may be shown, and keys by which lines differ when their secrets do. `base`: what marks in the text stand for, so
 * that a kept secret is the same as the one that is kept.
 */
export function diffText(text: string, base: string | undefined): DiffText {
  const { text: shown, hidden } = maskText(base === undefined ? text : restoreText(text, base));
  // A line end at the end of the file begins no further line.
  const lines = shown === '' ? [] : shown.replace(/\r?\n$/, '').split(/\r?\n/);
  const keys = lines.map((line, at) => {
    const secret = hidden.get(at);
    return secret === undefined ? line : `${line}\u0000${createHash('sha256').update(secret).digest('hex')}`;
  });
  return { lines, keys };
}
