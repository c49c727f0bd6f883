/**
 * Sizes, durations and counts as people write and read them.
 *
 * Sizes are in bytes with binary units (`64 MiB`), durations in milliseconds. Numbers may have a fraction (`1.5h`);
 * the result is always a whole number of bytes or milliseconds. Parsing is strict: what is not understood is `undefined`,
 * and the caller says where it stood.
 */

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;
export const TIB = 1024 * GIB;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Largest first, as `format*` needs them. */
const SIZE_UNITS = [
  ['TiB', TIB],
  ['GiB', GIB],
  ['MiB', MIB],
  ['KiB', KIB],
] as const;

const DURATION_UNITS = [
  ['d', DAY_MS],
  ['h', HOUR_MS],
  ['min', MINUTE_MS],
  ['s', SECOND_MS],
  ['ms', 1],
] as const;

const NUMBER_WITH_UNIT = /^(\d{1,16}(?:\.\d{1,9})?)\s?([A-Za-z]{0,5})$/;

/** A number and its unit as written, before the unit is given a meaning. An empty unit is a bare number. */
export interface Quantity {
  readonly amount: number;
  readonly unit: string;
}

/** `'1.5 GiB'` → `{ amount: 1.5, unit: 'GiB' }`; `undefined` when the text is no such thing. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = NUMBER_WITH_UNIT.exec(text.trim());
  if (match === null) return undefined;
  return { amount: Number(match[1]), unit: match[2] ?? '' };
}

/** Bytes of `KiB MiB GiB TiB`, `B` or a bare number; `undefined` when it is no size or not a whole, safe number of bytes. */
export function parseBytes(text: string): number | undefined {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return undefined;
  if (quantity.unit === '' || quantity.unit === 'B') return wholeNumber(quantity.amount);
  const factor = SIZE_UNITS.find(([unit]) => unit === quantity.unit)?.[1];
  return factor === undefined ? undefined : safeNumber(Math.round(quantity.amount * factor));
}

/**
 * Milliseconds of `ms s min h d`. A bare number takes `bareUnitMs` (Flume's unit of the key at hand); without it, a bare number is
 * no duration, for nobody could tell which unit was meant. Zero needs no unit.
 */
export function parseDuration(text: string, bareUnitMs?: number): number | undefined {
  const quantity = parseQuantity(text);
  if (quantity === undefined) return undefined;
  if (quantity.unit === '') {
    if (bareUnitMs === undefined) return quantity.amount === 0 ? 0 : undefined;
    return safeNumber(Math.round(quantity.amount * bareUnitMs));
  }
  const factor = DURATION_UNITS.find(([unit]) => unit === quantity.unit)?.[1];
  return factor === undefined ? undefined : safeNumber(Math.round(quantity.amount * factor));
}

function wholeNumber(value: number): number | undefined {
  return Number.isInteger(value) ? safeNumber(value) : undefined;
}

function safeNumber(value: number): number | undefined {
  return Number.isSafeInteger(value) ? value : undefined;
}

/** For people: `formatBytes(1_610_612_736)` is `1.5 GiB`; below 1 KiB `512 B`. At most one digit after the point. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return String(bytes);
  if (bytes < 0) return `-${formatBytes(-bytes)}`;
  // The unit is chosen by what will be printed, so that 1023.99 KiB reads 1 MiB and never 1024 KiB.
  const found = SIZE_UNITS.find(([, factor]) => Math.round((bytes / factor) * 10) / 10 >= 1);
  if (found === undefined || bytes < KIB) return `${Math.round(bytes)} B`;
  return `${trimmed(bytes / found[1])} ${found[0]}`;
}

/** A unit, and the smaller one that is shown beside it. */
const DURATION_PAIRS = [
  [DAY_MS, 'd', HOUR_MS, 'h'],
  [HOUR_MS, 'h', MINUTE_MS, 'min'],
  [MINUTE_MS, 'min', SECOND_MS, 's'],
] as const;

/** For people: the two largest units, `2 h 5 min`, `1.5 s`, `340 ms`, `3 d`. */
export function formatDuration(durationMs: number): string {
  if (!Number.isFinite(durationMs)) return String(durationMs);
  if (durationMs < 0) return `-${formatDuration(-durationMs)}`;
  for (const [unitMs, unit, restMs, restUnit] of DURATION_PAIRS) {
    if (durationMs < unitMs) continue;
    const perUnit = unitMs / restMs;
    const rests = Math.round(durationMs / restMs);
    const rest = rests % perUnit;
    return `${Math.floor(rests / perUnit)} ${unit}${rest === 0 ? '' : ` ${rest} ${restUnit}`}`;
  }
  return durationMs < SECOND_MS ? `${Math.round(durationMs)} ms` : `${trimmed(durationMs / SECOND_MS)} s`;
}

/** For people: `1,234,567`. Not shortened: an operator compares counts. */
export function formatCount(count: number): string {
  const [whole = '', fraction] = String(Math.abs(count)).split('.');
  const grouped = /^\d+$/.test(whole) ? whole.replace(/\B(?=(\d{3})+$)/g, ',') : whole;
  return `${count < 0 ? '-' : ''}${grouped}${fraction === undefined ? '' : `.${fraction}`}`;
}

/** For files: the shortest text that `parseBytes` reads back as the same number, `128MiB`, or plain bytes. */
export function writeBytes(bytes: number): string {
  const found = bytes === 0 ? undefined : SIZE_UNITS.find(([, factor]) => bytes % factor === 0);
  return found === undefined ? String(bytes) : `${bytes / found[1]}${found[0]}`;
}

/** For files: the shortest text that `parseDuration` reads back as the same number, `10min`, `1500ms`. */
export function writeDuration(durationMs: number): string {
  if (durationMs === 0) return '0s';
  const [unit, factor] = DURATION_UNITS.find(([, unitMs]) => durationMs % unitMs === 0) ?? ['ms', 1];
  return `${durationMs / factor}${unit}`;
}

function trimmed(value: number): string {
  return String(Math.round(value * 10) / 10);
}
