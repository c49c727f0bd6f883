import { IconAlertTriangle, IconCheck, IconLock } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { InlineLoader } from '../../widgets/notices.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import type { Check } from './use-check.ts';
import styles from './configuration.module.css';

export interface ProblemListProps {
  readonly check: Check;
  readonly isReadOnly: boolean;
  readonly onOpen: (line: number, column: number) => void;
}

/** What is wrong, each with its place; errors first. */
export function ProblemList({ check, isReadOnly, onOpen }: ProblemListProps) {
  const { t } = useTranslation();
  const { problems, isUsable } = check;
  if (isReadOnly)
    return (
      <div className={styles['noProblems']} role="status">
        <IconLock size={13} aria-hidden />
        {t('configuration.problems.readOnly')}
      </div>
    );
  if (problems.length === 0)
    return (
      <div className={styles['noProblems']} data-tone={isUsable === true ? 'ok' : undefined} role="status">
        {isUsable === undefined ? <InlineLoader /> : <IconCheck size={14} aria-hidden />}
        {t(isUsable === undefined ? 'configuration.problems.checking' : 'configuration.problems.none')}
      </div>
    );
  const sorted = [...problems].sort((a, b) => rank(a.severity) - rank(b.severity) || a.line - b.line);
  return (
    <div
      className={styles['problems']}
      role="region"
      aria-label={t('configuration.problems.title')}
      tabIndex={0}
    >
      {sorted.map(({ severity, line, column, message, hint }, place) => (
        <button
          key={place}
          type="button"
          className={styles['problem']}
          data-severity={severity}
          onClick={() => onOpen(line, column)}
        >
          <IconAlertTriangle size={13} aria-label={t(`widgets.states.${severity}`)} />
          <span className={styles['place']}>{line > 0 ? `${line}:${column}` : ''}</span>
          <span>
            <SafeText text={message} />{' '}
            <span className={styles['problemHint']}>{hint !== '' && <SafeText text={hint} />}</span>
          </span>
        </button>
      ))}
    </div>
  );
}

function rank(severity: 'error' | 'warning'): number {
  return severity === 'error' ? 0 : 1;
}
