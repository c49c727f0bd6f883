/** `headgate landings`: the ledger of landed files. */
import { Option, type Command } from 'commander';
import type { Output } from '../../shared/contract/control.ts';
import { formatBytes, formatCount, parseDuration } from '../../shared/units.ts';
import { connectToEngine, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { formatTime, print, printJson, printTable } from './output.ts';
import { page, printNext, withPage, type PageOptions } from './page-options.ts';
import type { Column } from './table.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

type LandingRow = Output<'landings'>['rows'][number];

const SORTS = ['landed', 'path', 'events', 'bytes'] as const;

const COLUMNS: readonly Column<LandingRow>[] = [
  { title: 'LANDED', of: (row) => formatTime(row.landedMs) },
  { title: 'PATH', of: (row) => row.path, keep: 'end' },
  { title: 'EVENTS', of: (row) => row.events },
  { title: 'BYTES', of: (row) => formatBytes(row.bytes) },
  { title: 'TRIES', of: (row) => (row.attempts > 1 ? row.attempts : 0), isOptional: true },
  {
    title: 'OFFSETS',
    of: (row) =>
      row.parts.map((part) => `${part.topic}/${part.partition}:${part.first}-${part.last}`).join(' '),
    keep: 'start',
  },
];

interface LandingsOptions extends PageOptions {
  readonly since?: string;
  readonly until?: string;
  readonly path?: string;
  readonly topic?: string;
  readonly text?: string;
  readonly sort: (typeof SORTS)[number];
  readonly ascending?: true;
}

export function addLandingsCommand(program: Command): void {
  const landings = program
    .command('landings')
    .summary('the ledger of landed files')
    .description('Shows the ledger of landed files, and releases a file that is held for you to decide.')
    .addHelpText(
      'after',
      `
Examples:
  headgate landings --since 2h
  headgate landings --path /logs/www/2026-11-21/08 --json
  headgate landings release 20261121-115830123-3c7ae939-000orh6i`,
    );
  addList(landings);
  withEngine(
    landings.command('release').argument('<file-id>', 'the id of a held file, as `headgate status` shows it'),
  )
    .description(
      'Looks at a held file again from where it was held, after you have found out what happened to it and put it right. If it is still in doubt it is held again; nothing is uploaded on a guess.',
    )
    .action(async (fileId: string, options: EngineOptions) => {
      const client = await connectToEngine(options);
      const answer = await client.call('landingRelease', { fileId, by: operatorName() });
      if (options.json) printJson(answer);
      else
        print(
          `sink ${oneLine(answer.sink)} looks at the file again; \`headgate status\` shows what becomes of it`,
        );
    });
}

function addList(landings: Command): void {
  withPage(landings.command('list', { isDefault: true }))
    .description(
      'The ledger of landed files, newest first. A file stands here when it was proven in place; the same transaction took its events out of the channel.',
    )
    .option('--since <when>', 'an ISO time, or an age such as 2h')
    .option('--until <when>', 'an ISO time, or an age')
    .option('--path <text>', 'a file, a directory with all below it, or the beginning of a path')
    .option('--topic <name>', 'only files with events of this topic')
    .option('--text <text>', 'only files whose path holds this text')
    .addOption(
      new Option('--sort <by>', 'in this order').choices(SORTS).default('landed', 'when they landed'),
    )
    .option('--ascending', 'oldest or smallest first')
    .action(async (options: LandingsOptions) => {
      const { path, topic, text, since, until, sort, ascending = false } = options;
      const input = {
        ...page(options),
        ...(since === undefined ? {} : { sinceMs: moment(since) }),
        ...(until === undefined ? {} : { untilMs: moment(until) }),
        ...(path === undefined ? {} : { path }),
        ...(topic === undefined ? {} : { topic }),
        ...(text === undefined ? {} : { text }),
        ...{ sort, descending: !ascending },
      };
      const client = await connectToEngine(options);
      const answer = await client.call('landings', input);
      if (options.json) return printJson(answer);
      if (answer.rows.length === 0) print('no file landed in that time');
      else printTable(COLUMNS, answer.rows);
      if (answer.leftOut !== undefined)
        print(
          `${formatCount(answer.leftOut)} older files were not looked at; list them in the order of landing`,
        );
      printNext(answer.next);
    });
}

/** Epoch ms of an ISO time or an age before now. Throws `usage`. */
function moment(text: string): number {
  const age = parseDuration(text);
  if (age !== undefined) return Date.now() - age;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw usageError(`${oneLine(text)}: neither an ISO time nor an age such as 2h`);
  return at;
}
