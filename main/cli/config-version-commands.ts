/** `headgate config diff`, `apply`, `history` and `rollback`: changes of a running engine's configuration, and looking back at them. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ConfigChangeReport, ConfigReference, DiffLine } from '../../shared/contract/control-config.ts';
import type { Output } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import type { ControlClient } from '../control/control-client.ts';
import { connectToEngine, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { formatTime, note, print, printJson, printTable } from './output.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

/** Lines around a difference. */
const CONTEXT_LINES = 3;
const COLOURS = {
  added: '\u001b[32m',
  removed: '\u001b[31m',
  place: '\u001b[36m',
  end: '\u001b[0m',
} as const;

export function addConfigVersionCommands(config: Command): void {
  addDiff(config);
  addApply(config);
  addHistory(config);
  addRollback(config);
}

function addDiff(config: Command): void {
  withEngine(
    config
      .command('diff')
      .argument('[from]', 'a version’s number, `file`, `running`, or a path; without it, what runs')
      .argument('[to]', 'the same; without it, the engine’s file, or what runs when only [from] is given'),
  )
    .summary('show what differs: the file and what runs, or two versions')
    .description(
      'Shows the lines that differ, and what applying the second over the first would change. Without arguments: what applying the engine’s file as it is now would change. Secrets are never shown; a line whose secret differs is among the differences all the same.',
    )
    .addHelpText(
      'after',
      `
Examples:
  headgate config diff                  what runs, and the file
  headgate config diff new.yaml         what runs, and new.yaml
  headgate config diff 3                version 3, and what runs
  headgate config diff 3 4              two versions`,
    )
    .action(async (first: string | undefined, second: string | undefined, options: EngineOptions) => {
      const [from, to] = await Promise.all(endsOf(first, second).map(referenceOf));
      if (from === undefined || to === undefined) throw usageError('what with what?');
      const client = await connectToEngine(options);
      const answer = await client.call('configDiff', { from, to });
      if (options.json) return printJson(answer);
      const isColoured = process.stdout.isTTY === true;
      const lines = unified(answer.lines);
      if (lines.length === 0) note('no line differs');
      for (const line of lines) print(isColoured ? coloured(line) : oneLine(line));
      if (answer.change !== undefined) for (const line of changeLines(answer.change)) note(line);
      noteProblems(answer.problems);
    });
}

/** A path is the newer one; a version the older one. */
function endsOf(first: string | undefined, second: string | undefined): [string, string] {
  if (first === undefined) return ['running', 'file'];
  if (second !== undefined) return [first, second];
  const isVersion = /^\d+$/.test(first);
  return isVersion ? [first, 'running'] : first === 'running' ? ['running', 'file'] : ['running', first];
}

async function referenceOf(word: string): Promise<ConfigReference> {
  if (word === 'running' || word === 'file') return { kind: word };
  if (/^\d{1,9}$/.test(word)) return { kind: 'version', number: Number(word) };
  return { kind: 'text', text: await readText(word) };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new GatewayError({
      code: 'config-unreadable',
      operation: 'read the configuration',
      place: path,
      message: 'the file cannot be read',
      retry: 'never',
      hint: 'Check the path, and that you may read it.',
      cause,
    });
  }
}

/** As `diff -u` shows it: what differs with some lines around it, each group headed by its place. */
export function unified(lines: readonly DiffLine[]): string[] {
  const shown = new Set<number>();
  lines.forEach((line, at) => {
    if (line.kind === 'same') return;
    for (let near = at - CONTEXT_LINES; near <= at + CONTEXT_LINES; near++) shown.add(near);
  });
  const result: string[] = [];
  lines.forEach((line, at) => {
    if (!shown.has(at)) return;
    if (!shown.has(at - 1)) result.push(`@@ line ${line.before ?? line.after ?? 1} @@`);
    result.push(`${line.kind === 'same' ? ' ' : line.kind === 'added' ? '+' : '-'}${line.text}`);
  });
  return result;
}

function coloured(line: string): string {
  const colour = line.startsWith('+')
    ? COLOURS.added
    : line.startsWith('-')
      ? COLOURS.removed
      : line.startsWith('@@')
        ? COLOURS.place
        : undefined;
  return colour === undefined ? oneLine(line) : `${colour}${oneLine(line)}${COLOURS.end}`;
}

function changeLines(change: ConfigChangeReport): string[] {
  const { components, sections, refused, notes, needsRestart } = change;
  return [
    ...components.map(
      ({ kind, name, change: what, keys }) =>
        `${what} ${kind} ${oneLine(name)}${keys.length === 0 ? '' : `: ${keys.map(oneLine).join(', ')}`}`,
    ),
    ...sections.map((section) => `changed section ${oneLine(section)}`),
    ...notes.map((one) => `note: ${oneLine(one)}`),
    ...needsRestart.map((key) => `after a restart: gateway.${oneLine(key)}`),
    ...refused.map(
      ({ kind, name, reason, hint }) =>
        `refused: ${oneLine(kind)} ${oneLine(name)}: ${oneLine(reason)}. ${oneLine(hint)}`,
    ),
  ];
}

function noteProblems(problems: Output<'configCheck'>['problems']): void {
  for (const { severity, line, column, message } of problems)
    note(`${severity}${line > 0 ? ` at ${line}:${column}` : ''}: ${oneLine(message)}`);
}

function addApply(config: Command): void {
  withEngine(
    config.command('apply').argument('[file]', 'the new text; without it, the engine’s file as it is now'),
  )
    .summary('write a new configuration and take it over')
    .description(
      'Checks the text, writes it over the engine’s file and takes it over: only the parts that differ, without losing an event. What can’t be used, or would orphan held data, is refused and changes nothing.',
    )
    .option('--note <text>', 'kept with the version in the history', '')
    .addHelpText(
      'after',
      `
Examples:
  headgate config apply new.yaml --note 'new topic: order'
  headgate config apply                 the file, where its watch does not work

Exit status: 0 applied, 1 refused (the file was changed meanwhile, data is held, no right to
write), 2 the text can't be used, 3 no engine answers.`,
    )
    .action(async (file: string | undefined, options: EngineOptions & { note: string }) => {
      const client = await connectToEngine(options);
      const current = await client.call('configText', { of: { kind: 'file' } });
      const text = file === undefined ? current.text : await readText(file);
      const applied = await client.call('configApply', {
        text,
        baseSha256: current.sha256,
        by: operatorName(),
        note: options.note,
      });
      printApplied(applied, options.json === true);
    });
}

function printApplied(applied: Output<'configApply'>, isJson: boolean): void {
  if (isJson) return printJson(applied);
  print(`version ${applied.version} runs`);
  for (const line of changeLines(applied.change)) print(`  ${line}`);
}

function addHistory(config: Command): void {
  withEngine(config.command('history'))
    .summary('list the versions that were applied')
    .description('Lists the versions of the configuration that were applied: when, by whom and why.')
    .addHelpText('after', '\nExample:\n  headgate config history')
    .action(async (options: EngineOptions) => {
      const client = await connectToEngine(options);
      const { versions } = await client.call('configHistory', {});
      if (options.json) return printJson({ versions });
      printTable(
        [
          { title: 'VERSION', of: ({ number, isRunning }) => `${number}${isRunning ? ' *' : ''}` },
          { title: 'APPLIED', of: ({ appliedMs }) => formatTime(appliedMs) },
          { title: 'BY', of: ({ by }) => by },
          { title: 'NOTE', of: ({ note: why }) => why ?? '' },
        ],
        versions,
      );
      note('* runs');
    });
}

function addRollback(config: Command): void {
  withEngine(
    config.command('rollback').argument('<version>', 'its number; `headgate config history` lists them'),
  )
    .summary('go back to a version')
    .description(
      'Writes a version of the history over the engine’s file, as it was with its secrets, and takes it over. It becomes the newest version.',
    )
    .addHelpText(
      'after',
      `
Example:
  headgate config rollback 3

Exit status: as for \`headgate config apply\`.`,
    )
    .action(async (version: string, options: EngineOptions) => {
      if (!/^\d{1,9}$/.test(version))
        throw usageError(`${oneLine(version)} is no version`, '`headgate config history` lists them');
      const client = await connectToEngine(options);
      printApplied(await rolledBack(client, Number(version)), options.json === true);
    });
}

async function rolledBack(client: ControlClient, number: number): Promise<Output<'configRollback'>> {
  const { sha256 } = await client.call('configText', { of: { kind: 'file' } });
  return client.call('configRollback', { number, baseSha256: sha256, by: operatorName() });
}
