/** The `headgate` program: its verbs and what they share. */
import { Command, CommanderError } from 'commander';
import packageFacts from '../../package.json' with { type: 'json' };
import { addAuditCommand } from './audit-command.ts';
import { addBacklogCommands } from './backlog-commands.ts';
import { addChannelCommands } from './channel-command.ts';
import { addConfigCommands } from './config-commands.ts';
import { addConsoleCommand } from './console-command.ts';
import { addDemoCommand } from './demo.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { EXIT, exitStatusOf } from './exit-status.ts';
import { addLandingsCommand } from './landings-command.ts';
import { printError } from './output.ts';
import { addQuarantineCommands } from './quarantine-commands.ts';
import { addRecoverCommand } from './recover-command.ts';
import { addReplayCommand } from './replay-command.ts';
import { addRetireCommand } from './retire-command.ts';
import { addRunCommand } from './run-command.ts';
import { addStatusCommand } from './status-command.ts';
import { addSupportBundleCommand } from './support-bundle-command.ts';
import { addSwitchCommands } from './switch-commands.ts';
import { addTryCommand } from './try-command.ts';

export function createProgram(): Command {
  const program = new Command('headgate')
    .description('A gateway from Kafka to HDFS: every offset lands exactly once, and an audit proves it.')
    .version(packageFacts.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb]', 'print help on a verb')
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false })
    .showHelpAfterError('(headgate --help lists the verbs and options)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Verbs that ask a running engine find it by --config FILE, by --state-dir
DIRECTORY, or in the platform's default state directory.

Exit status: 0 done, 1 failed, 2 usage or configuration error,
3 no engine answers.

Examples:
  headgate demo                          a whole site on this machine
  headgate run --config headgate.yaml    the engine
  headgate status --watch                what it does
  headgate audit --hdfs                  the proof`,
    );
  addRunCommand(program);
  addStatusCommand(program);
  addSwitchCommands(program);
  addBacklogCommands(program);
  addLandingsCommand(program);
  addAuditCommand(program);
  addQuarantineCommands(program);
  addChannelCommands(program);
  addConfigCommands(program);
  addConsoleCommand(program);
  addSupportBundleCommand(program);
  addTryCommand(program);
  addDoctorCommand(program);
  addReplayCommand(program);
  addRecoverCommand(program);
  addRetireCommand(program);
  addDemoCommand(program);
  return program;
}

/** Runs one command line to its end. Answers the exit status; what failed has been printed. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...argv], { from: 'user' });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    // Commander has printed its own complaint, or the help that was asked for.
    if (error instanceof CommanderError)
      return ['commander.helpDisplayed', 'commander.version'].includes(error.code) ||
        (error.code === 'commander.help' && error.exitCode === 0)
        ? EXIT.done
        : EXIT.usage;
    printError(error, argv.includes('--json'));
    return exitStatusOf(error);
  }
}
