import type { GatewayConfig } from '../../shared/contract/config.ts';
import { forgetConsoleAddress } from '../control/console-address.ts';
import {
  startConsoleServer,
  type ConsoleServer,
  type ConsoleServerOptions,
} from '../control/console-server.ts';
import type { EngineControl } from './engine-control.ts';

/** The console that the configuration names, if it does. What keeps it from listening is an alert: the flow does not hang on it. */
export async function startEngineConsole(
  section: GatewayConfig['console'],
  options: Pick<ConsoleServerOptions, 'stateDir' | 'api' | 'log' | 'clock'> & {
    readonly control: EngineControl;
  },
): Promise<ConsoleServer | undefined> {
  const { control, ...common } = options;
  if (section === undefined) {
    // A killed engine may have had one, and left word of it.
    await forgetConsoleAddress(common.stateDir);
    return undefined;
  }
  const place = `${section.listen.host}:${section.listen.port}`;
  return startConsoleServer({
    ...common,
    ...section,
    onFault: (fault) =>
      control.setAlert(fault !== undefined, {
        code: 'console-unavailable',
        level: 'warn',
        place,
        message: `the console can’t be served: ${fault?.message ?? ''}`,
        hint: fault?.hint,
      }),
  });
}
