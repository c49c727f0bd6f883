/** Where the cells of a heat map stand and how strong they are. */
import { HOUR_MS } from '../../shared/units.ts';

export interface HeatCell {
  readonly hourMs: number;
  readonly topic: string;
  readonly bytes: number;
  readonly events: number;
}

/** A column of the map: an hour, or many hours without anything, drawn as narrow as one. */
export type HeatColumn =
  | { readonly kind: 'hour'; readonly hourMs: number }
  | { readonly kind: 'gap'; readonly fromMs: number; readonly toMs: number };

/** So many empty hours in a row are drawn as what they are; more become one gap. */
const EMPTY_HOURS_DRAWN = 3;

/** @param hoursMs beginnings of the hours that hold something, ascending */
export function columnsOf(hoursMs: readonly number[]): readonly HeatColumn[] {
  const columns: HeatColumn[] = [];
  let nextMs: number | undefined;
  for (const hourMs of hoursMs) {
    const from = nextMs ?? hourMs;
    const empty = Math.round((hourMs - from) / HOUR_MS);
    if (empty > EMPTY_HOURS_DRAWN) columns.push({ kind: 'gap', fromMs: from, toMs: hourMs });
    else
      for (let hour = 0; hour < empty; hour++) columns.push({ kind: 'hour', hourMs: from + hour * HOUR_MS });
    columns.push({ kind: 'hour', hourMs });
    nextMs = hourMs + HOUR_MS;
  }
  return columns;
}

/** From faintest to strongest. */
export const STEPS = 5;
const FACTOR = 4;

/** What each step but the last stays below: powers of four, so that they are round in bytes, KiB, MiB. */
export type HeatScale = readonly number[];

export function scaleOf(cells: readonly HeatCell[]): HeatScale {
  const largest = cells.reduce((most, { bytes }) => Math.max(most, bytes), 1);
  let top = STEPS - 1;
  // Counted up: logarithms round just below a power.
  while (FACTOR ** (top + 1) <= largest) top++;
  return Array.from({ length: STEPS - 1 }, (_, step) => FACTOR ** (top - (STEPS - 2) + step));
}

export function stepOf(bytes: number, scale: HeatScale): number {
  const step = scale.findIndex((below) => bytes < below);
  return step === -1 ? STEPS - 1 : step;
}

/** How much of a cell's height a step fills: it is read without its colour. */
export function fillOf(step: number): number {
  return 0.36 + (0.64 * step) / (STEPS - 1);
}

export interface HeatSize {
  readonly columnPx: number;
  readonly rowPx: number;
}

const SPACE_PX = 1;

/** The outlines of all cells of each step as one path: a map of thousands of cells is five elements, coloured by the style sheet. */
export function stepPaths(
  cells: readonly HeatCell[],
  places: {
    readonly columns: readonly HeatColumn[];
    readonly topics: readonly string[];
    readonly size: HeatSize;
  },
): readonly string[] {
  const { columns, topics, size } = places;
  const columnOf = new Map(columns.map((column, at) => [column.kind === 'hour' ? column.hourMs : NaN, at]));
  const rowOf = new Map(topics.map((topic, at) => [topic, at]));
  const scale = scaleOf(cells);
  const paths = Array.from({ length: STEPS }, () => '');
  for (const { hourMs, topic, bytes } of cells) {
    const column = columnOf.get(hourMs);
    const row = rowOf.get(topic);
    if (column === undefined || row === undefined) continue;
    const step = stepOf(bytes, scale);
    const height = Math.round((size.rowPx - 2 * SPACE_PX) * fillOf(step));
    const x = column * size.columnPx;
    const y = (row + 1) * size.rowPx - SPACE_PX - height;
    paths[step] += `M${x} ${y}h${size.columnPx - SPACE_PX}v${height}h-${size.columnPx - SPACE_PX}z`;
  }
  return paths;
}

export interface HeatTick {
  readonly column: number;
  readonly text: string;
  readonly isDay: boolean;
}

export interface TickOptions {
  readonly columnPx: number;
  readonly monthDay: (ms: number) => string;
  readonly hourMinute: (ms: number) => string;
}

const TICK_PX = 44;

/** Days first, hours where there is room between them. */
export function ticksOf(columns: readonly HeatColumn[], options: TickOptions): readonly HeatTick[] {
  const ticks: HeatTick[] = [];
  const room = Math.ceil(TICK_PX / options.columnPx);
  const put = (tick: HeatTick): void => {
    if (ticks.every(({ column }) => Math.abs(column - tick.column) >= room)) ticks.push(tick);
  };
  const hours = columns.flatMap((column, at) =>
    column.kind === 'hour' ? [{ at, hourMs: column.hourMs }] : [],
  );
  let dayBefore: string | undefined;
  for (const { at, hourMs } of hours) {
    const day = options.monthDay(hourMs);
    if (day !== dayBefore) put({ column: at, text: day, isDay: true });
    dayBefore = day;
  }
  for (const { at, hourMs } of hours) put({ column: at, text: options.hourMinute(hourMs), isDay: false });
  return ticks.sort((a, b) => a.column - b.column);
}
