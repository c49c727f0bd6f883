import { useTranslation } from 'react-i18next';
import type { QuarantineRow } from '../../../shared/contract/control-rows.ts';
import { useCall } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { BytesText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import styles from './quarantine.module.css';

export function EventDetails({ row }: { readonly row: QuarantineRow }) {
  const { t } = useTranslation();
  return (
    <div className={styles['details']}>
      <KeyValue
        rows={[
          { name: t('quarantine.columns.reason'), value: <SafeText text={row.reason} /> },
          { name: t('quarantine.columns.state'), value: <StateBadge state={row.state} /> },
          {
            name: t('quarantine.position'),
            value: <CodeText>{`${row.topic}/${row.partition}@${row.offset}`}</CodeText>,
          },
          { name: t('quarantine.columns.source'), value: <CodeText>{row.source}</CodeText> },
          { name: t('quarantine.columns.time'), value: <TimeText ms={row.timestampMs} /> },
          { name: t('quarantine.columns.size'), value: <BytesText value={row.bodyBytes} /> },
        ]}
      />
      <Content row={row} />
    </div>
  );
}

function Content({ row }: { readonly row: QuarantineRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const event = useCall('quarantineShow', { id: row.id });
  if (event.error !== undefined) return <ErrorState error={event.error} isInline onRetry={event.reload} />;
  if (event.data === undefined || event.isOfOtherInput) return <LoadingState />;
  const { headers, key, body, isCut } = event.data;
  if (row.state !== 'waiting' && body === '') return <p className={styles['note']}>{t('quarantine.gone')}</p>;
  const names = Object.keys(headers);
  return (
    <>
      <section className={styles['part']}>
        <h3>{t('quarantine.body')}</h3>
        <div className={styles['body']}>
          <CodeText as="wrap">{body}</CodeText>
        </div>
        {isCut && (
          <p className={styles['note']}>{t('quarantine.cut', { size: format.bytes(row.bodyBytes) })}</p>
        )}
      </section>
      <section className={styles['part']}>
        <h3>{t('quarantine.headers')}</h3>
        {names.length === 0 && <p className={styles['note']}>{t('quarantine.noHeaders')}</p>}
        <KeyValue
          rows={[
            ...names.map((name) => ({ name, value: <CodeText as="wrap">{headers[name] ?? ''}</CodeText> })),
            {
              name: t('quarantine.key'),
              value: key === undefined ? undefined : <CodeText as="wrap">{key}</CodeText>,
            },
          ]}
        />
      </section>
    </>
  );
}
