/** A TCP server that plays one side of an HTTP exchange byte by byte: for answers that no real server can be made to give. */
import { createServer, type Server, type Socket } from 'node:net';

export interface RawServer {
  readonly url: string;
  readonly host: string;
  stop(): Promise<void>;
}

/** `onHead` gets each connection once its request's head is there, with what else came with it. */
export async function rawServer(onHead: (socket: Socket, head: string) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    let seen = '';
    const read = (chunk: Buffer): void => {
      seen += chunk.toString('latin1');
      const end = seen.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.off('data', read);
      onHead(socket, seen.slice(0, end));
      // Body that came in one segment with the head: the listener that was just set up hears of it too.
      const rest = Buffer.from(seen.slice(end + 4), 'latin1');
      if (rest.length > 0) setImmediate(() => socket.emit('data', rest));
    };
    socket.on('data', read);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

export function jsonReply(status: string, body: string, headers = ''): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

export function exceptionReply(status: string, exception: string, message: string, headers = ''): string {
  return jsonReply(
    status,
    JSON.stringify({ RemoteException: { exception, javaClassName: `x.${exception}`, message } }),
    headers,
  );
}
