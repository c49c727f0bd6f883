/**
 * The control API on a unix socket (mode 0600: only the engine's own user) or named pipe: `POST /call/<procedure>` with the input as
 * JSON, `GET /events` as a stream of JSON lines. Inputs are checked against the contract; errors go out as reports, without stacks.
 */
import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import {
  CONTRACT_VERSION,
  procedures,
  type ProcedureName,
  type StreamEvent,
} from '../../shared/contract/control.ts';
import { GatewayError, isGatewayError, toErrorReport, type ErrorReport } from '../../shared/errors.ts';
import { silentLogger, type Logger } from '../telemetry/logger.ts';
import type { EngineApi } from './engine-api.ts';

export const BODY_BYTES_MAX = 1024 * 1024;
/** A client that reads slower than this much behind is cut off; it may come back for a new snapshot. */
export const STREAM_BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
/** Clients that follow the stream at a time: each costs a copy of every event, and up to the backlog above. */
export const STREAMS_MAX = 32;
const SOCKET_MODE = 0o600;
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
  addProcedures(server, api);
  addStream(server, api);
  server.setNotFoundHandler(async (request, reply) => {
    await reply.status(404).send({ error: unknownCall(request.url) });
  });
  server.setErrorHandler(async (error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? (isGatewayError(error) && error.code === 'usage' ? 400 : 500);
    const isCallers = status < 500 && !isGatewayError(error);
    // Nobody else sees what an unexpected fault of the engine was: the client gets no stack.
    if (status >= 500 && !isGatewayError(error))
      log.error('a control call failed', { call: request.url, error: toErrorReport(error) });
    await reply
      .status(status)
      .send({ error: isCallers ? badRequest(request.url, error.message) : toErrorReport(error) });
  });
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

function addProcedures(server: FastifyInstance, api: EngineApi): void {
  for (const name of Object.keys(procedures) as ProcedureName[]) {
    const { input, output } = procedures[name];
    server.post(`/call/${name}`, async (request, reply) => {
      const parsed = input.safeParse(request.body ?? {});
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        const message = issue?.message ?? 'the input does not fit the contract';
        return reply.status(400).send({ error: badRequest(`call ${name}`, message, issue?.path.join('.')) });
      }
      const call = api[name] as (input: unknown) => Promise<unknown>;
      // The answer is checked too: a client must never see a shape that the contract does not know.
      return output.parse(await call(parsed.data));
    });
  }
}

function addStream(server: FastifyInstance, api: EngineApi): void {
  let open = 0;
  server.get('/events', (_request, reply) => {
    if (open >= STREAMS_MAX) {
      void reply.status(503).send({ error: tooManyStreams() });
      return;
    }
    open++;
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    const send = (event: StreamEvent) => {
      if (stream.writableLength > STREAM_BACKLOG_BYTES_MAX) stream.destroy();
      else if (!stream.destroyed) stream.write(`${JSON.stringify(event)}\n`);
    };
    const unsubscribe = api.subscribe(send);
    stream.on('error', () => stream.destroy());
    stream.once('close', () => {
      open--;
      unsubscribe();
    });
  });
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

function badRequest(operation: string, message: string, place = ''): ErrorReport {
  return toErrorReport(
    new GatewayError({
      code: 'usage',
      operation,
      place,
      message,
      retry: 'never',
      hint: 'client and engine may be of different versions',
    }),
  );
}

function unknownCall(url: string): ErrorReport {
  return toErrorReport(
    new GatewayError({
      code: 'contract-mismatch',
      operation: 'answer a control call',
      place: url.slice(0, 200),
      message: 'the engine has no such call',
      retry: 'never',
      hint: 'client and engine may be of different versions: restart the engine after an update',
    }),
  );
}

function tooManyStreams(): ErrorReport {
  return toErrorReport(
    new GatewayError({
      code: 'usage',
      operation: 'follow the events',
      place: '',
      message: `${STREAMS_MAX} clients follow the events already`,
      retry: 'backoff',
      hint: 'close a console or a `headgate status --watch`',
    }),
  );
}
