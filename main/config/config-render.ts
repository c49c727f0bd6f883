/** A configuration and its problems as text for people. Nothing here ever sees a resolved secret. */
import { isMap, isScalar, isSeq, stringify } from 'yaml';
import type { ConfigProblem } from '../../shared/contract/config-problem.ts';
import { withoutSecrets } from '../../shared/errors.ts';
import type { LoadedConfig } from './config-file.ts';
import { isOnlyReference, SECRET_KEY, secretLines } from './config-secret.ts';
import { parseConfigText } from './config-text.ts';

/** Lines longer than this are cut around the column. */
const MAX_SHOWN_COLUMNS = 120;

/** The effective configuration as YAML, in the file's own words; `undefined` when the file cannot be used. */
export function renderEffective(loaded: LoadedConfig): string | undefined {
  return loaded.effective === undefined
    ? undefined
    : stringify(loaded.effective, { lineWidth: 0, singleQuote: true });
}

/**
 * Problems as a compiler shows them:
 * ```
 * /etc/headgate.yaml:12:5: error: unknown key "hdfs.rollSze" in a sink of type hdfs
 *    12 |     hdfs.rollSze: 128MiB
 *       |     ^
 *       = Did you mean "hdfs.rollSize"?
 * ```
 */
export function renderProblems(loaded: Pick<LoadedConfig, 'path' | 'text' | 'problems'>): string {
  const lines = blankSecrets(loaded.text).split(/\r?\n/);
  return loaded.problems.map((problem) => renderProblem(problem, loaded.path, lines)).join('\n\n');
}

function renderProblem(problem: ConfigProblem, path: string, lines: readonly string[]): string {
  const { severity, line, column, message, hint } = problem;
  if (line === 0)
    return [`${path}: ${severity}: ${message}`, ...(hint === '' ? [] : [`  = ${hint}`])].join('\n');
  const number = String(line);
  const margin = ' '.repeat(Math.max(number.length, 4));
  const source = lines[line - 1];
  const shown = source === undefined ? undefined : excerpt(source, column);
  return [
    `${path}:${line}:${column}: ${severity}: ${message}`,
    ...(shown === undefined
      ? []
      : [`${number.padStart(margin.length)} | ${shown.text}`, `${margin} | ${' '.repeat(shown.caret)}^`]),
    ...(hint === '' ? [] : [`${margin} = ${hint}`]),
  ].join('\n');
}

function excerpt(source: string, column: number): { readonly text: string; readonly caret: number } {
  const caret = Math.min(column - 1, source.length);
  // Tabs and other control characters would move the caret off its place.
  const flat = source.replace(/[\u0000-\u001f\u007f]/g, ' ');
  if (flat.length <= MAX_SHOWN_COLUMNS) return { text: flat, caret };
  const start = Math.max(0, Math.min(caret - MAX_SHOWN_COLUMNS / 2, flat.length - MAX_SHOWN_COLUMNS));
  return { text: flat.slice(start, start + MAX_SHOWN_COLUMNS), caret: caret - start };
}

/**
 * The text, same length, with literal secrets overwritten by `*`: by the tree where there is one, and by line in any case, for a file with a broken
 * quote has no good tree. References stay readable.
 */
export function blankSecrets(text: string): string {
  const characters = text.split('');
  const blank = (from: number, to: number): void => {
    for (let index = from; index < Math.min(to, characters.length); index++) {
      if (!/[\r\n]/.test(characters[index] ?? '\n')) characters[index] = '*';
    }
  };
  blankTree(parseConfigText(text).document.contents, text, { isSecret: false, blank });
  for (const { start, end } of secretLines(text)) blank(start, end);
  return characters.join('');
}

interface Blanking {
  readonly isSecret: boolean;
  readonly blank: (from: number, to: number) => void;
}

function blankTree(node: unknown, text: string, blanking: Blanking): void {
  if (isMap(node)) {
    for (const pair of node.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      blankTree(pair.value, text, { ...blanking, isSecret: blanking.isSecret || SECRET_KEY.test(key) });
    }
    return;
  }
  if (isSeq(node)) return node.items.forEach((item) => blankTree(item, text, blanking));
  if (!blanking.isSecret || !isScalar(node) || node.range === undefined || node.range === null) return;
  const [start, end] = node.range;
  if (!isOnlyReference(text.slice(start, end))) blanking.blank(start, end);
}

/** Problems for JSON output, with anything that still looks like a secret blanked. */
export function plainProblems(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return problems.map((problem) => ({
    ...problem,
    message: withoutSecrets(problem.message),
    hint: withoutSecrets(problem.hint),
  }));
}
