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
import { GatewayError, isGatewayError, type ErrorReport } from '../../shared/errors.ts';

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
      call.on('error', (error) =>
        reject(signal.aborted ? aborted(this.#path, error) : noEngine(this.#path, error)),
      );
      call.end();
    });
    if (response.statusCode !== 200) {
      const answer = parseJson(await readText(response, this.#path), this.#path);
      throw remoteError(answer, { name: 'events', path: this.#path });
    }
    const lines = createInterface({ input: response, crlfDelay: Infinity });
    // Without a listener the break of the connection would be nobody's, when the reader is not asking at that moment.
    response.on('error', () => lines.close());
    response.on('close', () => lines.close());
    try {
      for await (const line of lines) {
        const parsed = streamEvent.safeParse(parseJson(line, this.#path));
        if (!parsed.success) throw mismatch(this.#path, parsed.error.issues[0]?.message ?? 'unknown event');
        yield parsed.data;
      }
    } catch (error) {
      // The engine went, or the signal aborted: that is how every stream ends.
      if (!isConnectionEnd(error)) throw error;
    } finally {
      // Who stops listening lets go of the connection.
      response.destroy();
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
      // The abort reaches the request as an AbortError; only the signal knows that it was the limit.
      const fail = (error: Error): void => {
        if (signal?.aborted === true) reject(aborted(this.#path, error));
        else reject(limit.aborted ? silent(this.#path, error) : noEngine(this.#path, error));
      };
      call.on('error', fail);
      call.on('response', (response) => {
        readText(response, this.#path).then(
          (text) => resolve({ status: response.statusCode ?? 0, text }),
          (error: unknown) => {
            if (isGatewayError(error)) reject(error);
            else fail(error instanceof Error ? error : new Error(String(error)));
          },
        );
      });
      call.end(body);
    });
  }
}

function isConnectionEnd(error: unknown): boolean {
  return (
    error instanceof Error &&
    ['ECONNRESET', 'EPIPE', 'ABORT_ERR'].includes(String(Reflect.get(error, 'code')))
  );
}

/** Throws `contract-mismatch` for an answer that no engine of ours gives. */
async function readText(response: IncomingMessage, place: string): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > ANSWER_BYTES_MAX) throw mismatch(place, 'the answer is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
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

function aborted(path: string, cause: Error): GatewayError {
  return new GatewayError({
    code: 'aborted',
    operation: 'talk to the engine',
    place: path,
    message: 'the call was given up on request',
    retry: 'now',
    hint: 'ask again',
    cause,
  });
}

function silent(path: string, cause: Error): GatewayError {
  return new GatewayError({
    code: 'no-engine',
    operation: 'talk to the engine',
    place: path,
    message: `the engine took the call and did not answer within ${CALL_LIMIT_MS / 1000} s`,
    retry: 'backoff',
    hint: 'look at its log and at the disk of the state directory; if it hangs, restarting it loses nothing',
    cause,
  });
}

function noEngine(path: string, cause: Error): GatewayError {
  return new GatewayError({
    code: 'no-engine',
    operation: 'talk to the engine',
    place: path,
    message: 'no engine answers there',
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
