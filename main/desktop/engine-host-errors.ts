/** What the desktop says when its engine is not there, with what to do. */
import { CONTRACT_VERSION } from '../../shared/contract/control.ts';
import { GatewayError } from '../../shared/errors.ts';
import type { EngineEnd } from './engine-program.ts';

export function goneError(place: string): GatewayError {
  return noEngine(
    place,
    'no engine answers',
    'what was taken in is safe on disk; it is looked for again by itself',
  );
}

export function stoppedError(place: string): GatewayError {
  return noEngine(place, 'the engine was stopped on request', 'start it again when it should work on');
}

export function laggardError(place: string): GatewayError {
  return noEngine(
    place,
    'the engine was started and does not answer yet',
    'a large backlog or a slow disk takes a while; its log says what it does',
  );
}

/** `end.tail` is the engine's own words: what is wrong, and what to do. */
export function endedAtOnce(place: string, end: EngineEnd): GatewayError {
  const how = end.code === null ? (end.signal ?? 'without starting') : `with status ${end.code}`;
  return new GatewayError({
    code: end.code === 2 ? 'config-invalid' : 'no-engine',
    operation: 'start the engine',
    place,
    message: `the engine ended ${how}${end.tail === '' ? '' : `: ${end.tail}`}`,
    retry: 'backoff',
    hint:
      end.code === 2
        ? 'correct the configuration; `headgate config check` shows line and column'
        : 'it is tried again; the message is the engine’s own',
  });
}

export function otherContract(place: string, contract: number): GatewayError {
  return new GatewayError({
    code: 'contract-mismatch',
    operation: 'talk to the engine',
    place,
    message: `the engine speaks contract ${contract}, this program ${CONTRACT_VERSION}`,
    retry: 'backoff',
    hint:
      contract < CONTRACT_VERSION
        ? 'the engine is older: restart it after the update; nothing is lost'
        : 'this program is older: quit it and start it again after the update',
  });
}

function noEngine(place: string, message: string, hint: string): GatewayError {
  return new GatewayError({
    code: 'no-engine',
    operation: 'talk to the engine',
    place,
    message,
    retry: 'backoff',
    hint,
  });
}
