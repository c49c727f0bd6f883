import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../main/cli/program.ts';
import { guardProcess, releaseProcess } from '../rig/orphan-guard.ts';

const PROGRAM = fileURLToPath(new URL('../../main/cli/headgate.ts', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('../../bin/headgate', import.meta.url));

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs one command line in this process, as `headgate ARGV…` would: a process of its own costs a second of CPU each. */
export async function headgate(...argv: string[]): Promise<Outcome> {
  const texts = { stdout: '', stderr: '' };
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const write = stream.write.bind(stream);
    stream.write = (text: string | Uint8Array): boolean => {
      texts[name] += String(text);
      return true;
    };
    return () => (stream.write = write);
  });
  const exitCode = process.exitCode;
  process.exitCode = undefined;
  try {
    return { status: await runProgram(argv), ...texts };
  } finally {
    for (const undo of restore) undo();
    process.exitCode = exitCode;
  }
}

/** The same as a process, for what only a process shows: signals and its true exit status. */
export class HeadgateProcess {
  readonly ended: Promise<Outcome>;
  stdout = '';
  stderr = '';
  readonly #child: ChildProcess;

  /** `isLauncher` starts bin/headgate, as `npx headgate` does. */
  constructor(
    argv: readonly string[],
    options: { readonly isLauncher?: boolean; readonly environment?: Readonly<Record<string, string>> } = {},
  ) {
    const program = options.isLauncher === true ? LAUNCHER : PROGRAM;
    const child = spawn(process.execPath, ['--no-warnings', program, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
    });
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined) guardProcess(pid);
    child.stdout.on('data', (data: Buffer) => (this.stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (this.stderr += data.toString()));
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        if (pid !== undefined) releaseProcess(pid);
        const { stdout, stderr } = this;
        resolve({ status: code ?? -1, stdout, stderr: signal === null ? stderr : `${stderr}\n${signal}` });
      });
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }
}
