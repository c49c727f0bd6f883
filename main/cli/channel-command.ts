/** `headgate channel`: what is damaged on disk, what can be saved, and what is pulled again. On a running engine or a stopped one. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ChannelCheck, ChannelExport, ChannelRepair } from '../../shared/contract/control-channel.ts';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { proveBooks } from '../audit/books-proof.ts';
import { CHANNEL_FILE, type ChannelDatabase } from '../channel/channel-database.ts';
import { checkChannel } from '../channel/doctor/channel-check.ts';
import type { CheckWatch } from '../channel/doctor/channel-check.ts';
import { exportChannel } from '../channel/doctor/channel-export.ts';
import { repairChannel, skipSegment } from '../channel/doctor/channel-repair.ts';
import type { Segment } from '../channel/doctor/damaged-segment.ts';
import { openStateDirectory } from '../channel/state-directory.ts';
import { ControlClient } from '../control/control-client.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { systemClock } from '../telemetry/clock.ts';
import { engineStateDirectory, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { EXIT } from './exit-status.ts';
import { followJob } from './job-follower.ts';
import { note, print, printJson } from './output.ts';
import { rowNumber } from './page-options.ts';
import { table, type Column } from './table.ts';
import { oneLine, outputWidth } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

export function addChannelCommands(program: Command): void {
  const channel = program
    .command('channel')
    .summary('damaged chunks and databases: check, repair, export, skip')
    .description(
      'The channel doctor. Works on a running engine, and on a stopped one, whose state directory it locks meanwhile. Nothing is ever deleted by it.',
    )
    .addHelpText(
      'after',
      `
Examples:
  headgate channel check                     what is damaged, in words
  headgate channel repair                    save what is good, pull the rest again
  headgate channel export --to /mnt/rescue   the good events as files
  headgate channel skip --chunk 12 --why "disk died, topic expired" --yes

Exit status: 0 sound or done, 1 damaged or failed, 2 usage.`,
    );
  addCheck(channel);
  addRepair(channel);
  addExport(channel);
  addSkip(channel);
}

function addCheck(channel: Command): void {
  withEngine(channel.command('check'))
    .description('read every page and every chunk, and say in words what is damaged; changes nothing')
    .action(async (options: EngineOptions) => {
      const check = await onChannel<ChannelCheck>(options, {
        running: async (client, follow) => {
          const jobId = await follow(() => client.call('channelCheckStart', { by: operatorName() }));
          return client.call('channelCheckResult', { jobId });
        },
        stopped: ({ directory }, watch) => checkChannel({ directory, isRunning: false }, watch),
      });
      if (options.json) printJson(check);
      else print(checkText(check, outputWidth()));
      process.exitCode = check.verdict === 'sound' ? EXIT.done : EXIT.failed;
    });
}

function addRepair(channel: Command): void {
  withEngine(channel.command('repair'))
    .description(
      'set damaged chunks aside so that their events are pulled again; on a stopped engine also write a damaged database anew from what can be read, the old one is kept',
    )
    .action(async (options: EngineOptions) => {
      const done = await onChannel<ChannelRepair>(options, {
        running: async (client, follow) => {
          const jobId = await follow(() => client.call('channelRepairStart', { by: operatorName() }));
          return client.call('channelRepairResult', { jobId });
        },
        stopped: (stopped, watch) => {
          const { signal } = watch;
          const prove = (db: ChannelDatabase) => proveBooks(db, { clock: systemClock, signal });
          return repairChannel(stopped, { ...watch, prove });
        },
      });
      if (options.json) printJson(done);
      else for (const line of done.summary) print(oneLine(line));
      process.exitCode = done.isRepaired ? EXIT.done : EXIT.failed;
    });
}

function addExport(channel: Command): void {
  withEngine(channel.command('export'))
    .description(
      'write the events of every good chunk into files; nothing in the channel changes, they still land',
    )
    .requiredOption('--to <directory>', 'on the engine’s machine; empty, or not there yet')
    .option('--damaged', 'also the bytes of damaged chunks, as they are')
    .action(async (options: EngineOptions & { to: string; damaged?: boolean }) => {
      const to = resolve(options.to);
      const isDamagedIncluded = options.damaged === true;
      const done = await onChannel<ChannelExport>(options, {
        running: async (client, follow) => {
          const input = { to, isDamagedIncluded, by: operatorName() };
          const jobId = await follow(() => client.call('channelExportStart', input));
          return client.call('channelExportResult', { jobId });
        },
        stopped: ({ directory }, watch) => exportChannel({ directory, to, isDamagedIncluded }, watch),
      });
      if (options.json) return printJson(done);
      const damaged =
        done.damagedBodies === 0 ? '' : `, and ${formatCount(done.damagedBodies)} damaged bodies`;
      print(
        `${formatCount(done.events)} events of ${formatCount(done.chunks)} chunks, ${formatBytes(done.bytes)} in ${formatCount(done.files)} files${damaged}: ${oneLine(done.directory)}`,
      );
    });
}

function addSkip(channel: Command): void {
  withEngine(channel.command('skip'))
    .description(
      'give one damaged chunk, or one claim, up for good: its offsets become a gap with who and why',
    )
    .option('--chunk <id>', 'a damaged chunk, as `channel check` lists it', (text) =>
      rowNumber(text, 'channel check'),
    )
    .option('--claim <id>', 'an open claim, as `channel check` lists it', (text) =>
      rowNumber(text, 'channel check'),
    )
    .requiredOption('--why <text>', 'the reason, as the audit will show it')
    .option('--yes', 'do it: without this nothing is given up')
    .action(
      async (options: EngineOptions & { chunk?: number; claim?: number; why: string; yes?: boolean }) => {
        const segment = segmentOf(options);
        if (options.yes !== true)
          throw usageError(
            'events that are given up are not pulled again, and never land',
            'let the engine pull them again while Kafka has them (`headgate status`); if they are to be given up all the same, say --yes',
          );
        const { why } = options;
        const by = operatorName();
        const offsets = await onChannel<number>(options, {
          running: async (client) => (await client.call('channelSkip', { segment, by, why })).offsets,
          stopped: async (stopped) => skipSegment(stopped, segment, { by, why }),
        });
        if (options.json) return printJson({ offsets });
        print(`${formatCount(offsets)} offsets are a gap now; \`headgate audit\` lists them`);
      },
    );
}

function segmentOf({ chunk, claim }: { readonly chunk?: number; readonly claim?: number }): Segment {
  if (chunk !== undefined && claim === undefined) return { chunkId: chunk };
  if (claim !== undefined && chunk === undefined) return { claimId: claim };
  throw usageError('what is to be given up?', 'give one of --chunk and --claim');
}

interface Stopped {
  readonly directory: string;
  readonly stateId: string;
  readonly nowMs: number;
}

/** How a question is answered by a running engine, and how on a stopped one's state directory. */
interface Ways<Answer> {
  running(
    client: ControlClient,
    follow: (start: () => Promise<{ readonly jobId: string }>) => Promise<string>,
  ): Promise<Answer>;
  stopped(stopped: Stopped, watch: CheckWatch): Promise<Answer>;
}

/** The engine answers when there is one; else the directory is locked, so that none starts meanwhile. */
async function onChannel<Answer>(options: EngineOptions, ways: Ways<Answer>): Promise<Answer> {
  const directory = await engineStateDirectory(options);
  const client = new ControlClient(controlSocketPath(directory));
  const show = progressLine(options);
  if (await answers(client)) {
    const follow = async (start: () => Promise<{ readonly jobId: string }>): Promise<string> => {
      const job = await followJob(client, start, ({ progress: { step, done, total } }) =>
        show(step, done, total),
      );
      show();
      return job.id;
    };
    return ways.running(client, follow);
  }
  if (!existsSync(join(directory, CHANNEL_FILE))) throw noChannel(directory);
  refuseForeigners(directory);
  const nowMs = systemClock.nowMs();
  using locked = openStateDirectory(directory, nowMs);
  const stop = new AbortController();
  const onInterrupt = (): void => stop.abort(interrupted());
  process.once('SIGINT', onInterrupt);
  try {
    const watch = { signal: stop.signal, onProgress: show, turn: async () => void (await turn()) };
    return await ways.stopped({ directory, stateId: locked.identity.stateId, nowMs }, watch);
  } finally {
    process.removeListener('SIGINT', onInterrupt);
    show();
  }
}

async function answers(client: ControlClient): Promise<boolean> {
  try {
    await client.call('status', {});
    return true;
  } catch (error) {
    if (isGatewayError(error) && error.code === 'no-engine') return false;
    throw error;
  }
}

/** A line that is written over while somebody watches; without arguments it is taken away. */
function progressLine({ json }: EngineOptions): (step?: string, done?: number, total?: number) => void {
  if (json === true || !process.stderr.isTTY) return () => undefined;
  return (step, done = 0, total = 0) => {
    const of = total === 0 ? '' : `, ${formatCount(done)} of ${formatCount(total)}`;
    process.stderr.write(step === undefined ? '\r\u001b[K' : `\r\u001b[K${oneLine(step)}${of}`);
  };
}

const DAMAGED: readonly Column<ChannelCheck['damaged'][number]>[] = [
  { title: 'CHUNK', of: (row) => row.id },
  { title: 'CHANNEL', of: (row) => row.channel, keep: 'start' },
  { title: 'PARTITION', of: (row) => `${row.topic}/${row.partition}`, keep: 'start' },
  { title: 'OFFSETS', of: (row) => row.offsets, keep: 'start' },
  { title: 'EVENTS', of: (row) => row.events },
  { title: 'STATE', of: (row) => row.state },
  { title: 'WHAT', of: (row) => row.what, keep: 'start' },
];
const CLAIMS: readonly Column<ChannelCheck['claims'][number]>[] = [
  { title: 'CLAIM', of: (row) => row.id },
  { title: 'CHANNEL', of: (row) => row.channel, keep: 'start' },
  { title: 'PARTITION', of: (row) => `${row.topic}/${row.partition}`, keep: 'start' },
  { title: 'OFFSETS', of: (row) => row.offsets, keep: 'start' },
  { title: 'EVENTS', of: (row) => row.events },
  { title: 'CAUSE', of: (row) => row.cause },
  { title: 'DETAIL', of: (row) => row.detail, keep: 'start' },
];

export function checkText(check: ChannelCheck, width = Infinity): string {
  const { damaged, damagedLeftOut, claims, claimsLeftOut, pages, summary } = check;
  return [
    `${check.verdict}: ${oneLine(check.file)}, ${formatBytes(check.bytes)}`,
    ...summary.map((line) => oneLine(line)),
    ...pages.faults.map((fault) => `  ${oneLine(fault)}`),
    ...(damaged.length === 0 ? [] : ['', table(DAMAGED, damaged, width)]),
    ...(damagedLeftOut === 0 ? [] : [`and ${formatCount(damagedLeftOut)} more damaged chunks`]),
    ...(claims.length === 0 ? [] : ['', table(CLAIMS, claims, width)]),
    ...(claimsLeftOut === 0 ? [] : [`and ${formatCount(claimsLeftOut)} more claims`]),
  ].join('\n');
}

/** Files that another user made here, root among them, would keep the engine from its own channel. */
function refuseForeigners(directory: string): void {
  const { uid } = statSync(directory);
  if (process.getuid === undefined || process.getuid() === uid) return;
  throw new GatewayError({
    code: 'permission-denied',
    operation: 'look at the channel',
    place: directory,
    message: 'the state directory belongs to another user, and what is written there must, too',
    retry: 'never',
    hint: 'call it as the user that runs the engine: `sudo -u headgate headgate channel …`',
  });
}

function noChannel(directory: string): GatewayError {
  return new GatewayError({
    code: 'no-engine',
    operation: 'look at the channel',
    place: directory,
    message: 'no engine answers there, and there is no channel in that directory',
    retry: 'never',
    hint: 'name the state directory with --state-dir, or the configuration with --config',
  });
}

function interrupted(): GatewayError {
  note('interrupted');
  return new GatewayError({
    code: 'aborted',
    operation: 'look at the channel',
    place: '',
    message: 'interrupted',
    retry: 'never',
    hint: 'call it again: nothing is left half-way',
  });
}
