/**
 * The calls of the window. Promise: nothing of a call is looked at before its sender was checked, and nothing is done before its
 * name and input fit the contract. Errors go back as reports. What a window asked for ends when the window goes.
 */
import { procedures, type ProcedureName } from '../../shared/contract/control.ts';
import {
  desktopProcedures,
  type DesktopCallName,
  type DesktopInput,
  type DesktopOutput,
} from '../../shared/contract/desktop.ts';
import type { BridgeAnswer } from '../../shared/contract/desktop-bridge.ts';
import { GatewayError, toErrorReport } from '../../shared/errors.ts';
import { checkSender, type BridgeSender } from './bridge-sender.ts';
import { plainInput } from './plain-input.ts';

/** Calls that a window may have under way; the console needs a handful. */
export const CALLS_MAX = 64;

/** What the desktop answers itself, call by call. */
export type DesktopApi = {
  readonly [N in DesktopCallName]: (input: DesktopInput<N>) => Promise<DesktopOutput<N>>;
};

export interface BridgeDelegate {
  readonly desktop: DesktopApi;
  /** Who throws switches: the operating system's user, whatever the page says. */
  readonly user: string;
  isOurWindow(id: number): boolean;
  /** Passes a call on to the engine; `input` fits the contract. */
  callEngine(name: ProcedureName, input: unknown, signal: AbortSignal): Promise<unknown>;
}

interface WindowCalls {
  readonly gone: AbortController;
  open: number;
}

export class Bridge {
  readonly #delegate: BridgeDelegate;
  readonly #windows = new Map<number, WindowCalls>();

  constructor(delegate: BridgeDelegate) {
    this.#delegate = delegate;
  }

  /** Never rejects. */
  async call(sender: BridgeSender, name: unknown, input: unknown): Promise<BridgeAnswer> {
    try {
      checkSender(sender, (id) => this.#delegate.isOurWindow(id));
      const known = knownName(name);
      const parsed = this.#parse(known, input);
      return { ok: true, value: await this.#run(sender.windowId, known, parsed) };
    } catch (error) {
      return { ok: false, error: toErrorReport(error) };
    }
  }

  /** The window is gone: what it still waits for is given up. Jobs of the engine go on. */
  forget(windowId: number): void {
    this.#windows.get(windowId)?.gone.abort();
    this.#windows.delete(windowId);
  }

  #parse(name: DesktopCallName | ProcedureName, input: unknown): unknown {
    const procedure = isDesktopCall(name) ? desktopProcedures[name] : procedures[name];
    const plain = plainInput(input ?? {});
    const isNamed = !isDesktopCall(name) && 'by' in procedures[name].input.shape;
    const named = isNamed && isObject(plain) ? { ...plain, by: this.#delegate.user } : plain;
    const parsed = procedure.input.safeParse(named);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw usage(
      `call ${name}`,
      issue?.message ?? 'the input does not fit the contract',
      issue?.path.join('.'),
    );
  }

  async #run(windowId: number, name: DesktopCallName | ProcedureName, input: unknown): Promise<unknown> {
    const calls = this.#windows.get(windowId) ?? { gone: new AbortController(), open: 0 };
    this.#windows.set(windowId, calls);
    if (calls.open >= CALLS_MAX) throw tooMany();
    calls.open++;
    try {
      if (!isDesktopCall(name)) return await this.#delegate.callEngine(name, input, calls.gone.signal);
      const answer = this.#delegate.desktop[name] as (input: unknown) => Promise<unknown>;
      return await answer(input);
    } finally {
      calls.open--;
    }
  }
}

function knownName(name: unknown): DesktopCallName | ProcedureName {
  if (typeof name === 'string') {
    if (isDesktopCall(name)) return name;
    // `hasOwn`: the names that every object has are no calls.
    if (Object.hasOwn(procedures, name)) return name as ProcedureName;
  }
  throw new GatewayError({
    code: 'contract-mismatch',
    operation: 'take a call of the window',
    place: typeof name === 'string' ? name.slice(0, 100) : typeof name,
    message: 'there is no such call',
    retry: 'never',
    hint: 'console and desktop are of different versions: start the program again after an update',
  });
}

function isDesktopCall(name: string): name is DesktopCallName {
  return Object.hasOwn(desktopProcedures, name);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function usage(operation: string, message: string, place = ''): GatewayError {
  const hint = 'console and desktop may be of different versions';
  return new GatewayError({ code: 'usage', operation, place, message, retry: 'never', hint });
}

function tooMany(): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'take a call of the window',
    place: 'bridge',
    message: `${CALLS_MAX} calls of this window are under way already`,
    retry: 'backoff',
    hint: 'wait for one of them to end',
  });
}
