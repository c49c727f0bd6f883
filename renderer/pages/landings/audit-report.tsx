/** An audit's report: its verdict, what it found, and what it is about. */
import { Button, Progress, Tabs } from '@mantine/core';
import { IconDownload, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AuditReport } from '../../../shared/contract/control-audit.ts';
import { saveBlob } from '../../app/job-file.ts';
import { useIsLive } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { CountText, DurationText, TimeText } from '../../widgets/amounts.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import { ErrorState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { CoverageTable } from './coverage-table.tsx';
import { FindingTable } from './finding-table.tsx';
import { GapTable } from './gap-table.tsx';
import styles from './landings.module.css';
import { VerdictBox } from './verdict-box.tsx';

export function AuditReportView({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const isRunning = report.state === 'running';
  return (
    <>
      <Panel
        title={t('landings.audit.reportTitle', { level: t(`landings.audit.levels.${report.level}.name`) })}
        tools={isRunning ? <CancelButton id={report.id} /> : <DownloadButton report={report} />}
      >
        {isRunning ? <Running report={report} /> : <VerdictBox report={report} />}
        <Facts report={report} />
      </Panel>
      {/* Findings come to the front when there are some, then gaps. */}
      <Details key={`${report.id} ${report.state}`} report={report} />
    </>
  );
}

function Running({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { step, done, total } = report.progress;
  const known = (['start', 'offsets', 'books', 'chunks', 'files', 'directories'] as const).find(
    (name) => name === step,
  );
  return (
    <div aria-live="polite">
      <div className={styles['progressLine']}>
        <strong>{known === undefined ? <SafeText text={step} /> : t(`landings.audit.steps.${known}`)}</strong>
        <span className={styles['dim']}>
          {t('landings.audit.doneOf', { done: format.count(done), total: format.count(total) })}
        </span>
      </div>
      <Progress
        value={total > 0 ? Math.min(100, (100 * done) / total) : 0}
        aria-label={t('landings.audit.progress')}
      />
    </div>
  );
}

function Facts({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const { startedMs, finishedMs } = report;
  return (
    <dl className={styles['facts']}>
      <div>
        <dt>{t('landings.audit.started')}</dt>
        <dd>
          <TimeText ms={startedMs} />
        </dd>
      </div>
      {finishedMs !== undefined && (
        <div>
          <dt>{t('landings.audit.took')}</dt>
          <dd>
            <DurationText ms={finishedMs - startedMs} />
          </dd>
        </div>
      )}
      <div>
        <dt>{t('landings.audit.offsets')}</dt>
        <dd>
          <CountText value={report.offsets} />
        </dd>
      </div>
      <div>
        <dt>{t('landings.audit.files')}</dt>
        <dd>
          <CountText value={report.files} />
        </dd>
      </div>
    </dl>
  );
}

function Details({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const format = useFormat();
  const found = report.findings.length + report.findingsLeftOut;
  const notes = report.notes ?? [];
  const gaps = (report.gaps?.length ?? 0) + (report.gapsLeftOut ?? 0);
  const [tab, setTab] = useState<string | null>(found > 0 ? 'findings' : gaps > 0 ? 'gaps' : 'coverage');
  return (
    <Panel isFlush isGrowing>
      <Tabs value={tab} onChange={setTab} className={styles['tabs'] ?? ''}>
        <Tabs.List px={8}>
          <Tabs.Tab value="findings">
            {t('landings.audit.findings', { formatted: format.count(found) })}
          </Tabs.Tab>
          <Tabs.Tab value="coverage">{t('landings.audit.coverage')}</Tabs.Tab>
          <Tabs.Tab value="gaps">{t('landings.audit.gaps', { formatted: format.count(gaps) })}</Tabs.Tab>
          <Tabs.Tab value="notes">
            {t('landings.audit.notes', { formatted: format.count(notes.length) })}
          </Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="findings" className={styles['flushPanel'] ?? ''}>
          <FindingTable report={report} />
        </Tabs.Panel>
        <Tabs.Panel value="coverage" className={styles['flushPanel'] ?? ''}>
          <CoverageTable coverage={report.coverage} />
        </Tabs.Panel>
        <Tabs.Panel value="gaps" className={styles['flushPanel'] ?? ''}>
          <GapTable report={report} />
        </Tabs.Panel>
        <Tabs.Panel value="notes" className={styles['flushPanel'] ?? ''}>
          <ul className={styles['notes']}>
            {notes.length === 0 && <li>{t('landings.audit.noNotes')}</li>}
            {notes.map((note) => (
              <li key={note}>
                <SafeText text={note} />
              </li>
            ))}
          </ul>
        </Tabs.Panel>
      </Tabs>
    </Panel>
  );
}

function CancelButton({ id }: { readonly id: string }) {
  const { t } = useTranslation();
  const isLive = useIsLive();
  const cancel = useAction('auditCancel');
  return (
    <>
      {cancel.error !== undefined && <ErrorState error={cancel.error} isInline />}
      <Button
        variant="default"
        leftSection={<IconX size={14} aria-hidden />}
        loading={cancel.isRunning}
        disabled={!isLive}
        onClick={() => void cancel.run({ id })}
      >
        {t('widgets.cancel')}
      </Button>
    </>
  );
}

function DownloadButton({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const save = (): void => {
    const text = JSON.stringify(report, undefined, 2);
    saveBlob(`${report.id}.json`, new Blob([text], { type: 'application/json' }));
  };
  return (
    <Button variant="default" leftSection={<IconDownload size={14} aria-hidden />} onClick={save}>
      {t('landings.audit.download')}
    </Button>
  );
}
