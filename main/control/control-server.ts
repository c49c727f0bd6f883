/**
 * The control API on a unix socket (mode 0660) or named pipe: `POST /call/<procedure>` with the input as JSON, `GET /events` as a
 * stream of JSON lines. Inputs are checked against the contract; errors go out as reports, without stacks.
 */
import { chmodSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import {
  CONTRACT_VERSION,
  procedures,
  type ProcedureName,
  type StreamEvent,
} from '../../shared/contract/control.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import type { EngineApi } from './engine-api.ts';

const BODY_BYTES_MAX = 1024 * 1024;
/** A client that reads slower than this much behind is cut off; it may come back for a new snapshot. */
const STREAM_BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
const SOCKET_MODE = 0o660;

export interface ControlServer {
  close(): Promise<void>;
}

export async function startControlServer(path: string, api: EngineApi): Promise<ControlServer> {
  const server = fastify({ logger: false, bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true });
  server.get('/info', async () => ({ contract: CONTRACT_VERSION }));
  addProcedures(server, api);
  addStream(server, api);
  server.setErrorHandler(async (error: Error & { statusCode?: number }, _request, reply) => {
    await reply.status(error.statusCode ?? 500).send({ error: toErrorReport(error) });
  });
  await removeStaleSocket(path);
  await server.listen({ path });
  if (process.platform !== 'win32') chmodSync(path, SOCKET_MODE);
  return { close: () => server.close() };
}

function addProcedures(server: FastifyInstance, api: EngineApi): void {
  for (const name of Object.keys(procedures) as ProcedureName[]) {
    const { input, output } = procedures[name];
    server.post(`/call/${name}`, async (request, reply) => {
      const parsed = input.safeParse(request.body ?? {});
      if (!parsed.success) {
        const issue = parsed.error.issues[0];
        const report = toErrorReport(
          new GatewayError({
            code: 'usage',
            operation: `call ${name}`,
            place: issue?.path.join('.') ?? '',
            message: issue?.message ?? 'the input does not fit the contract',
            retry: 'never',
            hint: 'client and engine may be of different versions',
          }),
        );
        return reply.status(400).send({ error: report });
      }
      const call = api[name] as (input: unknown) => Promise<unknown>;
      // The answer is checked too: a client must never see a shape that the contract does not know.
      return output.parse(await call(parsed.data));
    });
  }
}

function addStream(server: FastifyInstance, api: EngineApi): void {
  server.get('/events', (_request, reply) => {
    reply.hijack();
    const stream = reply.raw;
    stream.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    const send = (event: StreamEvent) => {
      if (stream.writableLength > STREAM_BACKLOG_BYTES_MAX) stream.destroy();
      else stream.write(`${JSON.stringify(event)}\n`);
    };
    const unsubscribe = api.subscribe(send);
    stream.on('close', unsubscribe);
    stream.on('error', unsubscribe);
  });
}

/** A socket file that a killed engine left behind; the state directory's lock says that no other engine owns it. */
async function removeStaleSocket(path: string): Promise<void> {
  if (process.platform === 'win32') return;
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
