import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { stringify } from 'yaml';
import { readConfigFile } from '../../main/config/config-file.ts';
import { ControlClient } from '../../main/control/control-client.ts';
import { startEngine, type RunningEngine } from '../../main/engine/engine.ts';
import type { WatchLimits } from '../../main/engine/supervision/watchdog.ts';
import { systemClock, type Clock } from '../../main/telemetry/clock.ts';
import type { LogFields, Logger, LogLevel } from '../../main/telemetry/logger.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { until } from '../rig/until.ts';

export const SOURCE = 'lines';
export const CHANNEL = 'disk';
export const SINK = 'out';

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** The real time, with waiting cut short: a test need not sit out the backoff of the real world. */
export const HURRIED_CLOCK: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 50), signal),
};

type Section = Readonly<Record<string, unknown>>;

/** What a test's configuration has other than the default, by part; undefined leaves a key out. */
export interface GatewayChanges {
  readonly gateway?: Section;
  readonly source?: Section;
  readonly channel?: Section;
  readonly sink?: Section;
  /** Sections besides, or in place of the default ones. */
  readonly more?: Section;
}

/**
 * A gateway without servers, within the test's process: files of one directory in, another directory out, real SQLite and real
 * threads between. Every line that was written must be found in exactly one landed file.
 */
export class FileGateway implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'headgate-engine-'));
  readonly input = join(this.directory, 'input');
  readonly output = join(this.directory, 'output');
  readonly stateDir = join(this.directory, 'state');
  readonly configFile = join(this.directory, 'conf', 'headgate.yaml');
  readonly log: LogLine[] = [];
  readonly written: string[] = [];
  /** Threads that live now, in the order of their start: the channel's writer is the first. */
  readonly threads: Worker[] = [];
  readonly #onWorker = (worker: Worker): void => {
    this.threads.push(worker);
    worker.once('exit', () => this.threads.splice(this.threads.indexOf(worker), 1));
  };
  #engine: RunningEngine | undefined;

  constructor(changes: GatewayChanges = {}) {
    for (const folder of [this.input, join(this.directory, 'conf')]) mkdirSync(folder);
    process.on('worker', this.#onWorker);
    this.configure(changes);
  }

  configText(changes: GatewayChanges = {}): string {
    const config: Record<string, unknown> = {
      gateway: { id: 'gw-1', stateDir: this.stateDir, timeZone: 'UTC', ...changes.gateway },
      sources: {
        [SOURCE]: {
          type: 'files',
          directory: this.input,
          pattern: '*.log',
          pollInterval: '20ms',
          channels: [CHANNEL],
          ...changes.source,
        },
      },
      channels: {
        [CHANNEL]: { type: 'file', capacityBytes: '64MiB', minFreeDiskBytes: 0, ...changes.channel },
      },
      sinks: {
        [SINK]: {
          type: 'directory',
          channel: CHANNEL,
          path: `${this.output}/%{topic}`,
          idleTimeout: '1s',
          ...changes.sink,
        },
      },
      ...changes.more,
    };
    return stringify(JSON.parse(JSON.stringify(config)));
  }

  /** Writes the configuration file in place; a running engine sees it. */
  configure(changes: GatewayChanges = {}): void {
    writeFileSync(this.configFile, this.configText(changes));
  }

  async start(
    options: { readonly clock?: Clock; readonly watch?: WatchLimits } = {},
  ): Promise<RunningEngine> {
    const loaded = await readConfigFile(this.configFile);
    this.#engine = await startEngine({ loaded, log: this.#logger, clock: HURRIED_CLOCK, ...options });
    return this.#engine;
  }

  get engine(): RunningEngine {
    if (this.#engine === undefined) throw new Error('the engine is not started');
    return this.#engine;
  }

  get client(): ControlClient {
    return new ControlClient(this.engine.socketPath);
  }

  async stop(drainMs = 10_000): Promise<void> {
    await this.#engine?.stop(drainMs);
    this.#engine = undefined;
  }

  /** Appends numbered lines to a file of the input directory, and remembers them. */
  write(count: number, file = 'www.log', padding = ''): void {
    const lines = Array.from({ length: count }, (_, at) => `${file} ${this.written.length + at}${padding}`);
    this.written.push(...lines);
    appendFileSync(join(this.input, file), lines.map((line) => `${line}\n`).join(''));
  }

  status(): Promise<EngineStatus> {
    return this.client.call('status', {});
  }

  /** Waits until the status is as wanted; tells the last one otherwise. */
  async statusIs(
    what: string,
    condition: (status: EngineStatus) => boolean,
    limitMs = 45_000,
  ): Promise<EngineStatus> {
    let last: EngineStatus | undefined;
    try {
      return await until(
        what,
        async () => {
          last = await this.status();
          return condition(last) ? last : undefined;
        },
        limitMs,
      );
    } catch (error) {
      throw new Error(`${String(error)}\n${JSON.stringify(last, undefined, 1)}`, { cause: error });
    }
  }

  /** Lines of all committed files, in the order of files and lines. */
  async landed(): Promise<string[]> {
    const lines: string[] = [];
    for (const path of this.landedFiles()) {
      const text = await readFile(path, 'utf8');
      lines.push(...text.split('\n').slice(0, -1));
    }
    return lines;
  }

  /** Committed files: what stands under a name that begins with a dot or an underscore is not. */
  landedFiles(): string[] {
    if (!existsSync(this.output)) return [];
    const paths = readdirSync(this.output, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    return paths.filter((path) => !/(^|\/)[._]/.test(relative(this.output, path))).sort();
  }

  /** The thread of that name, once it runs. */
  thread(name: string): Promise<Worker> {
    return until(`the thread ${name}`, () => this.threads.find((thread) => thread.threadName === name));
  }

  /** Waits until as many lines are landed as were written. */
  async allLanded(limitMs = 60_000): Promise<void> {
    await this.client.call('landNow', {});
    await until(
      `${this.written.length} lines are landed`,
      async () => {
        const { length } = await this.landed();
        if (length < this.written.length) await this.client.call('landNow', {});
        return length >= this.written.length;
      },
      limitMs,
    );
  }

  /** Every written line in exactly one place, by the files and by the audit. */
  async verdict(
    level: 'ledger' | 'deep' = 'deep',
  ): Promise<{ readonly lines: string[]; readonly audit: AuditReport }> {
    const { id } = await this.client.call('auditStart', { level });
    const audit = await until('the audit is done', async () => {
      const report = await this.client.call('auditReport', { id });
      return report.state === 'running' ? undefined : report;
    });
    return { lines: (await this.landed()).sort(), audit };
  }

  logged(message: string): LogLine[] {
    return this.log.filter((line) => line.message === message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(0);
    process.off('worker', this.#onWorker);
    rmSync(this.directory, { recursive: true, force: true });
  }

  get #logger(): Logger {
    const write =
      (level: LogLevel) =>
      (message: string, fields: LogFields = {}): void =>
        void this.log.push({ level, message, fields });
    return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  }
}

/** Lines that begin with their time, landed by the hour, and hours that are marked once they are over. */
export function hourly(gateway: FileGateway, changes: Record<string, unknown> = {}) {
  return {
    source: {
      interceptors: [
        {
          type: 'regex_extractor',
          regex: '^(\\S+) ',
          serializers: [{ type: 'millis', name: 'timestamp', pattern: "yyyy-MM-dd'T'HH:mm:ssZ" }],
        },
      ],
    },
    sink: {
      path: `${gateway.output}/%Y-%m-%d/%H`,
      completeness: { marker: '_SUCCESS', grace: '1min' },
      idleTimeout: '100ms',
      ...changes,
    },
  };
}
