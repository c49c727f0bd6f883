/** What this browser or window shows: kept here, not in the engine. */
import { SegmentedControl, Select, TextInput } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { changePreferences, SCHEMES, usePreferences } from '../../app/preferences.ts';
import { LANGUAGE_NAMES, LANGUAGES } from '../../text/languages.ts';
import { Panel } from '../../widgets/panel.tsx';
import styles from './settings.module.css';

const OPERATOR_CHARS_MAX = 100;
/** A select needs a value that is no zone's name. */
const OWN_ZONE = 'own';

export function DisplayPanel() {
  const { t } = useTranslation();
  const { language, scheme, operator } = usePreferences();
  return (
    <Panel title={t('settings.display')}>
      <div className={styles['fields']}>
        <TextInput
          label={t('settings.operator')}
          description={t('settings.operatorHint')}
          value={operator}
          maxLength={OPERATOR_CHARS_MAX}
          onChange={(event) => changePreferences({ operator: event.currentTarget.value })}
        />
        <Choice label={t('settings.language')}>
          <SegmentedControl
            aria-label={t('settings.language')}
            value={language}
            onChange={(value) => changePreferences({ language: value })}
            data={LANGUAGES.map((value) => ({ value, label: LANGUAGE_NAMES[value] }))}
          />
        </Choice>
        <Choice label={t('settings.theme')}>
          <SegmentedControl
            aria-label={t('settings.theme')}
            value={scheme}
            onChange={(value) => changePreferences({ scheme: value })}
            data={SCHEMES.map((value) => ({ value, label: t(`shell.preferences.${value}`) }))}
          />
        </Choice>
        <ZoneChoice />
      </div>
    </Panel>
  );
}

function Choice({ label, children }: { readonly label: string; readonly children: React.ReactNode }) {
  return (
    <div className={styles['choice']}>
      <span>{label}</span>
      {children}
    </div>
  );
}

function ZoneChoice() {
  const { t } = useTranslation();
  const { timeZone } = usePreferences();
  const zones = useMemo(
    () => ['UTC', ...Intl.supportedValuesOf('timeZone').filter((zone) => zone !== 'UTC')],
    [],
  );
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return (
    <Select
      label={t('settings.timeZone')}
      value={timeZone ?? OWN_ZONE}
      onChange={(value) => changePreferences({ timeZone: value === OWN_ZONE || value === null ? '' : value })}
      data={[
        { value: OWN_ZONE, label: t('settings.timeZoneOwn', { zone: own }) },
        ...zones.map((zone) => ({ value: zone, label: zone })),
      ]}
      searchable
      allowDeselect={false}
      limit={50}
    />
  );
}
