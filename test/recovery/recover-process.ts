import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { recoveryReportSchema, type RecoveryReport } from '../../main/recovery/recovery-report.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/headgate', import.meta.url));

export interface RecoverEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
  readonly stdout: string;
  /** What `--json` printed. */
  readonly report: RecoveryReport | undefined;
}

/** One call of `headgate recover --json`, as an operator makes it; with `crashAt` it kills itself there. */
export function runRecover(
  configFile: string,
  words: readonly string[] = [],
  crashAt?: string,
): Promise<RecoverEnd> {
  const inherited = { ...process.env };
  delete inherited['HEADGATE_CRASH_AT'];
  const child = spawn(process.execPath, [PROGRAM, 'recover', '--config', configFile, '--json', ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inherited, ...(crashAt === undefined ? {} : { HEADGATE_CRASH_AT: crashAt }) },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece: Buffer) => (stdout += piece.toString()));
  child.stderr.on('data', (piece: Buffer) => (stderr += piece.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const report = stdout.startsWith('{') ? recoveryReportSchema.parse(JSON.parse(stdout)) : undefined;
      resolve({ code, signal, stderr, stdout, report });
    });
  });
}
