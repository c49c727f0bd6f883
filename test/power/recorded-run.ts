import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Said } from './promises.ts';
import {
  readTrace,
  STRING_BYTES_MAX,
  stringsOf,
  TRACED_CALLS,
  type SystemCall,
} from './system-call-trace.ts';

const MEMORY_DISK = '/dev/shm';
const CHILD = join(import.meta.dirname, 'power-child.ts');
/** A kill may hit a call that changes a file; then what it did can't be known, and the life is recorded again from the start. */
const RECORDINGS_MAX = 5;

/** One process: how long it works, and at which crash point it dies; undefined: it ends in order. */
export interface Life {
  readonly rounds: number;
  readonly crashAt?: string;
}

/** All calls of one life, in order, with what the engine said when. */
export interface RecordedLife {
  readonly calls: readonly SystemCall[];
  readonly said: ReadonlyMap<SystemCall, readonly Said[]>;
}

export interface RecordedRun extends Disposable {
  /** The paths in the trace begin with it. */
  readonly root: string;
  readonly lives: readonly RecordedLife[];
}

/** Runs the lives one after the other on one directory, under strace. */
export async function recordRun(seed: number, lives: readonly Life[]): Promise<RecordedRun> {
  // In memory: the states are written and opened by the hundred.
  const scratch = mkdtempSync(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'headgate-power-'));
  const dispose = (): void => rmSync(scratch, { recursive: true, force: true });
  const root = join(scratch, 'root');
  try {
    for (let attempt = 1; ; attempt++) {
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root);
      try {
        const recorded: RecordedLife[] = [];
        for (const [at, life] of lives.entries()) {
          const trace = join(scratch, `life-${at}.trace`);
          await runTraced({ trace, root, seed: seed + at, life });
          recorded.push(readLife(await readTrace(trace, linesOf(recorded))));
          rmSync(trace);
        }
        return { root, lives: recorded, [Symbol.dispose]: dispose };
      } catch (error) {
        const isUndecided =
          error instanceof Error && error.message.startsWith('the process died in the middle');
        if (!isUndecided || attempt === RECORDINGS_MAX) throw error;
      }
    }
  } catch (error) {
    dispose();
    throw error;
  }
}

interface TracedLife {
  readonly trace: string;
  readonly root: string;
  readonly seed: number;
  readonly life: Life;
}

async function runTraced({ trace, root, seed, life }: TracedLife): Promise<void> {
  const strace = [
    '-f',
    '--seccomp-bpf',
    '-xx',
    '-s',
    String(STRING_BYTES_MAX),
    '-e',
    `trace=${TRACED_CALLS.join(',')}`,
  ];
  const words = [...strace, '-o', trace, process.execPath, CHILD, root, String(seed), String(life.rounds)];
  const environment = life.crashAt === undefined ? {} : { HEADGATE_CRASH_AT: life.crashAt };
  const child = spawn('strace', words, {
    cwd: dirname(trace),
    // The kernel's ring would hide calls from strace.
    env: { ...process.env, UV_USE_IO_URING: '0', ...environment },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  const { code, signal } = await new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve({ code, signal }));
    },
  );
  // strace dies of what its child died of.
  const isAsWanted = life.crashAt === undefined ? code === 0 : signal === 'SIGKILL' || code === 137;
  if (!isAsWanted) throw new Error(`a recorded life ended with ${code ?? signal}: ${complaints}`);
}

function readLife(calls: readonly SystemCall[]): RecordedLife {
  const said = new Map<SystemCall, readonly Said[]>();
  for (const call of calls) {
    if (call.name !== 'write' || !call.args.startsWith('1,')) continue;
    const text = Buffer.concat(stringsOf(call.args)).toString();
    const lines = text.split('\n').filter((line) => line.startsWith('{'));
    said.set(
      call,
      lines.map((line) => JSON.parse(line) as Said),
    );
  }
  return { calls, said };
}

function linesOf(lives: readonly RecordedLife[]): number {
  return lives.flatMap(({ calls }) => calls).reduce((most, { endsAt }) => Math.max(most, endsAt), 0);
}
