/**
 * The last lines of the engine's log, in memory, for the console: the log itself goes to stdout and is the service manager's to keep.
 * Lines come through `listenedLogger`, cleaned of secrets as those of stdout are; there is no other way in.
 */
import type { LogLine } from '../../shared/contract/control-history.ts';
import type { HeardLine, LogLevel } from './logger.ts';
import { LOG_LEVELS } from './logger.ts';

export const LOG_LINES_MAX = 5_000;
export const LOG_BYTES_MAX = 4 * 1024 * 1024;
/** A line longer than this is kept without its fields, and its message cut. */
export const LOG_LINE_BYTES_MAX = 16 * 1024;
/** What a line takes besides its texts, roughly. */
const LINE_OVERHEAD_BYTES = 100;

interface KeptLine {
  readonly id: number;
  readonly atMs: number;
  readonly level: LogLevel;
  readonly message: string;
  /** As JSON: nobody can change it any more, and its size is known. */
  readonly fields: string;
  readonly bytes: number;
}

export interface TailQuestion {
  /** Only lines older than the one of this id. */
  readonly before?: number | undefined;
  /** Lines of this level and above. */
  readonly level: LogLevel;
  /** In the message or the fields, in any case. */
  readonly text?: string | undefined;
  readonly limit: number;
}

export class LogBook {
  /** Hears each line as it is kept. */
  listener: ((line: LogLine) => void) | undefined;
  readonly #lines: KeptLine[] = [];
  /** Where the ring begins in `#lines`; those before it are gone. */
  #first = 0;
  #bytes = 0;
  #nextId: number;

  /** `firstId`: ids begin there. With the time of the start they go on ascending over restarts of the engine. */
  constructor(firstId: number) {
    this.#nextId = firstId;
  }

  readonly take = ({ atMs, level, message, fields }: HeardLine): void => {
    let kept = textOf(fields);
    let text = message;
    if (message.length + kept.length > LOG_LINE_BYTES_MAX) {
      kept = JSON.stringify({ leftOut: `fields of ${kept.length} characters` });
      text = message.slice(0, LOG_LINE_BYTES_MAX - kept.length);
    }
    const bytes = text.length + kept.length + LINE_OVERHEAD_BYTES;
    const line: KeptLine = { id: this.#nextId++, atMs, level, message: text, fields: kept, bytes };
    this.#lines.push(line);
    this.#bytes += bytes;
    this.#forgetOldest();
    this.listener?.(lineOf(line));
  };

  /** Newest first; `next` is what to ask as `before` for the lines after them, absent when there are none. */
  tail({ before, level, text, limit }: TailQuestion): { lines: LogLine[]; next?: number } {
    const lowest = LOG_LEVELS.indexOf(level);
    const wanted = text?.toLowerCase() ?? '';
    const found: KeptLine[] = [];
    for (let at = this.#lines.length - 1; at >= this.#first; at--) {
      const line = this.#lines[at];
      if (line === undefined || (before !== undefined && line.id >= before)) continue;
      if (LOG_LEVELS.indexOf(line.level) < lowest || !holds(line, wanted)) continue;
      found.push(line);
      if (found.length > limit) break;
    }
    const shown = found.slice(0, limit);
    const last = shown.at(-1);
    return {
      lines: shown.map(lineOf),
      ...(found.length > limit && last !== undefined ? { next: last.id } : {}),
    };
  }

  get size(): { readonly lines: number; readonly bytes: number } {
    return { lines: this.#lines.length - this.#first, bytes: this.#bytes };
  }

  #forgetOldest(): void {
    while (this.#lines.length - this.#first > LOG_LINES_MAX || this.#bytes > LOG_BYTES_MAX)
      this.#bytes -= this.#lines[this.#first++]?.bytes ?? 0;
    // Moving the rest to the front once in a while costs less than doing so at every line.
    if (this.#first < LOG_LINES_MAX) return;
    this.#lines.splice(0, this.#first);
    this.#first = 0;
  }
}

function holds({ message, fields }: KeptLine, wanted: string): boolean {
  return wanted === '' || message.toLowerCase().includes(wanted) || fields.toLowerCase().includes(wanted);
}

function lineOf({ id, atMs, level, message, fields }: KeptLine): LogLine {
  return { id, atMs, level, message, fields: JSON.parse(fields) as LogLine['fields'] };
}

function textOf(fields: object): string {
  try {
    return JSON.stringify(fields);
  } catch (cause) {
    // Something in it can't be written as JSON: the line is worth more than its fields.
    return JSON.stringify({ leftOut: cause instanceof Error ? cause.message : 'fields' });
  }
}
