/** Entry of the `headgate` program. */
import { EXIT } from './exit-status.ts';
import { printError } from './output.ts';
import { runProgram } from './program.ts';

function fail(error: unknown): never {
  printError(error, false);
  process.exit(EXIT.failed);
}

// A fault that nobody caught leaves the program in a state that nobody planned: say so and end.
process.on('uncaughtException', fail);
process.on('unhandledRejection', fail);
// `headgate landings | head`: the reader has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  fail(error);
});

// Under an older Node, bin/headgate starts this process over a channel: when the launcher dies, nobody is left who could stop us.
if (process.channel !== undefined) {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  // The listener alone would keep the process alive.
  process.channel.unref();
}

process.exitCode = await runProgram(process.argv.slice(2));
