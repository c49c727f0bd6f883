/** Says at once that the connection is lost, of when the data is, and when it is tried again. */
import { Button } from '@mantine/core';
import { IconPlugConnectedX, IconWand } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useEngine, useStatus, useView } from '../client/engine-context.tsx';
import { useFormat } from '../text/use-format.ts';
import { hrefOf } from './route.ts';
import styles from './shell.module.css';

export function LinkBanner() {
  const { t } = useTranslation();
  const { client } = useEngine();
  const format = useFormat();
  const link = useView((view) => view.link);
  const lastDataMs = useView((view) => view.lastDataMs);
  const nowMs = useBrowserNow(link.state === 'lost');
  if (link.state !== 'lost' || lastDataMs === undefined) return null;
  const leftMs = (link.nextTryMs ?? nowMs) - nowMs;
  return (
    <div role="alert" className={styles['banner']} data-tone="failed">
      <IconPlugConnectedX size={18} aria-hidden />
      <div>
        <strong>{t('shell.lost.title')}</strong>{' '}
        {t('shell.lost.body', {
          time: format.time(lastDataMs),
          age: format.roughDuration(nowMs - lastDataMs),
        })}
      </div>
      <span className={styles['bannerNext']}>
        {leftMs > 1_000
          ? t('shell.lost.nextTry', { in: format.roughDuration(leftMs) })
          : t('shell.lost.trying')}
      </span>
      <Button variant="default" onClick={() => client.retryNow()}>
        {t('shell.lost.retry')}
      </Button>
    </div>
  );
}

export function SetupBanner({ page }: { readonly page: string }) {
  const { t } = useTranslation();
  const isSetup = useStatus(({ state }) => state === 'setup') === true;
  if (!isSetup || page === 'setup') return null;
  return (
    <div role="status" className={styles['banner']} data-tone="busy">
      <IconWand size={18} aria-hidden />
      <strong>{t('shell.setupBanner.title')}</strong>
      <Button component="a" href={hrefOf('setup')}>
        {t('shell.setupBanner.open')}
      </Button>
    </div>
  );
}

/** Of this machine, as the connection's own times are. */
export function useBrowserNow(isTicking: boolean): number {
  const [nowMs, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!isTicking) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [isTicking]);
  return nowMs;
}
