/** The client end of the control contract: every program that talks to a running engine uses this one. */
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import {
  procedures,
  streamEvent,
  type Input,
  type Output,
  type ProcedureName,
  type StreamEvent,
} from '../../shared/contract/control.ts';
import { GatewayError, type ErrorReport } from '../../shared/errors.ts';

const CALL_LIMIT_MS = 30_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export class ControlClient {
  readonly #path: string;

  /** `path`: the engine's socket, from `controlSocketPath`. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Calls a procedure. Throws a GatewayError: `no-engine` when nothing listens, the engine's own error, or `contract-mismatch`
   * when the answer has another shape than the contract says.
   */
  async call<N extends ProcedureName>(name: N, input: Input<N>, signal?: AbortSignal): Promise<Output<N>> {
    const { status, text } = await this.#post(`/call/${name}`, JSON.stringify(input), signal);
    const answer: unknown = parseJson(text, this.#path);
    if (status !== 200) throw remoteError(answer, { name, path: this.#path });
    const parsed = procedures[name].output.safeParse(answer);
    if (!parsed.success) throw mismatch(this.#path, parsed.error.issues[0]?.message ?? 'unknown shape');
    return parsed.data as Output<N>;
  }

  /** Follows the stream until the signal aborts or the engine goes; the first event is a status snapshot. */
  async *events(signal: AbortSignal): AsyncGenerator<StreamEvent> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const call = request({ socketPath: this.#path, path: '/events', method: 'GET', signal }, resolve);
      call.on('error', (error) => reject(noEngine(this.#path, error)));
      call.end();
    });
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      const parsed = streamEvent.safeParse(parseJson(line, this.#path));
      if (!parsed.success) throw mismatch(this.#path, parsed.error.issues[0]?.message ?? 'unknown event');
      yield parsed.data;
    }
  }

  #post(
    path: string,
    body: string,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const limit = AbortSignal.timeout(CALL_LIMIT_MS);
      const call = request({
        socketPath: this.#path,
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
      call.on('error', (error) => reject(noEngine(this.#path, error)));
      call.on('response', (response) => {
        const parts: Buffer[] = [];
        let bytes = 0;
        response.on('data', (part: Buffer) => {
          bytes += part.length;
          if (bytes > ANSWER_BYTES_MAX) response.destroy(new Error('the answer is too large'));
          parts.push(part);
        });
        response.on('error', (error) => reject(noEngine(this.#path, error)));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }),
        );
      });
      call.end(body);
    });
  }
}

function parseJson(text: string, place: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw mismatch(place, 'the answer is no JSON', cause);
  }
}

function remoteError(answer: unknown, at: { name: string; path: string }): GatewayError {
  const report: unknown =
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'error') : undefined;
  if (!isReport(report)) return mismatch(at.path, `no error report for ${at.name}`);
  return fromReport(report);
}

function fromReport(report: ErrorReport): GatewayError {
  const { code, operation, place, message, retry, hint } = report;
  return new GatewayError({ code, operation, place, message, retry, hint });
}

function noEngine(path: string, cause: Error): GatewayError {
  const isSilent = cause.name === 'TimeoutError';
  return new GatewayError({
    code: isSilent ? 'timeout' : 'no-engine',
    operation: 'talk to the engine',
    place: path,
    message: isSilent ? 'the engine did not answer in time' : 'no engine answers there',
    retry: 'backoff',
    hint: 'start it with `headgate run --config FILE`, or name its state directory with --state-dir',
    cause,
  });
}

function mismatch(place: string, message: string, cause?: unknown): GatewayError {
  return new GatewayError({
    code: 'contract-mismatch',
    operation: 'read the engine’s answer',
    place,
    message,
    retry: 'never',
    hint: 'the engine and this program are of different versions: restart the engine after an update',
    cause,
  });
}

function isReport(value: unknown): value is ErrorReport {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof Reflect.get(value, 'code') === 'string' &&
    typeof Reflect.get(value, 'message') === 'string'
  );
}
