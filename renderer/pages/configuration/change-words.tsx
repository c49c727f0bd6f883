/** What applying would do, in words. */
import { useTranslation } from 'react-i18next';
import type { ConfigChangeReport } from '../../../shared/contract/control-config.ts';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import styles from './configuration.module.css';

const LOOKS = { added: 'ok', removed: 'warning', changed: 'info' } as const;

export function ChangeWords({ change }: { readonly change: ConfigChangeReport }) {
  const { t } = useTranslation();
  const { components, sections, refused, notes, needsRestart } = change;
  const sectionsOnly = sections.filter((section) => !['sources', 'channels', 'sinks'].includes(section));
  return (
    <>
      {refused.length > 0 && <Refused refused={refused} />}
      {change.isEmpty && <p>{t('configuration.change.empty')}</p>}
      {(components.length > 0 || sectionsOnly.length > 0) && (
        <ul className={styles['change']}>
          {components.map(({ kind, name, change: what, keys }) => (
            <li key={`${kind} ${name}`}>
              <StateBadge state={LOOKS[what]} label={t(`configuration.change.${what}`)} variant="plain" />
              <div>
                {t(`configuration.change.kinds.${kind}`)} <CodeText>{name}</CodeText>
                {what === 'changed' && keys.length > 0 && (
                  <span className={styles['keyNames']}>
                    {': '}
                    <SafeText text={keys.join(', ')} />
                  </span>
                )}
              </div>
            </li>
          ))}
          {sectionsOnly.map((section) => (
            <li key={section}>
              <StateBadge state="info" label={t('configuration.change.changed')} variant="plain" />
              <div>
                {t('configuration.change.section')} <CodeText>{section}</CodeText>
              </div>
            </li>
          ))}
        </ul>
      )}
      {needsRestart.length > 0 && (
        <div className={styles['notes']}>
          <strong>{t('configuration.change.needsRestart')}</strong>
          <SafeText text={needsRestart.join(', ')} />
        </div>
      )}
      {notes.length > 0 && (
        <div className={styles['notes']}>
          <strong>{t('configuration.change.notes')}</strong>
          <ul>
            {notes.map((note) => (
              <li key={note}>
                <SafeText text={note} />
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}

function Refused({ refused }: Pick<ConfigChangeReport, 'refused'>) {
  const { t } = useTranslation();
  return (
    <div className={styles['refused']} role="alert">
      <strong>{t('configuration.change.refused')}</strong>
      <ul>
        {refused.map(({ kind, name, reason, hint }) => (
          <li key={`${kind} ${name} ${reason}`}>
            <SafeText text={`${kind} ${name}: ${reason}. ${hint}`} />
          </li>
        ))}
      </ul>
    </div>
  );
}
