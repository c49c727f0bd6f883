/** What the desktop app does on this computer: tray, notifications, start, and which engine it is for. */
import { Button, Switch, TextInput } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { DesktopSettings, DesktopSettingsChange } from '../../../shared/contract/desktop.ts';
import type { DesktopBridge } from '../../../shared/contract/desktop-bridge.ts';
import { useDesktop } from '../../client/use-desktop.ts';
import { SafeText } from '../../widgets/code-text.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import styles from './settings.module.css';

const KINDS = ['backlog', 'oldest-event', 'link', 'disk', 'countdown', 'landing', 'audit', 'engine'] as const;

export function DesktopPanel({ bridge }: { readonly bridge: DesktopBridge }) {
  const { t } = useTranslation();
  const { desktop, error, change } = useDesktop(bridge);
  return (
    <Panel title={t('settings.desktop')}>
      {error !== undefined && <ErrorState error={error} isInline />}
      {desktop === undefined && error === undefined && <LoadingState />}
      {desktop !== undefined && (
        <div className={styles['fields']}>
          <Switch
            label={t('settings.autostart')}
            description={t(
              desktop.info.autostart.isSupported ? 'settings.autostartHint' : 'settings.autostartNone',
            )}
            disabled={!desktop.info.autostart.isSupported}
            checked={desktop.settings.startsWithComputer}
            onChange={(event) => change({ startsWithComputer: event.currentTarget.checked })}
          />
          <Switch
            label={t('settings.closesToTray')}
            checked={desktop.settings.closesToTray}
            onChange={(event) => change({ closesToTray: event.currentTarget.checked })}
          />
          <Notifications settings={desktop.settings} onChange={change} />
          <EngineChoice stateDir={desktop.settings.engine.stateDir ?? ''} onChange={change} />
          {desktop.problems.map((problem) => (
            <p key={problem} className={styles['problem']} role="alert">
              {t('settings.problem')}: <SafeText text={problem} />
            </p>
          ))}
        </div>
      )}
    </Panel>
  );
}

interface PartProps {
  readonly onChange: (change: DesktopSettingsChange) => void;
}

function Notifications({ settings, onChange }: PartProps & { readonly settings: DesktopSettings }) {
  const { t } = useTranslation();
  const { isOn, kinds } = settings.notifications;
  return (
    <>
      <Switch
        label={t('settings.notifications')}
        checked={isOn}
        onChange={(event) => onChange({ notifications: { isOn: event.currentTarget.checked } })}
      />
      <div className={styles['kinds']}>
        {KINDS.map((kind) => (
          <Switch
            key={kind}
            size="xs"
            label={t(`settings.kinds.${kind}`)}
            disabled={!isOn}
            checked={kinds[kind]}
            onChange={(event) =>
              onChange({ notifications: { kinds: { [kind]: event.currentTarget.checked } } })
            }
          />
        ))}
      </div>
    </>
  );
}

function EngineChoice({ stateDir, onChange }: PartProps & { readonly stateDir: string }) {
  const { t } = useTranslation();
  const [text, setText] = useState(stateDir);
  useEffect(() => setText(stateDir), [stateDir]);
  return (
    <div className={styles['buttons']}>
      <TextInput
        label={t('settings.engineDir')}
        description={t('settings.engineDirHint')}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        flex={1}
      />
      <Button
        variant="default"
        disabled={text === stateDir}
        onClick={() => onChange({ engine: { stateDir: text.trim() } })}
      >
        {t('settings.use')}
      </Button>
    </div>
  );
}
