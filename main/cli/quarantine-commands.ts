/** `headgate quarantine`: events that no rule could place. */
import type { Command } from 'commander';
import type { Output } from '../../shared/contract/control.ts';
import { formatBytes, formatCount } from '../../shared/units.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { print, printJson, printTable } from './output.ts';
import { page, printNext, rowNumber, withPage, type PageOptions } from './page-options.ts';
import type { Column } from './table.ts';
import { oneLine } from './terminal-text.ts';

type QuarantineRow = Output<'quarantineList'>['rows'][number];

const COLUMNS: readonly Column<QuarantineRow>[] = [
  { title: 'ID', of: (row) => String(row.id) },
  { title: 'OFFSET', of: (row) => `${row.topic}/${row.partition}@${row.offset}` },
  { title: 'BYTES', of: (row) => formatBytes(row.bodyBytes) },
  { title: 'REASON', of: (row) => row.reason, keep: 'start' },
  { title: 'BODY', of: (row) => row.preview.slice(0, 60), keep: 'start' },
];

export function addQuarantineCommands(program: Command): void {
  const quarantine = program
    .command('quarantine')
    .summary('events that no rule could place')
    .description(
      'Events that no rule could place: no time where the directory needs one, a body over the limit, an interceptor that failed on it. They are kept whole, and the audit counts them as accounted for.',
    )
    .addHelpText(
      'after',
      `
Examples:
  headgate quarantine                     newest first, with the reason
  headgate quarantine --reason 'no time'  only such reasons
  headgate quarantine show 42             one event whole`,
    );
  withPage(quarantine.command('list', { isDefault: true }))
    .description('newest first, with the reason (the default)')
    .option('--reason <text>', 'only reasons that contain this')
    .action(async (options: PageOptions & { reason?: string }) => {
      const { reason } = options;
      const input = { ...page(options), ...(reason === undefined ? {} : { reason }) };
      const client = await connectToEngine(options);
      const answer = await client.call('quarantineList', input);
      if (options.json) return printJson(answer);
      if (answer.rows.length > 0) printTable(COLUMNS, answer.rows);
      print(`${formatCount(answer.total)} events in quarantine`);
      printNext(answer.next);
    });
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
      for (const [name, value] of Object.entries(headers)) print(`  ${oneLine(name)}: ${oneLine(value)}`);
      if (key !== undefined) print(`  key: ${oneLine(key)}`);
      print(oneLine(body));
    });
}
