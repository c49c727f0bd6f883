/**
 * Goal: the last lines of the log can be read page by page, newest first, and a storm of lines takes no more memory than its limit.
 * Method: the real book behind the real listener.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { LogBook, LOG_BYTES_MAX, LOG_LINE_BYTES_MAX, LOG_LINES_MAX } from '../../main/telemetry/log-book.ts';
import { listenedLogger, silentLogger, type Logger } from '../../main/telemetry/logger.ts';
import { logLine, type LogLine } from '../../shared/contract/control-history.ts';

let book: LogBook;
let log: Logger;
beforeEach(() => {
  book = new LogBook(1_000);
  log = listenedLogger(silentLogger, () => 5, book.take);
});

describe('the log book', () => {
  test('gives lines newest first, page after page without hole or repetition, while new ones come', () => {
    for (let at = 0; at < 95; at++) log.info(`line ${at}`);
    const seen: LogLine[] = [];
    let before: number | undefined;
    for (;;) {
      const { lines, next } = book.tail({ before, level: 'debug', limit: 10 });
      seen.push(...lines);
      log.info('meanwhile');
      if (next === undefined) break;
      before = next;
    }
    expect(seen.map(({ message }) => message)).toEqual(
      Array.from({ length: 95 }, (_, at) => `line ${94 - at}`),
    );
    expect(seen.at(-1)?.id).toBe(1_000);
    for (const line of seen) expect(logLine.parse(line)).toEqual(line);
  });

  test('filters by level and by text in message and fields, in any case', () => {
    log.debug('planned');
    log.info('landed', { path: '/logs/WWW/1.gz' });
    log.warn('Upload-failed', { code: 'standby' });
    log.error('a file is held');
    const found = (level: 'debug' | 'info' | 'warn' | 'error', text?: string) =>
      book.tail({ level, text, limit: 10 }).lines.map(({ message }) => message);
    expect(found('debug')).toEqual(['a file is held', 'Upload-failed', 'landed', 'planned']);
    expect(found('warn')).toEqual(['a file is held', 'Upload-failed']);
    expect(found('debug', 'www')).toEqual(['landed']);
    expect(found('info', 'STANDBY')).toEqual(['Upload-failed']);
    expect(found('error', 'upload')).toEqual([]);
  });

  test('holds a bounded number of lines and bytes in any storm, the newest ones', () => {
    for (let at = 0; at < 3 * LOG_LINES_MAX; at++) log.info('short', { at });
    expect(book.size.lines).toBe(LOG_LINES_MAX);
    expect(book.tail({ level: 'info', limit: 1 }).lines[0]?.fields).toEqual({ at: 3 * LOG_LINES_MAX - 1 });
    for (let at = 0; at < 1_000; at++) log.info('long', { at, text: 'x'.repeat(10_000) });
    expect(book.size.bytes).toBeLessThanOrEqual(LOG_BYTES_MAX);
    expect(book.size.lines).toBeGreaterThan(100);
    expect(book.tail({ level: 'info', limit: 1 }).lines[0]?.fields['at']).toBe(999);
  });

  test('cuts a monstrous line and says so; one that changes later stays as it was', () => {
    const fields = { list: ['a'] };
    log.info('kept', fields);
    fields.list.push('b');
    const list = Array.from({ length: 100 }, () => 'y'.repeat(1_000));
    log.info('m'.repeat(1_000_000), { list });
    const [big, kept] = book.tail({ level: 'info', limit: 2 }).lines;
    expect(kept?.fields).toEqual({ list: ['a'] });
    expect(JSON.stringify(big).length).toBeLessThan(LOG_LINE_BYTES_MAX + 500);
    expect(big?.fields['leftOut']).toMatch(/^fields of \d+ characters$/);
  });

  test('keeps no secret', () => {
    log.error('refused by http://joe:hunter2@nn1:9870/', {
      password: 'hunter2',
      error: new Error('token=hunter2 is over'),
      nested: { list: ['authorization: Basic hunter2'] },
    });
    const { lines } = book.tail({ level: 'info', limit: 1 });
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).not.toContain('hunter2');
    expect(book.tail({ level: 'info', text: 'hunter2', limit: 1 }).lines).toEqual([]);
  });
});
