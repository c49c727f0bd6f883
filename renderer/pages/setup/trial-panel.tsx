/** The rules as the engine reads them, on more events than the samples: directories, failures, and times that may be read wrongly. */
import { Button } from '@mantine/core';
import { IconFlask } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { WhatIfResult } from '../../../shared/contract/control-what-if.ts';
import { JobProgress } from '../../app/jobs-tray.tsx';
import { usePreferences } from '../../app/preferences.ts';
import { useView } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { BytesText, CountText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { ErrorState } from '../../widgets/notices.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import { sourcesOf, trialYamlOf } from './draft-yaml.ts';
import styles from './setup.module.css';
import { useWizard } from './wizard-state.tsx';

const TRIED_EVENTS = 1_000;
const DIRECTORIES_SHOWN = 8;

export function TrialPanel({ topic }: { readonly topic: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { draft, secrets } = useWizard();
  const { operator } = usePreferences();
  const start = useAction('whatIfStart');
  const [begun, setBegun] = useState<{ readonly jobId: string; readonly text: string }>();
  const text = trialYamlOf(draft, secrets);
  const isNow = begun?.text === text;
  const { job, result, error } = useTrialJob(isNow ? begun.jobId : undefined);
  const source = sourcesOf(draft).find(({ topics }) => topics.includes(topic)) ?? sourcesOf(draft)[0];
  const run = async (): Promise<void> => {
    const sample = { kind: 'topic', topic, last: TRIED_EVENTS } as const;
    const answer = await start.run({ text, source: source?.name ?? '', sample, by: operator });
    if (answer !== undefined) setBegun({ jobId: answer.jobId, text });
  };
  const isRunning = start.isRunning || job?.state === 'running';
  return (
    <section className={styles['trial']} aria-label={t('setup.trial.title')}>
      <div className={styles['trialHead']}>
        <span>{t('setup.trial.what')}</span>
        <Button
          variant="default"
          leftSection={<IconFlask size={14} aria-hidden />}
          loading={isRunning}
          onClick={() => void run()}
          className={styles['push'] ?? ''}
        >
          {t('setup.trial.run', { events: format.count(TRIED_EVENTS) })}
        </Button>
      </div>
      {start.error !== undefined && (
        <ErrorState error={start.error} title={t('setup.trial.failed')} isInline />
      )}
      {error !== undefined && <ErrorState error={error} title={t('setup.trial.failed')} isInline />}
      {job?.state === 'running' && <JobProgress job={job} />}
      {isNow && result !== undefined && <TrialResult result={result} />}
    </section>
  );
}

function useTrialJob(jobId: string | undefined) {
  const job = useView((view) => view.jobs.find(({ id }) => id === jobId));
  const { run, error } = useAction('whatIfResult');
  const [result, setResult] = useState<{ readonly jobId: string; readonly answer: WhatIfResult }>();
  const isDone = jobId !== undefined && job !== undefined && job.state !== 'running';
  useEffect(() => {
    if (!isDone) return;
    void run({ jobId }).then((answer) => answer !== undefined && setResult({ jobId, answer }));
  }, [isDone, jobId, run]);
  return { job, error, result: result?.jobId === jobId ? result?.answer : undefined };
}

function TrialResult({ result }: { readonly result: WhatIfResult }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { events, placed, quarantined, directories, directoriesLeftOut, failures, traps } = result;
  const hidden = directoriesLeftOut + Math.max(0, directories.length - DIRECTORIES_SHOWN);
  return (
    <div className={styles['trialResult']} aria-live="polite">
      <div className={styles['counts']}>
        <span data-tone={placed === events ? 'ok' : 'waiting'}>
          {t('setup.trial.placed', { placed: format.count(placed), events: format.count(events) })}
        </span>
        {quarantined > 0 && (
          <span data-tone="failed">
            {t('setup.trial.quarantined', { count: quarantined, events: format.count(quarantined) })}
          </span>
        )}
      </div>
      {result.note !== undefined && (
        <p className={styles['note']}>
          <SafeText text={result.note} />
        </p>
      )}
      <ul className={styles['directories']}>
        {directories.slice(0, DIRECTORIES_SHOWN).map(({ sink, directory, events: count, bytes }) => (
          <li key={`${sink} ${directory}`}>
            <CodeText as="line">{directory}</CodeText>
            <span>
              {t('setup.trial.events', { count, events: format.count(count) })} · <BytesText value={bytes} />
            </span>
          </li>
        ))}
      </ul>
      {hidden > 0 && <p className={styles['note']}>{t('setup.trial.more', { count: hidden })}</p>}
      {failures.map(({ reason, events: count }) => (
        <Finding key={reason} state="failed" message={reason} hint="" count={count} />
      ))}
      {traps.map(({ kind, message, hint, events: count }) => (
        <Finding key={`${kind} ${message}`} state="warning" {...{ message, hint, count }} />
      ))}
    </div>
  );
}

interface FindingProps {
  readonly state: 'failed' | 'warning';
  readonly message: string;
  readonly hint: string;
  readonly count: number;
}

function Finding({ state, message, hint, count }: FindingProps) {
  const { t } = useTranslation();
  return (
    <div className={styles['finding']} data-tone={state === 'failed' ? 'failed' : 'waiting'}>
      <StateBadge
        state={state}
        variant="plain"
        label={t(state === 'failed' ? 'setup.trial.failure' : 'setup.trial.trap')}
      />
      <div>
        <SafeText text={message} /> (<CountText value={count} />)
        {hint !== '' && (
          <div className={styles['hint']}>
            <SafeText text={hint} />
          </div>
        )}
      </div>
    </div>
  );
}
