import { GatewayError, isGatewayError, type ErrorCode, type Retry } from '../../../shared/errors.ts';

export interface CallPlace {
  readonly operation: string;
  readonly place: string;
  /** The failure came before anything could be asked. */
  readonly isConnecting?: boolean;
}

const FENCED_NAMES: ReadonlySet<string> = new Set([
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
  'TRANSACTION_COORDINATOR_FENCED',
]);

const COORDINATOR_NAMES: ReadonlySet<string> = new Set([
  'COORDINATOR_NOT_AVAILABLE',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'NOT_COORDINATOR',
  'CONCURRENT_TRANSACTIONS',
  'UNSTABLE_OFFSET_COMMIT',
]);

/** True for the refusal that a newer owner of the transactional id, or our own transaction's time-out, brings. */
export function isFencedName(name: string): boolean {
  return FENCED_NAMES.has(name);
}

/** True where the coordinator did nothing and asks us to look for it, or come, again. */
export function isCoordinatorName(name: string): boolean {
  return COORDINATOR_NAMES.has(name);
}

/**
 * Kafka's name of the error that the broker answered, such as `NOT_COORDINATOR`; undefined when there was no answer, so that
 * nobody knows what the broker did.
 */
export function kafkaErrorName(error: unknown): string | undefined {
  for (const one of errorTree(error)) {
    const name: unknown = Reflect.get(one, 'apiId');
    if (typeof name === 'string') return name;
  }
  return undefined;
}

/** The parsed reply that carried errors: metadata of the healthy topics stands beside the missing ones'. */
export function replyOf(error: unknown): unknown {
  for (const one of errorTree(error)) {
    const reply: unknown = Reflect.get(one, 'response');
    if (typeof reply === 'object' && reply !== null) return reply;
  }
  return undefined;
}

/** Errors looked at in one failure: a chain longer than this is noise. */
const TREE_MAX = 32;

function errorTree(error: unknown): Error[] {
  const found: Error[] = [];
  const queue: unknown[] = [error];
  while (queue.length > 0 && found.length < TREE_MAX) {
    const one = queue.shift();
    if (!(one instanceof Error) || found.includes(one)) continue;
    found.push(one);
    if (one instanceof AggregateError) queue.push(...(one.errors as unknown[]));
    queue.push(one.cause);
  }
  return found;
}

/** Wraps a failure of the low-level client, once. */
export function wireError(error: unknown, where: CallPlace): GatewayError {
  if (isGatewayError(error)) return error;
  const name = kafkaErrorName(error);
  const { code, retry, hint } = name === undefined ? classifyTransport(error, where) : classifyRefusal(name);
  const text = error instanceof Error ? error.message : String(error);
  const message = name === undefined ? text : `the broker answered ${name}`;
  return new GatewayError({
    code,
    operation: where.operation,
    place: where.place,
    message,
    retry,
    hint,
    cause: error,
  });
}

interface Kind {
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly hint: string;
}

function classifyRefusal(name: string): Kind {
  if (isFencedName(name)) {
    return {
      code: 'fenced',
      retry: 'backoff',
      hint: 'Another gateway of the group took the partition; nothing is lost.',
    };
  }
  if (isCoordinatorName(name)) {
    return {
      code: 'coordinator-unavailable',
      retry: 'backoff',
      hint: 'This passes when the broker has elected a coordinator.',
    };
  }
  if (name.endsWith('AUTHORIZATION_FAILED')) {
    return {
      code: 'permission-denied',
      retry: 'backoff',
      hint: 'Grant the rights in docs/operations.md: topic Read and Describe, both groups Read, transactional id prefix headgate: Write and Describe (or, for one gateway alone, set fence: none).',
    };
  }
  if (name === 'SASL_AUTHENTICATION_FAILED' || name === 'UNSUPPORTED_SASL_MECHANISM') {
    return {
      code: 'auth-failed',
      retry: 'backoff',
      hint: 'Check mechanism, user name and password under security.sasl.',
    };
  }
  if (name === 'UNKNOWN_TOPIC_OR_PARTITION' || name === 'UNKNOWN_TOPIC_ID') {
    return {
      code: 'topic-missing',
      retry: 'backoff',
      hint: 'Create the topic, or take it out of the configuration.',
    };
  }
  if (name === 'UNSUPPORTED_VERSION') {
    return {
      code: 'kafka-unsupported',
      retry: 'never',
      hint: 'Kafka 2.5 or later is needed; set fence: none for an older one.',
    };
  }
  return {
    code: 'kafka-refused',
    retry: 'backoff',
    hint: 'Look for this error name in the log of the broker.',
  };
}

function classifyTransport(error: unknown, where: CallPlace): Kind {
  const tree = errorTree(error);
  const codes = new Set(tree.map((one) => String(Reflect.get(one, 'code'))));
  const text = tree.map((one) => one.message).join(' ');
  if (codes.has('ENOTFOUND') || codes.has('EAI_AGAIN')) {
    return {
      code: 'name-unresolved',
      retry: 'backoff',
      hint: 'Check the host name and the DNS of this gateway.',
    };
  }
  if (codes.has('PLT_KFK_AUTHENTICATION')) {
    return {
      code: 'auth-failed',
      retry: 'backoff',
      hint: 'Check mechanism, user name and password under security.sasl.',
    };
  }
  if (/certificate|TLS|SSL/i.test(text)) {
    return {
      code: 'tls-failed',
      retry: 'backoff',
      hint: 'Check security.tls and whether this port of the broker speaks TLS.',
    };
  }
  if (where.isConnecting === true) {
    return {
      code: 'broker-unreachable',
      retry: 'backoff',
      hint: 'Check address, firewall and whether the broker runs.',
    };
  }
  if (/timed out/i.test(text)) {
    return {
      code: 'timeout',
      retry: 'backoff',
      hint: 'The link or the broker is slow; Headgate goes on by itself.',
    };
  }
  return { code: 'transport', retry: 'backoff', hint: 'The link broke; Headgate goes on by itself.' };
}
