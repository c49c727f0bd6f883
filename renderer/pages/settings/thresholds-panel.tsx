/** From which values on the engine raises alerts: read from its effective configuration. */
import { useTranslation } from 'react-i18next';
import { hrefOf } from '../../app/route.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useCall } from '../../client/use-call.ts';
import { CodeText } from '../../widgets/code-text.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import styles from './settings.module.css';

const LIMITS = [
  ...(['backlogBytes', 'oldestEvent', 'landingStuck', 'linkDown', 'heldPut', 'countdown'] as const),
  'timeToFull' as const,
  'silentPeer' as const,
];

export function ThresholdsPanel() {
  const { t } = useTranslation();
  const version = useStatus((status) => status.configVersion);
  const shown = useCall(
    'configShow',
    {},
    { isEnabled: version !== undefined, refetchOn: isNewVersion(version) },
  );
  const written = alertSection(shown.data?.yaml ?? '');
  return (
    <Panel title={t('settings.thresholds')}>
      {shown.error !== undefined && <ErrorState error={shown.error} isInline onRetry={shown.reload} />}
      {shown.data === undefined && shown.error === undefined && <LoadingState />}
      {shown.data !== undefined && (
        <KeyValue
          rows={LIMITS.map((name) => ({
            name: t(`settings.limits.${name}`),
            value: written.has(name) && <CodeText>{written.get(name) ?? ''}</CodeText>,
          }))}
        />
      )}
      <p className={styles['note']}>
        {t('settings.thresholdsHint')} <a href={hrefOf('configuration')}>{t('settings.thresholdsEdit')}</a>
      </p>
    </Panel>
  );
}

function isNewVersion(version: number | undefined) {
  return (event: { readonly type: string; readonly status?: { readonly configVersion: number } }): boolean =>
    event.type === 'status' && event.status?.configVersion !== version;
}

/** The engine writes this YAML itself: one `name: value` a line under `alerts:`. */
function alertSection(yaml: string): ReadonlyMap<string, string> {
  const lines = yaml.split('\n');
  const start = lines.indexOf('alerts:');
  const values = new Map<string, string>();
  for (const line of start === -1 ? [] : lines.slice(start + 1)) {
    const match = /^ {2}(\w+): (.*)$/.exec(line);
    if (match === null) break;
    values.set(match[1] ?? '', match[2] ?? '');
  }
  return values;
}
