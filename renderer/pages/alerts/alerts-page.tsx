import { SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { changeParams, useRoute } from '../../app/route.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { PageHeader } from '../../widgets/page-header.tsx';
import { ActiveAlerts } from './active-alerts.tsx';
import { LogView } from './log-view.tsx';
import { PastAlerts } from './past-alerts.tsx';

const VIEWS = ['active', 'past', 'log'] as const;

export function AlertsPage() {
  const { t } = useTranslation();
  const { params } = useRoute();
  const view = VIEWS.find((one) => one === params.get('view')) ?? 'active';
  const count = useStatus((status) => status.alerts.filter((one) => one.clearedMs === undefined).length) ?? 0;
  return (
    <>
      <PageHeader title={t('alerts.title')}>
        <SegmentedControl
          aria-label={t('alerts.views')}
          value={view}
          onChange={(value) => changeParams({ view: value === 'active' ? '' : value, text: '' })}
          data={[
            { value: 'active', label: count === 0 ? t('alerts.active') : `${t('alerts.active')} (${count})` },
            { value: 'past', label: t('alerts.past') },
            { value: 'log', label: t('alerts.log') },
          ]}
        />
      </PageHeader>
      {view === 'active' && <ActiveAlerts />}
      {view === 'past' && <PastAlerts />}
      {view === 'log' && <LogView />}
    </>
  );
}
