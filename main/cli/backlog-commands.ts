/** `headgate backlog`: what is in the channel and not landed yet. */
import { open, rm } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import type { Output } from '../../shared/contract/control.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import type { ControlClient } from '../control/control-client.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { formatTime, print, printJson, printTable } from './output.ts';
import { page, printNext, rowNumber, withPage, type PageOptions } from './page-options.ts';
import type { Column } from './table.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

type BacklogRow = Output<'backlogList'>['rows'][number];

const SORTS = ['id', 'directory', 'events', 'bytes', 'oldest', 'newest'] as const;

const COLUMNS: readonly Column<BacklogRow>[] = [
  { title: 'KEY', of: (row) => String(row.id) },
  { title: 'SINK', of: (row) => row.sink, keep: 'start' },
  { title: 'DIRECTORY/PREFIX', of: (row) => `${row.directory}/${row.prefix}`, keep: 'end' },
  { title: 'EVENTS', of: (row) => row.events },
  { title: 'STORED', of: (row) => formatBytes(row.storedBytes) },
  { title: 'OLDEST EVENT', of: (row) => formatTime(row.oldestEventMs) },
  {
    title: 'STATE',
    of: (row) => [row.state ?? '', row.cause ?? ''].filter((part) => part !== '').join(': '),
    keep: 'start',
  },
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
  headgate backlog                     by landing directory
  headgate backlog --topic www         only where www's events are
  headgate backlog --sort bytes --descending -n 5
  headgate backlog peek 17 -n 3        look at three events of directory 17
  headgate backlog export 17 www.log   copy all of them into a new file

Neither takes anything out of the channel.`,
    );
  withPage(backlog.command('list', { isDefault: true }))
    .description('by landing directory: events, bytes, oldest event (the default)')
    .option('--sink <name>', 'only of this sink')
    .option('--topic <name>', 'only directories that hold events of this topic')
    .option('--text <text>', 'only directories whose path holds this text')
    .addOption(
      new Option('--sort <by>', 'in this order')
        .choices(SORTS)
        .default('id', 'the order in which they came up'),
    )
    .option('--descending', 'the other way round')
    .action(listBacklog);
  withEngine(
    backlog.command('peek').argument('<key>', 'the number in the first column of `headgate backlog`'),
  )
    .description('show events without taking them')
    .option('-n, --limit <count>', 'events, 1000 at most', '20')
    .option('--text <text>', 'only events that hold this text')
    .option('--after <place>', 'the events after those, as printed at their end')
    .action(async (key: string, options: PageOptions & { text?: string }) => {
      const landingKeyId = rowNumber(key, 'backlog');
      const { text } = options;
      const client = await connectToEngine(options);
      const input = { landingKeyId, ...page(options), ...(text === undefined ? {} : { text }) };
      const answer = await client.call('backlogPeek', input);
      if (options.json) return printJson(answer);
      for (const event of answer.events)
        print(`${oneLine(event.topic)}/${event.partition}@${event.offset}  ${oneLine(event.body)}`);
      if (answer.events.length === 0)
        print(
          text === undefined
            ? 'nothing waits there any more'
            : `not in ${formatCount(answer.scanned)} events`,
        );
      printNext(answer.next);
    });
  withEngine(
    backlog
      .command('export')
      .argument('<key>', 'the number in the first column of `headgate backlog`')
      .argument('<file>', 'a new file; one that is there already is never touched'),
  )
    .description('copy the events of one directory to a file, as they would land; they stay in the channel')
    .action(async (key: string, file: string, options: EngineOptions) => {
      const landingKeyId = rowNumber(key, 'backlog');
      const client = await connectToEngine(options);
      const copied = await exportBacklog(client, landingKeyId, file);
      if (options.json) return printJson({ file, ...copied });
      print(`${formatCount(copied.events)} events, ${formatBytes(copied.bytes)}, copied to ${oneLine(file)}`);
    });
}

/** Copies chunk after chunk. Throws `usage` when the file exists, and removes what it began when it can't go on. */
async function exportBacklog(
  client: ControlClient,
  landingKeyId: number,
  path: string,
): Promise<{ events: number; bytes: number }> {
  const copied = { events: 0, bytes: 0 };
  const file = await open(path, 'wx').catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageError(
      `${oneLine(path)} can't be made: ${reason}`,
      'name a new file in a directory that exists',
    );
  });
  try {
    for (let after: string | undefined; ;) {
      const input = { landingKeyId, ...(after === undefined ? {} : { after }) };
      const { events, base64, next } = await client.call('backlogExport', input);
      if (next === undefined) break;
      const bytes = Buffer.from(base64, 'base64');
      await file.writeFile(bytes);
      copied.events += events;
      copied.bytes += bytes.byteLength;
      after = next;
    }
    await file.sync();
    await file.close();
    return copied;
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

interface BacklogOptions extends PageOptions {
  readonly sink?: string;
  readonly topic?: string;
  readonly text?: string;
  readonly sort: (typeof SORTS)[number];
  readonly descending?: true;
}

async function listBacklog(options: BacklogOptions): Promise<void> {
  const { sink, topic, text, sort, descending = false } = options;
  const asked = page(options);
  const client = await connectToEngine(options);
  const answer = await client.call('backlogList', {
    ...asked,
    ...(sink === undefined ? {} : { sink }),
    ...(topic === undefined ? {} : { topic }),
    ...(text === undefined ? {} : { text }),
    ...{ sort, descending },
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
