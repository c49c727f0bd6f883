import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../../main/control/control-client.ts';
import { controlSocketPath } from '../../main/control/socket-path.ts';
import { guardProcess, releaseProcess } from '../rig/orphan-guard.ts';
import { until } from '../rig/until.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/headgate', import.meta.url));
const READY_LIMIT_MS = 60_000;
const EXIT_LIMIT_MS = 60_000;
const KEPT_LINES_MAX = 5_000;
const TAIL_LINES = 40;

export interface EngineStart {
  readonly configFile: string;
  readonly stateDir: string;
  /** For instance `HEADGATE_CRASH_AT`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** More words for `headgate run`. */
  readonly words?: readonly string[];
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One run of `headgate run` as a process of its own: what a service manager would start and what a test may kill. */
export class EngineProcess {
  readonly client: ControlClient;
  /** Settles when the process has ended and its last output was read. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #end: ProcessEnd | undefined;

  constructor({ configFile, stateDir, environment = {}, words = [] }: EngineStart) {
    const inherited = { ...process.env };
    delete inherited['HEADGATE_CRASH_AT'];
    delete inherited['HEADGATE_CRASH_SIGNAL'];
    const child = spawn(process.execPath, [PROGRAM, 'run', '--config', configFile, ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, ...environment },
    });
    const { pid } = child;
    if (pid !== undefined) guardProcess(pid);
    this.#child = child;
    this.client = new ControlClient(controlSocketPath(stateDir));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#lines.push(line);
        if (this.#lines.length > KEPT_LINES_MAX) this.#lines.shift();
      });
    }
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (pid !== undefined) releaseProcess(pid);
        this.#end = { code, signal };
        resolve(this.#end);
      });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#end === undefined;
  }

  /** Lines of its log and of its standard error, newest last. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  get tail(): string {
    return this.#lines.slice(-TAIL_LINES).join('\n');
  }

  /** Until it answers over its socket. Throws with the end of its log when it ends instead. */
  async ready(): Promise<void> {
    await until(
      'the engine answers',
      async () => {
        if (this.#end !== undefined)
          throw new Error(`the engine ended: ${JSON.stringify(this.#end)}\n${this.tail}`);
        return this.answers();
      },
      READY_LIMIT_MS,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.tail}`, { cause: error });
    });
  }

  answers(): Promise<boolean> {
    return this.client.call('status', {}).then(
      ({ pid }) => pid === this.pid,
      () => false,
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** SIGKILL, and until it is gone. */
  kill(): Promise<ProcessEnd> {
    this.signal('SIGKILL');
    return this.ended;
  }

  /** SIGTERM, and until it is gone. */
  stop(): Promise<ProcessEnd> {
    this.signal('SIGTERM');
    return this.end();
  }

  /** Waits for its end, within a limit. */
  async end(limitMs = EXIT_LIMIT_MS): Promise<ProcessEnd> {
    await until('the engine ends', () => this.#end !== undefined, limitMs).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${this.tail}`);
    });
    return this.ended;
  }
}
