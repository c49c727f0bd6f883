/** What the editor begins with when there is no configuration yet: it names what this machine knows, and has no source and no sink. */
import { parseEndpoint } from '../../../shared/contract/config-fields.ts';
import { GatewayError } from '../../../shared/errors.ts';

export interface TemplateFacts {
  readonly hostName: string;
  /** IANA name. */
  readonly timeZone: string;
  /** Absent: the platform's default, which needs no line. */
  readonly stateDir: string | undefined;
  /** Where the console listens now. */
  readonly console: ListenAddress | undefined;
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

const ID_CHARS_MAX = 32;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

export function templateText({ hostName, timeZone, stateDir, console }: TemplateFacts): string {
  const lines = [
    'gateway:',
    `  id: ${gatewayIdOf(hostName)}`,
    ...(stateDir === undefined ? [] : [`  stateDir: ${JSON.stringify(stateDir)}`]),
    `  timeZone: ${timeZone}`,
    ...(console === undefined ? [] : [`console: { listen: ${JSON.stringify(shownAddress(console))} }`]),
    'sources: {}',
    'channels:',
    '  disk: { type: file, capacityBytes: 20GiB, minFreeDiskBytes: 2GiB }',
    'sinks: {}',
  ];
  return `${lines.join('\n')}\n`;
}

/** A name that may go into file names, from the machine's. */
export function gatewayIdOf(hostName: string): string {
  const plain = hostName
    .toLowerCase()
    .replace(/\..*$/, '')
    .replace(/[^a-z0-9-]+/g, '-')
    .slice(0, ID_CHARS_MAX)
    .replace(/^-+|-+$/g, '');
  return plain === '' || /^\d+$/.test(plain) ? `gateway${plain === '' ? '' : `-${plain}`}` : plain;
}

/** `127.0.0.1:8642`. Off loopback a console needs TLS, and so a configuration: throws `usage`. */
export function loopbackAddress(written: string): ListenAddress {
  const address = parseEndpoint(written);
  if (address !== undefined && LOOPBACK.has(address.host)) return address;
  throw new GatewayError({
    code: 'usage',
    operation: 'open the console',
    place: '',
    message: 'before there is a configuration the console listens on this machine only',
    retry: 'never',
    hint: 'Write 127.0.0.1:PORT; a tunnel reaches it from elsewhere.',
  });
}

function shownAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
