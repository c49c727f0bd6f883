/** Is data safe, is it moving, and if not, why and what to do: the first page that an operator sees. */
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useEngineNow, useStatus } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { PageHeader } from '../../widgets/page-header.tsx';
import { AttentionList } from './attention-list.tsx';
import { FleetCard } from './fleet-card.tsx';
import { FigureStrip } from './figure-strip.tsx';
import { figuresOf } from './figures-of.ts';
import { HistoryCharts } from './history-charts.tsx';
import { Pipeline } from './pipeline.tsx';
import { WriteSwitchAll } from './write-switch.tsx';

const START_PERIOD_MS = 10_000;

export function OverviewPage() {
  const { t } = useTranslation();
  const status = useStatus((whole) => whole);
  const figures = useMemo(() => (status === undefined ? undefined : figuresOf(status)), [status]);
  if (status === undefined || figures === undefined) return null;
  return (
    <>
      <PageHeader title={t('overview.title')} summary={<RunSummary />}>
        <WriteSwitchAll />
      </PageHeader>
      <AttentionList />
      <FigureStrip figures={figures} />
      <Pipeline />
      <FleetCard />
      <HistoryCharts />
    </>
  );
}

function RunSummary() {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useEngineNow(START_PERIOD_MS);
  const startedMs = useStatus((status) => status.startedMs) ?? nowMs;
  const version = useStatus(({ configVersion }) => configVersion) ?? 0;
  const engine = useStatus((status) => status.version) ?? '';
  return t('overview.summary', { age: format.roughDuration(nowMs - startedMs), version, engine });
}
