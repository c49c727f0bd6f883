/** Long work of the engine: how far it is, and what came of it. It goes on when this window is closed. */
import { ActionIcon, Indicator, Popover, Progress, Tooltip } from '@mantine/core';
import { IconDownload, IconListCheck, IconX } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Job } from '../../shared/contract/control-job.ts';
import { useAction } from '../client/use-call.ts';
import { useEngine, useIsLive, useView } from '../client/engine-context.tsx';
import { useFormat } from '../text/use-format.ts';
import { AgeText } from '../widgets/amounts.tsx';
import { SafeText } from '../widgets/code-text.tsx';
import { StateBadge } from '../widgets/state-badge.tsx';
import { toast } from '../widgets/toast.ts';
import { useJobFile } from './job-file.ts';
import styles from './jobs-tray.module.css';

export function JobsButton() {
  const { t } = useTranslation();
  const jobs = useView((view) => view.jobs);
  const running = jobs.filter(({ state }) => state === 'running').length;
  const label = running > 0 ? t('shell.jobs.running', { count: running }) : t('shell.jobs.open');
  useKnownJobs();
  useJobToasts(jobs);
  return (
    <Popover position="bottom-end" width={400} shadow="md" trapFocus>
      <Popover.Target>
        <Tooltip label={label}>
          <Indicator disabled={running === 0} label={running} size={15} offset={4}>
            <ActionIcon aria-label={label}>
              <IconListCheck size={17} stroke={1.7} />
            </ActionIcon>
          </Indicator>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown p={0} aria-label={t('shell.jobs.title')}>
        <div className={styles['list']}>
          {jobs.length === 0 && <p className={styles['empty']}>{t('shell.jobs.empty')}</p>}
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} />
          ))}
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

export function JobRow({ job }: { readonly job: Job }) {
  const { t } = useTranslation();
  const { state, progress, error, summary } = job;
  return (
    <div className={styles['job']}>
      <div className={styles['top']}>
        <StateBadge state={state} variant="plain" />
        <span className={styles['title']}>
          <SafeText text={job.title} />
        </span>
        <JobTools job={job} />
      </div>
      {state === 'running' && <JobProgress job={job} />}
      <div className={styles['dim']}>
        {state === 'running' && <SafeText text={`${progress.step} `} />}
        {summary !== undefined && <SafeText text={`${summary} `} />}
        {error !== undefined && <SafeText text={`${error.message}. ${error.hint} `} />}
        {job.by !== '' && <SafeText text={`${t('shell.jobs.by', { by: job.by })} `} />}
        <AgeText ms={job.finishedMs ?? job.startedMs} />
      </div>
    </div>
  );
}

export function JobProgress({ job }: { readonly job: Job }) {
  const { done, total } = job.progress;
  const isKnown = total > 0;
  return (
    <Progress
      size="sm"
      value={isKnown ? (done / total) * 100 : 100}
      animated={!isKnown}
      striped={!isKnown}
      aria-label={job.title}
      my={4}
    />
  );
}

function JobTools({ job }: { readonly job: Job }) {
  const { t } = useTranslation();
  const format = useFormat();
  const cancel = useAction('jobCancel');
  const file = useJobFile(job);
  if (job.state === 'running') {
    return (
      <Tooltip label={t('shell.jobs.cancel')}>
        <ActionIcon
          size="sm"
          aria-label={t('shell.jobs.cancel')}
          loading={cancel.isRunning}
          onClick={() => void cancel.run({ id: job.id })}
        >
          <IconX size={14} />
        </ActionIcon>
      </Tooltip>
    );
  }
  if (job.file === undefined) return null;
  const label =
    file.doneBytes === undefined
      ? t('shell.jobs.download')
      : t('shell.jobs.saving', { done: format.bytes(file.doneBytes), total: format.bytes(job.file.bytes) });
  return (
    <Tooltip label={label}>
      <ActionIcon
        size="sm"
        aria-label={label}
        loading={file.doneBytes !== undefined}
        onClick={() => void file.save()}
      >
        <IconDownload size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

/** The stream tells of changes; what was there before is asked for once a connection. */
function useKnownJobs(): void {
  const { client, store } = useEngine();
  const isLive = useIsLive();
  useEffect(() => {
    if (!isLive) return;
    const abort = new AbortController();
    client.call('jobs', {}, abort.signal).then(
      ({ jobs }) => store.takeJobs(jobs),
      // An engine in setup has none; the stream still tells of those that begin.
      (error: unknown) => void error,
    );
    return () => abort.abort();
  }, [client, store, isLive]);
}

/** A toast for each job that was seen running and ended. */
function useJobToasts(jobs: readonly Job[]): void {
  const { t } = useTranslation();
  const [running] = useState(() => new Set<string>());
  const words = useRef(t);
  words.current = t;
  useEffect(() => {
    for (const { id, kind, state, title } of jobs) {
      if (state === 'running') running.add(id);
      else if (!running.delete(id)) continue;
      // The page that tries rules shows their outcome itself, where the toast would lie over it.
      else if (state === 'done' && kind !== 'what-if')
        toast(words.current('shell.jobs.doneToast', { title }));
      else if (state === 'failed') toast(words.current('shell.jobs.failedToast', { title }), 'failed');
    }
  }, [jobs, running]);
}
