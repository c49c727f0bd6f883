import { Tooltip } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { isActive } from '../client/active-alerts.ts';
import { useStatus } from '../client/engine-context.tsx';
import { PAGES, type PageEntry } from '../pages/registry.ts';
import { useFormat } from '../text/use-format.ts';
import { hrefOf } from './route.ts';
import styles from './shell.module.css';

export function Navigation({ current }: { readonly current: string }) {
  const { t } = useTranslation();
  const isSetup = useStatus(({ state }) => state === 'setup') === true;
  return (
    <nav className={styles['nav']} aria-label={t('shell.navigation')}>
      {PAGES.filter(({ isHidden }) => isHidden !== true || isSetup).map((page) => (
        <NavigationItem key={page.id} page={page} isCurrent={page.id === current} />
      ))}
    </nav>
  );
}

function NavigationItem({ page, isCurrent }: { readonly page: PageEntry; readonly isCurrent: boolean }) {
  const { t } = useTranslation();
  const { id, icon: PageIcon } = page;
  return (
    <a href={hrefOf(id)} className={styles['navItem']} aria-current={isCurrent ? 'page' : undefined}>
      <PageIcon size={16} stroke={1.7} aria-hidden />
      <span>{t(`shell.pages.${id}`)}</span>
      {id === 'alerts' && <AlertCounter />}
      {id === 'quarantine' && <QuarantineCounter />}
    </a>
  );
}

function AlertCounter() {
  const count = useStatus(({ alerts }) => alerts.filter(isActive).length) ?? 0;
  const isError =
    useStatus(({ alerts }) => alerts.some((alert) => isActive(alert) && alert.level === 'error')) === true;
  return <Counter of="alerts" count={count} tone={isError ? 'failed' : 'waiting'} />;
}

function QuarantineCounter() {
  // An event that its source could not place counts at each of its channels, so their sum would count it twice.
  const count =
    useStatus(({ channels }) => channels.reduce((most, { quarantined }) => Math.max(most, quarantined), 0)) ??
    0;
  return <Counter of="quarantine" count={count} tone="waiting" />;
}

function Counter(props: {
  readonly of: 'alerts' | 'quarantine';
  readonly count: number;
  readonly tone: 'failed' | 'waiting';
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const { of, count, tone } = props;
  if (count === 0) return null;
  const words = t(`shell.counters.${of}`, { count });
  return (
    <Tooltip label={words} position="right">
      <span className={styles['counter']} data-tone={tone}>
        <span aria-hidden>{format.compact(count)}</span>
        <span className={styles['unseen']}>{words}</span>
      </span>
    </Tooltip>
  );
}
