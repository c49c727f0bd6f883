/** `headgate retire`: a gateway, or one of its sources, takes no more, lands what it has, and says when it may be removed. */
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { formatCount } from '../../shared/units.ts';
import type { ControlClient } from '../control/control-client.ts';
import { connectToEngine, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { followJob } from './job-follower.ts';
import { note, print, printJson } from './output.ts';
import { oneLine } from './terminal-text.ts';
import { usageError } from './usage-error.ts';

interface RetireOptions extends EngineOptions {
  readonly source?: string;
  readonly yes?: boolean;
  readonly undo?: boolean;
}

export function addRetireCommand(program: Command): void {
  withEngine(program.command('retire'))
    .summary('drain this gateway, or a source, and leave its group for good')
    .description(
      'Leaves for good: intake ends and the partitions go to others of the group; everything that was accepted lands; doubts are settled; the audit compares the books with each file; the other gateways are told that nothing is to be waited for. Then, and only then, it says that the gateway may be removed. It goes on over restarts of the engine, and when this command is broken off.',
    )
    .option('--source <name>', 'only this source; the gateway stays')
    .option('-y, --yes', 'do not ask')
    .option('--undo', 'take it back, while it is not done')
    .addHelpText(
      'after',
      `
Examples:
  headgate retire
  headgate retire --source weblogs --yes
  headgate retire --undo

Asked again, it follows what goes on already. Events in quarantine and files
that are held need a decision first; it says so and waits.

Exit status: 0 retired, 1 not (failed, or taken back), 2 usage, 3 no engine
answers.`,
    )
    .action(async (options: RetireOptions) => {
      const client = await connectToEngine(options);
      const whom = {
        ...(options.source === undefined ? {} : { source: options.source }),
        by: operatorName(),
      };
      if (options.undo === true) return undo(client, whom, options);
      await assertMeant(client, options);
      await retire(client, whom, options);
    });
}

type Whom = { readonly source?: string; readonly by: string };

async function undo(client: ControlClient, whom: Whom, options: RetireOptions): Promise<void> {
  await client.call('retireUndo', whom);
  if (options.json) printJson({ undone: true });
  else print('taken back; intake goes on');
}

async function retire(client: ControlClient, whom: Whom, options: RetireOptions): Promise<void> {
  let shown = '';
  const clear = (): void => {
    if (shown !== '' && process.stderr.isTTY) process.stderr.write('\r\u001b[K');
  };
  const job = await followJob(
    client,
    () => client.call('retireStart', whom),
    ({ progress }) => {
      if (options.json === true || progress.step === shown) return;
      shown = progress.step;
      const counts =
        progress.total > 0 ? ` (${formatCount(progress.done)} of ${formatCount(progress.total)} events)` : '';
      if (process.stderr.isTTY) process.stderr.write(`\r\u001b[Kretiring: ${oneLine(shown)}${counts}`);
      else note(`retiring: ${oneLine(shown)}`);
    },
  ).finally(clear);
  const { retirements = [] } = await client.call('status', {});
  const row = retirements.find(({ source }) => source === whom.source);
  if (options.json) printJson(row ?? null);
  else print(oneLine(job.summary ?? 'retired'));
}

async function assertMeant(client: ControlClient, { source, yes }: RetireOptions): Promise<void> {
  if (yes === true) return;
  const { gateway, retirements = [] } = await client.call('status', {});
  if (retirements.some((one) => one.source === source)) return;
  const what = source === undefined ? `the gateway ${gateway}` : `the source ${source} of ${gateway}`;
  if (!process.stdin.isTTY) throw usageError(`${what} would leave for good`, 'say --yes if that is meant');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(
      `${oneLine(what)} will take nothing more and leave for good. Go on? [y/N] `,
    );
    if (!/^y(es)?$/i.test(answer.trim())) throw usageError('not retired', 'nothing was changed');
  } finally {
    prompt.close();
  }
}
