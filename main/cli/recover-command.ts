/** `headgate recover`: a gateway whose disk is lost goes on from an empty state directory. */
import { Option, type Command } from 'commander';
import { plainProblems, renderProblems } from '../config/config-render.ts';
import { usableConfig } from '../config/config-file.ts';
import type { GatewayConfig } from '../../shared/contract/config.ts';
import { formatCount } from '../../shared/units.ts';
import { rootOf, sinkSettings } from '../engine/sink-mapping.ts';
import { kafkaSettings } from '../engine/source-mapping.ts';
import type { RangeWord, RecoverySink, RecoverySource } from '../recovery/recovery-parts.ts';
import { recover } from '../recovery/recovery.ts';
import type { RecoveredPartitionRow, RecoveryReport } from '../recovery/recovery-report.ts';
import { createTarget } from '../sinks/create-target.ts';
import { systemClock } from '../telemetry/clock.ts';
import { crashPoint } from '../telemetry/crash-point.ts';
import { checkedConfig } from './config-commands.ts';
import { EXIT } from './exit-status.ts';
import { note, print, printJson } from './output.ts';
import { table, type Column } from './table.ts';
import { oneLine, outputWidth, ownLines } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

interface RecoverOptions {
  readonly config: string;
  readonly lostState?: readonly string[];
  readonly declareDead?: boolean;
  readonly dryRun?: boolean;
  readonly again?: boolean;
  readonly yes?: boolean;
  readonly claim?: readonly RangeWord[];
  readonly notOurs?: readonly RangeWord[];
  readonly missingFiles?: 'landed' | 'again';
  readonly json?: boolean;
}

const RANGE = /^(.+)\/(\d{1,9}):(\d{1,15})-(\d{1,15})$/;

export function addRecoverCommand(program: Command): void {
  program
    .command('recover')
    .summary('go on from an empty state directory after a disk was lost')
    .description(
      'For a gateway whose state directory is lost. Finds at the landing roots and in the group’s offsets what the lost one had accepted and landed, keeps it from landing anything more, rebuilds the ledger in the state directory of the configuration (an empty one, or one that the gateway has used since), claims what had not landed, so that the engine pulls exactly that again, and names what is gone. No engine may run on the state directory. Whatever breaks it off, the same command goes on where it ended.',
    )
    .requiredOption('-c, --config <file>', 'the configuration that the lost gateway ran')
    .option(
      '--lost-state <id>',
      'which state id is lost, where several are known; may be repeated',
      collected,
    )
    .option(
      '--declare-dead',
      'the lost gateway is off for good, though it gave a sign of life a short while ago',
    )
    .option('--dry-run', 'look, and change nothing anywhere')
    .option('--again', 'after a recovery that was done: the lost gateway ran on since, add what it accepted')
    .option('--yes', 'also remove the temp files that the lost gateway left behind')
    .option(
      '--claim <range>',
      'topic/partition:from-to was the lost one’s: pull it again; may be repeated',
      ours,
    )
    .option('--not-ours <range>', 'topic/partition:from-to was another gateway’s; may be repeated', others)
    .addOption(
      new Option(
        '--missing-files <choice>',
        'events that the lost gateway had called landed and that stand in no file now: take its word, or land them again',
      ).choices(['landed', 'again']),
    )
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Examples:
  headgate recover -c headgate.yaml --dry-run
  headgate recover -c headgate.yaml
  headgate recover -c headgate.yaml --lost-state 4f0c… --declare-dead
  headgate recover -c headgate.yaml --claim www/3:12000-12400

--claim and --not-ours end before the second offset.

Exit status: 0 recovered, 1 failed, 2 the configuration or the command can't
be used, or there are questions that an operator must answer first.`,
    )
    .action((options: RecoverOptions) => recoverLost(options));
}

async function recoverLost(options: RecoverOptions): Promise<void> {
  const { loaded, isUsable } = await checkedConfig(options.config);
  const problems = plainProblems(loaded.problems);
  if (problems.length > 0) note(`${ownLines(renderProblems({ ...loaded, problems }))}\n`);
  if (!isUsable) {
    process.exitCode = EXIT.usage;
    return;
  }
  const config = usableConfig(loaded);
  const stop = new AbortController();
  process.once('SIGINT', () =>
    stop.abort(usageError('interrupted', 'the same command goes on where it ended')),
  );
  const sinks = sinksOf(config);
  const isQuiet = options.json === true || process.stderr.isTTY !== true;
  try {
    const report = await recover({
      ...{
        gatewayId: config.gateway.id,
        stateDir: config.gateway.stateDir,
        sinks,
        sources: sourcesOf(config),
      },
      lostStates: options.lostState ?? [],
      isDeclaredDead: options.declareDead === true,
      isDryRun: options.dryRun === true,
      isAgain: options.again === true,
      removesTemps: options.yes === true,
      words: [...(options.claim ?? []), ...(options.notOurs ?? [])],
      missingFiles: options.missingFiles,
      clock: systemClock,
      signal: stop.signal,
      crashPoint,
      onProgress: (text) => {
        if (!isQuiet) process.stderr.write(`\r\u001b[K${oneLine(text).slice(0, outputWidth() - 1)}`);
      },
    });
    if (!isQuiet) process.stderr.write('\r\u001b[K');
    if (options.json) printJson(report);
    else print(recoveryText(report, outputWidth()));
    process.exitCode = report.outcome === 'undecided' ? EXIT.usage : EXIT.done;
  } finally {
    for (const { target } of sinks) await target.close();
  }
}

function sinksOf(config: GatewayConfig): RecoverySink[] {
  return Object.entries(config.sinks).map(([name, sink]) => {
    const { target, lander } = sinkSettings(name, config, '');
    return {
      ...{ name, channel: sink.channel, root: rootOf(sink.path), codec: sink.codec },
      markerDirectory: lander.markerDirectory,
      target: createTarget(target, systemClock),
    };
  });
}

function sourcesOf(config: GatewayConfig): RecoverySource[] {
  return Object.entries(config.sources).map(([name, source]) => ({
    ...{ name, channels: source.channels },
    kafka: source.type === 'kafka' ? kafkaSettings(name, source, config) : undefined,
  }));
}

const COLUMNS: readonly Column<RecoveredPartitionRow>[] = [
  { title: 'CHANNEL', of: (row) => row.channel, keep: 'start' },
  { title: 'PARTITION', of: (row) => `${row.topic}/${row.partition}`, keep: 'start' },
  { title: 'ACCEPTED', of: (row) => row.accepted },
  { title: 'LANDED', of: (row) => row.landed },
  { title: 'CLAIMED', of: (row) => row.claimed },
  { title: 'GONE', of: (row) => row.gone },
];

const LEADS = {
  recovered: 'recovered: start the engine, it pulls what is claimed; then headgate audit --hdfs proves it',
  'dry-run': 'dry run: nothing was changed; this is how it stands now',
  undecided: 'UNDECIDED: no fact answers what follows; answer, and run the same command again',
} as const;

export function recoveryText(report: RecoveryReport, width = Infinity): string {
  const { partitions, questions, notes, temps, tempsLeftOut, tempsRemoved } = report;
  const lines = [`${LEADS[report.outcome]}`, `lost: ${report.lostStates.join(', ')}; now: ${report.stateId}`];
  lines.push(`${formatCount(report.files)} files in place with ${formatCount(report.events)} events`);
  if (partitions.length > 0) lines.push('', table(COLUMNS, partitions, width));
  for (const row of partitions) {
    const place = `${row.channel} ${row.topic}/${row.partition}`;
    if (row.claimed > 0) lines.push(`${oneLine(place)}: claimed ${row.claimedOffsets}`);
    if (row.gone > 0)
      lines.push(`${oneLine(place)}: gone ${row.goneOffsets}: ${oneLine(row.goneWhy.join('; '))}`);
  }
  for (const { place, what, answer } of questions)
    lines.push('', `question: ${oneLine(place)}: ${oneLine(what)}`, `  answer: ${oneLine(answer)}`);
  lines.push(...notes.map((text) => `note: ${oneLine(text)}`));
  if (partitions.some(({ claimed }) => claimed > 0))
    lines.push(
      'note: what the lost gateway had filtered, not routed or put into quarantine is claimed with the rest, and judged anew by the rules of today',
    );
  if (temps.length > 0) {
    const all = temps.length + tempsLeftOut;
    lines.push(
      tempsRemoved > 0
        ? `${formatCount(tempsRemoved)} temp files of the lost gateway were removed`
        : `${formatCount(all)} temp files of the lost gateway are left (--yes removes them): ${oneLine(temps[0] ?? '')}${all > 1 ? ' …' : ''}`,
    );
  }
  return lines.join('\n');
}

function collected(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

function ours(text: string, before: readonly RangeWord[] | undefined): readonly RangeWord[] {
  return [...(before ?? []), wordOf('--claim', text)];
}

function others(text: string, before: readonly RangeWord[] | undefined): readonly RangeWord[] {
  return [...(before ?? []), { ...wordOf('--not-ours', text), isOurs: false }];
}

function wordOf(option: string, text: string): RangeWord {
  const [, topic, partition, from, to] = RANGE.exec(text) ?? [];
  if (topic === undefined || Number(from) >= Number(to))
    throw usageError(
      `${option} ${oneLine(text)}: a range such as www/3:12000-12400`,
      'the second offset is the one after the last',
    );
  return { topic, partition: Number(partition), from: Number(from), to: Number(to), isOurs: true };
}
