/** Text for a terminal: what comes from events, brokers and file names is shown, never obeyed; columns know how wide a character is. */

/**
 * Control characters, line separators, and the marks that turn the writing direction round: hostile text (topic names, event
 * bodies) never moves the cursor, clears the screen or shows itself in another order than it has.
 */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function oneLine(text: string): string {
  return text.replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same for a text whose line ends are its own. */
export function ownLines(text: string): string {
  return text.split('\n').map(oneLine).join('\n');
}

/** First and last code points that a terminal shows two cells wide (Unicode's East Asian Width, the large blocks). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
];

/** Cells that the text takes. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += cellsOf(char);
  return width;
}

function cellsOf(char: string): number {
  const code = char.codePointAt(0) ?? 0;
  if (code < 0x1100) return 1;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** The text in at most `width` cells; what is cut off is marked with `…`. `keep: 'end'` is for paths, whose end tells most. */
export function fitted(text: string, width: number, keep: 'start' | 'end' = 'start'): string {
  if (displayWidth(text) <= width) return text;
  const chars = [...text];
  if (keep === 'end') chars.reverse();
  let kept = '';
  let cells = 1;
  for (const char of chars) {
    cells += cellsOf(char);
    if (cells > width) break;
    kept = keep === 'end' ? char + kept : kept + char;
  }
  return keep === 'end' ? `…${kept}` : `${kept}…`;
}

/** The text in lines of at most `width` cells, broken between words; further lines are indented by two more than the first. */
export function wrapped(text: string, width: number): string[] {
  if (displayWidth(text) <= width) return [text];
  const indent = /^ */.exec(text)?.[0] ?? '';
  const lines: string[] = [];
  let line = indent;
  for (const word of text.slice(indent.length).split(' ')) {
    const isFirst = line.trim() === '';
    if (!isFirst && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = `${indent}  ${word}`;
    } else line = isFirst ? line + word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Cells of the terminal that is written to; without one, lines may be as long as they are. */
export function outputWidth(): number {
  return process.stdout.isTTY ? process.stdout.columns || 80 : Infinity;
}
