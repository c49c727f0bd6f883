/**
 * Why brokers can't be talked to, in words for whoever is setting a gateway up: the wrong port, TLS on one side only, SASL that is missing, a
 * broker that advertises a name nobody here can reach. What the connection itself says is often only that it was closed.
 */
import { connect as connectTls } from 'node:tls';
import { GatewayError, isGatewayError } from '../../../shared/errors.ts';
import type { BrokerHost } from './broker-connections.ts';
import { parseEndpoint } from './wire/broker-directory.ts';
import type { KafkaReach } from './kafka-survey.ts';

const PROBE_LIMIT_MS = 2_000;
/** Codes of a connection that came to nothing, and may have a reason that a second look finds. */
const UNCLEAR: ReadonlySet<string> = new Set(['transport', 'timeout', 'broker-unreachable', 'tls-failed']);

/** The error with the likeliest cause named, after one more look at the first server's port. Gives other errors back as they are. */
export async function explainedReach(error: unknown, reach: KafkaReach): Promise<unknown> {
  if (!isGatewayError(error) || !UNCLEAR.has(error.code)) return error;
  const refusal = causeCodes(error);
  if (refusal.has('ECONNREFUSED') || refusal.has('ENOTFOUND')) return error;
  const [first] = reach.bootstrapServers;
  if (first === undefined) return error;
  const speaksTls = await answersTls(parseEndpoint(first));
  if (reach.tls === undefined && speaksTls) {
    return changed(error, {
      code: 'tls-failed',
      message: `${first} speaks TLS, and the configuration says plain text`,
      hint: 'Set security.tls (with `ca` for a certificate authority of your own), or use the plain port.',
    });
  }
  if (reach.tls !== undefined && !speaksTls) {
    return changed(error, {
      code: 'tls-failed',
      message: `${first} does not answer in TLS: ${error.message}`,
      hint: 'Remove security.tls if this is a plain port; else check port and firewall.',
    });
  }
  if (reach.sasl !== undefined || error.code !== 'transport') return error;
  return changed(error, {
    hint: `Is this the port of a Kafka broker? One that wants a password closes the connection like this: set security.sasl. ${error.hint}`,
  });
}

/** A broker that a bootstrap server named does not answer, although the bootstrap server did. */
export function unreachableBroker(
  error: GatewayError,
  broker: BrokerHost & { readonly node: number },
): GatewayError {
  if (!UNCLEAR.has(error.code) && error.code !== 'name-unresolved') return error;
  const place = `${broker.host}:${broker.port}`;
  return new GatewayError({
    code: error.code,
    operation: error.operation,
    place,
    message: `the cluster answers, but sends clients to broker ${broker.node} at ${place}, which can't be reached from here: ${error.message}`,
    retry: error.retry,
    hint: 'Set advertised.listeners of the broker to a name and port that this machine reaches, or add the name to DNS or the hosts file.',
    cause: error,
  });
}

function changed(
  error: GatewayError,
  change: Partial<Pick<GatewayError, 'code' | 'message' | 'hint'>>,
): GatewayError {
  const { code, operation, place, message, retry, hint } = error;
  return new GatewayError({ code, operation, place, message, retry, hint, ...change, cause: error });
}

function causeCodes(error: Error): ReadonlySet<string> {
  const codes = new Set<string>();
  for (let one: unknown = error; one instanceof Error && codes.size < 10; one = one.cause) {
    codes.add(String(Reflect.get(one, 'code')));
    if (one instanceof AggregateError)
      for (const inner of one.errors as unknown[])
        if (inner instanceof Error) for (const code of causeCodes(inner)) codes.add(code);
  }
  return codes;
}

/** Whether a TLS handshake gets anywhere. The certificate is not judged, and nothing is sent over the connection. */
function answersTls({ host, port }: BrokerHost): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false });
    const end = (isTls: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isTls);
    };
    const timer = setTimeout(() => end(false), PROBE_LIMIT_MS);
    socket.once('secureConnect', () => end(true));
    // A server that asks for a client's certificate, or another version, refuses with an alert: that is TLS too.
    socket.on('error', (error: Error) =>
      end(/alert/i.test(`${String(Reflect.get(error, 'code'))} ${error.message}`)),
    );
  });
}
