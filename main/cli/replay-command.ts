/** `headgate replay`: a range of a topic landed again on purpose, beside the ledger's truth; and the list of what was. */
import type { Command } from 'commander';
import type { ReplayFile, ReplayRow } from '../../shared/contract/control-replay.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import type { ControlClient } from '../control/control-client.ts';
import { connectToEngine, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { EXIT } from './exit-status.ts';
import { followJob } from './job-follower.ts';
import { formatTime, note, print, printJson, printTable } from './output.ts';
import type { Column } from './table.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

interface ReplayOptions extends EngineOptions {
  readonly topic?: string;
  readonly from?: string;
  readonly to?: string;
  readonly into?: string;
  readonly partition?: number;
  readonly sink?: string;
  readonly source?: string;
  readonly byTime?: boolean;
  readonly keepLayout?: boolean;
  readonly id?: string;
  readonly list?: boolean;
  readonly files?: string;
}

const FILES_PAGE = 1_000;

const COLUMNS: readonly Column<ReplayRow>[] = [
  { title: 'ID', of: (row) => row.id },
  { title: 'STATE', of: (row) => row.state },
  { title: 'STARTED', of: (row) => formatTime(row.startedMs) },
  { title: 'BY', of: (row) => row.by, keep: 'start' },
  { title: 'RANGE', of: rangeText, keep: 'start' },
  { title: 'INTO', of: (row) => row.into, keep: 'end' },
  { title: 'FILES', of: (row) => row.files },
  { title: 'EVENTS', of: (row) => row.events },
  { title: 'GONE', of: (row) => row.gone, isOptional: true },
];
const FILE_COLUMNS: readonly Column<ReplayFile>[] = [
  { title: 'FILE', of: (file) => file.path },
  { title: 'EVENTS', of: (file) => file.events },
  { title: 'BYTES', of: (file) => file.bytes },
  { title: 'LANDED', of: (file) => formatTime(file.landedMs) },
];

export function addReplayCommand(program: Command): void {
  withEngine(program.command('replay'))
    .summary('land a range of a topic again, on purpose, into a directory of its own')
    .description(
      'Lands a range of a topic again, on purpose, into a directory of its own. The events go through the rules of the running source; names and attributes of the files say that they are of a replay; the gateway’s own books, positions and group are not touched. The engine does the work: it goes on when this command is broken off, `headgate replay --list` shows it, and the same command with its --id goes on where it ended.',
    )
    .option('--topic <name>', 'the topic')
    .option('--from <where>', 'an offset, an ISO time with its zone, or earliest')
    .option('--to <where>', 'the same, or latest; the range ends before it')
    .option('--into <directory>', 'where to land; no directory that the configuration lands into')
    .option('--partition <number>', 'only this partition; default: all', partitionNumber)
    .option('--source <name>', 'whose rules to use, where several sources read the topic')
    .option('--sink <name>', 'whose target to land in, where the source feeds several')
    .option('--by-time', 'whole numbers are times in ms, not offsets')
    .option('--keep-layout', 'below the directory, the directories of the sink’s own path')
    .option('--id <id>', 'a name for it, such as incident-7; of an earlier one: go on with that')
    .option('--list', 'show all replays, newest first')
    .option('--files <id>', 'show the files of one')
    .addHelpText(
      'after',
      `
Examples:
  headgate replay --topic www --from 2026-11-21T08:00:00+08:00 \\
    --to 2026-11-21T09:00:00+08:00 --into /replays/incident-7
  headgate replay --topic www --partition 3 --from 1200 --to 1300 \\
    --into /replays/incident-8 --id incident-8
  headgate replay --list

Times choose offsets as the broker's index has them: from the first record
at or after --from, up to the first at or after --to.

Exit status: 0 all of it landed, 1 some of it is gone at the broker, or it
failed, 2 usage, 3 no engine answers.`,
    )
    .action(async (options: ReplayOptions) => {
      const client = await connectToEngine(options);
      if (options.list === true) await list(client, options);
      else if (options.files !== undefined) await listFiles(client, options.files, options);
      else await replay(client, options);
    });
}

async function list(client: ControlClient, options: ReplayOptions): Promise<void> {
  const { replays } = await client.call('replayList', {});
  if (options.json) return printJson({ replays });
  if (replays.length === 0) return print('there were no replays');
  printTable(COLUMNS, replays);
}

async function listFiles(client: ControlClient, id: string, options: ReplayOptions): Promise<void> {
  const files: ReplayFile[] = [];
  let after: number | undefined = 0;
  while (after !== undefined) {
    const page: { readonly files: ReplayFile[]; readonly next?: number | undefined } = await client.call(
      'replayFiles',
      { id, after, limit: FILES_PAGE },
    );
    if (options.json) files.push(...page.files);
    else if (page.files.length > 0) printTable(FILE_COLUMNS, page.files);
    after = page.next;
  }
  if (options.json) printJson({ id, files });
}

async function replay(client: ControlClient, options: ReplayOptions): Promise<void> {
  const { topic, from, to, into, partition, source, sink, id } = options;
  if (topic === undefined || from === undefined || to === undefined || into === undefined)
    throw usageError('--topic, --from, --to and --into are needed', 'headgate replay --help shows examples');
  let started = '';
  let shown = '';
  const start = async (): Promise<{ readonly jobId: string }> => {
    const answer = await client.call('replayStart', {
      ...{ topic, from, to, into, by: operatorName() },
      isByTime: options.byTime === true,
      keepsLayout: options.keepLayout === true,
      ...(partition === undefined ? {} : { partition }),
      ...(source === undefined ? {} : { source }),
      ...(sink === undefined ? {} : { sink }),
      ...(id === undefined ? {} : { id }),
    });
    started = answer.id;
    if (options.json !== true)
      note(`replay ${started} goes on in the engine; headgate replay --list shows it`);
    return answer;
  };
  await followJob(client, start, ({ progress }) => {
    const line = `replay: ${oneLine(progress.step)} ${formatCount(progress.done)} of ${formatCount(progress.total)}`;
    if (options.json !== true && process.stderr.isTTY && line !== shown)
      process.stderr.write(`\r\u001b[K${(shown = line)}`);
  }).finally(() => {
    if (shown !== '') process.stderr.write('\r\u001b[K');
  });
  const { replays } = await client.call('replayList', {});
  const row = replays.find((one) => one.id === started);
  if (row === undefined) throw new Error(`the record of replay ${started} is gone`);
  if (options.json) printJson(row);
  else print(replayText(row));
  process.exitCode = row.state === 'done' && row.gone === 0 ? EXIT.done : EXIT.failed;
}

export function replayText(row: ReplayRow): string {
  const { id, into, files, events, bytes, quarantined, filtered, notRouted, absent } = row;
  const beside = [
    ['filtered', filtered],
    ['not routed to this sink', notRouted],
    ['could not be placed', quarantined],
    ['without a record at the broker', absent],
  ] as const;
  const gone = row.partitions.flatMap((one) =>
    one.gone.map(
      ({ from, to }) => `gone at the broker: ${oneLine(row.topic)}/${one.partition} ${offsetsText(from, to)}`,
    ),
  );
  return [
    ...row.partitions.map(
      ({ partition, from, to }) => `${oneLine(row.topic)}/${partition}: ${offsetsText(from, to)}`,
    ),
    ...(row.partitions.length === 0 ? ['nothing stands in that range'] : []),
    `replay ${id}: ${formatCount(events)} events in ${formatCount(files)} files, ${formatBytes(bytes)}, in ${oneLine(into)}`,
    ...beside.flatMap(([what, amount]) => (amount === 0 ? [] : [`${formatCount(amount)} ${what}`])),
    ...gone,
  ].join('\n');
}

function partitionNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw usageError(`${oneLine(text)} is no partition`, 'partitions are numbers from 0 on');
  return Number(text);
}

function rangeText({ topic, partition, from, to }: ReplayRow): string {
  return `${topic}${partition === undefined ? '' : `/${partition}`} ${from} to ${to}`;
}

/** As the audit writes them: both ends are in. */
function offsetsText(from: number, to: number): string {
  return to - from === 1 ? `offset ${from}` : `offsets ${from}-${to - 1}`;
}
