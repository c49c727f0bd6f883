/** What landed, what is on its way, and the proof that it is all there. */
import { Tabs } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { changeParams, useRoute } from '../../app/route.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { AgeText, CountText } from '../../widgets/amounts.tsx';
import { PageHeader } from '../../widgets/page-header.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import { AuditView } from './audit-view.tsx';
import { DirectoryList } from './directory-list.tsx';
import styles from './landings.module.css';
import { LedgerView } from './ledger-view.tsx';
import { UploadList } from './upload-list.tsx';

const TABS = ['ledger', 'files', 'directories', 'audit'] as const;
type Tab = (typeof TABS)[number];

export function LandingsPage() {
  const { t } = useTranslation();
  const wanted = useRoute().params.get('tab');
  const tab: Tab = TABS.find((known) => known === wanted) ?? 'ledger';
  const isMarking = useStatus(({ completeness }) => completeness !== undefined) === true;
  return (
    <>
      <PageHeader title={t('landings.title')} summary={<LastLanding />} />
      <Tabs
        value={tab}
        onChange={(value) => changeParams({ tab: value === 'ledger' ? undefined : (value ?? undefined) })}
        className={styles['tabs'] ?? ''}
      >
        <Tabs.List>
          <Tabs.Tab value="ledger">{t('landings.tabs.ledger')}</Tabs.Tab>
          <Tabs.Tab value="files" rightSection={<FileCounts />}>
            {t('landings.tabs.files')}
          </Tabs.Tab>
          {(isMarking || tab === 'directories') && (
            <Tabs.Tab value="directories">{t('landings.tabs.directories')}</Tabs.Tab>
          )}
          <Tabs.Tab value="audit">{t('landings.tabs.audit')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value={tab} className={styles['tabPanel'] ?? ''}>
          <TabView tab={tab} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function TabView({ tab }: { readonly tab: Tab }) {
  if (tab === 'ledger') return <LedgerView />;
  if (tab === 'files') return <UploadList />;
  return tab === 'directories' ? <DirectoryList /> : <AuditView />;
}

/** Held ones need a person, so they are counted in colour; others are not. */
function FileCounts() {
  const { t } = useTranslation();
  const held = useStatus(({ sinks }) => sinks.reduce((sum, { heldFiles }) => sum + heldFiles, 0)) ?? 0;
  const moving = useStatus(({ sinks }) => sinks.reduce((sum, { uploads }) => sum + uploads.length, 0)) ?? 0;
  if (held > 0) return <StateBadge state="held" label={t('landings.files.held', { count: held })} />;
  return (
    <span className={styles['dim']}>
      <CountText value={moving} />
    </span>
  );
}

function LastLanding() {
  const { t } = useTranslation();
  const lastMs = useStatus(({ sinks }) =>
    sinks.reduce((last, { lastLandedMs = -Infinity }) => Math.max(last, lastLandedMs), -Infinity),
  );
  if (lastMs === undefined || lastMs === -Infinity) return null;
  return (
    <>
      {t('landings.last')} <AgeText ms={lastMs} />
    </>
  );
}
