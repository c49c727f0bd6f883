import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useCall } from '../../client/use-call.ts';
import { AgeText, BytesText, CountText } from '../../widgets/amounts.tsx';
import styles from './backlog.module.css';
import { useSlowBacklogNews } from './backlog-news.ts';

const KEYS_EVERY_MS = 4_000;

/** The totals of everything that waits, whatever the filters say. */
export function BacklogFigures() {
  const { t } = useTranslation();
  const stored = useStatus((status) => sum(status, 'storedBytes'));
  const raw = useStatus((status) => sum(status, 'rawBytes'));
  const events = useStatus((status) => sum(status, 'events'));
  const oldest = useStatus(oldestEventMs);
  const keys = useCall('backlogList', { limit: 1 }, { refetchOn: useSlowBacklogNews(KEYS_EVERY_MS) }).data
    ?.totalKeys;
  return (
    <dl className={styles['figures']} aria-label={t('backlog.figures.label')}>
      <Figure name={t('backlog.figures.stored')} value={<BytesText value={stored} />} />
      <Figure name={t('backlog.figures.raw')} value={<BytesText value={raw} />} />
      <Figure
        name={t('backlog.figures.events', { count: events ?? 0 })}
        value={<CountText value={events} isCompact />}
      />
      <Figure name={t('backlog.figures.keys', { count: keys ?? 0 })} value={<CountText value={keys} />} />
      {oldest !== undefined && (
        <Figure name={t('backlog.figures.oldest')} value={<AgeText ms={oldest} />} isNameFirst />
      )}
    </dl>
  );
}

function Figure(props: { readonly name: string; readonly value: ReactNode; readonly isNameFirst?: boolean }) {
  return (
    <div data-name-first={props.isNameFirst || undefined}>
      <dt>{props.name}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}

function sum({ channels }: EngineStatus, name: 'storedBytes' | 'rawBytes' | 'events'): number {
  return channels.reduce((total, channel) => total + channel[name], 0);
}

function oldestEventMs({ channels }: EngineStatus): number | undefined {
  const known = channels.flatMap(({ oldestEventMs: ms }) => (ms === undefined ? [] : [ms]));
  return known.length === 0 ? undefined : Math.min(...known);
}
