/**
 * The control API on a unix socket (mode 0660: the engine's own user and its group) or named pipe: `POST /call/<procedure>` with the input
 * as JSON, `GET /events` as a stream of JSON lines.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { fastify } from 'fastify';
import { CONTRACT_VERSION } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import { silentLogger, type Logger } from '../telemetry/logger.ts';
import { addFaultAnswers, addProcedures, addStream, BODY_BYTES_MAX } from './control-routes.ts';
import type { EngineApi } from './engine-api.ts';

/** Who may write to the socket may do everything that an operator may. */
const SOCKET_MODE = 0o660;
/** A whole request has to be here by then. */
const REQUEST_LIMIT_MS = 30_000;

export interface ControlServer {
  close(): Promise<void>;
}

/** Throws `state-dir-locked` when somebody answers at the path already, `state-dir-unusable` when the path can't be used. */
export async function startControlServer(
  path: string,
  api: EngineApi,
  log: Logger = silentLogger,
): Promise<ControlServer> {
  const server = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    forceCloseConnections: true,
    requestTimeout: REQUEST_LIMIT_MS,
  });
  server.get('/info', async () => ({ contract: CONTRACT_VERSION }));
  addProcedures(server, api, '/call');
  addStream(server, { path: '/events', api });
  addFaultAnswers(server, log);
  await removeStaleSocket(path);
  try {
    await server.listen({ path });
    if (process.platform !== 'win32') chmodSync(path, SOCKET_MODE);
  } catch (cause) {
    await server.close();
    throw unusablePath(path, cause);
  }
  return { close: () => server.close() };
}

/** A socket file that a killed engine left behind; the state directory's lock says that no other engine owns it. */
async function removeStaleSocket(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw unusablePath(path, new Error('something that is no socket stands there'));
  const isAnswered = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
  if (isAnswered) {
    throw new GatewayError({
      code: 'state-dir-locked',
      operation: 'open the control socket',
      place: path,
      message: 'an engine answers there already',
      retry: 'never',
      hint: 'stop the other engine, or give this one a state directory of its own',
    });
  }
  rmSync(path, { force: true });
}

function unusablePath(path: string, cause: unknown): GatewayError {
  return new GatewayError({
    code: 'state-dir-unusable',
    operation: 'open the control socket',
    place: path,
    message: `the control socket can’t be made: ${cause instanceof Error ? cause.message : String(cause)}`,
    retry: 'never',
    hint: 'the engine’s user must be able to make a socket at that path',
    cause,
  });
}
