/** What is wrong now: the worst first, each with its cause and what to do. */
import { IconCircleCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Alert } from '../../../shared/contract/control-status.ts';
import { activeAlerts } from '../../client/active-alerts.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { AgeText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { EmptyState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import styles from './alerts.module.css';

export function ActiveAlerts() {
  const { t } = useTranslation();
  const alerts = useStatus((status) => status.alerts);
  if (alerts === undefined) return <LoadingState />;
  const active = activeAlerts(alerts);
  if (active.length === 0)
    return (
      <Panel isGrowing>
        <EmptyState title={t('alerts.noneActive')} icon={IconCircleCheck}>
          {t('alerts.noneActiveBody')}
        </EmptyState>
      </Panel>
    );
  return (
    <ul className={styles['list']}>
      {active.map((alert) => (
        <li key={alert.id} className={styles['card']} data-level={alert.level}>
          <AlertText alert={alert} />
        </li>
      ))}
    </ul>
  );
}

/** An alert in words: also what the drawer of a past one shows. */
export function AlertText({ alert }: { readonly alert: Alert }) {
  const { t } = useTranslation();
  return (
    <>
      <div className={styles['head']}>
        <StateBadge state={alert.level} />
        <span className={styles['message']}>
          <SafeText text={alert.message} />
        </span>
        <span className={styles['when']}>
          <AgeText ms={alert.sinceMs} as="age" />
        </span>
      </div>
      {alert.hint !== undefined && alert.hint !== '' && (
        <p className={styles['hint']}>
          <strong>{t('alerts.advice')}</strong> <SafeText text={alert.hint} />
        </p>
      )}
      <div className={styles['facts']}>
        {alert.place !== '' && <CodeText isDim>{alert.place}</CodeText>}
        <CodeText isDim>{alert.code}</CodeText>
        <span>
          <TimeText ms={alert.sinceMs} />
        </span>
        {alert.count > 1 && <span>{t('alerts.seen', { count: alert.count })}</span>}
      </div>
    </>
  );
}
