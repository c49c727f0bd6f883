/** `headgate support-bundle`: one zip for whoever helps. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { formatBytes } from '../../shared/units.ts';
import { connectToEngine, operatorName, withEngine, type EngineOptions } from './engine-connection.ts';
import { followJob, saveJobFile } from './job-follower.ts';
import { note, print, printJson } from './output.ts';
import { oneLine } from './terminal-text.ts';

export function addSupportBundleCommand(program: Command): void {
  withEngine(program.command('support-bundle'))
    .summary('one zip for whoever helps, without events or secrets')
    .description(
      'Has the engine gather versions, status, configuration and its history, alerts, log, the last landings, figures of the database and the disk into one zip. Bodies of events and secrets are not in it; manifest.json inside says what is, what is not, and what could not be had.',
    )
    .option('-o, --output <file>', 'the file to make (default: named by gateway and time, in this directory)')
    .addHelpText('after', '\nExample:\n  headgate support-bundle -o for-support.zip')
    .action(async (options: EngineOptions & { output?: string }) => {
      const client = await connectToEngine(options);
      let shown = '';
      const job = await followJob(
        client,
        () => client.call('supportBundleStart', { by: operatorName() }),
        ({ progress }) => {
          if (process.stderr.isTTY !== true || progress.step === shown) return;
          shown = progress.step;
          note(`  ${oneLine(shown)}`);
        },
      );
      const file = resolve(options.output ?? job.file?.name ?? 'headgate-support.zip');
      const bytes = await saveJobFile(client, job.id, file);
      if (options.json === true) return printJson({ file, bytes, summary: job.summary });
      print(`${oneLine(file)}: ${formatBytes(bytes)}, ${oneLine(job.summary ?? '')}`);
    });
}
