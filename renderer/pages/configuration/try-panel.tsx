/** The edited rules on real events: which, a run that can be given up, and what came of it. Nothing is written by a run. */
import { Button } from '@mantine/core';
import { IconPlayerPlay, IconX } from '@tabler/icons-react';
import { useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../../shared/contract/control-job.ts';
import { JobProgress } from '../../app/jobs-tray.tsx';
import { usePreferences } from '../../app/preferences.ts';
import { useRoute } from '../../app/route.ts';
import { useIsLive, useView } from '../../client/engine-context.tsx';
import { useAction, useCall } from '../../client/use-call.ts';
import { SafeText } from '../../widgets/code-text.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { isDirty, type Draft } from './draft-store.ts';
import { SampleForm } from './sample-form.tsx';
import { sampleOf, WAITING_SAMPLE_HINT } from './try-sample.ts';
import {
  changeTryInput,
  SAMPLE_KINDS,
  showRun,
  takeWish,
  useTryState,
  wantRun,
  type TryInput,
} from './try-store.ts';
import { TryResult } from './try-result.tsx';
import type { Check } from './use-check.ts';
import { isTree, parseText } from './yaml-text.ts';
import styles from './try.module.css';

export function TryPanel({ draft, check }: { readonly draft: Draft; readonly check: Check }) {
  const { t } = useTranslation();
  const { input } = useTryState();
  const sources = useSources(draft.text);
  useAddressed();
  const source = sources.find((name) => name === input.source) ?? sources[0] ?? '';
  const { run, job, isRunning, start, canRun, go } = useTrial({ draft, check, source });
  const cancel = useAction('jobCancel');
  return (
    <div className={styles['panel']} role="group" aria-label={t('configuration.tabs.try')} tabIndex={0}>
      <SampleForm sources={sources} source={source} text={draft.text} />
      <div className={styles['run']}>
        {isRunning ? (
          <Button
            variant="default"
            leftSection={<IconX size={15} aria-hidden />}
            loading={cancel.isRunning}
            onClick={() => run !== undefined && void cancel.run({ id: run.jobId })}
          >
            {t('widgets.cancel')}
          </Button>
        ) : (
          <Button
            data-try
            disabled={!canRun}
            loading={start.isRunning}
            leftSection={<IconPlayerPlay size={15} aria-hidden />}
            onClick={() => void go()}
          >
            {t('configuration.try.run')}
          </Button>
        )}
        <span className={styles['dim']}>{t(runHint(draft, check, input))}</span>
      </div>
      {start.error !== undefined && (
        <ErrorState error={start.error} title={t('configuration.try.failed')} isInline />
      )}
      {isRunning && job !== undefined && <Progress job={job} />}
      {isRunning && job === undefined && <LoadingState lines={2} />}
      {run !== undefined && !isRunning && (
        <Outcome run={run} job={job} isOutdated={run.text !== draft.text} />
      )}
    </div>
  );
}

interface TrialOptions {
  readonly draft: Draft;
  readonly check: Check;
  readonly source: string;
}

function useTrial({ draft, check, source }: TrialOptions) {
  const { input, run, isWanted } = useTryState();
  const job = useView((view) => view.jobs.find(({ id }) => id === run?.jobId));
  const isRunning = run !== undefined && (job === undefined || job.state === 'running');
  const start = useAction('whatIfStart');
  const { operator } = usePreferences();
  const isLive = useIsLive();
  const sample = sampleOf(input);
  const isFree = isLive && !start.isRunning && !isRunning;
  const canRun = isFree && source !== '' && sample !== undefined && check.isUsable !== false;
  const go = async (): Promise<void> => {
    if (!canRun) return;
    const isOther = isDirty(draft) || !draft.base.isRunning;
    const begun = await start.run({ source, sample, by: operator, ...(isOther ? { text: draft.text } : {}) });
    if (begun !== undefined) showRun({ jobId: begun.jobId, text: draft.text });
  };
  useRunKey(() => void go());
  useEffect(() => {
    if (isWanted && canRun && takeWish()) void go();
  });
  useEffect(() => () => wantRun(false), []);
  return { run, job, isRunning, start, canRun, go };
}

function runHint(draft: Draft, check: Check, input: TryInput) {
  if (check.isUsable === false) return 'configuration.try.fixFirst';
  if (sampleOf(input) === undefined) return WAITING_SAMPLE_HINT[input.kind];
  return isDirty(draft) ? 'configuration.try.triesEdit' : 'configuration.try.triesRunning';
}

function Progress({ job }: { readonly job: Job }) {
  const { t } = useTranslation();
  const { done, total } = job.progress;
  return (
    <div role="status">
      <JobProgress job={job} />
      <span className={styles['dim']}>{t('configuration.try.progress', { done, total })}</span>
    </div>
  );
}

interface OutcomeProps {
  readonly run: { readonly jobId: string };
  readonly job: Job | undefined;
  /** The text was changed since. */
  readonly isOutdated: boolean;
}

function Outcome({ run, job, isOutdated }: OutcomeProps) {
  const { t } = useTranslation();
  const result = useCall('whatIfResult', { jobId: run.jobId }, { isEnabled: job?.state === 'done' });
  if (job?.state === 'cancelled') return <p className={styles['dim']}>{t('configuration.try.cancelled')}</p>;
  if (job?.state === 'failed')
    return (
      <div className={styles['failed']} role="alert">
        <strong>{t('configuration.try.failed')}</strong>
        <SafeText
          text={[job.error?.message, job.error?.hint]
            .filter((part) => part !== undefined && part !== '')
            .join('. ')}
        />
      </div>
    );
  if (result.error !== undefined) return <ErrorState error={result.error} isInline onRetry={result.reload} />;
  if (result.data === undefined || result.isOfOtherInput) return <LoadingState lines={6} />;
  return <TryResult result={result.data} isOutdated={isOutdated} />;
}

function useSources(text: string): readonly string[] {
  return useMemo(() => {
    const sources = parseText(text).tree?.['sources'];
    return isTree(sources) ? Object.keys(sources) : [];
  }, [text]);
}

/** `?try=quarantine&reason=…&source=…`, `?try=backlog&key=…`: what another page wants to be tried. */
function useAddressed(): void {
  const { params } = useRoute();
  const kind = SAMPLE_KINDS.find((one) => one === params.get('try'));
  const [source, reason, key] = [params.get('source'), params.get('reason'), params.get('key')];
  useEffect(() => {
    if (kind === undefined) return;
    changeTryInput({
      kind,
      ...(source === null ? {} : { source }),
      ...(kind === 'quarantine' && (reason !== null || source !== null) ? { reason: reason ?? '' } : {}),
      ...(key !== null && /^\d{1,15}$/.test(key) ? { landingKeyId: Number(key) } : {}),
    });
  }, [kind, source, reason, key]);
}

function useRunKey(run: () => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== 'Enter') return;
      event.preventDefault();
      event.stopPropagation();
      run();
    };
    addEventListener('keydown', press, true);
    return () => removeEventListener('keydown', press, true);
  }, [run]);
}
