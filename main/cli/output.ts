/** What the verbs print: facts on stdout, as text or as one JSON document; errors on stderr with their hint. */
import { toErrorReport } from '../../shared/errors.ts';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** An error as an operator reads it: what failed, where, why, and what to do. */
export function printError(error: unknown, isJson: boolean): void {
  const report = toErrorReport(error);
  if (isJson) {
    process.stderr.write(`${JSON.stringify({ error: report })}\n`);
    return;
  }
  const where =
    report.operation === ''
      ? ''
      : ` (could not ${report.operation}${report.place === '' ? '' : `: ${report.place}`})`;
  process.stderr.write(`headgate: ${report.message}${where}\n`);
  if (report.hint !== '') process.stderr.write(`  hint: ${report.hint}\n`);
  process.stderr.write(`  code: ${report.code}\n`);
}

/** Columns padded to their widest cell; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => oneLine(String(cell))));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const isNumber = head.map(
    (_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'),
  );
  return cells
    .map((row) =>
      row
        .map((cell, column) =>
          isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Hostile text (topic names, event bodies) never moves the cursor or clears the screen. */
export function oneLine(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** `2026-11-21 08:59:59Z`. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '-' : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
