/** `headgate backlog`: what is in the channel and not landed yet. */
import type { Command } from 'commander';
import type { Output } from '../../shared/contract/control.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { connectToEngine, withEngine } from './engine-connection.ts';
import { formatTime, print, printJson, printTable } from './output.ts';
import { page, printNext, rowCount, rowNumber, withPage, type PageOptions } from './page-options.ts';
import type { Column } from './table.ts';
import { oneLine } from './terminal-text.ts';

type BacklogRow = Output<'backlogList'>['rows'][number];

const COLUMNS: readonly Column<BacklogRow>[] = [
  { title: 'KEY', of: (row) => String(row.id) },
  { title: 'SINK', of: (row) => row.sink, keep: 'start' },
  { title: 'DIRECTORY/PREFIX', of: (row) => `${row.directory}/${row.prefix}`, keep: 'end' },
  { title: 'EVENTS', of: (row) => row.events },
  { title: 'STORED', of: (row) => formatBytes(row.storedBytes) },
  { title: 'OLDEST EVENT', of: (row) => formatTime(row.oldestEventMs) },
];

export function addBacklogCommands(program: Command): void {
  const backlog = program
    .command('backlog')
    .summary('what is in the channel and not landed yet')
    .description('Shows what is in the channel and has not landed yet.')
    .addHelpText(
      'after',
      `
Examples:
  headgate backlog                  by landing directory
  headgate backlog --topic www      only where www's events are
  headgate backlog peek 17 -n 3     three events of directory 17; they stay where they are`,
    );
  withPage(backlog.command('list', { isDefault: true }))
    .description('by landing directory: events, bytes, oldest event (the default)')
    .option('--sink <name>', 'only of this sink')
    .option('--topic <name>', 'only directories that hold events of this topic')
    .action(listBacklog);
  withEngine(
    backlog.command('peek').argument('<key>', 'the number in the first column of `headgate backlog`'),
  )
    .description('show events without taking them')
    .option('-n, --limit <count>', 'events, 1000 at most', '20')
    .action(async (key: string, options: PageOptions) => {
      const landingKeyId = rowNumber(key, 'backlog');
      const limit = rowCount(options.limit);
      const client = await connectToEngine(options);
      const answer = await client.call('backlogPeek', { landingKeyId, limit });
      if (options.json) return printJson(answer);
      for (const event of answer.events)
        print(`${oneLine(event.topic)}/${event.partition}@${event.offset}  ${oneLine(event.body)}`);
      if (answer.events.length === 0) print('nothing waits there any more');
    });
}

async function listBacklog(options: PageOptions & { sink?: string; topic?: string }): Promise<void> {
  const { sink, topic } = options;
  const asked = page(options);
  const client = await connectToEngine(options);
  const answer = await client.call('backlogList', {
    ...asked,
    ...(sink === undefined ? {} : { sink }),
    ...(topic === undefined ? {} : { topic }),
  });
  if (options.json) return printJson(answer);
  if (answer.rows.length > 0) printTable(COLUMNS, answer.rows);
  const { totalEvents, totalRawBytes, totalStoredBytes, totalKeys } = answer;
  print(
    totalEvents === 0
      ? 'nothing waits: all that was taken has landed'
      : `${formatCount(totalEvents)} events, ${formatBytes(totalRawBytes)} (${formatBytes(totalStoredBytes)} stored), for ${formatCount(totalKeys)} directories`,
  );
  printNext(answer.next);
}
