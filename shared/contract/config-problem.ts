/** What is wrong, or worth knowing, about a configuration file: for the command line, the console and the control API. */
import * as z from 'zod';

export const configProblemSchema = z.object({
  /** An error keeps the file from being used; a warning does not. */
  severity: z.enum(['error', 'warning']),
  /** From 1; 0 when the problem has no place in the file (it cannot be read at all). */
  line: z.int().min(0),
  column: z.int().min(0),
  /** Keys and list places from the root. */
  path: z.array(z.union([z.string(), z.int()])),
  message: z.string(),
  hint: z.string(),
});

export type ConfigProblem = z.output<typeof configProblemSchema>;

/** A problem before its place in the file is known. */
export interface ConfigFinding {
  readonly severity: 'error' | 'warning';
  readonly path: readonly (string | number)[];
  readonly at: 'key' | 'value';
  readonly message: string;
  readonly hint: string;
}
