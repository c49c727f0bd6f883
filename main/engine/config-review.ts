/** A configuration that comes in as a text: looked at while it is typed, and made ready to take the file's place. */
import { readFile } from 'node:fs/promises';
import type { ConfigProblem } from '../../shared/contract/config-problem.ts';
import { GatewayError } from '../../shared/errors.ts';
import { digestOfBytes, readConfigText, type LoadedConfig, type ReadOptions } from '../config/config-file.ts';
import { plainProblems } from '../config/config-render.ts';
import { keptSecrets, restoreText } from '../config/config-secret.ts';
import { MAX_CONFIG_BYTES } from '../config/config-text.ts';
import { conflict } from '../config/config-writer.ts';
import { trialProblems } from './config-trial.ts';

/** The configuration file as it is on the disk. */
export interface FileState {
  /** Undefined: there is no file. */
  readonly bytes: Buffer | undefined;
  /** Without a byte order mark; empty when there is no file or no text in it. */
  readonly text: string;
  /** Of the bytes; empty when there is no file. */
  readonly sha256: string;
}

export interface TextReview extends ReadOptions {
  readonly path: string;
  /** The text whose secrets the marks of the reviewed one stand for. */
  readonly base: string;
}

const BYTE_ORDER_MARK = '\ufeff';

export async function readFileState(path: string): Promise<FileState> {
  try {
    const bytes = await readFile(path);
    const text = bytes.length > MAX_CONFIG_BYTES ? '' : new TextDecoder('utf-8').decode(bytes);
    return { bytes, text, sha256: digestOfBytes(bytes) };
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    if (code === 'ENOENT') return { bytes: undefined, text: '', sha256: '' };
    throw new GatewayError({
      code: 'config-unreadable',
      operation: 'read the configuration file',
      place: path,
      message: `the file cannot be read (${typeof code === 'string' ? code : 'unknown fault'})`,
      retry: 'never',
      hint: 'Check the path, and that the engine’s user may read it.',
      cause,
    });
  }
}

/** A text with all that is wrong with it, also what only shows when its rules are built. Its places are those of the text as it is handed over. */
export function reviewText(text: string, { base, ...options }: TextReview): LoadedConfig {
  return withTrial(readConfigText(text, { ...options, kept: keptSecrets(base) }));
}

export function withTrial(loaded: LoadedConfig): LoadedConfig {
  return { ...loaded, problems: [...loaded.problems, ...trialProblems(loaded)] };
}

/** What goes into the file for a text, and what the engine then runs. */
export interface Candidate {
  readonly bytes: Buffer;
  readonly loaded: LoadedConfig;
}

export interface CandidateRequest extends ReadOptions {
  readonly path: string;
  readonly text: string;
  /** Digest of the bytes that were edited; empty: there was no file. */
  readonly baseSha256: string;
  readonly file: FileState;
  /** The text means itself: it is no answer of ours with secrets taken out, but a version of the history. */
  readonly isVerbatim: boolean;
}

/** Throws `config-conflict` when the file is not what was edited, `config-invalid` with the first error's place. */
export function candidateOf(request: CandidateRequest): Candidate {
  const { path, text, baseSha256, file, isVerbatim, ...options } = request;
  if (file.sha256 !== baseSha256)
    throw conflict(path, file.bytes === undefined ? 'it is gone' : 'somebody else has changed it');
  if (!isVerbatim) refuseErrors(path, reviewText(text, { ...options, path, base: file.text }).problems);
  const whole = isVerbatim ? text : inStyleOf(restoreText(text, file.text), file.text);
  const loaded = readConfigText(whole, { ...options, path });
  refuseErrors(path, withTrial(loaded).problems);
  const isMarked = file.bytes?.toString('utf8', 0, 3) === BYTE_ORDER_MARK;
  return { bytes: Buffer.from(isMarked ? BYTE_ORDER_MARK + whole : whole), loaded };
}

/** Editors in a browser know one kind of line end; a file that had the other one keeps it. */
function inStyleOf(text: string, base: string): string {
  return base.includes('\r\n') && !text.includes('\r') ? text.replaceAll('\n', '\r\n') : text;
}

function refuseErrors(path: string, problems: readonly ConfigProblem[]): void {
  const errors = plainProblems(problems).filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first === undefined) return;
  const { line, column, message, hint } = first;
  throw new GatewayError({
    code: 'config-invalid',
    operation: 'apply the configuration',
    place: line > 0 ? `${path}:${line}:${column}` : path,
    message: `${message}${errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''}`,
    retry: 'never',
    hint: hint === '' ? '`headgate config check` lists everything that is wrong.' : hint,
  });
}
