/** A first look at an engine's socket: is anybody there, may we talk to it, and which contract does it speak? Asks nothing of the flow. */
import { request } from 'node:http';
import { GatewayError } from '../../shared/errors.ts';

const ANSWER_LIMIT_MS = 5_000;
const ANSWER_BYTES_MAX = 4_096;

export type EngineProbe =
  | { readonly kind: 'answers'; readonly contract: number }
  /** Nothing listens: no socket, or one that a killed engine left behind. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'forbidden'; readonly error: GatewayError }
  /** Something is there and does not answer as an engine does: never a reason to start another. */
  | { readonly kind: 'silent'; readonly error: GatewayError };

/** Never rejects. */
export async function probeEngine(socketPath: string, signal: AbortSignal): Promise<EngineProbe> {
  try {
    const contract: unknown = Reflect.get(await readInfo(socketPath, signal), 'contract');
    if (typeof contract !== 'number') throw new Error('the answer names no contract');
    return { kind: 'answers', contract };
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return { kind: 'absent' };
    if (code === 'EACCES' || code === 'EPERM')
      return { kind: 'forbidden', error: forbidden(socketPath, cause) };
    return { kind: 'silent', error: silent(socketPath, cause) };
  }
}

function readInfo(socketPath: string, signal: AbortSignal): Promise<object> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT_MS)]);
    const call = request({ socketPath, path: '/info', method: 'GET', signal: limit }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > ANSWER_BYTES_MAX) response.destroy(new Error('the answer is too long'));
      });
      response.on('error', reject);
      response.on('end', () => {
        try {
          const answer: unknown = JSON.parse(text);
          if (typeof answer === 'object' && answer !== null) resolve(answer);
          else reject(new Error('the answer is no object'));
        } catch (error) {
          reject(error);
        }
      });
    });
    call.on('error', reject);
    call.end();
  });
}

function forbidden(place: string, cause: unknown): GatewayError {
  return new GatewayError({
    code: 'permission-denied',
    operation: 'talk to the engine',
    place,
    message: 'the engine’s socket belongs to others',
    retry: 'backoff',
    hint: 'ask for this user to be let in (the group of the socket), or use the browser console with its token',
    cause,
  });
}

function silent(place: string, cause: unknown): GatewayError {
  return new GatewayError({
    code: 'no-engine',
    operation: 'talk to the engine',
    place,
    message: 'something listens there and does not answer as an engine does',
    retry: 'backoff',
    hint: 'look at the engine’s log and at its disk; if it hangs, restarting it loses nothing',
    cause,
  });
}
