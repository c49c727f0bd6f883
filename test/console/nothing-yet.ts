import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { consoleUrl } from '../../main/cli/console-command.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { freePort } from '../rig/free-port.ts';
import { Operator } from './console-browser.ts';
import { LINE_IS_CUT } from './console-site.ts';

/** A machine on which Headgate was just installed: no configuration, no state, and the engine started as its service does. */
export class NothingYet implements AsyncDisposable {
  readonly engine: EngineProcess;
  readonly configFile: string;
  readonly #directory: string;
  readonly #stateDir: string;
  #operator: Operator | undefined;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.#stateDir = join(directory, 'state');
    this.configFile = join(directory, 'conf', 'headgate.yaml');
    this.engine = new EngineProcess({
      configFile: this.configFile,
      stateDir: this.#stateDir,
      words: ['--setup', '--state-dir', this.#stateDir, '--console', `127.0.0.1:${port}`],
    });
  }

  static async start(): Promise<NothingYet> {
    const machine = new NothingYet(await mkdtemp(join(tmpdir(), 'headgate-first-run-')), await freePort());
    await machine.engine.ready();
    return machine;
  }

  /** Who opens the address, and is led to the wizard. The line is cut once, when the engine takes the place of the setup. */
  async operator(browser: Browser): Promise<Operator> {
    this.#operator = await Operator.at(browser, await consoleUrl(this.#stateDir), { expects: LINE_IS_CUT });
    await this.#operator.page.waitForURL('**/#/setup');
    return this.#operator;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#operator?.[Symbol.asyncDispose]();
    } finally {
      await this.engine.kill();
      await rm(this.#directory, { recursive: true, force: true });
    }
  }
}
