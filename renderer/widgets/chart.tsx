/** Series over time on a canvas: axis in the reader's zone, bands behind the lines, a legend with the values under the pointer. */
import { Suspense, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { HistoryBand } from '../../shared/contract/control-history.ts';
import { latePart } from '../client/late-part.ts';
import { makeLanguageUsable } from '../text/languages.ts';
import { useFormat } from '../text/use-format.ts';
import { SafeText } from './code-text.tsx';
import type { ChartProps } from './chart-series.ts';
import styles from './chart.module.css';

/** Fetches what draws, as the canvas itself does when it is first shown. */
export async function loadChart() {
  makeLanguageUsable();
  return (await import('./chart-canvas.tsx')).ChartCanvas;
}

const ChartCanvas = latePart(loadChart);

/** At one time; more don't fit into a line. */
const BANDS_NAMED_MAX = 2;

export function Chart(props: ChartProps) {
  const { series, height = 160 } = props;
  const { t } = useTranslation();
  const [cursor, setCursor] = useState<number>();
  const isEmpty = !series.some(({ values }) => values.some((value) => value !== null));

  const summary = useChartSummary(props);
  return (
    <figure className={styles['figure']} aria-label={props.title}>
      <Legend {...props} cursor={cursor} />
      {isEmpty ? (
        <div className={styles['none']} style={{ height }}>
          {t('widgets.chart.none')}
        </div>
      ) : (
        <div className={styles['plot']} style={{ height }} role="img" aria-label={summary}>
          <Suspense>
            <ChartCanvas {...props} height={height} onCursor={setCursor} />
          </Suspense>
        </div>
      )}
    </figure>
  );
}

function Legend({
  series,
  timesMs,
  bands = [],
  format: write,
  cursor,
}: ChartProps & { readonly cursor: number | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const at = cursor ?? timesMs.length - 1;
  const timeMs = timesMs[at];
  return (
    <figcaption className={styles['legend']}>
      {series.map(({ label, values, color }, place) => {
        // Without a pointer the newest that was measured: the last step may not be over.
        const value = cursor === undefined ? values.findLast((one) => one !== null) : values[at];
        return (
          <span key={label} className={styles['item']}>
            <i className={styles['swatch']} data-color={color ?? (place % 4) + 1} />
            {label}
            <b>{value === null || value === undefined ? t('widgets.none') : write(value)}</b>
          </span>
        );
      })}
      <span className={styles['when']} data-pointed={cursor !== undefined || undefined}>
        {timeMs === undefined ? '' : format.time(timeMs)}
        {timeMs !== undefined && <BandNames bands={bands} atMs={timeMs} />}
      </span>
    </figcaption>
  );
}

/** What the bands at the pointer are about. */
function BandNames({ bands, atMs }: { readonly bands: readonly HistoryBand[]; readonly atMs: number }) {
  const { t } = useTranslation();
  return bands
    .filter(({ fromMs, toMs = Infinity }) => fromMs <= atMs && atMs <= toMs)
    .slice(0, BANDS_NAMED_MAX)
    .map(({ kind, place, text, fromMs }) => (
      <span key={`${kind} ${place} ${fromMs}`} className={styles['band']} data-kind={kind}>
        {t(`widgets.chart.bands.${kind}`)} <SafeText text={place === '' ? text : place} />
      </span>
    ));
}

/** The chart in words, for who can't see it. */
function useChartSummary({ title, timesMs, series, format: write }: ChartProps): string {
  const { t } = useTranslation();
  const format = useFormat();
  const parts = series.map(({ label, values }) => {
    const measured = values.filter((value) => value !== null);
    const none = t('widgets.none');
    const last = measured.at(-1);
    return t('widgets.chart.seriesSummary', {
      label,
      min: measured.length === 0 ? none : write(measured.reduce((a, b) => Math.min(a, b))),
      max: measured.length === 0 ? none : write(measured.reduce((a, b) => Math.max(a, b))),
      last: last === undefined ? none : write(last),
    });
  });
  return t('widgets.chart.summary', {
    title,
    from: format.time(timesMs[0] ?? 0),
    to: format.time(timesMs.at(-1) ?? 0),
    series: parts.join(' '),
  });
}
