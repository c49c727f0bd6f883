/**
 * For work on pages: puts a running engine's socket behind the addresses that the console server has in production, without a sign-in.
 * `HEADGATE_STATE_DIR` names the engine's state directory. Never part of a build.
 */
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import type { Plugin } from 'vite';
import { controlSocketPath } from '../main/control/socket-path.ts';

/** Middleware for Vite's dev and preview servers. */
export function devEngineProxy(stateDir: string | undefined): Plugin {
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse, next: () => void): void => {
    const path = new URL(incoming.url ?? '/', 'http://engine').pathname;
    if (!path.startsWith('/api/')) next();
    else if (path === '/api/session') outgoing.writeHead(204).end();
    else if (stateDir === undefined) outgoing.writeHead(503).end();
    else forward({ incoming, outgoing, path: path.slice('/api'.length), socketPath: socketOf(stateDir) });
  };
  return {
    name: 'headgate-dev-engine',
    configureServer: (server) => void server.middlewares.use(serve),
    configurePreviewServer: (server) => void server.middlewares.use(serve),
  };
}

function socketOf(stateDir: string): string {
  return controlSocketPath(resolve(stateDir));
}

function forward(work: {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly path: string;
  readonly socketPath: string;
}): void {
  const { incoming, outgoing, path, socketPath } = work;
  const upstream = request({
    socketPath,
    path,
    ...(incoming.method === undefined ? {} : { method: incoming.method }),
    headers: { 'content-type': incoming.headers['content-type'] ?? 'application/json' },
  });
  upstream.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  upstream.on('error', (error) => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end(error.message);
  });
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}
