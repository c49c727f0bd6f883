/** Intake, landing and backlog over the last hour, day or month, with pauses, alerts and times without an engine as bands. */
import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { HistoryAnswer, HistorySeriesName } from '../../../shared/contract/control-history.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../../shared/units.ts';
import { useEngineNow } from '../../client/engine-context.tsx';
import { useCall } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { Chart } from '../../widgets/chart.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import styles from './history-charts.module.css';

/** How far back, and how often it is asked for anew: about once for each point of the chart. */
const RANGES = {
  hour: { lengthMs: HOUR_MS, periodMs: 10 * SECOND_MS },
  day: { lengthMs: DAY_MS, periodMs: MINUTE_MS },
  month: { lengthMs: 30 * DAY_MS, periodMs: 10 * MINUTE_MS },
} as const;
type Range = keyof typeof RANGES;

const POINTS = 240;
/** On a small window the whole of them is in view, below a pipeline of two channels. */
const CHART_PX = { small: 106, large: 144 } as const;
const LARGE_WINDOW_PX = 800;

export function HistoryCharts() {
  const { t } = useTranslation();
  const [range, setRange] = useState<Range>('hour');
  const { lengthMs, periodMs } = RANGES[range];
  const nowMs = useEngineNow(periodMs);
  // Whole periods, so that the same question is asked until a new one is worth it.
  const toMs = Math.ceil(nowMs / periodMs) * periodMs;
  const { data, error, reload } = useCall('history', { fromMs: toMs - lengthMs, toMs, points: POINTS });
  return (
    <Panel
      title={t('overview.charts.title')}
      isFlush
      tools={
        <SegmentedControl
          aria-label={t('overview.charts.range')}
          value={range}
          onChange={(value) => setRange(value)}
          data={(Object.keys(RANGES) as Range[]).map((value) => ({
            value,
            label: t(`overview.charts.${value}`),
          }))}
        />
      }
    >
      {data !== undefined ? (
        <Charts history={data} />
      ) : error !== undefined ? (
        <ErrorState error={error} title={t('overview.charts.failed')} onRetry={reload} />
      ) : (
        <LoadingState lines={5} />
      )}
    </Panel>
  );
}

function Charts({ history }: { readonly history: HistoryAnswer }) {
  const { t } = useTranslation();
  const format = useFormat();
  const height = globalThis.innerHeight >= LARGE_WINDOW_PX ? CHART_PX.large : CHART_PX.small;
  const common = { timesMs: history.timesMs, bands: history.bands, height, syncKey: 'overview' };
  const intake = t('overview.charts.intake');
  const landed = t('overview.charts.landed');
  return (
    <div className={styles['charts']}>
      <Chart
        {...common}
        title={t('overview.charts.events')}
        series={[
          { label: intake, values: valuesOf(history, 'intake.events'), isFilled: true },
          { label: landed, values: valuesOf(history, 'landed.events') },
        ]}
        format={format.eventsRate}
      />
      <Chart
        {...common}
        title={t('overview.charts.bytes')}
        unit="bytes"
        series={[
          { label: intake, values: valuesOf(history, 'intake.bytes'), isFilled: true },
          { label: landed, values: valuesOf(history, 'landed.bytes') },
        ]}
        format={format.bytesRate}
      />
      <Chart
        {...common}
        title={t('overview.charts.backlog')}
        unit="bytes"
        series={[
          {
            label: t('overview.charts.stored'),
            values: valuesOf(history, 'backlog.bytes'),
            color: 3,
            isFilled: true,
          },
        ]}
        format={format.bytes}
      />
    </div>
  );
}

function valuesOf({ series }: HistoryAnswer, name: HistorySeriesName): readonly (number | null)[] {
  return series[name] ?? [];
}
