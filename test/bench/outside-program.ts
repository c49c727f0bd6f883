import { spawn } from 'node:child_process';

/** Runs a program to its end without output; false when it is missing or fails. */
export function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore' });
    child.once('error', () => resolve(false));
    child.once('close', (code) => resolve(code === 0));
  });
}

export function runsProgram(program: string): Promise<boolean> {
  return succeeds(program, ['--version']);
}

/** Asks the kernel to forget what it keeps of a file, so that the next reader comes to the disk. GNU dd's word for posix_fadvise. */
export function dropFromCache(file: string): Promise<boolean> {
  return succeeds('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none']);
}
