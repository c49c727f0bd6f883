/** What the verbs print: facts on stdout, as text or as one JSON document; errors on stderr with their hint. */
import { toErrorReport } from '../../shared/errors.ts';
import { oneLine, outputWidth } from './terminal-text.ts';
import { table, type Column } from './table.ts';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void {
  print(table(columns, rows, outputWidth()));
}

/** For people who watch; it never mixes with facts on stdout. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** An error as an operator reads it: what failed, where, why, and what to do. */
export function printError(error: unknown, isJson: boolean): void {
  const report = toErrorReport(error);
  if (isJson) {
    process.stderr.write(`${JSON.stringify({ error: report })}\n`);
    return;
  }
  const place = report.place === '' ? '' : `: ${oneLine(report.place)}`;
  const where = report.operation === '' ? '' : ` (could not ${oneLine(report.operation)}${place})`;
  note(`headgate: ${oneLine(report.message)}${where}`);
  if (report.hint !== '') note(`  hint: ${oneLine(report.hint)}`);
  note(`  code: ${report.code}`);
  // Without a code of ours it is a fault of the program; the place in the code is what a report of it needs.
  if (report.code === 'unknown' && error instanceof Error && error.stack !== undefined) note(error.stack);
}

/** `2026-11-21 08:59:59Z`. */
export function formatTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '-' : `${date.toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
