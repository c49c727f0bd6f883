/** `headgate quarantine`: events that no rule could place; look at them, try them again, give them up. */
import { Option, type Command } from 'commander';
import type { Output } from '../../shared/contract/control.ts';
import type { QuarantineSelection } from '../../shared/contract/control-rows.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { connectToEngine, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { followJob } from './job-follower.ts';
import { formatTime, note, print, printJson, printTable } from './output.ts';
import { page, printNext, rowNumber, withPage, type PageOptions } from './page-options.ts';
import type { Column } from './table.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

type QuarantineRow = Output<'quarantineList'>['rows'][number];
type QuarantineGroup = Output<'quarantineGroups'>['groups'][number];

const COLUMNS: readonly Column<QuarantineRow>[] = [
  { title: 'ID', of: (row) => String(row.id) },
  {
    title: 'STATE',
    of: (row) => (row.state === 'waiting' ? '' : row.state),
    keep: 'start',
    isOptional: true,
  },
  { title: 'OFFSET', of: (row) => `${row.topic}/${row.partition}@${row.offset}` },
  { title: 'BYTES', of: (row) => formatBytes(row.bodyBytes) },
  { title: 'REASON', of: (row) => row.reason, keep: 'start' },
  { title: 'BODY', of: (row) => row.preview.slice(0, 60), keep: 'start' },
];

const GROUP_COLUMNS: readonly Column<QuarantineGroup>[] = [
  { title: 'WAITING', of: (row) => row.waiting },
  { title: 'RETRIED', of: (row) => row.retried, isOptional: true },
  { title: 'DROPPED', of: (row) => row.dropped, isOptional: true },
  { title: 'SINCE', of: (row) => formatTime(row.oldestMs) },
  { title: 'LAST', of: (row) => formatTime(row.newestMs) },
  { title: 'TOPIC', of: (row) => row.topic, keep: 'start' },
  { title: 'SOURCE', of: (row) => row.source, keep: 'start' },
  { title: 'REASON', of: (row) => row.reason, keep: 'start' },
];

const DESCRIPTION = `Events that no rule could place: no time where the directory needs one, a body over the limit, an interceptor that failed on it. They are kept whole, and the audit counts them as accounted for. After a change of the rules they can be tried again; or they can be given up.`;
const EXAMPLES = `
Examples:
  headgate quarantine                       newest first, with the reason
  headgate quarantine groups                how many wait, by reason
  headgate quarantine show 42               one event whole
  headgate quarantine retry --all           through the rules that run now
  headgate quarantine retry --topic www --reason 'no time'
  headgate quarantine drop --id 42 --why 'a test event' --yes

What is retried and can be placed now lands in the directory of its own time, behind
events that landed before it; what can't be placed stays, with its new reason. Each
event leaves quarantine once. What is dropped is gone for good: it stays listed, with
who and why, and its body is removed.`;

export function addQuarantineCommands(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .summary('events that no rule could place: list, retry, drop')
    .description(DESCRIPTION)
    .addHelpText('after', EXAMPLES);
  addList(quarantine);
  withEngine(quarantine.command('groups'))
    .description('how many events wait, were retried, were dropped, by reason, source and topic')
    .action(async (options: EngineOptions) => {
      const client = await connectToEngine(options);
      const answer = await client.call('quarantineGroups', {});
      if (options.json) return printJson(answer);
      if (answer.groups.length > 0) printTable(GROUP_COLUMNS, answer.groups);
      else print('nothing is in quarantine');
      if (answer.leftOut > 0) print(`and ${formatCount(answer.leftOut)} more groups`);
    });
  addShow(quarantine);
  addRetry(quarantine);
  addDrop(quarantine);
}

type ListOptions = PageOptions & {
  reason?: string;
  source?: string;
  topic?: string;
  state: 'waiting' | 'retried' | 'dropped' | 'all';
};

function addList(quarantine: Command): void {
  withPage(quarantine.command('list', { isDefault: true }))
    .description('newest first, with the reason (the default)')
    .option('--reason <text>', 'only reasons that contain this')
    .option('--source <name>', 'only of this source')
    .option('--topic <name>', 'only of this topic')
    .addOption(
      new Option('--state <state>', 'which events')
        .choices(['waiting', 'retried', 'dropped', 'all'])
        .default('waiting'),
    )
    .action(async (options: ListOptions) => {
      const { reason, source, topic, state } = options;
      const client = await connectToEngine(options);
      const answer = await client.call('quarantineList', {
        ...page(options),
        ...(reason === undefined ? {} : { reason }),
        ...(source === undefined ? {} : { source }),
        ...(topic === undefined ? {} : { topic }),
        ...(state === 'all' ? {} : { state }),
      });
      if (options.json) return printJson(answer);
      if (answer.rows.length > 0) printTable(COLUMNS, answer.rows);
      print(
        state === 'waiting'
          ? `${formatCount(answer.total)} events in quarantine`
          : `${formatCount(answer.total)} events`,
      );
      printNext(answer.next);
    });
}

function addShow(quarantine: Command): void {
  withEngine(
    quarantine.command('show').argument('<id>', 'the number in the first column of `headgate quarantine`'),
  )
    .description('one event whole: headers, key, body')
    .action(async (text: string, options: EngineOptions) => {
      const id = rowNumber(text, 'quarantine');
      const client = await connectToEngine(options);
      const { row, headers, key, body, ...rest } = await client.call('quarantineShow', { id });
      if (options.json)
        return printJson({ row, headers, ...(key === undefined ? {} : { key }), body, ...rest });
      print(`${oneLine(row.topic)}/${row.partition}@${row.offset}: ${oneLine(row.reason)}`);
      const { settledMs, settledBy = '', settledWhy = '' } = row;
      if (settledMs !== undefined) {
        print(
          `${row.state} by ${oneLine(settledBy)} at ${formatTime(settledMs)}, ${oneLine(settledWhy)}; its body is gone`,
        );
        return;
      }
      for (const [name, value] of Object.entries(headers)) print(`  ${oneLine(name)}: ${oneLine(value)}`);
      if (key !== undefined) print(`  key: ${oneLine(key)}`);
      print(oneLine(body));
      if (rest.isCut) note(`only the first part is shown; the body has ${formatBytes(row.bodyBytes)}`);
    });
}

interface SelectionOptions extends EngineOptions {
  readonly id?: readonly number[];
  readonly reason?: string;
  readonly source?: string;
  readonly topic?: string;
  readonly all?: boolean;
}

function withSelection(command: Command): Command {
  return withEngine(command)
    .option(
      '--id <id>',
      'this event; may be given several times',
      (text: string, ids: readonly number[] = []) => [...ids, rowNumber(text, 'quarantine')],
    )
    .option('--reason <text>', 'all that wait with exactly this reason, or the reason of a group')
    .option('--source <name>', 'with --reason or --all: only of this source')
    .option('--topic <name>', 'with --reason or --all: only of this topic')
    .option('--all', 'all that wait');
}

/** Which events are meant; exactly one of `--id`, `--reason`, `--all` says it. Throws `usage`. */
function selectionOf({ id, reason, source, topic, all }: SelectionOptions): QuarantineSelection {
  const ways = [id !== undefined, reason !== undefined, all === true].filter(Boolean).length;
  if (ways !== 1) throw usageError('which events?', 'give one of --id, --reason and --all');
  const of = { ...(source === undefined ? {} : { source }), ...(topic === undefined ? {} : { topic }) };
  if (id !== undefined) {
    if (Object.keys(of).length > 0)
      throw usageError('--id names the events', 'leave --source and --topic out');
    return { ids: [...id] };
  }
  return reason === undefined ? { all: true, ...of } : { reason, ...of };
}

function addRetry(quarantine: Command): void {
  withSelection(quarantine.command('retry'))
    .description('send events through the rules that run now; what can be placed lands, the rest stays')
    .action(async (options: SelectionOptions) => {
      const selection = selectionOf(options);
      const client = await connectToEngine(options);
      const isShown = options.json !== true && process.stderr.isTTY;
      const by = operatorName();
      const job = await followJob(
        client,
        () => client.call('quarantineRetry', { selection, by }),
        ({ progress: { step, done, total } }) => {
          const text = `retry: ${oneLine(step)}, ${formatCount(done)} of ${formatCount(total)}`;
          if (isShown) process.stderr.write(`\r\u001b[K${text}`);
        },
      ).finally(() => {
        if (isShown) process.stderr.write('\r\u001b[K');
      });
      if (options.json) printJson(job);
      else print(oneLine(job.summary ?? ''));
    });
}

function addDrop(quarantine: Command): void {
  withSelection(quarantine.command('drop'))
    .description('give events up for good: they stay listed with who and why, their bodies are removed')
    .requiredOption('--why <text>', 'the reason, as the audit will show it')
    .option('--yes', 'do it: without this nothing is dropped')
    .action(async (options: SelectionOptions & { why: string; yes?: boolean }) => {
      const selection = selectionOf(options);
      const client = await connectToEngine(options);
      if (options.yes !== true)
        throw usageError('dropped events are gone for good', 'look at them first, then say --yes');
      const by = operatorName();
      const answer = await client.call('quarantineDrop', { selection, by, why: options.why });
      if (options.json) return printJson(answer);
      print(`${formatCount(answer.dropped)} events dropped; \`headgate audit\` lists their offsets`);
    });
}
