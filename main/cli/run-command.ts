/** `headgate run`: the engine in the foreground, for a service manager or a terminal. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { Option, type Command } from 'commander';
import { SECOND_MS, parseDuration } from '../../shared/units.ts';
import { plainProblems, renderProblems } from '../config/config-render.ts';
import { defaultStateDirectory } from '../config/state-directory.ts';
import type { RunningEngine } from '../engine/engine.ts';
import { systemClock } from '../telemetry/clock.ts';
import { createLogger, type Logger, type LogLevel } from '../telemetry/logger.ts';
import { checkedConfig } from './config-commands.ts';
import { createConsoleLogger } from './console-logger.ts';
import { EXIT } from './exit-status.ts';
import { note, printError } from './output.ts';
import { listenForStop } from './stop-signals.ts';
import { oneLine, ownLines } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

const DRAIN_LIMIT_MS_MAX = 3_600_000;
/** Closing after the drain limit: the database's last checkpoint, sockets, threads. */
const CLOSING_MS_MAX = 30 * SECOND_MS;

interface RunOptions {
  readonly config: string;
  readonly setup?: boolean;
  readonly stateDir?: string;
  readonly console?: string;
  readonly drainLimit: string;
  readonly acceptReplay?: 'stored' | 'broker';
  readonly logLevel: LogLevel;
  readonly logFormat: 'auto' | 'json' | 'text';
}

export function addRunCommand(program: Command): void {
  program
    .command('run')
    .summary('run the engine in the foreground')
    .description(
      'Runs the engine in the foreground. SIGTERM or Ctrl-C ends intake, lets running uploads finish within --drain-limit and stops; a second one stops at once. Either way nothing is lost. The log goes to stdout, as JSON lines unless stdout is a terminal. Edits of the file are taken while it runs; a bad edit is reported and the running configuration stays.',
    )
    .requiredOption('-c, --config <file>', 'the configuration file')
    .option(
      '--setup',
      'where the file does not exist yet, wait for the first-run wizard to make it, then go on as the engine',
    )
    .option(
      '-d, --state-dir <directory>',
      'with --setup: where the wizard finds it (default: the platform’s state directory)',
    )
    .option(
      '--console <host:port>',
      'with --setup: serve the wizard to browsers of this machine, such as 127.0.0.1:8642',
    )
    .option('--drain-limit <time>', 'how long running uploads may take to finish at a stop', '30s')
    .addOption(
      new Option(
        '--accept-replay <choice>',
        'for partitions that are held because somebody moved the group’s offset: go on at the stored position, or where the broker says (events may land twice)',
      ).choices(['stored', 'broker']),
    )
    .addOption(
      new Option('--log-level <level>', 'the least important line that is written')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'auto: text on a terminal, JSON elsewhere')
        .choices(['auto', 'json', 'text'])
        .default('auto'),
    )
    .addHelpText(
      'after',
      `
Examples:
  headgate run --config /etc/headgate/headgate.yaml
  headgate run -c headgate.yaml --drain-limit 2min --log-level debug
  headgate run -c headgate.yaml --accept-replay stored
  headgate run -c headgate.yaml --setup --console 127.0.0.1:8642

--accept-replay answers each held partition once, for this run: don’t leave it in a service’s unit.

Exit status: 0 stopped on request, 1 failed or stopped at once, 2 the configuration can't be used.`,
    )
    .action(runEngine);
}

async function runEngine(options: RunOptions): Promise<void> {
  const drainLimitMs = parseDuration(options.drainLimit);
  if (drainLimitMs === undefined || drainLimitMs > DRAIN_LIMIT_MS_MAX)
    throw usageError(`--drain-limit ${oneLine(options.drainLimit)}: a time such as 30s, 1h at most`);
  const start = isSetupNeeded(options) ? await setupStarter(options) : await engineStarter(options);
  if (start === undefined) {
    process.exitCode = EXIT.usage;
    return;
  }
  const log = loggerOf(options);
  const starting = start(log);
  let isAsked = false;
  const stopped = new Promise<void>((resolve, reject) => {
    listenForStop(
      (why) => {
        isAsked = true;
        log.info('stopping', { why, drainLimitMs });
        setTimeout(() => {
          note(`headgate: did not stop within ${drainLimitMs + CLOSING_MS_MAX} ms; nothing is lost`);
          process.exit(EXIT.failed);
        }, drainLimitMs + CLOSING_MS_MAX).unref();
        starting.then((engine) => engine.stop(drainLimitMs)).then(resolve, reject);
      },
      () => {
        note('headgate: stopped at once; nothing is lost, unfinished files are landed after the next start');
        process.exit(EXIT.failed);
      },
    );
  });
  const engine = await starting;
  // `ended` alone tells an engine that failed; after a wished stop both resolve.
  const failure = await Promise.race([engine.ended, stopped.then(() => engine.ended)]);
  if (failure !== undefined) {
    printError(failure, false);
    process.exit(EXIT.failed);
  }
  if (isAsked) await stopped;
  // A thread or socket that lingers must not turn an orderly stop into one that the service manager has to kill.
  process.exit(EXIT.done);
}

type Starter = (log: Logger) => Promise<RunningEngine>;

/** A file that is there is what runs, also with --setup: a service may start with the same words every time. */
function isSetupNeeded({ setup, config, stateDir, console }: RunOptions): boolean {
  if (setup !== true && (stateDir !== undefined || console !== undefined))
    throw usageError('--state-dir and --console go with --setup', 'a configuration names them itself');
  return setup === true && !existsSync(config);
}

async function setupStarter({ config, stateDir, console, acceptReplay }: RunOptions): Promise<Starter> {
  const { startFirstRun } = await import('../engine/setup/first-run.ts');
  const { loopbackAddress } = await import('../engine/setup/setup-template.ts');
  const address = console === undefined ? undefined : loopbackAddress(console);
  return (log) =>
    startFirstRun({
      configFile: resolve(config),
      stateDir: stateDir === undefined ? defaultStateDirectory() : resolve(stateDir),
      console: address,
      log,
      clock: systemClock,
      engine: { acceptReplay },
    });
}

/** Undefined: the configuration can't be used, and why has been said. */
async function engineStarter({ config, acceptReplay }: RunOptions): Promise<Starter | undefined> {
  const { loaded, isUsable } = await checkedConfig(config);
  const problems = plainProblems(loaded.problems);
  if (problems.length > 0) note(`${ownLines(renderProblems({ ...loaded, problems }))}\n`);
  if (!isUsable) return undefined;
  // The other verbs don't wait for the engine's modules to load.
  const { startEngine } = await import('../engine/engine.ts');
  return (log) => startEngine({ loaded, log, acceptReplay });
}

function loggerOf(options: RunOptions): Logger {
  const nowMs = (): number => systemClock.nowMs();
  const isText =
    options.logFormat === 'text' || (options.logFormat === 'auto' && process.stdout.isTTY === true);
  if (!isText) return createLogger({ level: options.logLevel, nowMs });
  return createConsoleLogger({ level: options.logLevel, nowMs, write: (text) => process.stdout.write(text) });
}
