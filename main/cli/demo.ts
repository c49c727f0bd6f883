/** `headgate demo`: a whole site on this machine. Everything that needs the test rig is loaded only when the demo runs. */
import type { Command } from 'commander';
import { EXIT } from './exit-status.ts';
import { listenForStop } from './stop-signals.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';
import type { DemoOptions } from './demo-run.ts';

const EVENTS_MAX = 100_000_000;
const RATE_MAX = 1_000_000;
/** Gentle enough for a laptop on battery, fast enough to see an hour's directory fill within a minute. */
const RATE_DEFAULT = 500;

interface DemoFlags {
  readonly events?: string;
  readonly rate?: string;
  readonly exit?: boolean;
  readonly embedded?: boolean;
  readonly keep?: boolean;
  readonly open?: boolean;
}

export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .summary('a whole site on this machine: Kafka, HDFS, traffic, the engine')
    .description(
      'Starts a real Kafka and a real HDFS on free ports, sends nginx access lines into three topics (some late, some out of order, some that can’t be read), runs the engine on examples/demo.yaml and shows what it does. The servers’ jars are fetched once with Maven. Without Java it reads files and lands in a directory, and says so. Everything is stopped and removed at the end.',
    )
    .option('--events <count>', 'how many events to send (default: go on until Ctrl-C)')
    .option('--rate <count>', `events a second (default: ${RATE_DEFAULT}; with --events as fast as it goes)`)
    .option('--exit', 'end when all of --events have landed: audit, judge, print the verdict')
    .option('--embedded', 'files in, a directory out: no Kafka, no HDFS, no Java')
    .option('--open', 'open the console in the browser of this desktop')
    .option('--keep', 'leave the state directory and the log for a look afterwards')
    .addHelpText(
      'after',
      `
Examples:
  npm run demo                                 until Ctrl-C
  npm run demo -- --events 300000 --exit       a proof: exits 0 when each event is there once
  npm run demo -- --embedded --open            the console in the browser, without Java
  npm run demo -- --embedded --events 20000 --exit

It prints the address of its console, signed in. While it runs, in another
terminal (it prints the directory):
  npx headgate status -d DIRECTORY
  npx headgate pause -d DIRECTORY

Exit status: 0 clean (or ended by Ctrl-C without --exit), 1 not clean.`,
    )
    .action(async (flags: DemoFlags) => {
      const options = demoOptions(flags);
      const stop = new AbortController();
      listenForStop(
        () => stop.abort(),
        () => process.exit(EXIT.failed),
      );
      const { runDemo } = await import('./demo-run.ts');
      process.exit((await runDemo(options, stop.signal)) ? EXIT.done : EXIT.failed);
    });
}

function demoOptions(flags: DemoFlags): DemoOptions {
  const events = flags.events === undefined ? undefined : wholeNumber('--events', flags.events, EVENTS_MAX);
  const rate = flags.rate === undefined ? undefined : wholeNumber('--rate', flags.rate, RATE_MAX);
  if (flags.exit === true && events === undefined)
    throw usageError(
      '--exit without --events: there would be no end',
      'say how many: --events 300000 --exit',
    );
  return {
    events,
    rate: rate ?? (events === undefined ? RATE_DEFAULT : undefined),
    endsByItself: flags.exit === true,
    isEmbedded: flags.embedded === true,
    isKept: flags.keep === true,
    isOpened: flags.open === true,
  };
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw usageError(`${name} ${oneLine(text)}: a whole number from 1 to ${max}`);
  return value;
}
