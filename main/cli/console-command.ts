/** `headgate console`: where the browser console is, and how to get in. */
import type { Command } from 'commander';
import { GatewayError } from '../../shared/errors.ts';
import { readConsoleAddress } from '../control/console-address.ts';
import { readConsoleToken, renewConsoleToken } from '../control/console-token.ts';
import { openerOf, openInBrowser } from './browser-opener.ts';
import { connectToEngine, withEngine, type EngineOptions } from './engine-connection.ts';
import { EXIT } from './exit-status.ts';
import { note, print, printJson } from './output.ts';
import { listenForStop } from './stop-signals.ts';
import { oneLine } from './terminal-text.ts';

interface ConsoleOptions extends EngineOptions {
  readonly print?: boolean;
  readonly newToken?: boolean;
}

export function addConsoleCommand(program: Command): void {
  withEngine(program.command('console'))
    .summary('open the console in a browser')
    .description(
      'Opens the engine’s console in the browser of this desktop, signed in. Without a desktop, and with --print, it prints the address: whoever has it can do everything that an operator can, so treat it as a password. It needs the rights of the engine’s own user, and the section `console:` in the configuration.',
    )
    .option('--print', 'print the address, open nothing')
    .option('--new-token', 'make a new token first: whoever is signed in is signed out')
    .addHelpText(
      'after',
      `
Examples:
  headgate console                                   in the browser of this desktop
  sudo -u headgate headgate console --print          on a machine without one
  ssh -L 8642:127.0.0.1:8642 gateway                 then open the printed address at home
  headgate console --new-token --print               after somebody left who knew the old one`,
    )
    .action(openConsole);
}

async function openConsole(options: ConsoleOptions): Promise<void> {
  const client = await connectToEngine(options);
  // The engine itself says where its state is: a path given with a link or a dot would name another folder.
  const { stateDir } = await client.call('status', {});
  const url = await consoleUrl(stateDir, options.newToken === true);
  if (options.json === true) return printJson({ url });
  const opener =
    options.print === true ? undefined : openerOf({ platform: process.platform, environment: process.env });
  if (opener === undefined) return print(url);
  note(`opening ${oneLine(url.split('#')[0] ?? '')} in the browser; should nothing appear, try --print`);
  const stop = new AbortController();
  listenForStop(
    () => stop.abort(),
    () => process.exit(EXIT.failed),
  );
  if (await openInBrowser(url, { opener, signal: stop.signal })) return;
  note(`${opener[0]} could not open it; open this address yourself:`);
  print(url);
}

/** The address that signs in. Throws `usage` when no console listens, `state-dir-unusable` when the token is not for us to read. */
export async function consoleUrl(stateDir: string, isTokenNew = false): Promise<string> {
  const address = await readable(stateDir, () => readConsoleAddress(stateDir));
  if (address === undefined)
    throw new GatewayError({
      code: 'usage',
      operation: 'open the console',
      place: stateDir,
      message: 'this engine serves no console',
      retry: 'never',
      hint: 'add `console: { listen: 127.0.0.1:8642 }` to the configuration and restart the engine; if it is there, `headgate status` says what keeps it from listening',
    });
  const token = isTokenNew
    ? renewConsoleToken(stateDir)
    : (readConsoleToken(stateDir) ?? renewConsoleToken(stateDir));
  return `${address.url}/#token=${token}`;
}

async function readable<T>(stateDir: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    throw new GatewayError({
      code: 'state-dir-unusable',
      operation: 'find the console',
      place: stateDir,
      message: `its address can’t be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      retry: 'never',
      hint: 'only the engine’s own user may: run this as that user, for example with `sudo -u headgate`',
      cause,
    });
  }
}
