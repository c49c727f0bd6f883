/** What waits: where it lies by hour and topic, the directories it will land in, and the events themselves. */
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { BacklogRow } from '../../../shared/contract/control-rows.ts';
import { useCall } from '../../client/use-call.ts';
import { PageHeader } from '../../widgets/page-header.tsx';
import { BacklogFigures } from './backlog-figures.tsx';
import { useSlowBacklogNews } from './backlog-news.ts';
import { ExportJobs } from './export-jobs.tsx';
import { HeatPanel } from './heat-panel.tsx';
import { KeyDrawer } from './key-drawer.tsx';
import { useBacklogFilter } from './key-filter.ts';
import { KeyList } from './key-list.tsx';
import { LandNowMenu } from './land-now.tsx';

/** A map of thousands of cells needs not follow every event. */
const HEAT_EVERY_MS = 5_000;

export function BacklogPage() {
  const { t } = useTranslation();
  const filter = useBacklogFilter();
  const [open, setOpen] = useState<BacklogRow>();
  const [exportIds, setExportIds] = useState<readonly string[]>([]);
  const heat = useCall('backlogHeat', filter.sink === undefined ? {} : { sink: filter.sink }, {
    refetchOn: useSlowBacklogNews(HEAT_EVERY_MS),
  });
  const began = (jobId: string): void => setExportIds((ids) => [...ids, jobId]);
  return (
    <>
      <PageHeader title={t('backlog.title')} summary={<BacklogFigures />}>
        <LandNowMenu />
      </PageHeader>
      <ExportJobs
        ids={exportIds}
        onDismiss={(id) => setExportIds((ids) => ids.filter((one) => one !== id))}
      />
      <HeatPanel heat={heat} filter={filter} />
      <KeyList
        filter={filter}
        topics={heat.data?.topics ?? []}
        open={open}
        onOpen={setOpen}
        onExportBegun={began}
      />
      <KeyDrawer row={open} onClose={() => setOpen(undefined)} onExportBegun={began} />
    </>
  );
}
