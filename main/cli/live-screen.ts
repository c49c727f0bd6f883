/** A text that is drawn again and again in the same place of the terminal. */

const CURSOR_HOME = '\u001b[H';
const CLEAR_TO_LINE_END = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
const CLEAR_ALL = '\u001b[2J';

/** The bytes that put `text` on a screen of `rows` lines: each line is overwritten in place, so nothing flickers. */
export function redrawn(text: string, rows: number, isFirst: boolean): string {
  const lines = text.split('\n');
  const room = Math.max(2, rows - 1);
  const shown =
    lines.length <= room
      ? lines
      : [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more lines: make the window taller`];
  const body = shown.map((line) => `${line}${CLEAR_TO_LINE_END}`).join('\n');
  return `${isFirst ? CLEAR_ALL : ''}${CURSOR_HOME}${body}\n${CLEAR_BELOW}`;
}

/** Draws on a terminal; elsewhere each text simply follows the one before. */
export class LiveScreen {
  #isFirst = true;

  draw(text: string): void {
    const { stdout } = process;
    stdout.write(stdout.isTTY ? redrawn(text, stdout.rows || 24, this.#isFirst) : `${text}\n`);
    this.#isFirst = false;
  }
}
