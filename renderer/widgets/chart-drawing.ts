/** A chart on uPlot's canvas, in the page's colours. */
import UPlot from 'uplot';
import type { Options, Series } from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { DAY_MS, HOUR_MS } from '../../shared/units.ts';
import type { Format } from '../text/format.ts';
import { chartData, type ChartProps } from './chart-series.ts';

export interface ChartWork {
  readonly element: HTMLElement;
  /** The newest ones: bands and formats change without a new chart. */
  readonly props: () => ChartProps;
  readonly format: Format;
  /** The place that is pointed at. */
  readonly onCursor: (place: number | undefined) => void;
}

const AXIS_WIDTH_PX = 66;
/** Steps of an axis of bytes: 1, 2, 4 … KiB and so on. */
const BYTE_STEPS = Array.from({ length: 51 }, (_, power) => 2 ** power);
const COUNT_STEPS = Array.from({ length: 15 }, (_, power) =>
  [1, 2, 5].map((digit) => digit * 10 ** power),
).flat();

export function drawChart(work: ChartWork): UPlot {
  const { timesMs, series } = work.props();
  return new UPlot(optionsOf(work), chartData(timesMs, series), work.element);
}

function optionsOf({ element, props, format, onCursor }: ChartWork): Options {
  const { series, height = 160, unit = 'count', syncKey } = props();
  const color = paletteOf(element);
  const axis = {
    stroke: color('--hg-dim'),
    font: `11px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: color('--hg-grid'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: Math.max(80, element.clientWidth),
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), format.timeZone),
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: { size: 6 },
      ...(syncKey === undefined ? {} : { sync: { key: syncKey } }),
    },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.08 : 1] } },
    axes: [
      { ...axis, size: 26, space: 64, values: (_plot, splits) => timeLabels(splits, format) },
      {
        ...axis,
        size: AXIS_WIDTH_PX,
        space: 32,
        incrs: unit === 'bytes' ? BYTE_STEPS : COUNT_STEPS,
        values: (_plot, splits) => splits.map((value) => props().format(value)),
      },
    ],
    series: [
      {},
      ...series.map((one, place) => seriesOf(one, color(`--hg-chart-${one.color ?? (place % 4) + 1}`))),
    ],
    hooks: {
      drawClear: [(plot) => drawBands(plot, props(), color)],
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? undefined)],
    },
  };
}

function seriesOf({ label, isFilled = false }: ChartProps['series'][number], stroke: string): Series {
  return {
    label,
    stroke,
    width: 1.5,
    points: { show: false },
    spanGaps: false,
    ...(isFilled ? { fill: `color-mix(in srgb, ${stroke} 16%, transparent)` } : {}),
  };
}

/** Pauses, alerts and times without an engine, behind the lines. */
function drawBands(plot: UPlot, { bands = [] }: ChartProps, color: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const last = plot.scales['x']?.max ?? 0;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const { kind, level, fromMs, toMs } of bands) {
    const left = plot.valToPos(fromMs / 1_000, 'x', true);
    const right = plot.valToPos(toMs === undefined ? last : toMs / 1_000, 'x', true);
    const width = Math.max(2, right - left);
    const tone =
      kind === 'paused'
        ? '--hg-paused'
        : kind === 'down'
          ? '--hg-idle'
          : level === 'error'
            ? '--hg-failed'
            : '--hg-waiting';
    ctx.fillStyle = color(tone);
    ctx.globalAlpha = 0.1;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    // Not by colour alone: each kind has its own line at the top.
    ctx.globalAlpha = 0.8;
    ctx.fillRect(left, bbox.top, width, (kind === 'alert' ? 3 : 2) * devicePixelRatio);
  }
  ctx.restore();
}

/** Hours within a day, dates where a day begins or the steps are days. */
function timeLabels(splits: readonly number[], format: Format): string[] {
  const stepMs = splits.length > 1 ? ((splits[1] ?? 0) - (splits[0] ?? 0)) * 1_000 : HOUR_MS;
  return splits.map((seconds) => {
    const ms = seconds * 1_000;
    const hourMinute = format.hourMinute(ms);
    if (stepMs >= DAY_MS || hourMinute === '00:00') return format.monthDay(ms);
    return stepMs < 60_000 ? format.clock(ms) : hourMinute;
  });
}

function paletteOf(element: HTMLElement): (name: string) => string {
  const computed = getComputedStyle(element);
  return (name) => computed.getPropertyValue(name).trim();
}
