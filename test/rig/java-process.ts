import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { javaCommand } from './jars.ts';
import { guardProcess, releaseProcess } from './orphan-guard.ts';

const READY_POLL_MS = 60;
const READY_TIMEOUT_MS = 90_000;
const STOP_TIMEOUT_MS = 15_000;
const LOG_TAIL_CHARS = 4_000;

/** Small and quick to come up: these JVMs live for one test. Checking the byte code of released jars is a tenth of a start. */
const START_UP_FLAGS = [
  '-XX:TieredStopAtLevel=1',
  '-XX:+UseSerialGC',
  '-Xshare:auto',
  '-XX:+UnlockDiagnosticVMOptions',
  '-XX:-BytecodeVerificationRemote',
];
const COMMON_FLAGS = [
  '-XX:-UsePerfData',
  '-Djava.security.egd=file:/dev/urandom',
  '-Djava.net.preferIPv4Stack=true',
  '-Djava.awt.headless=true',
  // Hadoop 3.4 on Java 17: WebHDFS answers 500 without it (Jersey defines classes by reflection).
  '--add-opens=java.base/java.lang=ALL-UNNAMED',
];

export interface JavaCommand {
  readonly classPath: readonly string[];
  readonly mainClass: string;
  readonly args?: readonly string[];
  /** Further JVM flags, e.g. `-Dx=y`. */
  readonly flags?: readonly string[];
  readonly heapMb?: number;
  /** 'start-up' (default): serial collector and the first compiler only. 'throughput': the JVM's own choice, for the bench. */
  readonly tuning?: 'start-up' | 'throughput';
  readonly environment?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
}

export interface JavaServerOptions extends JavaCommand {
  /** Stands in messages and names the log file. */
  readonly name: string;
  /** Gets `<name>.log`, to which every start appends. */
  readonly logDirectory: string;
  /** Asked every 60 ms until it answers true. A throw counts as "not yet"; its message stands in the error after the time is over. */
  readonly isReady: () => Promise<boolean>;
  readonly readyTimeoutMs?: number;
}

function commandLine(command: JavaCommand): string[] {
  return [
    ...(command.tuning === 'throughput' ? [] : START_UP_FLAGS),
    ...COMMON_FLAGS,
    `-Xmx${command.heapMb ?? 256}m`,
    ...(command.flags ?? []),
    '-cp',
    command.classPath.join(delimiter),
    command.mainClass,
    ...(command.args ?? []),
  ];
}

/**
 * One server in a JVM that can be started, stopped, killed, frozen and started again with the same command line. It dies with this
 * process (`orphan-guard.ts`).
 */
export class JavaServer {
  readonly #options: JavaServerOptions;
  readonly logFile: string;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #exitText: string | undefined;
  #isPaused = false;

  constructor(options: JavaServerOptions) {
    this.#options = options;
    this.logFile = join(options.logDirectory, `${options.name}.log`);
  }

  get name(): string {
    return this.#options.name;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#exitText === undefined;
  }

  get pid(): number | undefined {
    return this.isRunning ? this.#child?.pid : undefined;
  }

  /** Starts the JVM and waits until the server is ready. On failure the JVM is dead and the error carries the end of its log. */
  async start(): Promise<void> {
    if (this.isRunning) throw new Error(`${this.name} already runs`);
    await mkdir(this.#options.logDirectory, { recursive: true });
    this.#spawn();
    try {
      await this.#becomeReady();
    } catch (error) {
      await this.kill();
      throw error;
    }
  }

  #spawn(): void {
    const log = openSync(this.logFile, 'a');
    const child = spawn(javaCommand(), commandLine(this.#options), {
      stdio: ['ignore', log, log],
      cwd: this.#options.workingDirectory ?? this.#options.logDirectory,
      env: { ...process.env, ...this.#options.environment },
    });
    closeSync(log);
    const pid = child.pid;
    if (pid !== undefined) guardProcess(pid);
    this.#child = child;
    this.#exitText = undefined;
    this.#isPaused = false;
    this.#exited = new Promise((resolve) => {
      const end = (text: string): void => {
        if (pid !== undefined) releaseProcess(pid);
        if (this.#child === child) this.#exitText = text;
        resolve();
      };
      child.once('error', (error) => end(`did not start: ${error.message}`));
      child.once('exit', (code, signal) =>
        end(signal === null ? `ended with ${code}` : `ended by ${signal}`),
      );
    });
  }

  async #becomeReady(): Promise<void> {
    const timeoutMs = this.#options.readyTimeoutMs ?? READY_TIMEOUT_MS;
    const deadline = Date.now() + timeoutMs;
    let lastProblem = 'not ready';
    for (;;) {
      if (this.#exitText !== undefined) throw new Error(`${this.name} ${this.#exitText}\n${this.logTail()}`);
      try {
        if (await this.#options.isReady()) return;
      } catch (error) {
        lastProblem = String(error);
      }
      if (Date.now() > deadline) {
        throw new Error(
          `${this.name} was not ready after ${timeoutMs} ms (${lastProblem})\n${this.logTail()}`,
        );
      }
      await wait(READY_POLL_MS);
    }
  }

  /** Asks the JVM to end (SIGTERM) and waits; SIGKILL when it doesn't within 15 s. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.continue();
    this.#child?.kill('SIGTERM');
    const timer = setTimeout(() => this.#child?.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** SIGKILL, and waits until the process is gone. Works on a frozen one too. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** stop() and start() with the same ports and data. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Freezes the process (SIGSTOP): its sockets stay open and nobody answers. */
  pause(): void {
    if (!this.isRunning || this.#isPaused) return;
    this.#child?.kill('SIGSTOP');
    this.#isPaused = true;
  }

  /** Lets a frozen process go on (SIGCONT). */
  continue(): void {
    if (!this.isRunning || !this.#isPaused) return;
    this.#child?.kill('SIGCONT');
    this.#isPaused = false;
  }

  /** The end of the log file, for error messages. */
  logTail(): string {
    try {
      return readFileSync(this.logFile, 'utf8').slice(-LOG_TAIL_CHARS);
    } catch {
      return '(no log)';
    }
  }
}

export interface JavaResult {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a Java program to its end. Does not throw for an exit code other than 0. `input` goes to its standard input. */
export function runJava(command: JavaCommand, input?: string): Promise<JavaResult> {
  const child = spawn(javaCommand(), commandLine(command), {
    stdio: ['pipe', 'pipe', 'pipe'],
    cwd: command.workingDirectory,
    env: { ...process.env, ...command.environment },
  });
  const pid = child.pid;
  if (pid !== undefined) guardProcess(pid);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that ends without reading its input breaks the pipe; its exit code tells what is to be known.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      if (pid !== undefined) releaseProcess(pid);
      resolve({ code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** Like `runJava`, but an exit code other than 0 is an error with the program's last words. Answers its standard output. */
export async function runJavaOrThrow(what: string, command: JavaCommand): Promise<string> {
  const result = await runJava(command);
  const stdout = result.stdout.toString();
  if (result.code !== 0) {
    throw new Error(`${what} ended with ${result.code}\n${(result.stderr + stdout).slice(-LOG_TAIL_CHARS)}`);
  }
  return stdout;
}

/** True when something accepts a TCP connection at 127.0.0.1:`port`. */
export function isPortOpen(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
