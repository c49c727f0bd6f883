/**
 * The engine as a program: which words start it, with which Node, and detached, so that it outlives this window. It runs under a
 * Node of its own that is shipped beside the app: Electron's has another binary interface, and its fuses forbid to be used as one.
 */
import { execFile, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { controlSocketPath } from '../control/socket-path.ts';
import { isAbsent } from './private-file.ts';

/** What an engine says on stderr when it can't start is short. */
const TAIL_CHARS_MAX = 4_000;
const ASK_LIMIT_MS = 20_000;
const FILE_MODE = 0o600;
/** They change what the engine's Node does, and speak of this process. */
const FOREIGN_VARIABLES = ['NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'ELECTRON_RUN_AS_NODE', 'HEADGATE_TUNED'];

export interface EngineProgramOptions {
  /** Node 24. */
  readonly node: string;
  /** `bin/headgate` of the engine. */
  readonly program: string;
  /** What the engine says before its log is open; begun anew at each start. The log itself is kept by the engine. */
  readonly errorFile: string;
  /** Where Node keeps compiled code; the program's own folder may not be writable. */
  readonly compileCache: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface EngineEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The end of what it said on stderr. */
  readonly tail: string;
}

export interface StartedEngine {
  readonly pid: number | undefined;
  /** Never rejects: a program that could not be started at all has ended, too. */
  readonly ended: Promise<EngineEnd>;
}

export class EngineProgram {
  readonly #options: EngineProgramOptions;

  constructor(options: EngineProgramOptions) {
    this.#options = options;
  }

  /**
   * Starts the engine of a configuration; without that file, one that waits for the first-run wizard to write it, in `stateDir` or the
   * platform's place.
   */
  start(configFile: string, stateDir?: string): StartedEngine {
    const { node, program, errorFile } = this.#options;
    mkdirSync(dirname(errorFile), { recursive: true, mode: 0o700 });
    const errors = openSync(errorFile, 'w', FILE_MODE);
    try {
      const child = spawn(node, [program, ...engineWords(configFile, stateDir)], {
        detached: true,
        stdio: ['ignore', 'ignore', errors],
        env: this.#environment(),
        cwd: dirname(program),
        windowsHide: true,
      });
      const ended = new Promise<Omit<EngineEnd, 'tail'> & { readonly failure?: string }>((resolve) => {
        child.once('exit', (code, signal) => resolve({ code, signal }));
        child.once('error', ({ message }) => resolve({ code: null, signal: null, failure: message }));
      });
      // This process may end before the engine does.
      child.unref();
      return { pid: child.pid, ended: ended.then((end) => withTail(end, errorFile)) };
    } finally {
      closeSync(errors);
    }
  }

  /**
   * The socket of the engine that a configuration names, whether it runs or not. Undefined when that can't be told: the file can't be
   * used, and starting the engine will say why.
   */
  async socketOf(configFile: string, signal: AbortSignal): Promise<string | undefined> {
    if (!existsSync(configFile)) return undefined;
    const { node, program } = this.#options;
    const words = [program, 'status', '--config', configFile, '--json'];
    const options = { env: this.#environment(), signal, timeout: ASK_LIMIT_MS, windowsHide: true };
    // When no engine answers it ends with 3, and says where on stderr.
    const text = await promisify(execFile)(node, words, options).then(
      ({ stdout }) => stdout,
      (error: unknown) => String(Reflect.get(Object(error), 'stderr') ?? ''),
    );
    return socketNamed(text);
  }

  #environment(): NodeJS.ProcessEnv {
    const { environment, compileCache } = this.#options;
    const own = Object.entries(environment).filter(([name]) => !FOREIGN_VARIABLES.includes(name));
    return { ...Object.fromEntries(own), NODE_COMPILE_CACHE: compileCache };
  }
}

/** Words for `headgate`. With a file that is there, `--setup` says nothing: it may come into being just now. */
export function engineWords(configFile: string, stateDir?: string): readonly string[] {
  const place = stateDir === undefined ? [] : ['--state-dir', stateDir];
  return ['run', '--config', configFile, '--log-format', 'json', '--setup', ...place];
}

function socketNamed(text: string): string | undefined {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    // Ended without an answer, as with a version that does not know the verb.
    return undefined;
  }
  const stateDir: unknown = Reflect.get(Object(answer), 'stateDir');
  if (typeof stateDir === 'string') return controlSocketPath(stateDir);
  const error = Object(Reflect.get(Object(answer), 'error')) as object;
  const place: unknown = Reflect.get(error, 'place');
  return Reflect.get(error, 'code') === 'no-engine' && typeof place === 'string' ? place : undefined;
}

async function withTail(
  end: Omit<EngineEnd, 'tail'> & { readonly failure?: string },
  file: string,
): Promise<EngineEnd> {
  const { failure, ...rest } = end;
  try {
    const text = await readFile(file, 'utf8');
    return { ...rest, tail: failure ?? text.trim().slice(-TAIL_CHARS_MAX) };
  } catch (error) {
    if (!isAbsent(error)) return { ...rest, tail: String(error) };
    return { ...rest, tail: failure ?? '' };
  }
}
