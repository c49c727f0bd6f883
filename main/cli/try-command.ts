/** `headgate try`: the rules of a configuration on real events, without an engine and without leaving a trace. */
import { readFile } from 'node:fs/promises';
import { text as readStream } from 'node:stream/consumers';
import { InvalidArgumentError, type Command } from 'commander';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { SAMPLE_EVENTS_MAX, type WhatIfInput } from '../../shared/contract/control-what-if.ts';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import { readConfigFile, usableConfig, type LoadedConfig } from '../config/config-file.ts';
import { ControlClient } from '../control/control-client.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { reviewText } from '../engine/config-review.ts';
import { runWhatIf } from '../engine/what-if/what-if-run.ts';
import { systemClock } from '../telemetry/clock.ts';
import { EXIT } from './exit-status.ts';
import { note, print, printJson } from './output.ts';
import { oneLine, outputWidth } from './terminal-text.ts';
import { tryText } from './try-text.ts';
import { usageError } from './usage-error.ts';

const SAMPLE_DEFAULT = 1_000;
const PASTED_LINES_MAX = 10_000;

interface TryOptions {
  readonly config?: string;
  readonly source?: string;
  readonly sample: number;
  readonly topic?: string;
  readonly lines?: string;
  readonly json?: boolean;
}

export function addTryCommand(program: Command): void {
  program
    .command('try')
    .summary('try rules on real events: directories, failures, clock traps')
    .description(
      'Runs the rules of a source (interceptors, selector, path) on the last events of its topics, or on lines of a file, and says where each would land, what fails, and which times may be read wrongly. Nothing is written, no offset is committed, no group is joined. With an engine that runs, the difference to its rules is told.',
    )
    .option('-c, --config <file>', 'the configuration to try')
    .option('-s, --source <name>', 'the source whose rules are tried; the only one where there is one')
    .option(
      '-n, --sample <events>',
      'the last events, of all partitions together',
      sampleSize,
      SAMPLE_DEFAULT,
    )
    .option('-t, --topic <topic>', 'events of this topic only; with --lines, the topic that they stand for')
    .option('--lines <file>', 'take the lines of a file (- for the input) in place of a topic')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Examples:
  headgate try -c headgate.yaml --sample 5000
  headgate try -c new.yaml -s web --topic www --json
  tail -n 1000 access.log | headgate try -c headgate.yaml -s web --lines -

Exit status: 0 every event is placed or filtered, 1 some are not or the sample
can't be read, 2 the configuration or the call can't be used.`,
    )
    .action((options: TryOptions) => tryRules(options));
}

async function tryRules(options: TryOptions): Promise<void> {
  if (options.config === undefined) throw usageError('which configuration?', 'headgate try --config FILE');
  const loaded = await readConfigFile(options.config);
  const config = usableConfig(loaded);
  const source = options.source ?? onlySource(config);
  const sample = await sampleOf(options, config, source);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(interrupted()));
  const running = await runningConfig(loaded, config);
  const result = await runWhatIf(
    { config, running, source, sample, stateDir: undefined },
    { clock: systemClock, signal: stop.signal, onProgress: showProgress(options.json === true) },
  );
  clearProgress();
  if (options.json) printJson(result);
  else print(tryText(result, outputWidth()));
  const isGood = result.quarantined === 0 && result.notRouted === 0;
  process.exitCode = isGood ? EXIT.done : EXIT.failed;
  if (result.events === 0) note('the sample has no events');
}

function interrupted(): GatewayError {
  return new GatewayError({
    code: 'aborted',
    operation: 'try rules',
    place: '',
    message: 'interrupted; there is no result',
    retry: 'never',
    hint: 'nothing was changed anywhere',
  });
}

function onlySource({ sources }: GatewayConfig): string {
  const names = Object.keys(sources);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  throw usageError(
    `which source? The configuration has: ${names.map(oneLine).join(', ')}`,
    'name it with --source',
  );
}

async function sampleOf(
  { sample, topic, lines }: TryOptions,
  config: GatewayConfig,
  source: string,
): Promise<WhatIfInput['sample']> {
  if (lines === undefined) return { kind: 'topic', last: sample, ...(topic === undefined ? {} : { topic }) };
  const text = lines === '-' ? await readStream(process.stdin) : await linesFile(lines);
  const all = text.split(/\r?\n/);
  if (all.at(-1) === '') all.pop();
  const last = all.slice(-Math.min(sample, PASTED_LINES_MAX));
  if (last.length === 0)
    throw usageError('there are no lines', 'give a file with log lines, or - for the input');
  return { kind: 'lines', topic: topic ?? topicOf(config, source), lines: last };
}

async function linesFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw usageError(`the lines can’t be read: ${reason}`, 'check the path');
  }
}

/** What a path with %{topic} shows for pasted lines. */
function topicOf(config: GatewayConfig, name: string): string {
  const source = config.sources[name];
  if (source?.type === 'files') return source.topic ?? name;
  const named = source?.subscription.kind === 'topics' ? source.subscription.topics[0] : undefined;
  return named ?? name;
}

/** What an engine on this configuration's state directory runs; undefined when none does. */
async function runningConfig(
  loaded: LoadedConfig,
  config: GatewayConfig,
): Promise<GatewayConfig | undefined> {
  try {
    const client = new ControlClient(controlSocketPath(config.gateway.stateDir));
    const { text } = await client.call('configText', { of: { kind: 'running' } });
    return reviewText(text, { path: loaded.path, base: loaded.text }).config;
  } catch (error) {
    // No engine, or one of another version: the rules are tried without a comparison.
    if (isGatewayError(error)) return undefined;
    throw error;
  }
}

function sampleSize(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= 1 && size <= SAMPLE_EVENTS_MAX) return size;
  throw new InvalidArgumentError(`a number from 1 to ${SAMPLE_EVENTS_MAX}`);
}

function showProgress(isQuiet: boolean): (done: number, total: number) => void {
  if (isQuiet || !process.stderr.isTTY) return () => undefined;
  return (done, total) => void process.stderr.write(`\r\u001b[Ktry: ${done} of ${total} events`);
}

function clearProgress(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\u001b[K');
}
