import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { until } from '../rig/until.ts';

export interface RawAnswer {
  readonly status: number;
  /** By name in lower case; of several the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface RawRequest {
  readonly port: number;
  readonly method?: string;
  readonly path?: string;
  /** In place of the usual ones; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  /** The certificate to trust; without it the request is in clear text. */
  readonly ca?: string;
}

/** A request byte for byte as it is written here, as a browser's would be unless the test says otherwise. */
export async function rawRequest(request: RawRequest): Promise<RawAnswer> {
  const { port, method = 'GET', path = '/', body = '', ca } = request;
  const origin = `${ca === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const headers: Record<string, string | undefined> = {
    host: `127.0.0.1:${port}`,
    connection: 'close',
    ...(method === 'GET' ? {} : { origin, 'content-length': String(Buffer.byteLength(body)) }),
    ...(body === '' ? {} : { 'content-type': 'application/json' }),
    ...request.headers,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}`],
  );
  return rawText({ port, ca, text: `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}` });
}

/** Sends the text and reads until the server hangs up. A status of 0: it hung up without a word. */
export async function rawText(what: {
  readonly port: number;
  readonly ca?: string | undefined;
  readonly text: string | Buffer;
}): Promise<RawAnswer> {
  const socket = openSocket(what);
  const connection = new RawConnection(socket);
  socket.write(what.text);
  await until('the server has answered and hung up', () => connection.isClosed);
  return parsed(connection.received);
}

export function openSocket({
  port,
  ca,
}: {
  readonly port: number;
  readonly ca?: string | undefined;
}): Socket {
  return ca === undefined
    ? connect(port, '127.0.0.1')
    : connectTls({ port, host: '127.0.0.1', ca, checkServerIdentity: () => undefined });
}

/** What came over a socket until now. */
export class RawConnection {
  received = '';
  isClosed = false;

  constructor(socket: Socket) {
    // A server that hangs up on what it refused may reset the connection.
    socket.on('error', () => undefined);
    socket.on('data', (data) => (this.received += data.toString('latin1')));
    socket.on('close', () => (this.isClosed = true));
  }
}

function parsed(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...lines] = head.split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [name = '', ...value] = line.split(': ');
    headers[name.toLowerCase()] = value.join(': ');
  }
  return { status: Number(first.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n') };
}
