import type { AlignedData } from 'uplot';
import type { HistoryBand } from '../../shared/contract/control-history.ts';

export interface ChartSeries {
  readonly label: string;
  /** One for each time; null where nothing was measured. */
  readonly values: readonly (number | null)[];
  /** Which of the chart colours; its place when absent. */
  readonly color?: 1 | 2 | 3 | 4;
  readonly isFilled?: boolean;
}

export interface ChartProps {
  readonly title: string;
  readonly timesMs: readonly number[];
  readonly series: readonly ChartSeries[];
  /** A value with its unit. */
  readonly format: (value: number) => string;
  /** `bytes`: the axis is divided at powers of two. */
  readonly unit?: 'bytes' | 'count';
  readonly bands?: readonly HistoryBand[];
  readonly height?: number;
  /** Charts with the same one move their pointers together. */
  readonly syncKey?: string;
}

/** As uPlot wants it: seconds, and a column for each series. */
export function chartData(timesMs: readonly number[], series: readonly ChartSeries[]): AlignedData {
  return [timesMs.map((ms) => ms / 1_000), ...series.map(({ values }) => [...values])];
}
