/** `--limit` and `--after`, which every list has. */
import type { Command } from 'commander';
import { withEngine, type EngineOptions } from './engine-connection.ts';
import { print } from './output.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

export interface PageOptions extends EngineOptions {
  readonly limit: string;
  readonly after?: string;
}

const ROWS_MAX = 1000;

export function withPage(command: Command): Command {
  return withEngine(command)
    .option('-n, --limit <count>', `rows a page, ${ROWS_MAX} at most`, '50')
    .option('--after <row>', 'the page after this one, as printed at the end of the page before');
}

/** As the contract wants them. Throws `usage`. */
export function page(options: PageOptions): { limit: number; after?: string } {
  return {
    limit: rowCount(options.limit),
    ...(options.after === undefined ? {} : { after: options.after }),
  };
}

export function rowCount(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1 || limit > ROWS_MAX)
    throw usageError(`--limit ${oneLine(text)}: a whole number from 1 to ${ROWS_MAX}`);
  return limit;
}

/** A row's number, as lists print it. Throws `usage`. */
export function rowNumber(text: string, verb: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw usageError(
      `${oneLine(text)} is no row`,
      `take a number from the first column of \`headgate ${verb}\``,
    );
  return Number(text);
}

export function printNext(next: string | undefined): void {
  if (next !== undefined) print(`more: --after ${oneLine(next)}`);
}
