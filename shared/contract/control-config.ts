/** The configuration as the console and the command line handle it: texts, problems, differences, versions. Texts never hold a secret. */
import { z } from 'zod';
import { configProblemSchema } from './config-problem.ts';
import { count, ms, optionalText } from './control-rows.ts';

/** A configuration file is at most this long. */
export const CONFIG_TEXT_CHARS_MAX = 1_000_000;
export const configText = z.string().max(CONFIG_TEXT_CHARS_MAX);

/**
 * What stands in a text for a secret that was written out in the file. Where it still stands when a text is applied, the secret of the file
 * is kept; whatever else stands there replaces it.
 */
export const SECRET_KEPT = '********';

/** Which text is meant: the one that runs, the file as it is now, a version of the history, or one that is handed over. */
export const configReference = z.union([
  z.strictObject({ kind: z.literal('running') }),
  z.strictObject({ kind: z.literal('file') }),
  z.strictObject({ kind: z.literal('version'), number: count }),
  z.strictObject({ kind: z.literal('text'), text: configText }),
]);

export const configChange = z.object({
  components: z.array(
    z.object({
      kind: z.enum(['source', 'channel', 'sink']),
      name: z.string(),
      change: z.enum(['added', 'removed', 'changed']),
      keys: z.array(z.string()),
    }),
  ),
  sections: z.array(z.string()),
  /** Not done while data is held: why, and the way out. */
  refused: z.array(z.object({ kind: z.string(), name: z.string(), reason: z.string(), hint: z.string() })),
  notes: z.array(z.string()),
  needsRestart: z.array(z.string()),
  isEmpty: z.boolean(),
});

export const diffLine = z.object({
  kind: z.enum(['same', 'added', 'removed']),
  /** Line numbers from 1, in the text where the line stands. */
  before: z.number().int().optional(),
  after: z.number().int().optional(),
  text: z.string(),
});

export const configVersionRow = z.object({
  number: count,
  appliedMs: ms,
  by: z.string(),
  note: optionalText,
  sha256: z.string(),
  isRunning: z.boolean(),
});

export const configProblems = z.array(configProblemSchema);

/** What an apply or rollback did. */
export const configApplied = z.object({ version: count, sha256: z.string(), change: configChange });

export type ConfigReference = z.output<typeof configReference>;
export type ConfigChangeReport = z.output<typeof configChange>;
export type DiffLine = z.output<typeof diffLine>;
export type ConfigVersionRow = z.output<typeof configVersionRow>;
