/** One run of the demo: start the site and the engine, send, show, and at the end judge. All of it is stopped and removed again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { javaProblem } from '../../test/rig/jars.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { formatBytes, formatCount, formatDuration, MINUTE_MS, SECOND_MS } from '../../shared/units.ts';
import { systemClock } from '../telemetry/clock.ts';
import { openerOf, openInBrowser } from './browser-opener.ts';
import { consoleUrl } from './console-command.ts';
import { DemoEngine } from './demo-engine.ts';
import { DemoFailure } from './demo-failure.ts';
import type { DemoSite } from './demo-site.ts';
import { sleepUnlessAborted, Traffic } from './demo-traffic.ts';
import { demoVerdict } from './demo-verdict.ts';
import { LiveScreen } from './live-screen.ts';
import { note, print, printError } from './output.ts';
import { statusText } from './status-text.ts';
import { outputWidth } from './terminal-text.ts';

const LOOK_MS = 500;
/** A log file does not want a line for each look. */
const LINE_EACH_MS = 2 * SECOND_MS;
/** `12 min 34 s`. */
const CLOCK_CHARS = 11;
/** Nothing new landed for so long, and nobody paused: something is wrong. */
const STALLED_MS = 2 * MINUTE_MS;

export interface DemoOptions {
  /** Undefined: no end. */
  readonly events: number | undefined;
  /** Undefined: as fast as it goes. */
  readonly rate: number | undefined;
  readonly endsByItself: boolean;
  readonly isEmbedded: boolean;
  readonly isKept: boolean;
  /** The console is opened in the browser of this desktop. */
  readonly isOpened: boolean;
}

/** Answers whether it went well. What went wrong has been printed. */
export async function runDemo(options: DemoOptions, signal: AbortSignal): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-demo-'));
  const demo = new Demo(options, directory, signal);
  try {
    return await demo.run();
  } catch (error) {
    // What breaks while everything is being stopped by Ctrl-C breaks because of it.
    if (!signal.aborted) printFailure(error);
    return signal.aborted && !options.endsByItself;
  } finally {
    await demo.stop();
    if (options.isKept) print(`kept: ${directory}`);
    else await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

function printFailure(error: unknown): void {
  if (error instanceof DemoFailure) {
    note(`\n${error.evidence}\n`);
    note(`headgate: the demo failed: ${error.message}`);
    note(
      '  hint: what is above says why; with --keep the state directory and the whole log are left for a look',
    );
  } else printError(error, false);
}

class Demo {
  readonly #options: DemoOptions;
  readonly #directory: string;
  readonly #signal: AbortSignal;
  readonly #traffic: Traffic;
  readonly #screen = new LiveScreen();
  readonly #startMs = systemClock.steadyMs();
  #site: DemoSite | undefined;
  #engine: DemoEngine | undefined;
  #lastLineMs = -Infinity;
  #consoleUrl = '';
  #opening: Promise<void> | undefined;

  constructor(options: DemoOptions, directory: string, signal: AbortSignal) {
    this.#options = options;
    this.#directory = directory;
    this.#signal = signal;
    this.#traffic = new Traffic(options);
  }

  async run(): Promise<boolean> {
    const site = (this.#site = await this.#startSite());
    if (this.#signal.aborted) return !this.#options.endsByItself;
    const engine = (this.#engine = new DemoEngine({
      configFile: site.configFile,
      environment: site.environment,
      directory: this.#directory,
    }));
    await engine.ready(this.#signal);
    print(`the engine runs ${site.configFile}; ask it: npx headgate status -d ${engine.stateDir}`);
    await this.#showConsole(engine);
    const beganMs = systemClock.steadyMs();
    const sending = { isDone: false, failure: undefined as Error | undefined };
    const sent = site.send(this.#traffic, this.#signal).then(
      () => (sending.isDone = true),
      (error: unknown) => (sending.failure = error instanceof Error ? error : new Error(String(error))),
    );
    const last = await this.#watch(engine, site, sending);
    if (this.#signal.aborted || last === undefined) {
      await sent;
      // The terminal has written ^C where the cursor stood.
      print(process.stdout.isTTY ? '\nstopping' : 'stopping');
      return !this.#options.endsByItself;
    }
    return this.#judge({ engine, site, last, tookMs: systemClock.steadyMs() - beganMs });
  }

  async stop(): Promise<void> {
    await this.#opening;
    // The engine first: it wants its servers while it finishes what runs.
    await this.#engine?.stop();
    await this.#site?.stop();
  }

  async #startSite(): Promise<DemoSite> {
    const problem = this.#options.isEmbedded ? undefined : javaProblem();
    if (problem !== undefined) print(`${problem}.`);
    if (this.#options.isEmbedded || problem !== undefined) {
      print('embedded demo: files in, a directory out; no Kafka and no HDFS take part');
      const { startEmbeddedSite } = await import('./demo-embedded.ts');
      return startEmbeddedSite(this.#directory);
    }
    const { startClusterSite } = await import('./demo-cluster.ts');
    return startClusterSite((message) => print(`${this.#clock()}  ${message}`));
  }

  async #showConsole(engine: DemoEngine): Promise<void> {
    const url = (this.#consoleUrl = await consoleUrl(engine.stateDir));
    print(`its console: ${url}`);
    if (!this.#options.isOpened) return;
    const opener = openerOf({ platform: process.platform, environment: process.env });
    if (opener === undefined)
      return print('there is no desktop here to open it on; open the address yourself');
    // The traffic does not wait for a browser to start.
    this.#opening = openInBrowser(url, { opener, signal: this.#signal }).then((isOpen) => {
      if (!isOpen) print(`${opener[0]} could not open the console; open the address yourself`);
    });
  }

  /** Shows the status until all is landed (the last status is answered) or the signal aborts. */
  async #watch(
    engine: DemoEngine,
    site: DemoSite,
    sending: { readonly isDone: boolean; readonly failure: Error | undefined },
  ): Promise<EngineStatus | undefined> {
    let settled = -1;
    let movedMs = systemClock.steadyMs();
    while (!this.#signal.aborted) {
      if (sending.failure !== undefined) throw sending.failure;
      if (engine.exitText !== undefined)
        throw new DemoFailure(`the engine ${engine.exitText}`, engine.logTail());
      const status = await engine.status();
      if (status !== undefined) {
        this.#show(status, site);
        const { landed, quarantined, isPaused } = figures(status);
        if (landed + quarantined !== settled || isPaused) movedMs = systemClock.steadyMs();
        settled = landed + quarantined;
        const isAll = sending.isDone && settled >= (this.#options.events ?? Infinity);
        if (isAll && this.#options.endsByItself) return status;
        const isStalled = this.#options.endsByItself && systemClock.steadyMs() - movedMs > STALLED_MS;
        if (isStalled)
          throw new DemoFailure(
            `nothing landed for ${formatDuration(STALLED_MS)}`,
            `${statusText(status, outputWidth())}\n\n${engine.logTail()}`,
          );
      }
      await sleepUnlessAborted(LOOK_MS, this.#signal);
    }
    return undefined;
  }

  #show(status: EngineStatus, site: DemoSite): void {
    const nowMs = systemClock.steadyMs();
    if (process.stdout.isTTY) {
      const head = [
        `headgate demo: ${site.title}`,
        `sent ${formatCount(this.#traffic.sent)} events, ${formatCount(this.#traffic.poisoned)} of them with a time that can't be read; Ctrl-C ends it`,
        `console: ${this.#consoleUrl}`,
        `in another terminal: npx headgate status -d ${status.stateDir}`,
      ];
      this.#screen.draw(`${head.join('\n')}\n\n${statusText(status, outputWidth())}`);
    } else if (nowMs - this.#lastLineMs >= LINE_EACH_MS) {
      this.#lastLineMs = nowMs;
      print(`${this.#clock()}  ${progressLine(status, this.#traffic.sent)}`);
    }
  }

  #clock(): string {
    return formatDuration(Math.round(systemClock.steadyMs() - this.#startMs)).padStart(CLOCK_CHARS);
  }

  async #judge(end: {
    readonly engine: DemoEngine;
    readonly site: DemoSite;
    readonly last: EngineStatus;
    readonly tookMs: number;
  }): Promise<boolean> {
    const { landed, quarantined } = figures(end.last);
    print(`${this.#clock()}  all ${formatCount(landed + quarantined)} events are landed or in quarantine\n`);
    const { client } = end.engine;
    const { traffic, site } = { traffic: this.#traffic, site: end.site };
    const verdict = await demoVerdict({ client, site, traffic, quarantined, signal: this.#signal });
    print(verdict.text);
    const seconds = end.tookMs / SECOND_MS;
    const rate = Math.round((landed + quarantined) / Math.max(seconds, 0.001));
    print(
      `\n${verdict.isClean ? 'CLEAN' : 'NOT CLEAN'}: ${formatCount(landed)} events in ${formatCount(verdict.files)} files, ${formatCount(quarantined)} in quarantine; ${seconds.toFixed(1)} s from the first event to the last landed file, ${formatCount(rate)} events/s with the waiting for open files`,
    );
    return verdict.isClean;
  }
}

function figures(status: EngineStatus): { landed: number; quarantined: number; isPaused: boolean } {
  return {
    landed: status.sinks.reduce((sum, sink) => sum + sink.events, 0),
    quarantined: status.channels.reduce((sum, channel) => sum + channel.quarantined, 0),
    isPaused: status.sinks.some((sink) => sink.paused !== undefined),
  };
}

function progressLine(status: EngineStatus, sent: number): string {
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const { landed, quarantined } = figures(status);
  const backlog = sum(status.channels.map((channel) => channel.events));
  const stored = sum(status.channels.map((channel) => channel.storedBytes));
  const why = [...status.sources, ...status.sinks].find((one) => one.cause !== undefined)?.cause;
  return [
    `sent ${formatCount(sent)}`,
    `taken ${formatCount(sum(status.sources.map((source) => source.events)))}`,
    `backlog ${formatCount(backlog)} (${formatBytes(stored)})`,
    `landed ${formatCount(landed)} in ${formatCount(sum(status.sinks.map((sink) => sink.files)))} files`,
    `quarantine ${formatCount(quarantined)}`,
    ...(why === undefined ? [] : [`waiting: ${why}`]),
  ].join('  ');
}
