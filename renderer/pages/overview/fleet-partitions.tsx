/** The partitions that one gateway owns, each with since when. */
import { useTranslation } from 'react-i18next';
import { useCall } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { AgeText } from '../../widgets/amounts.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import styles from './fleet-card.module.css';

/** Asked for once it is opened; of very many the rest is counted. */
const ASKED_MAX = 2_000;
const SHOWN_MAX = 60;

export function FleetPartitions({ stateId }: { readonly stateId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { data, error, reload } = useCall('fleetStatus', { isFactsOnly: true, partitionsMax: ASKED_MAX });
  if (data === undefined)
    return error === undefined ? (
      <LoadingState lines={1} />
    ) : (
      <ErrorState error={error} isInline onRetry={reload} />
    );
  const own = data.partitions.filter(({ owner }) => owner?.stateId === stateId);
  const hidden = own.length - SHOWN_MAX;
  return (
    <>
      <ul className={styles['partitions']}>
        {own.slice(0, SHOWN_MAX).map(({ group, topic, partition, owner }) => (
          <li key={`${group} ${topic}/${partition}`} title={group}>
            <SafeText text={`${topic}/${partition}`} />
            <span className={styles['dim']}>
              {t('overview.fleet.fromOffset', { offset: format.count(owner?.start ?? 0) })}
              {owner?.sinceMs !== undefined && (
                <>
                  {' · '}
                  <AgeText ms={owner.sinceMs} />
                </>
              )}
            </span>
          </li>
        ))}
      </ul>
      {(hidden > 0 || data.partitionsLeftOut > 0) && (
        <p className={styles['dim']}>{t('overview.fleet.morePartitions')}</p>
      )}
    </>
  );
}
