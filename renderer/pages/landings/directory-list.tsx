/** Which directories are complete, and what the others wait for; of sinks that mark them. */
import { IconCircleCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { CompletenessRow, DirectoryRow } from '../../../shared/contract/control-completeness.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { AgeText } from '../../widgets/amounts.tsx';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge, type StateName } from '../../widgets/state-badge.tsx';
import styles from './landings.module.css';

const LOOKS: Readonly<Record<DirectoryRow['state'], StateName>> = {
  open: 'collecting',
  waiting: 'waiting',
  marking: 'landing',
  complete: 'done',
};
const NO_ROWS: readonly CompletenessRow[] = [];

export function DirectoryList() {
  const { t } = useTranslation();
  const rows = useStatus((status) => status.completeness) ?? NO_ROWS;
  const isEmpty = rows.every(({ directories }) => directories.length === 0);
  return (
    <Panel isFlush isGrowing>
      <div className={styles['files']} tabIndex={0} role="group" aria-label={t('landings.tabs.directories')}>
        {isEmpty && (
          <EmptyState title={t('landings.directories.none')} icon={IconCircleCheck}>
            {t('landings.directories.noneBody')}
          </EmptyState>
        )}
        {rows.map((row) => (
          <SinkDirectories key={row.sink} row={row} />
        ))}
      </div>
    </Panel>
  );
}

function SinkDirectories({ row }: { readonly row: CompletenessRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { sink, marker, complete, waiting, directories } = row;
  return (
    <>
      {directories.length > 0 && (
        <p className={styles['note']}>
          <SafeText
            text={t('landings.directories.summary', {
              ...{ sink, marker },
              complete: format.compact(complete),
              waiting: format.compact(waiting),
            })}
          />
        </p>
      )}
      {directories.map((one) => (
        <DirectoryLine key={one.directory} row={one} />
      ))}
    </>
  );
}

function DirectoryLine({ row }: { readonly row: DirectoryRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { directory, endMs, state, revision, decidedMs, waitingEvents, why } = row;
  return (
    <div className={styles['file']}>
      <div className={styles['fileTop']}>
        <StateBadge state={LOOKS[state]} label={t(`landings.directories.states.${state}`)} />
        <div className={styles['filePath']}>
          <CodeText as="wrap">{directory}</CodeText>
        </div>
        <div className={styles['fileFacts']}>
          {revision > 1 && (
            <span className={styles['late']}>{t('landings.directories.revision', { number: revision })}</span>
          )}
          {waitingEvents > 0 && (
            <span>{t('landings.directories.notLanded', { events: format.compact(waitingEvents) })}</span>
          )}
          {decidedMs !== undefined && (
            <span>
              {t('landings.directories.marked')} <AgeText ms={decidedMs} />
            </span>
          )}
          <span className={styles['until']} title={format.exactTime(endMs)}>
            {t('landings.directories.until', { time: format.time(endMs) })}
          </span>
        </div>
      </div>
      {why.map((reason) => (
        <CauseLine key={reason} cause={reason} />
      ))}
    </div>
  );
}
