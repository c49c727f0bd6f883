import { GatewayError } from '../../../../shared/errors.ts';
import { abortedError, type LinkWork } from './link-error.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const ENDPOINT = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:[\]/]+)):(\d{1,5})$/;
const PORT_MAX = 65_535;

/** `host:port` or `[IPv6]:port`. Throws GatewayError `config-invalid`. */
export function parseEndpoint(text: string): Endpoint {
  const match = ENDPOINT.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host !== undefined && port >= 1 && port <= PORT_MAX) return { host, port };
  throw new GatewayError({
    code: 'config-invalid',
    operation: 'read the bootstrap servers',
    place: text,
    message: `"${text}" is no bootstrap server`,
    retry: 'never',
    hint: 'Write host:port, for example kafka-1:9092; IPv6 addresses in brackets.',
  });
}

export function noServers(): GatewayError {
  return new GatewayError({
    code: 'config-invalid',
    operation: 'read the bootstrap servers',
    place: 'bootstrapServers',
    message: 'there is no bootstrap server',
    retry: 'never',
    hint: 'Name one or more brokers as host:port.',
  });
}

/** The one error for an operator out of those of all servers tried: who refused us matters more than who was silent. */
export function nobodyAnswered(errors: readonly GatewayError[], places: string): GatewayError {
  const decisive = errors.find(({ code }) => code === 'auth-failed' || code === 'tls-failed');
  if (decisive !== undefined) return decisive;
  const [only] = errors;
  if (errors.length === 1 && only !== undefined) return only;
  return new GatewayError({
    code: 'broker-unreachable',
    operation: 'look for brokers',
    place: places,
    message: `no broker answers: ${errors.map(({ message }) => message).join('; ')}`,
    retry: 'backoff',
    hint: 'Is the Kafka cluster running, and are its ports open from here?',
    cause: new AggregateError(errors),
  });
}

export function unknownNode(node: number, places: string): GatewayError {
  return new GatewayError({
    code: 'broker-unreachable',
    operation: 'find a broker',
    place: places,
    message: `the cluster knows no broker ${node} at present`,
    retry: 'backoff',
    hint: 'The broker is down or was removed; its partitions get another leader, or wait for it.',
  });
}

/** Why a connection to a broker that moved or left is broken off. */
export function movedError(place: string, now: Endpoint | undefined): GatewayError {
  return new GatewayError({
    code: 'transport',
    operation: 'talk to a broker',
    place,
    message:
      now === undefined ? 'the broker left the cluster' : `the broker is now at ${now.host}:${now.port}`,
    retry: 'now',
    hint: 'Nothing needs to be done.',
  });
}

/** Settles with `promise`, or rejects with `aborted` at once when the signal aborts; the shared work goes on for the others. */
export function orAbort<T>(promise: Promise<T>, signal: AbortSignal, work: LinkWork): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(abortedError(work));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
