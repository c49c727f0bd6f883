/** A small line without axes: whether something goes up or down. */
import { useTranslation } from 'react-i18next';

export interface SparklineProps {
  readonly values: readonly (number | null)[];
  readonly format: (value: number) => string;
  readonly width?: number;
  readonly height?: number;
  readonly color?: 1 | 2 | 3 | 4;
}

export function Sparkline({ values, format, width = 96, height = 22, color = 1 }: SparklineProps) {
  const { t } = useTranslation();
  const measured = values.filter((value) => value !== null);
  const last = measured.at(-1);
  if (last === undefined) return null;
  const max = measured.reduce((a, b) => Math.max(a, b));
  const min = measured.reduce((a, b) => Math.min(a, b));
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={t('widgets.trend', { min: format(min), max: format(max), last: format(last) })}
    >
      <path
        d={sparkPath(values, { width, height, max: max > 0 ? max : 1 })}
        fill="none"
        stroke={`var(--hg-chart-${color})`}
        strokeWidth={1.5}
        strokeLinejoin="round"
      />
    </svg>
  );
}

/** The line as SVG path data, from zero at the bottom to `max` at the top; holes stay holes. */
export function sparkPath(
  values: readonly (number | null)[],
  box: { readonly width: number; readonly height: number; readonly max: number },
): string {
  const { width, height, max } = box;
  let isDrawing = false;
  return values
    .map((value, place) => {
      if (value === null) {
        isDrawing = false;
        return '';
      }
      const x = values.length > 1 ? (place / (values.length - 1)) * width : width / 2;
      const y = height - 1 - (value / max) * (height - 2);
      const step = `${isDrawing ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
      isDrawing = true;
      return step;
    })
    .join('');
}
