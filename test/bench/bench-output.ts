/** What a bench found: a table for people, figures for programs, and what makes it a failure. */
export interface BenchResult {
  readonly bench: string;
  /** First row: the heads. */
  readonly table: readonly (readonly string[])[];
  readonly figures: Readonly<Record<string, unknown>>;
  /** Wrong results, in words: a bench with any of them has failed, however fast it was. */
  readonly problems: readonly string[];
  /** How the figures are to be read. */
  readonly notes: readonly string[];
}

/** A line about what is being done, on standard error. */
export function progress(message: string): void {
  const seconds = (performance.now() / 1_000).toFixed(1).padStart(7);
  process.stderr.write(`${seconds} s  ${message}\n`);
}

/** Prints the table, then with `isJson` one line of JSON; a failed bench sets the exit status to 1. */
export function printResult(result: BenchResult, isJson: boolean): void {
  const lines = [`\n${result.bench}`, ...tableLines(result.table)];
  for (const note of result.notes) lines.push(`  ${note}`);
  for (const problem of result.problems) lines.push(`  FAILED: ${problem}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  const isRight = result.problems.length === 0;
  if (isJson) {
    const { bench, figures, problems } = result;
    process.stdout.write(`${JSON.stringify({ bench, isRight, ...figures, problems })}\n`);
  }
  if (!isRight) process.exitCode = 1;
}

/** First column to the left, figures to the right. */
function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, cell.length)));
  return rows.map((row) => {
    const cells = row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    );
    return `  ${cells.join('  ')}`.trimEnd();
  });
}

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Decimal megabytes, as network and disk rates are told. */
export function megabytes(bytes: number): string {
  return `${whole(bytes / 1e6)} MB`;
}

export function seconds(value: number, digits = 1): string {
  return `${value.toFixed(digits)} s`;
}

export function times(value: number): string {
  return `${value.toFixed(2)} x`;
}

/** Rounded to what is worth reading, for the line of JSON. */
export function rounded(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}
