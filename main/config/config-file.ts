/** Reads `headgate.yaml`: text → tree → references → typed configuration, or the list of what is wrong and where. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { resolveConfig } from '../../shared/contract/config.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import type { ConfigProblem } from '../../shared/contract/config-problem.ts';
import { shownKey } from '../../shared/contract/config-table.ts';
import { GatewayError } from '../../shared/errors.ts';
import { effectiveTree } from './config-effective.ts';
import { SECRET_KEPT } from '../../shared/contract/control-config.ts';
import { ReferenceReader } from './config-reference.ts';
import type { ReferenceSources } from './config-reference.ts';
import { pathKey, type KeptSecrets } from './config-secret.ts';
import { locate, MAX_CONFIG_BYTES, parseConfigText, placeOf, plainTree, writtenTree } from './config-text.ts';
import type { ConfigText } from './config-text.ts';
import { defaultStateDirectory } from './state-directory.ts';

/** Findings that get a place; each costs a walk to its node. Errors come first, so none is lost behind warnings. */
const MAX_FINDINGS = 300;
/** More would scroll the first, which is most often the cause, out of sight. */
export const MAX_PROBLEMS = 100;

export interface LoadedConfig {
  readonly path: string;
  readonly text: string;
  /** Of the text, in hex: names a version in the history. */
  readonly sha256: string;
  /** Absent when a problem is an error. Carries secrets. */
  readonly config?: GatewayConfig;
  /** The effective configuration in the file's own words, defaults filled in, secrets and references not resolved. Absent as `config` is. */
  readonly effective?: Readonly<Record<string, unknown>>;
  /** Ordered by place; errors and warnings. */
  readonly problems: readonly ConfigProblem[];
  /** Files that `${file:}` refers to. */
  readonly referencedFiles: readonly string[];
}

export interface ReadOptions {
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly defaultStateDir?: string;
  /** What a `SECRET_KEPT` in the text stands for, by path; one without is an error. Absent: the text means itself. */
  readonly kept?: KeptSecrets;
}

/** Reads a file. What is wrong with it, also that it is not there, is in `problems`; throws for nothing that a file can do. */
export async function readConfigFile(path: string, options: ReadOptions = {}): Promise<LoadedConfig> {
  const absolute = resolve(path);
  let text: string;
  try {
    const stats = await stat(absolute);
    if (!stats.isFile())
      return unreadable(absolute, 'the path is not a file', 'Name the configuration file itself.');
    if (stats.size > MAX_CONFIG_BYTES)
      return unreadable(
        absolute,
        `the file is larger than ${MAX_CONFIG_BYTES / 1024} KiB`,
        'Is it a configuration at all?',
      );
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(absolute));
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return unreadable(absolute, 'the file is not UTF-8 text', 'Save it as UTF-8.');
    if (code === 'ENOENT')
      return unreadable(
        absolute,
        'the file does not exist',
        'Check the path; where there is to be a new gateway, `headgate run --config FILE --setup` lets the first-run wizard make it.',
      );
    const reason = `the file cannot be read (${typeof code === 'string' ? code : 'unknown fault'})`;
    return unreadable(absolute, reason, 'Check the path, and that you may read it.');
  }
  return readConfigText(text, { ...options, path: absolute });
}

function unreadable(path: string, message: string, hint: string): LoadedConfig {
  const problem: ConfigProblem = { severity: 'error', line: 0, column: 0, path: [], message, hint };
  return { path, text: '', sha256: sha256Of(''), problems: [problem], referencedFiles: [] };
}

/** The same for a text in hand; `path` is where it is, or will be. */
export function readConfigText(text: string, options: ReadOptions & { readonly path: string }): LoadedConfig {
  const { path, environment = process.env, defaultStateDir = defaultStateDirectory(), kept } = options;
  const base = { path, text, sha256: sha256Of(text) };
  if (Buffer.byteLength(text) > MAX_CONFIG_BYTES)
    return unreadable(
      path,
      `the file is larger than ${MAX_CONFIG_BYTES / 1024} KiB`,
      'Is it a configuration at all?',
    );
  const config = parseConfigText(text);
  if (config.problems.length > 0) return { ...base, problems: config.problems, referencedFiles: [] };
  return {
    ...base,
    ...readTree(config, { sources: { environment, folder: dirname(path) }, defaultStateDir, kept }),
  };
}

interface TreeOptions {
  readonly sources: ReferenceSources;
  readonly defaultStateDir: string;
  readonly kept: KeptSecrets | undefined;
}

const NOTHING_KEPT = {
  message: 'no secret is kept for this place: the file has none written out here',
  hint: 'Write the secret, or a reference such as ${file:/path/to/file}.',
};

function readTree(
  config: ConfigText,
  { sources, defaultStateDir, kept }: TreeOptions,
): Pick<LoadedConfig, 'config' | 'effective' | 'problems' | 'referencedFiles'> {
  const references = new ReferenceReader(sources);
  const problems: ConfigProblem[] = [];
  const add = (problem: ConfigProblem): void => {
    const path = problem.path.map((part) =>
      typeof part === 'string' ? references.redact(shownKey(part)) : part,
    );
    problems.push({
      ...problem,
      path,
      message: references.redact(problem.message),
      hint: references.redact(problem.hint),
    });
  };
  const tree = plainTree(
    config,
    (written, path) => {
      const isMark = kept !== undefined && written === SECRET_KEPT;
      const value = isMark ? kept.get(pathKey(path)) : written;
      const expansion = value === undefined ? NOTHING_KEPT : references.expand(value);
      if ('value' in expansion) return expansion.value;
      add({ severity: 'error', ...locate(config, path, 'value'), path: [...path], ...expansion });
      return written;
    },
    ({ path, offset, message, hint }) =>
      add({ severity: 'error', ...placeOf(config.lines, offset), path: [...path], message, hint }),
  );
  const referenceProblems = new Set(problems.map((problem) => JSON.stringify(problem.path)));
  const resolved = resolveConfig(tree, { defaultStateDir });
  for (const { severity, path, at, message, hint } of resolved.findings.slice(0, MAX_FINDINGS)) {
    // A value whose reference could not be resolved has been reported; what its text then fails at is noise.
    if (referenceProblems.has(JSON.stringify(path))) continue;
    add({ severity, ...locate(config, path, at), path: [...path], message, hint });
  }
  const ordered = problems
    .sort((left, right) => left.line - right.line || left.column - right.column)
    .slice(0, MAX_PROBLEMS);
  const isUsable = !problems.some((problem) => problem.severity === 'error');
  const found = { problems: ordered, referencedFiles: references.files };
  if (!isUsable || resolved.config === undefined) return found;
  return {
    ...found,
    config: resolved.config,
    effective: effectiveTree(writtenTree(config), resolved.config),
  };
}

/** Equal when nothing that matters differs: the text, and what its references gave. Holds secrets. */
export function fingerprint(loaded: LoadedConfig | undefined): string {
  if (loaded === undefined) return '';
  return JSON.stringify([loaded.sha256, loaded.config ?? null, loaded.problems]);
}

export function isSameConfig(left: LoadedConfig, right: LoadedConfig): boolean {
  return fingerprint(left) === fingerprint(right);
}

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** In hex, as `sha256Of` of a text; another one where the file begins with a byte order mark. */
export function digestOfBytes(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** For verbs that need a usable configuration: the configuration, or a `config-invalid` error with the first problem. */
export function usableConfig(loaded: LoadedConfig): GatewayConfig {
  if (loaded.config !== undefined) return loaded.config;
  const errors = loaded.problems.filter((problem) => problem.severity === 'error');
  const [first] = errors;
  const isUnreadable = first?.line === 0;
  throw new GatewayError({
    code: isUnreadable ? 'config-unreadable' : 'config-invalid',
    operation: 'read the configuration',
    place: first === undefined || isUnreadable ? loaded.path : `${loaded.path}:${first.line}:${first.column}`,
    message: `${first?.message ?? 'the configuration cannot be used'}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`,
    retry: 'never',
    hint:
      first?.hint === undefined || first.hint === ''
        ? '`headgate config check` lists everything that is wrong.'
        : first.hint,
  });
}
