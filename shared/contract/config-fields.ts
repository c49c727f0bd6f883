/**
 * The kinds of values that the configuration file has, as zod schemas.
 *
 * Every scalar may come as text, because `${env:…}` and `${file:…}` always give text. Messages say what is expected and
 * never repeat the value.
 */
import * as z from 'zod';
import { parseBytes, parseDuration, parseQuantity } from '../units.ts';
import { listed } from './config-table.ts';
import { kindOf, ofKind } from './config-kinds.ts';
import { nearestName } from './config-nearest.ts';

/** Long enough for any path, regex or list of brokers; short enough to keep messages and history small. */
export const MAX_TEXT_CHARS = 8_192;
export const MAX_LIST_ITEMS = 1_000;

interface Reading<T> {
  readonly value?: T;
  readonly problem?: string;
  readonly hint?: string;
}

/** A schema from a reader that answers with a value, or with what is wrong. */
function field<T>(read: (raw: unknown) => Reading<T>) {
  return z.unknown().transform((raw, context): T => {
    const reading = read(raw);
    if (reading.problem === undefined && reading.value !== undefined) return reading.value;
    context.addIssue({
      code: 'custom',
      message: reading.problem ?? 'this value is not understood',
      params: { hint: reading.hint ?? '', at: 'value' },
    });
    return z.NEVER;
  });
}

/** What is wrong, and the way out. */
export type Verdict = readonly [problem: string, hint: string];

/** A schema narrowed by a further question about its value. */
export function checked<T, U extends T>(
  schema: z.ZodType<T>,
  isGood: (value: T) => value is U,
  verdict: Verdict,
): z.ZodType<U>;
export function checked<T>(
  schema: z.ZodType<T>,
  isGood: (value: T) => boolean,
  verdict: Verdict,
): z.ZodType<T>;
export function checked<T>(
  schema: z.ZodType<T>,
  isGood: (value: T) => boolean,
  verdict: Verdict,
): z.ZodType<T> {
  const [message, hint] = verdict;
  const narrowed = schema.superRefine((value, context) => {
    if (!isGood(value)) context.addIssue({ code: 'custom', message, params: { hint, at: 'value' } });
  });
  return ofKind(kindOf(schema), narrowed);
}

function readText(raw: unknown): Reading<string> {
  if (typeof raw === 'number' || typeof raw === 'boolean') return { value: String(raw) };
  if (typeof raw !== 'string') return { problem: 'expected text', hint: 'Put the text in single quotes.' };
  if (raw.length > MAX_TEXT_CHARS)
    return { problem: `text longer than ${MAX_TEXT_CHARS} characters`, hint: 'Shorten it.' };
  // Control characters would end up in paths, headers and protocol frames.
  if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(raw)) {
    return {
      problem: 'text with control characters',
      hint: 'Check the file for pasted or binary characters.',
    };
  }
  return { value: raw };
}

/** Any text, also empty. */
export const anyText = field(readText);

/** Text that is not blank. */
export const text = field((raw) => {
  const reading = readText(raw);
  if (reading.value === undefined || reading.value.trim() !== '') return reading;
  return { problem: 'expected text that is not empty', hint: 'Give it a value, or remove the key.' };
});

/** Exact text, not made from a number or boolean: `'644'` must not have been read as octal, hex or a float first. */
export const quotedText = field((raw) =>
  typeof raw === 'string'
    ? readText(raw)
    : { problem: 'expected text in quotes', hint: "Put it in single quotes, as in '644'." },
);

export const flag = ofKind({ kind: 'flag' }, field<boolean>(readFlag));

function readFlag(raw: unknown): Reading<boolean> {
  if (typeof raw === 'boolean') return { value: raw };
  const lower = typeof raw === 'string' ? raw.trim().toLowerCase() : '';
  if (lower === 'true' || lower === 'false') return { value: lower === 'true' };
  return { problem: 'expected true or false', hint: 'Write true or false.' };
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

export function integer({ min, max }: Range) {
  return ofKind(
    { kind: 'integer', min, max },
    field<number>((raw) => {
      const value =
        typeof raw === 'number'
          ? raw
          : typeof raw === 'string' && /^-?\d{1,16}$/.test(raw.trim())
            ? Number(raw)
            : Number.NaN;
      if (!Number.isSafeInteger(value))
        return { problem: 'expected a whole number', hint: `From ${min} to ${max}.` };
      if (value < min || value > max)
        return { problem: `expected a whole number from ${min} to ${max}`, hint: 'It is out of this range.' };
      return { value };
    }),
  );
}

export const MAX_BYTES = 2 ** 50;

/** Bytes. A bare number is bytes, in Flume as here. */
export function size({ min, max = MAX_BYTES }: { readonly min: number; readonly max?: number }) {
  return ofKind(
    { kind: 'size' },
    field<number>((raw) => {
      const value = isScalarQuantity(raw) ? parseBytes(String(raw)) : undefined;
      if (value === undefined) return { problem: 'expected a size', hint: sizeHint(raw) };
      if (value < min || value > max)
        return { problem: `expected a size from ${min} to ${max} bytes`, hint: 'It is out of this range.' };
      return { value };
    }),
  );
}

function sizeHint(raw: unknown): string {
  const unit = typeof raw === 'string' ? parseQuantity(raw)?.unit.toLowerCase() : undefined;
  const binary = {
    k: 'KiB',
    kb: 'KiB',
    kib: 'KiB',
    m: 'MiB',
    mb: 'MiB',
    mib: 'MiB',
    g: 'GiB',
    gb: 'GiB',
    gib: 'GiB',
    t: 'TiB',
    tb: 'TiB',
    tib: 'TiB',
  };
  const meant = Object.entries(binary).find(([name]) => name === unit)?.[1];
  return meant === undefined
    ? 'Sizes are written as 64KiB, 128MiB, 20GiB, or as plain bytes.'
    : `Write the unit as ${meant} (1024-based).`;
}

const BARE_UNITS_MS = { ms: 1, s: 1_000 } as const;
export const MAX_DURATION_MS = 10 * 366 * 86_400_000;

export interface DurationRule {
  /** Flume's unit of a bare number. Without it the unit must be written. */
  readonly bareUnit?: keyof typeof BARE_UNITS_MS;
  readonly minMs?: number;
  readonly maxMs?: number;
}

/** Milliseconds. */
export function duration({ bareUnit, minMs = 0, maxMs = MAX_DURATION_MS }: DurationRule = {}) {
  const example = 'Times are written as 500ms, 30s, 10min, 2h or 1d.';
  return ofKind(
    bareUnit === undefined ? { kind: 'duration' } : { kind: 'duration', bareUnit },
    field<number>((raw) => {
      const written = isScalarQuantity(raw) ? String(raw) : '';
      const value = parseDuration(written, bareUnit === undefined ? undefined : BARE_UNITS_MS[bareUnit]);
      if (value === undefined) {
        const isBare = parseQuantity(written)?.unit === '';
        return isBare
          ? { problem: 'a time without a unit', hint: `This key has no Flume unit. ${example}` }
          : { problem: 'expected a time', hint: example };
      }
      if (value < minMs || value > maxMs)
        return { problem: `expected a time from ${minMs} to ${maxMs} ms`, hint: 'It is out of this range.' };
      return { value };
    }),
  );
}

function isScalarQuantity(raw: unknown): raw is string | number {
  return typeof raw === 'string' || (typeof raw === 'number' && Number.isFinite(raw) && raw >= 0);
}

/** One of a few words, any case; `synonyms` (lower case) are other spellings. */
export function choice<const T extends string>(
  words: readonly T[],
  synonyms: Readonly<Record<string, T>> = {},
) {
  return ofKind(
    { kind: 'choice', words },
    field<T>((raw) => {
      const lower =
        typeof raw === 'string' || typeof raw === 'boolean' || typeof raw === 'number'
          ? String(raw).trim().toLowerCase()
          : '';
      const value =
        words.find((word) => word.toLowerCase() === lower) ??
        (Object.hasOwn(synonyms, lower) ? synonyms[lower] : undefined);
      if (value !== undefined) return { value };
      const near = nearestName(lower, words);
      const hint = near === undefined ? 'Choose one of these words.' : `Did you mean "${near}"?`;
      return { problem: `expected ${listed(words)}`, hint };
    }),
  );
}

/** A YAML list of texts, or one text that is split; no duplicates, at least one. */
export function texts({
  separator = /[\s,]+/,
  isEmptyAllowed = false,
}: { readonly separator?: RegExp; readonly isEmptyAllowed?: boolean } = {}) {
  return ofKind(
    { kind: 'texts' },
    field<readonly string[]>((raw) => {
      const scalar = typeof raw === 'string' || typeof raw === 'number' ? String(raw) : undefined;
      const items: unknown[] | undefined = Array.isArray(raw) ? raw : scalar?.split(separator);
      if (items === undefined)
        return { problem: 'expected a list', hint: 'Write it as [a, b], or one "- item" a line.' };
      if (items.length > MAX_LIST_ITEMS)
        return { problem: `a list with more than ${MAX_LIST_ITEMS} items`, hint: 'Shorten it.' };
      const value: string[] = [];
      for (const item of items) {
        const reading = readText(item);
        if (reading.value === undefined)
          return {
            problem: 'a list item that is not plain text',
            hint: 'Each item is one word or quoted text.',
          };
        const trimmed = reading.value.trim();
        if (trimmed === '' && scalar !== undefined) continue;
        if (trimmed === '') return { problem: 'an empty list item', hint: 'Remove it.' };
        value.push(trimmed);
      }
      if (value.length === 0 && !isEmptyAllowed)
        return { problem: 'an empty list', hint: 'Name at least one.' };
      if (new Set(value).size !== value.length)
        return { problem: 'a list that names something twice', hint: 'Remove the second one.' };
      return { value };
    }),
  );
}

/** A map from free keys to values of one kind. */
export function textMap<T>(of: z.ZodType<T>, what: string) {
  return ofKind(
    { kind: 'map', of: kindOf(of) },
    z.unknown().transform((raw, context): Readonly<Record<string, T>> => {
      if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
        context.addIssue({
          code: 'custom',
          message: `${what} is a map`,
          params: { hint: 'Write one "key: value" a line, indented.', at: 'value' },
        });
        return z.NEVER;
      }
      const resolved = Object.create(null) as Record<string, T>;
      for (const [key, value] of Object.entries(raw)) {
        const outcome = of.safeParse(value);
        if (outcome.success) resolved[key] = outcome.data;
        for (const issue of outcome.error?.issues ?? []) {
          const params = issue.code === 'custom' ? issue.params : undefined;
          context.addIssue({
            code: 'custom',
            path: [key, ...issue.path],
            message: issue.message,
            params: params ?? { hint: '', at: 'value' },
          });
        }
      }
      return resolved;
    }),
  );
}

/** `host:port`, `[v6]:port`. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const HOST = /^(?:\[[0-9a-fA-F:.%]{2,64}\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))$/;

export function parseEndpoint(written: string): Endpoint | undefined {
  const colon = written.lastIndexOf(':');
  const host = written.slice(0, Math.max(colon, 0));
  const port = written.slice(colon + 1);
  if (!HOST.test(host) || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

export const endpoint = field<Endpoint>((raw) => {
  const value = typeof raw === 'string' ? parseEndpoint(raw.trim()) : undefined;
  return value === undefined
    ? { problem: 'expected host:port', hint: 'For example 127.0.0.1:8642.' }
    : { value };
});

/** Kafka's `host:port` list; without brackets left off, so that it can be handed to a client as it is. */
export const endpoints = checked(
  texts(),
  (items) => items.every((item) => (parseEndpoint(item)?.port ?? 0) > 0),
  ['expected a list of host:port', 'For example [kafka1:9092, kafka2:9092]; no scheme, no path.'],
);

/** A base URL of HTTP or HTTPS, without path, user or query; no trailing slash in the result. */
export const baseUrl = field<string>((raw) => readBaseUrl(raw));

function readBaseUrl(raw: unknown): Reading<string> {
  const written = typeof raw === 'string' ? raw.trim() : '';
  const match = /^(https?):\/\/([^/?#@\s]+)(?:\/webhdfs(?:\/v1)?)?\/?$/i.exec(written);
  const authority = match?.[2] ?? '';
  const isGood = parseEndpoint(authority) !== undefined;
  if (match !== null && isGood) return { value: `${(match[1] ?? '').toLowerCase()}://${authority}` };
  if (/^(?:hdfs|webhdfs|swebhdfs):/i.test(written)) {
    return {
      problem: 'this is not a web address',
      hint: 'WebHDFS is spoken over HTTP: http://host:9870 (https://host:9871), not the RPC port.',
    };
  }
  return {
    problem: 'expected http://host:port',
    hint: 'For example http://nn1:9870; no user, path or query.',
  };
}

export const MAX_NAMENODES = 8;

export const baseUrls = ofKind(
  { kind: 'texts' },
  field<readonly string[]>((raw) => {
    const items: unknown[] = Array.isArray(raw)
      ? raw
      : typeof raw === 'string'
        ? raw.split(/[\s,]+/).filter((item) => item !== '')
        : [raw];
    const value: string[] = [];
    for (const item of items) {
      const reading = readBaseUrl(item);
      if (reading.value === undefined) return { problem: reading.problem ?? '', hint: reading.hint ?? '' };
      value.push(reading.value);
    }
    if (value.length === 0 || value.length > MAX_NAMENODES)
      return {
        problem: `expected 1 to ${MAX_NAMENODES} addresses`,
        hint: 'Name the NameNodes of one HA pair.',
      };
    if (new Set(value).size !== value.length)
      return { problem: 'the same address twice', hint: 'Remove the second one.' };
    return { value };
  }),
);

/** An IANA zone name (`Asia/Shanghai`, `UTC`) or an offset that `Intl` knows. */
export const timeZone = ofKind(
  { kind: 'time-zone' },
  field<string>((raw) => {
    const written = typeof raw === 'string' ? raw.trim() : '';
    const canonical = canonicalZone(written);
    if (canonical !== undefined) return { value: canonical };
    const near =
      written === '' ? undefined : nearestName(written, ['UTC', ...Intl.supportedValuesOf('timeZone')]);
    const hint =
      near === undefined ? 'For example Asia/Shanghai, Europe/Berlin, UTC.' : `Did you mean "${near}"?`;
    return { problem: 'not a time zone of the IANA list', hint };
  }),
);

/** The name as written when `Intl` knows it; Flume's silent "unknown means GMT" is what this guards against. */
function canonicalZone(written: string): string | undefined {
  // Intl takes also three-letter legacy names such as EST, whose meaning surprises (no change of clocks): only UTC and GMT go without a slash.
  const isNamed = written.includes('/') || /^(?:UTC|GMT|[+-]\d\d:\d\d)$/i.test(written);
  if (!isNamed) return undefined;
  try {
    const { timeZone: resolved } = new Intl.DateTimeFormat('en-US', { timeZone: written }).resolvedOptions();
    return written.toLowerCase() === resolved.toLowerCase() ? resolved : written;
  } catch {
    // Intl's only way to say "unknown".
    return undefined;
  }
}

/** A point in time with its zone: `2026-11-21T08:00:00+08:00`; epoch milliseconds. */
export function parseIsoTime(written: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:?\d\d)$/.test(written))
    return undefined;
  const epochMs = Date.parse(written);
  return Number.isFinite(epochMs) ? epochMs : undefined;
}

export type StartPoint =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'time'; readonly timeMs: number };

export const startPoint = field<StartPoint>((raw) => {
  const written = typeof raw === 'string' ? raw.trim() : '';
  const lower = written.toLowerCase();
  if (lower === 'earliest' || lower === 'latest') return { value: { kind: lower } };
  const timeMs = parseIsoTime(written);
  if (timeMs !== undefined) return { value: { kind: 'time', timeMs } };
  return {
    problem: 'expected earliest, latest or an ISO time with its zone',
    hint: 'For example 2026-11-21T00:00:00+08:00.',
  };
});
