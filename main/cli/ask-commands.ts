/** Verbs that ask a running engine for facts: status, backlog, landings, quarantine. */
import type { Command } from 'commander';
import { userInfo } from 'node:os';
import { GatewayError } from '../../shared/errors.ts';
import { formatBytes, formatCount, parseDuration } from '../../shared/units.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { formatTime, oneLine, print, printJson, table } from './output.ts';
import { statusText } from './status-text.ts';

interface PageOptions extends EngineOptions {
  readonly limit: string;
  readonly after?: string;
}

export function addAskCommands(program: Command): void {
  addStatus(program);
  addSwitch(program);
  addBacklog(program);
  addLandings(program);
  addQuarantine(program);
}

function addStatus(program: Command): void {
  withEngine(program.command('status'))
    .description('flow, rates, backlog, pauses, why anything waits, and the next try')
    .option('-w, --watch', 'go on showing it until interrupted')
    .action(async (options: EngineOptions & { watch?: boolean }) => {
      const client = await connectToEngine(options);
      if (!options.watch) {
        const status = await client.call('status', {});
        return options.json ? printJson(status) : print(statusText(status));
      }
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      for await (const event of client.events(stop.signal)) {
        if (event.type !== 'status') continue;
        if (options.json) print(JSON.stringify(event.status));
        else print(`${process.stdout.isTTY ? '\u001b[H\u001b[2J' : ''}${statusText(event.status)}`);
      }
    });
}

function addSwitch(program: Command): void {
  withEngine(program.command('pause').argument('[sink]', 'the sink; without it, all'))
    .description('stop writing to the target; intake goes on, and it lasts over restarts')
    .option('--why <text>', 'kept with the switch and shown to others', '')
    .action(async (sink: string | undefined, options: EngineOptions & { why: string }) => {
      const client = await connectToEngine(options);
      const answer = await client.call('pause', {
        ...(sink === undefined ? {} : { sink }),
        by: userInfo().username,
        why: options.why,
      });
      if (options.json) printJson(answer);
      else print(`writing is paused: ${answer.paused.join(', ')}; intake goes on`);
    });
  withEngine(program.command('resume').argument('[sink]', 'the sink; without it, all'))
    .description('write again')
    .action(async (sink: string | undefined, options: EngineOptions) => {
      const client = await connectToEngine(options);
      const answer = await client.call('resume', {
        ...(sink === undefined ? {} : { sink }),
        by: userInfo().username,
      });
      if (options.json) printJson(answer);
      else print(`writing goes on: ${answer.resumed.join(', ')}`);
    });
}

function withPage(command: Command): Command {
  return withEngine(command)
    .option('-n, --limit <count>', 'rows a page, 1000 at most', '50')
    .option('--after <row>', 'the page after this one, as printed at the end of the page before');
}

/** `--limit` and `--after` as the contract wants them. */
function page(options: PageOptions): { limit: number; after?: string } {
  const limit = Number(options.limit);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw usage(`--limit ${options.limit}: a whole number from 1 to 1000`);
  return { limit, ...(options.after === undefined ? {} : { after: options.after }) };
}

function usage(message: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'read the command line',
    place: '',
    message,
    retry: 'never',
    hint: 'see --help',
  });
}

function printNext(next: string | undefined): void {
  if (next !== undefined) print(`more: --after ${next}`);
}

function addBacklog(program: Command): void {
  const backlog = program.command('backlog').description('what is in the channel and not landed yet');
  withPage(backlog.command('list', { isDefault: true }))
    .description('by landing directory: events, bytes, oldest and newest event')
    .option('--sink <name>')
    .option('--topic <name>', 'only keys that hold events of this topic')
    .action(async (options: PageOptions & { sink?: string; topic?: string }) => {
      const client = await connectToEngine(options);
      const { sink, topic } = options;
      const answer = await client.call('backlogList', {
        ...page(options),
        ...(sink === undefined ? {} : { sink }),
        ...(topic === undefined ? {} : { topic }),
      });
      if (options.json) return printJson(answer);
      const rows = answer.rows.map((row) => [
        row.id,
        row.sink,
        `${row.directory}/${row.prefix}`,
        row.events,
        formatBytes(row.rawBytes),
        formatBytes(row.storedBytes),
        formatTime(row.oldestEventMs),
        formatTime(row.newestEventMs),
      ]);
      print(
        table(
          ['KEY', 'SINK', 'DIRECTORY/PREFIX', 'EVENTS', 'BYTES', 'STORED', 'OLDEST EVENT', 'NEWEST EVENT'],
          rows,
        ),
      );
      print(
        `${formatCount(answer.totalEvents)} events, ${formatBytes(answer.totalStoredBytes)} stored, in ${answer.totalKeys} landing keys`,
      );
      printNext(answer.next);
    });
  withEngine(backlog.command('peek').argument('<key>', 'the landing key’s number from `backlog list`'))
    .description('show events without taking them')
    .option('-n, --limit <count>', 'events', '20')
    .action(async (key: string, options: PageOptions) => {
      const client = await connectToEngine(options);
      if (!/^\d{1,15}$/.test(key)) throw usage(`key ${oneLine(key)}: a number from \`headgate backlog\``);
      const answer = await client.call('backlogPeek', {
        landingKeyId: Number(key),
        limit: page(options).limit,
      });
      if (options.json) return printJson(answer);
      for (const event of answer.events)
        print(`${oneLine(event.topic)}/${event.partition}@${event.offset}  ${oneLine(event.body)}`);
    });
}

function addLandings(program: Command): void {
  withPage(program.command('landings'))
    .description('the ledger of landed files, newest first')
    .option('--since <when>', 'an ISO time, or an age such as 2h')
    .option('--until <when>', 'an ISO time, or an age')
    .option('--path <text>', 'only paths that contain this')
    .option('--topic <name>')
    .action(
      async (options: PageOptions & { since?: string; until?: string; path?: string; topic?: string }) => {
        const client = await connectToEngine(options);
        const { path, topic } = options;
        const answer = await client.call('landings', {
          ...page(options),
          ...(options.since === undefined ? {} : { sinceMs: moment(options.since) }),
          ...(options.until === undefined ? {} : { untilMs: moment(options.until) }),
          ...(path === undefined ? {} : { path }),
          ...(topic === undefined ? {} : { topic }),
        });
        if (options.json) return printJson(answer);
        const rows = answer.rows.map((row) => [
          formatTime(row.landedMs),
          row.path,
          row.events,
          formatBytes(row.bytes),
          row.attempts,
          row.parts.map((part) => `${part.topic}/${part.partition}:${part.first}-${part.last}`).join(' '),
        ]);
        print(table(['LANDED', 'PATH', 'EVENTS', 'BYTES', 'ATTEMPTS', 'OFFSETS'], rows));
        printNext(answer.next);
      },
    );
}

function moment(text: string): number {
  const age = parseDuration(text);
  if (age !== undefined) return Date.now() - age;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw usage(`${oneLine(text)}: neither an ISO time nor an age such as 2h`);
  return at;
}

function addQuarantine(program: Command): void {
  const quarantine = program.command('quarantine').description('events that no rule could place');
  withPage(quarantine.command('list', { isDefault: true }))
    .description('newest first, with the reason')
    .option('--reason <text>', 'only reasons that contain this')
    .action(async (options: PageOptions & { reason?: string }) => {
      const client = await connectToEngine(options);
      const answer = await client.call('quarantineList', {
        ...page(options),
        ...(options.reason === undefined ? {} : { reason: options.reason }),
      });
      if (options.json) return printJson(answer);
      const rows = answer.rows.map((row) => [
        row.id,
        `${row.topic}/${row.partition}@${row.offset}`,
        row.reason,
        formatBytes(row.bodyBytes),
        row.preview.slice(0, 60),
      ]);
      print(table(['ID', 'OFFSET', 'REASON', 'BYTES', 'BODY'], rows));
      print(`${formatCount(answer.total)} events in quarantine`);
      printNext(answer.next);
    });
  withEngine(quarantine.command('show').argument('<id>', 'from `quarantine list`'))
    .description('one event whole: headers, key, body')
    .action(async (id: string, options: EngineOptions) => {
      if (!/^\d{1,15}$/.test(id)) throw usage(`id ${oneLine(id)}: a number from \`headgate quarantine\``);
      const answer = await (await connectToEngine(options)).call('quarantineShow', { id: Number(id) });
      if (options.json) return printJson(answer);
      print(
        `${oneLine(answer.row.topic)}/${answer.row.partition}@${answer.row.offset}: ${oneLine(answer.row.reason)}`,
      );
      for (const [name, value] of Object.entries(answer.headers))
        print(`  ${oneLine(name)}: ${oneLine(value)}`);
      if (answer.key !== undefined) print(`  key: ${oneLine(answer.key)}`);
      print(oneLine(answer.body));
    });
}
