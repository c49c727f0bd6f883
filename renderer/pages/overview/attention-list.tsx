/** What needs somebody: the worst alerts with what to do, and a configuration that was not taken. */
import { IconChevronRight, IconCircleCheck, IconHourglassHigh } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { Alert } from '../../../shared/contract/control-status.ts';
import { hrefOf } from '../../app/route.ts';
import { activeAlerts, COUNTDOWN } from '../../client/active-alerts.ts';
import { useEngineNow, useStatus } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { SafeText } from '../../widgets/code-text.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import styles from './attention-list.module.css';

const SHOWN_MAX = 3;
const NOT_WELL: ReadonlySet<string> = new Set(['waiting', 'failed', 'full', 'low-disk']);

export function AttentionList() {
  const { t } = useTranslation();
  const all = useStatus((status) => status.alerts);
  const problems = useStatus((status) => status.configProblems) ?? [];
  const alerts = useMemo(() => activeAlerts(all ?? []), [all]);
  const [problem] = problems;
  if (alerts.length === 0 && problem === undefined) return <NoAlerts />;
  return (
    <section className={styles['list']} aria-label={t('overview.alerts.title')}>
      {problem !== undefined && <ConfigProblem problem={problem} />}
      {alerts.slice(0, SHOWN_MAX).map((alert) => (
        <AlertLine key={`${alert.id} ${alert.sinceMs}`} alert={alert} />
      ))}
      {alerts.length > SHOWN_MAX && (
        <a className={styles['more']} href={hrefOf('alerts')}>
          {t('overview.alerts.more', { count: alerts.length - SHOWN_MAX })}
          <IconChevronRight size={13} aria-hidden />
        </a>
      )}
    </section>
  );
}

/** No alert yet is not the same as well: something may have begun to wait just now. */
function NoAlerts() {
  const { t } = useTranslation();
  const names = useStatus(({ sources, channels, sinks }) =>
    [...sources, ...channels, ...sinks]
      .filter(({ state }) => NOT_WELL.has(state))
      .map(({ name }) => name)
      .join(', '),
  );
  const isWell = names === undefined || names === '';
  const Icon = isWell ? IconCircleCheck : IconHourglassHigh;
  return (
    <p className={styles['well']} data-tone={isWell ? 'ok' : 'waiting'}>
      <Icon size={15} aria-hidden />
      {isWell ? t('overview.allWell') : <SafeText text={t('overview.someWait', { names })} />}
    </p>
  );
}

function AlertLine({ alert }: { readonly alert: Alert }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useEngineNow();
  const { code, level, place, message, hint, sinceMs } = alert;
  return (
    <div className={styles['line']} data-level={level} data-countdown={code === COUNTDOWN || undefined}>
      <StateBadge state={level} {...(code === COUNTDOWN ? { label: t('overview.countdown') } : {})} />
      <div className={styles['words']}>
        <span className={styles['place']}>
          <SafeText text={place} />
        </span>
        <SafeText text={message} />
        {hint !== undefined && hint !== '' && (
          <span className={styles['hint']}>
            <SafeText text={hint} />
          </span>
        )}
      </div>
      <span className={styles['age']} title={format.exactTime(sinceMs)}>
        {t('overview.alerts.since', { age: format.roughDuration(nowMs - sinceMs) })}
      </span>
    </div>
  );
}

function ConfigProblem({ problem }: { readonly problem: string }) {
  const { t } = useTranslation();
  return (
    <div className={styles['line']} data-level="warn">
      <StateBadge state="warn" />
      <div className={styles['words']}>
        <SafeText text={t('overview.configProblems', { problem })} />
      </div>
      <a className={styles['age']} href={hrefOf('configuration')}>
        {t('overview.openConfiguration')}
      </a>
    </div>
  );
}
