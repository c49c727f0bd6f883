import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * No server outlives the process that started it, not even after SIGKILL of that process.
 *
 * One small `sh` per process reads pids from a pipe whose other end only this process holds. However this process dies, the kernel
 * closes the pipe, `read` ends, and the shell kills every pid that was added and not dropped. The shell runs in a session of
 * its own, so Ctrl-C in the terminal does not end it first. Where there is no `sh` (Windows) only the `exit` event is covered.
 */
const WATCH_SCRIPT = `
pids=" "
while read -r verb pid; do
  case "$verb" in
    add) pids="$pids$pid " ;;
    drop) case "$pids" in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
`;

const guarded = new Set<number>();
let shell: ChildProcess | undefined;

/** From now on `pid` dies with this process. */
export function guardProcess(pid: number): void {
  if (guarded.size === 0) process.once('exit', killGuarded);
  guarded.add(pid);
  tell(`add ${pid}`);
}

/** `pid` has ended: it must not be killed later, when the number may belong to another process. */
export function releaseProcess(pid: number): void {
  if (!guarded.delete(pid)) return;
  tell(`drop ${pid}`);
  if (guarded.size === 0) process.removeListener('exit', killGuarded);
}

function killGuarded(): void {
  for (const pid of guarded) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function tell(line: string): void {
  if (process.platform === 'win32') return;
  const pipe = shell?.exitCode === null ? shell.stdin : null;
  if (pipe === null) {
    shell = spawn('sh', ['-c', WATCH_SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    // A guard that could not start leaves the `exit` handler as the only protection; the servers themselves still work.
    shell.on('error', () => undefined);
    shell.stdin?.on('error', () => undefined);
    shell.unref();
    unrefPipe(shell.stdin);
    for (const pid of guarded) shell.stdin?.write(`add ${pid}\n`);
    return;
  }
  pipe.write(`${line}\n`);
}

/** A child's standard input is a socket at run time, which would keep this process alive. */
function unrefPipe(pipe: Writable | null): void {
  if (pipe instanceof Socket) pipe.unref();
}
