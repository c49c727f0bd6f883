import { useTranslation } from 'react-i18next';
import { desktopBridge } from '../../client/use-desktop.ts';
import { PageHeader } from '../../widgets/page-header.tsx';
import { DesktopPanel } from './desktop-panel.tsx';
import { DisplayPanel } from './display-panel.tsx';
import { EnginePanel } from './engine-panel.tsx';
import styles from './settings.module.css';
import { SupportPanel } from './support-panel.tsx';
import { ThresholdsPanel } from './thresholds-panel.tsx';

export function SettingsPage() {
  const { t } = useTranslation();
  const bridge = desktopBridge();
  return (
    <>
      <PageHeader title={t('settings.title')} />
      <div className={styles['columns']}>
        <div className={styles['column']}>
          <DisplayPanel />
          {bridge === undefined ? <ThresholdsPanel /> : <DesktopPanel bridge={bridge} />}
        </div>
        <div className={styles['column']}>
          <EnginePanel />
          {bridge !== undefined && <ThresholdsPanel />}
          <SupportPanel />
        </div>
      </div>
    </>
  );
}
