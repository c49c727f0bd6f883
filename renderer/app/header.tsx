import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import { IconKeyboard, IconLanguage, IconLogout, IconMoon, IconSun } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useComputedColorScheme } from '@mantine/core';
import { useEngine, useStatus, useView } from '../client/engine-context.tsx';
import { toCallError } from '../client/call-error.ts';
import { LANGUAGES, LANGUAGE_NAMES } from '../text/languages.ts';
import { StateBadge, type StateName } from '../widgets/state-badge.tsx';
import { SafeText } from '../widgets/code-text.tsx';
import { toast } from '../widgets/toast.ts';
import { JobsButton } from './jobs-tray.tsx';
import { Logo } from './logo.tsx';
import { changePreferences, usePreferences } from './preferences.ts';
import { hrefOf } from './route.ts';
import styles from './shell.module.css';

export function Header({ onHelp }: { readonly onHelp: () => void }) {
  const { t } = useTranslation();
  const gateway = useStatus((status) => status.gateway);
  const { client } = useEngine();
  return (
    <header className={styles['header']}>
      <a href={hrefOf('overview')} className={styles['brand']}>
        <Logo />
        <span>{t('shell.name')}</span>
      </a>
      {gateway !== undefined && (
        <span className={styles['gateway']}>
          <SafeText text={gateway} />
        </span>
      )}
      <LinkBadge />
      <EngineState />
      <div className={styles['spring']} />
      <WriteSummary />
      <JobsButton />
      <LanguageMenu />
      <ThemeButton />
      <Tooltip label={t('shell.keys.open')}>
        <ActionIcon aria-label={t('shell.keys.open')} onClick={onHelp}>
          <IconKeyboard size={17} stroke={1.7} />
        </ActionIcon>
      </Tooltip>
      {client.kind === 'browser' && <SignOutButton />}
    </header>
  );
}

const LINK_STATES: Readonly<Record<string, StateName>> = {
  live: 'ok',
  connecting: 'starting',
  lost: 'error',
  'signed-out': 'warn',
  'other-version': 'error',
};

function LinkBadge() {
  const { t } = useTranslation();
  const state = useView(({ link }) => link.state);
  return (
    <span role="status" aria-label={t('shell.link.label')}>
      <StateBadge state={LINK_STATES[state] ?? 'unknown'} label={t(`shell.link.${state}`)} />
    </span>
  );
}

/** Only where it is out of the ordinary. */
function EngineState() {
  const { t } = useTranslation();
  const state = useStatus((status) => status.state);
  if (state === undefined || state === 'running') return null;
  return (
    <StateBadge state={state === 'stopped' ? 'error' : 'starting'} label={t(`shell.engineState.${state}`)} />
  );
}

function WriteSummary() {
  const { t } = useTranslation();
  const all = useStatus(({ sinks }) => sinks.length);
  const paused = useStatus(({ sinks }) => sinks.filter((sink) => sink.paused !== undefined).length) ?? 0;
  if (all === undefined || all === 0) return null;
  const label =
    paused === 0
      ? t('shell.writing.on')
      : paused === all
        ? t('shell.writing.off')
        : t('shell.writing.some', { paused, all });
  return (
    <Tooltip label={t('shell.writing.toOverview')}>
      <a href={hrefOf('overview')} className={styles['plainLink']}>
        <StateBadge state={paused === 0 ? 'flowing' : 'paused'} label={label} />
      </a>
    </Tooltip>
  );
}

function LanguageMenu() {
  const { t } = useTranslation();
  const { language } = usePreferences();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t('shell.preferences.language')}>
          <IconLanguage size={17} stroke={1.7} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map((known) => (
          <Menu.Item
            key={known}
            lang={known}
            aria-current={known === language || undefined}
            onClick={() => changePreferences({ language: known })}
          >
            {LANGUAGE_NAMES[known]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function ThemeButton() {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light');
  return (
    <Tooltip label={t('shell.preferences.toggle')}>
      <ActionIcon
        aria-label={t('shell.preferences.toggle')}
        onClick={() => changePreferences({ scheme: scheme === 'dark' ? 'light' : 'dark' })}
      >
        {scheme === 'dark' ? <IconSun size={17} stroke={1.7} /> : <IconMoon size={17} stroke={1.7} />}
      </ActionIcon>
    </Tooltip>
  );
}

function SignOutButton() {
  const { t } = useTranslation();
  const { client } = useEngine();
  return (
    <Tooltip label={t('shell.signIn.signOut')}>
      <ActionIcon
        aria-label={t('shell.signIn.signOut')}
        onClick={() => {
          client.signOut().catch((error: unknown) => toast(toCallError(error).message, 'failed'));
        }}
      >
        <IconLogout size={17} stroke={1.7} />
      </ActionIcon>
    </Tooltip>
  );
}
