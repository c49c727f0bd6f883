/**
 * What comes over the bridge is copied into plain JSON before anything looks at it: no prototype, getter, cycle, typed array or
 * oversized text of the page gets any further.
 */
import { GatewayError } from '../../shared/errors.ts';

/** The engine's own limit for a call's body. */
export const INPUT_BYTES_MAX = 1024 * 1024;
const DEPTH_MAX = 32;
const NODES_MAX = 100_000;
const POISONED = new Set(['__proto__', 'constructor', 'prototype']);

interface Budget {
  bytes: number;
  nodes: number;
}

/** Throws `usage` for what is no plain JSON value within the limits. `undefined` members are left out, as JSON does. */
export function plainInput(value: unknown): unknown {
  return copyOf(value, { bytes: INPUT_BYTES_MAX, nodes: NODES_MAX }, 0);
}

function copyOf(value: unknown, budget: Budget, depth: number): unknown {
  if (--budget.nodes < 0 || depth > DEPTH_MAX) throw refused('is nested too deep, or has too many parts');
  if (typeof value === 'string') return spend(value, budget);
  if (value === null || typeof value === 'boolean' || value === undefined) return value;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw refused('holds a number that JSON does not have');
    return value;
  }
  if (typeof value !== 'object') throw refused(`holds a ${typeof value}`);
  if (Array.isArray(value)) return value.map((one: unknown) => copyOf(one, budget, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  // Objects of another realm have another Object.prototype; those are the ones whose own prototype is null.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    throw refused('holds an object that is not plain');
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if (POISONED.has(key)) throw refused(`names ${key}`);
    if (!('value' in member)) throw refused('holds a getter');
    if (member.value !== undefined) copy[spend(key, budget)] = copyOf(member.value, budget, depth + 1);
  }
  return copy;
}

function spend(text: string, budget: Budget): string {
  // A UTF-16 unit is up to three bytes: the cheap bound first, so that a huge text is not measured exactly.
  budget.bytes -= text.length;
  if (budget.bytes >= 0) budget.bytes -= Buffer.byteLength(text) - text.length;
  if (budget.bytes < 0) throw refused(`is larger than ${INPUT_BYTES_MAX} bytes`);
  return text;
}

function refused(what: string): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'take a call of the window',
    place: 'bridge',
    message: `the input ${what}`,
    retry: 'never',
    hint: 'this is a fault of the console: please report it',
  });
}
