import { isGatewayError } from '../../shared/errors.ts';
import type { ErrorCode, GatewayError } from '../../shared/errors.ts';
import type { Target } from '../landing/target.ts';
import type { Clock } from '../telemetry/clock.ts';
import { RETRY_FIRST_MS, TRIES_MAX, UNREACHABLE_FILES_MAX } from './audit-limits.ts';

/** Codes that speak of the way to the target, or of our rights there, and of no file. */
const UNREACHABLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'namenode-unreachable',
  'name-unresolved',
  'transport',
  'timeout',
  'auth-failed',
  'permission-denied',
  'tls-failed',
  'standby',
  'safe-mode',
]);

/** True: nothing was learnt about the file. */
export function saysNothing(error: unknown): error is GatewayError {
  return isGatewayError(error) && UNREACHABLE.has(error.code);
}

/**
 * One target during an audit: calls are tried again a few times, and after several files in a row for which nobody answered
 * the target counts as lost, so that a dead NameNode does not cost the time limit of every call for every file.
 */
export class AuditedTarget {
  readonly name: string;
  readonly #target: Target;
  readonly #clock: Clock;
  #namespace: string | undefined;
  #failures = 0;

  constructor(name: string, target: Target, clock: Clock) {
    this.name = name;
    this.#target = target;
    this.#clock = clock;
  }

  get isLost(): boolean {
    return this.#failures >= UNREACHABLE_FILES_MAX;
  }

  /** One file's work is over: `isAnswered` when the target had something to say about it. */
  noteFile(isAnswered: boolean): void {
    this.#failures = isAnswered ? 0 : this.#failures + 1;
  }

  async namespace(signal: AbortSignal): Promise<string> {
    return (this.#namespace ??= await this.call((target) => target.namespace(signal), signal));
  }

  /** Runs one call; tries again what may be tried again. Throws the last error. */
  async call<T>(work: (target: Target) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work(this.#target);
      } catch (error) {
        const isWorthTrying = isGatewayError(error) && error.retry !== 'never' && error.code !== 'aborted';
        if (!isWorthTrying || tries >= TRIES_MAX || signal.aborted) throw error;
        await this.#clock.sleep(RETRY_FIRST_MS * 2 ** (tries - 1), signal);
      }
    }
  }
}

/** Which target holds a file: by the sink's name, or, when sinks were renamed, by the namespace that the ledger noted. */
export class TargetDirectory {
  readonly #byName: ReadonlyMap<string, AuditedTarget>;

  constructor(targets: ReadonlyMap<string, Target>, clock: Clock) {
    this.#byName = new Map(
      [...targets].map(([name, target]) => [name, new AuditedTarget(name, target, clock)]),
    );
  }

  /**
   * The target that writes to the namespace the ledger noted, or why there is none to ask: what stands in another namespace
   * would say nothing about the file. Throws the signal's reason.
   */
  async holderOf(
    file: { readonly sink: string; readonly namespace: string },
    signal: AbortSignal,
  ): Promise<AuditedTarget | { readonly unknown: string }> {
    const own = this.#byName.get(file.sink);
    const others = [...this.#byName.values()].filter((target) => target !== own);
    const reasons: string[] = [];
    for (const target of own === undefined ? others : [own, ...others]) {
      const namespace = await namespaceOf(target, signal);
      if (namespace === file.namespace) return target;
      if (typeof namespace !== 'string') reasons.push(namespace.unknown);
    }
    const [reason] = reasons;
    if (reason !== undefined) return { unknown: reason };
    return {
      unknown: `sink ${file.sink} landed files in namespace ${file.namespace}, which no sink of the configuration reaches now`,
    };
  }
}

async function namespaceOf(
  target: AuditedTarget,
  signal: AbortSignal,
): Promise<string | { readonly unknown: string }> {
  if (target.isLost) return { unknown: `the target of sink ${target.name} does not answer` };
  try {
    return await target.namespace(signal);
  } catch (error) {
    if (signal.aborted || !isGatewayError(error)) throw error;
    target.noteFile(false);
    return { unknown: `the target of sink ${target.name}: ${error.message}` };
  }
}
