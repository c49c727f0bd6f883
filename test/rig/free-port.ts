import { createServer } from 'node:net';

/** Below Linux's ephemeral range (32768 and up), so that no outgoing connection takes a port between its choice and its use. */
const FIRST_PORT = 15_000;
const LAST_PORT = 32_000;
const TRIES_MAX = 200;

const handedOut = new Set<number>();

/**
 * A TCP port that is free on `host` now. It is never handed out twice by one process; two processes start their search at
 * random places, so a collision between them is possible but rare.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (handedOut.has(port)) continue;
    if (await canListen(port, host)) {
      handedOut.add(port);
      return port;
    }
  }
  throw new Error(`no free port found on ${host} between ${FIRST_PORT} and ${LAST_PORT}`);
}

/** As many different free ports as asked for. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let index = 0; index < count; index++) ports.push(await freePort());
  return ports;
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
