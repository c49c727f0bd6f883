/** The engine of the demo: a process of its own, as on an appliance, that is never left behind. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guardProcess, releaseProcess } from '../../test/rig/orphan-guard.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { SECOND_MS } from '../../shared/units.ts';
import { ControlClient } from '../control/control-client.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { systemClock } from '../telemetry/clock.ts';
import { DemoFailure } from './demo-failure.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/headgate', import.meta.url));
const DRAIN_LIMIT = '10s';
/** The drain limit, closing, and some; then it is killed. */
const STOP_MS_MAX = 45 * SECOND_MS;
const READY_MS_MAX = 60 * SECOND_MS;
const POLL_MS = 100;
const LOG_LINES_SHOWN = 15;

export interface DemoEngineOptions {
  readonly configFile: string;
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
}

export class DemoEngine {
  readonly stateDir: string;
  readonly client: ControlClient;
  readonly #logFile: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #exitText: string | undefined;

  constructor({ configFile, directory, environment }: DemoEngineOptions) {
    this.stateDir = join(directory, 'state');
    this.client = new ControlClient(controlSocketPath(this.stateDir));
    this.#logFile = join(directory, 'engine.log');
    const log = openSync(this.#logFile, 'a');
    // Ctrl-C goes to the demo alone, in whose hands the order of stopping is: the engine has a process group of its own.
    this.#child = spawn(
      process.execPath,
      [PROGRAM, 'run', '--config', configFile, '--drain-limit', DRAIN_LIMIT, '--log-format', 'json'],
      {
        stdio: ['ignore', log, log],
        detached: true,
        env: {
          ...process.env,
          HOME: process.env['HOME'] ?? directory,
          ...environment,
          HEADGATE_DEMO_STATE: this.stateDir,
        },
      },
    );
    closeSync(log);
    const { pid } = this.#child;
    if (pid !== undefined) guardProcess(pid);
    this.#exited = new Promise((resolve) => {
      const end = (text: string): void => {
        if (pid !== undefined) releaseProcess(pid);
        this.#exitText ??= text;
        resolve();
      };
      this.#child.once('error', (error) => end(`did not start: ${error.message}`));
      this.#child.once('exit', (code, signal) => end(`ended with ${signal ?? `status ${code}`}`));
    });
  }

  /** How it ended, when it has. */
  get exitText(): string | undefined {
    return this.#exitText;
  }

  /** Waits until the engine answers. Throws, with the end of its log, when it ends before. */
  async ready(signal: AbortSignal): Promise<void> {
    const deadlineMs = systemClock.steadyMs() + READY_MS_MAX;
    for (;;) {
      const status = await this.status();
      if (status !== undefined) return;
      if (this.#exitText !== undefined) throw new DemoFailure(`the engine ${this.#exitText}`, this.logTail());
      if (systemClock.steadyMs() > deadlineMs)
        throw new DemoFailure('the engine does not answer', this.logTail());
      await systemClock.sleep(POLL_MS, signal);
    }
  }

  /** Undefined while nobody answers. */
  async status(): Promise<EngineStatus | undefined> {
    try {
      return await this.client.call('status', {});
    } catch (error) {
      if (isGatewayError(error) && error.code === 'no-engine') return undefined;
      throw error;
    }
  }

  logTail(): string {
    return readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES_SHOWN).join('\n');
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<void> {
    if (this.#exitText !== undefined) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX);
    await this.#exited;
    clearTimeout(timer);
  }
}
