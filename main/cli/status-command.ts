/** `headgate status`: a snapshot, or with `--watch` the same drawn again each second. */
import type { Command } from 'commander';
import { GatewayError } from '../../shared/errors.ts';
import type { ControlClient } from '../control/control-client.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { fleetStatusText } from './fleet-text.ts';
import { LiveScreen } from './live-screen.ts';
import { print, printJson } from './output.ts';
import { statusText } from './status-text.ts';
import { outputWidth } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

export function addStatusCommand(program: Command): void {
  withEngine(program.command('status'))
    .summary('flow, rates, backlog, pauses, and why anything waits')
    .description(
      'Shows what the engine does: what each source takes, what waits in the channel, what each sink lands, whether writing is paused, why anything waits and when it is tried again, and the alerts that stand.',
    )
    .option('-w, --watch', 'go on showing it, once a second, until interrupted')
    .option('--fleet', 'all gateways of the group: who owns which partitions since when, and what each holds')
    .addHelpText(
      'after',
      `
Examples:
  headgate status                         the engine on this machine
  headgate status -c /etc/headgate.yaml   the engine that runs this configuration
  headgate status --watch                 until Ctrl-C
  headgate status --fleet                 all gateways, also while they are down
  headgate status --json | jq '.sinks[].events'

Exit status: 0 the engine answered, 3 no engine answers.`,
    )
    .action(async (options: EngineOptions & { watch?: boolean; fleet?: boolean }) => {
      if (options.fleet && options.watch) throw usageError('--fleet and --watch don’t go together');
      const client = await connectToEngine(options);
      if (options.fleet) {
        const fleet = await client.call('fleetStatus', {});
        if (options.json) printJson(fleet);
        else print(fleetStatusText(fleet, outputWidth()));
        return;
      }
      if (options.watch) return watchStatus(client, options.json === true);
      const status = await client.call('status', {});
      if (options.json) printJson(status);
      else print(statusText(status, outputWidth()));
    });
}

async function watchStatus(client: ControlClient, isJson: boolean): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const screen = new LiveScreen();
  try {
    for await (const event of client.events(stop.signal)) {
      if (event.type !== 'status') continue;
      if (isJson) print(JSON.stringify(event.status));
      else screen.draw(statusText(event.status, outputWidth()));
    }
  } catch (error) {
    // An interrupted stream ends with whatever error the socket had at that moment.
    if (!stop.signal.aborted) throw error;
  }
  if (!stop.signal.aborted) throw engineGone();
}

function engineGone(): GatewayError {
  return new GatewayError({
    code: 'no-engine',
    operation: 'watch the engine',
    place: '',
    message: 'the engine has stopped',
    retry: 'backoff',
    hint: 'its log says why; after a restart call `headgate status --watch` again',
  });
}
