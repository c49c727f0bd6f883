/** `headgate config check` and `headgate config show`; the verbs that change something stand beside. */
import type { Command } from 'commander';
import { isGatewayError } from '../../shared/errors.ts';
import { readConfigFile, usableConfig, type LoadedConfig } from '../config/config-file.ts';
import { plainProblems, renderEffective, renderProblems } from '../config/config-render.ts';
import { withTrial } from '../engine/config-review.ts';
import { addConfigVersionCommands } from './config-version-commands.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { EXIT } from './exit-status.ts';
import { note, print, printJson } from './output.ts';
import { oneLine, ownLines } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

/** A configuration with all that is wrong with it, also what only shows when its rules are built. */
export async function checkedConfig(path: string): Promise<{ loaded: LoadedConfig; isUsable: boolean }> {
  const loaded = withTrial(await readConfigFile(path));
  return { loaded, isUsable: !loaded.problems.some((problem) => problem.severity === 'error') };
}

export function addConfigCommands(program: Command): void {
  const config = program
    .command('config')
    .summary('check, show, compare and change the configuration')
    .description(
      'Checks a configuration, shows the one that runs, and changes it: with history and a way back.',
    )
    .addHelpText(
      'after',
      `
Examples:
  headgate config check headgate.yaml   what is wrong, with line and column
  headgate config show                  what the engine runs, defaults filled in, no secrets
  headgate config diff                  what the file would change
  headgate config apply new.yaml        write it over the file and take it over
  headgate config history               versions: when, by whom and why
  headgate config rollback 3            back to a version`,
    );
  addCheck(config);
  addShow(config);
  addConfigVersionCommands(config);
}

function addCheck(config: Command): void {
  config
    .command('check')
    .argument('[file]', 'the configuration file')
    .summary('say what is wrong with a file, with line and column')
    .description(
      'Reads a file as the engine would and builds its regular expressions, date patterns and paths, without reaching for Kafka or HDFS. Says what is wrong, where, and what to do.',
    )
    .option('-c, --config <file>', 'the same as [file]')
    .option('--json', 'print the problems as JSON')
    .addHelpText(
      'after',
      `
Examples:
  headgate config check headgate.yaml
  headgate config check examples/minimal.yaml --json

Exit status: 0 usable (warnings may be printed), 2 not usable.`,
    )
    .action(async (file: string | undefined, options: { config?: string; json?: boolean }) => {
      const path = file ?? options.config;
      if (path === undefined) throw usageError('which file?', 'headgate config check FILE');
      const { loaded, isUsable } = await checkedConfig(path);
      if (!isUsable) process.exitCode = EXIT.usage;
      const problems = plainProblems(loaded.problems);
      if (options.json) return printJson({ path: loaded.path, isUsable, problems });
      if (problems.length > 0) print(`${ownLines(renderProblems({ ...loaded, problems }))}\n`);
      print(summary(loaded.path, problems));
    });
}

function summary(path: string, problems: readonly { readonly severity: string }[]): string {
  const errors = problems.filter((problem) => problem.severity === 'error').length;
  const warnings = problems.length - errors;
  const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
  if (errors > 0)
    return `${oneLine(path)} can’t be used: ${counted(errors, 'error')}, ${counted(warnings, 'warning')}`;
  return `${oneLine(path)} is usable${warnings === 0 ? '' : `, with ${counted(warnings, 'warning')}`}`;
}

function addShow(config: Command): void {
  withEngine(config.command('show'))
    .summary('show the configuration that runs, defaults filled in')
    .description(
      'Shows the configuration that the engine runs, with every default filled in and secrets left out. Without a running engine, and with --config, it shows what that file would give.',
    )
    .addHelpText('after', '\nExample:\n  headgate config show -c headgate.yaml')
    .action(async (options: EngineOptions) => {
      try {
        const client = await connectToEngine(options);
        const { version, file, yaml } = await client.call('configShow', {});
        if (options.json) return printJson({ isRunning: true, version, file, yaml });
        note(`# version ${version}, from ${oneLine(file)}, as the engine runs it`);
        print(ownLines(yaml.trimEnd()));
      } catch (error) {
        const isGone = isGatewayError(error) && error.code === 'no-engine';
        if (!isGone || options.config === undefined) throw error;
        await showFile(options.config, options.json === true);
      }
    });
}

async function showFile(path: string, isJson: boolean): Promise<void> {
  const loaded = await readConfigFile(path);
  usableConfig(loaded);
  const yaml = renderEffective(loaded) ?? '';
  if (isJson) return printJson({ isRunning: false, file: loaded.path, yaml });
  note(`# no engine runs it; this is what ${oneLine(loaded.path)} gives`);
  print(ownLines(yaml.trimEnd()));
}
