/** Everything that the draft names is tried by the engine's doctor: brokers, topics, NameNodes, each DataNode by name, rights, disk, and a probe file. */
import { Button } from '@mantine/core';
import { IconRefresh, IconStethoscope } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { DoctorCheck, DoctorReport } from '../../../shared/contract/control-what-if.ts';
import type { Job } from '../../../shared/contract/control-job.ts';
import { JobProgress } from '../../app/jobs-tray.tsx';
import { usePreferences } from '../../app/preferences.ts';
import type { CallError } from '../../client/call-error.ts';
import { useView } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { DurationText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { EmptyState, ErrorState } from '../../widgets/notices.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import styles from './setup.module.css';
import { useWizard } from './wizard-state.tsx';

export interface Check {
  readonly report: DoctorReport | undefined;
  readonly job: Job | undefined;
  readonly error: CallError | undefined;
  readonly isRunning: boolean;
  /** It could not be done at all: nothing is known. */
  readonly isFailed: boolean;
  readonly start: () => void;
}

/** The check of this text; one of another text counts no longer. */
export function useCheck(text: string): Check {
  const { check, setCheck } = useWizard();
  const { operator } = usePreferences();
  const begin = useAction('doctorStart');
  const { run: fetch, error: resultError } = useAction('doctorResult');
  const [answer, setAnswer] = useState<{ readonly jobId: string; readonly report: DoctorReport }>();
  const jobId = check?.text === text ? check.jobId : undefined;
  const job = useView((view) => view.jobs.find(({ id }) => id === jobId));
  const isDone = jobId !== undefined && job !== undefined && job.state !== 'running';
  useEffect(() => {
    if (isDone) void fetch({ jobId }).then((report) => report !== undefined && setAnswer({ jobId, report }));
  }, [isDone, jobId, fetch]);
  const start = async (): Promise<void> => {
    const started = await begin.run({ text, by: operator });
    if (started !== undefined) setCheck({ jobId: started.jobId, text });
  };
  const report = jobId !== undefined && answer?.jobId === jobId ? answer.report : undefined;
  const error = begin.error ?? (isDone && report === undefined ? resultError : undefined);
  return {
    ...{ report, job, error },
    isRunning: begin.isRunning || (jobId !== undefined && report === undefined && error === undefined),
    isFailed: error !== undefined && report === undefined,
    start: () => void start(),
  };
}

export function CheckPanel({ check, isAllowed }: { readonly check: Check; readonly isAllowed: boolean }) {
  const { t } = useTranslation();
  const { report, job, error, isRunning } = check;
  return (
    <section className={styles['result']} aria-live="polite" aria-label={t('setup.check.title')}>
      {error !== undefined && (
        <ErrorState error={error} isInline onRetry={check.start} title={t('setup.check.failed')} />
      )}
      {isRunning && (
        <div className={styles['facts']}>
          <StateBadge state="running" label={t('setup.check.running')} />
          {job !== undefined && (
            <>
              <JobProgress job={job} />
              <CodeText as="line" isDim>
                {job.progress.step}
              </CodeText>
            </>
          )}
        </div>
      )}
      {report !== undefined && <Report report={report} onAgain={check.start} />}
      {!isRunning && report === undefined && error === undefined && (
        <EmptyState title={t('setup.check.notYet')} icon={IconStethoscope}>
          {t(isAllowed ? 'setup.check.notYetHint' : 'setup.check.fillIn')}
        </EmptyState>
      )}
    </section>
  );
}

const ORDER = { failed: 0, warning: 1, ok: 2, skipped: 3 } as const;

function Report({ report, onAgain }: { readonly report: DoctorReport; readonly onAgain: () => void }) {
  const { t } = useTranslation();
  const count = (state: DoctorCheck['state']): number =>
    report.checks.filter((check) => check.state === state).length;
  const checks = [...report.checks].sort((left, right) => ORDER[left.state] - ORDER[right.state]);
  return (
    <div className={styles['report']}>
      <div className={styles['reportHead']}>
        <StateBadge
          state={report.isReady ? 'ok' : 'failed'}
          label={t(report.isReady ? 'setup.check.ready' : 'setup.check.notReady')}
        />
        <span className={styles['hint']}>
          {t('setup.check.counts', { ok: count('ok'), warnings: count('warning'), failed: count('failed') })}
        </span>
        <Button
          variant="default"
          leftSection={<IconRefresh size={14} aria-hidden />}
          onClick={onAgain}
          className={styles['push'] ?? ''}
        >
          {t('setup.check.again')}
        </Button>
      </div>
      <ul className={styles['checks']}>
        {checks.map((check, place) => (
          <CheckRow key={place} check={check} />
        ))}
      </ul>
    </div>
  );
}

const AREAS = [
  ...(['broker', 'topic', 'group', 'namenode', 'datanode', 'rights'] as const),
  ...(['quota', 'clock', 'disk', 'probe', 'config'] as const),
];

function CheckRow({ check }: { readonly check: DoctorCheck }) {
  const { t } = useTranslation();
  const { area, place, state, message, hint, tookMs } = check;
  const known = AREAS.find((one) => one === area);
  const name = known === undefined ? area : t(`setup.areas.${known}`);
  return (
    <li data-state={state}>
      <StateBadge state={state} variant="plain" />
      <div className={styles['checkText']}>
        <div className={styles['checkHead']}>
          <strong>{name}</strong>
          {place !== '' && <CodeText as="line">{place}</CodeText>}
          {tookMs >= 1 && (
            <span className={styles['took']}>
              <DurationText ms={tookMs} />
            </span>
          )}
        </div>
        <div>
          <SafeText text={message} />
        </div>
        {hint !== undefined && hint !== '' && (
          <div className={styles['hint']}>
            <SafeText text={hint} />
          </div>
        )}
      </div>
    </li>
  );
}
