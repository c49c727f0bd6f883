/** `headgate pause` and `headgate resume`: the write switch. */
import type { Command } from 'commander';
import { connectToEngine, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { print, printJson } from './output.ts';
import { oneLine } from './terminal-text.ts';

export function addSwitchCommands(program: Command): void {
  withEngine(program.command('pause').argument('[sink]', 'the sink; without it, all'))
    .summary('stop writing to the target; intake goes on')
    .description(
      'Stops writing to the target. Intake goes on into the channel, uploads that run are finished, nothing new is begun, and the switch stays where it is over restarts until `headgate resume`.',
    )
    .option('--why <text>', 'kept with the switch and shown in the status', '')
    .addHelpText(
      'after',
      `
Examples:
  headgate pause --why 'HDFS upgrade, ask Li'   all sinks
  headgate pause beijing                        one of them`,
    )
    .action(async (sink: string | undefined, options: EngineOptions & { why: string }) => {
      const client = await connectToEngine(options);
      const who = { ...(sink === undefined ? {} : { sink }), by: operatorName() };
      const answer = await client.call('pause', { ...who, why: options.why });
      if (options.json) printJson(answer);
      else print(`writing is paused: ${answer.paused.map(oneLine).join(', ')}; intake goes on`);
    });
  withEngine(program.command('resume').argument('[sink]', 'the sink; without it, all'))
    .summary('write again')
    .description('Starts writing again after `headgate pause`. Without a name it lifts every switch.')
    .addHelpText('after', '\nExample:\n  headgate resume')
    .action(async (sink: string | undefined, options: EngineOptions) => {
      const client = await connectToEngine(options);
      const answer = await client.call('resume', {
        ...(sink === undefined ? {} : { sink }),
        by: operatorName(),
      });
      if (options.json) printJson(answer);
      else print(`writing goes on: ${answer.resumed.map(oneLine).join(', ')}`);
    });
}
