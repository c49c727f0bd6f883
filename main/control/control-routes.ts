/**
 * The calls and the stream of the control contract as HTTP routes, the same on the control socket and on the browser console. Inputs are
 * checked against the contract, answers too; errors go out as reports, without stacks.
 */
import type { ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { procedures, type ProcedureName, type StreamEvent } from '../../shared/contract/control.ts';
import { GatewayError, isGatewayError, toErrorReport, type ErrorReport } from '../../shared/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { EngineApi } from './engine-api.ts';

export const BODY_BYTES_MAX = 1024 * 1024;
/** A client that reads slower than this much behind is cut off; it may come back for a new snapshot. */
export const STREAM_BACKLOG_BYTES_MAX = 4 * 1024 * 1024;
/** Clients that follow the stream at a time, of each server: each costs a copy of every event, and up to the backlog above. */
export const STREAMS_MAX = 32;

export interface StreamOptions {
  readonly path: string;
  readonly api: EngineApi;
  /** Called with each stream that opens; it closes by itself, or when somebody destroys it. */
  readonly opened?: (stream: ServerResponse, request: FastifyRequest) => void;
}

/** `POST <prefix>/<procedure>` for every procedure of the contract. */
export function addProcedures(server: FastifyInstance, api: EngineApi, prefix: string): void {
  for (const name of Object.keys(procedures) as ProcedureName[]) {
    const { input, output } = procedures[name];
    server.post(`${prefix}/${name}`, async (request, reply) => {
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

/** The stream as JSON lines: a snapshot first, then what changes. */
export function addStream(server: FastifyInstance, { path, api, opened }: StreamOptions): void {
  let open = 0;
  server.get(path, { exposeHeadRoute: false }, (request, reply) => {
    // Gone while it waited its turn: its `close` has been, and would never count it off.
    if (reply.raw.destroyed) return void reply.hijack();
    if (open >= STREAMS_MAX) {
      void reply.status(503).send({ error: tooManyStreams() });
      return;
    }
    open++;
    reply.hijack();
    const stream = reply.raw;
    // A stream may be quiet for long; who doesn't read is found by what piles up.
    stream.socket?.setTimeout(0);
    stream.writeHead(200, {
      ...(reply.getHeaders() as Record<string, string>),
      'content-type': 'application/x-ndjson',
      'cache-control': 'no-store',
    });
    const send = (event: StreamEvent) => {
      if (stream.writableLength > STREAM_BACKLOG_BYTES_MAX) stream.destroy();
      else if (!stream.destroyed && !stream.writableEnded) stream.write(lineOf(event));
    };
    const unsubscribe = api.subscribe(send);
    stream.on('error', () => stream.destroy());
    stream.once('close', () => {
      open--;
      unsubscribe();
    });
    opened?.(stream, request);
  });
}

/** Each event is made into text once, however many clients follow. */
const lines = new WeakMap<StreamEvent, string>();
function lineOf(event: StreamEvent): string {
  let line = lines.get(event);
  if (line === undefined) lines.set(event, (line = `${JSON.stringify(event)}\n`));
  return line;
}

/** Answers for what no route knows, and for what fails. */
export function addFaultAnswers(
  server: FastifyInstance,
  log: Logger,
  answer: AnswerUnknown = answerUnknown,
): void {
  server.setNotFoundHandler(answer);
  server.setErrorHandler(async (error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? (isGatewayError(error) ? (STATUS_OF[error.code] ?? 500) : 500);
    const isCallers = status < 500 && !isGatewayError(error);
    // Nobody else sees what an unexpected fault of the engine was: the client gets no stack.
    if (status >= 500 && !isGatewayError(error))
      log.error('a control call failed', { call: request.url, error: toErrorReport(error) });
    await reply
      .status(status)
      .send({ error: isCallers ? badRequest(request.url, error.message) : toErrorReport(error) });
  });
}

export type AnswerUnknown = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

async function answerUnknown(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return reply.status(404).send({ error: unknownCall(request.url) });
}

/** Statuses of our own errors that are the caller's doing; the others are 500. */
const STATUS_OF: Partial<Record<GatewayError['code'], number>> = {
  usage: 400,
  'not-signed-in': 401,
  'permission-denied': 403,
};

export function badRequest(operation: string, message: string, place = ''): ErrorReport {
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

export function unknownCall(url: string): ErrorReport {
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
