/** Two texts line by line: what went, what came, and enough around it to know where one is. */
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { DiffLine } from '../../shared/contract/control-config.ts';
import { SafeText } from './code-text.tsx';
import { foldedLines } from './diff-folds.ts';
import styles from './diff-view.module.css';

export interface DiffViewProps {
  readonly lines: readonly DiffLine[];
  /** What the two sides are, for screen readers. */
  readonly label: string;
}

const SIGNS = { same: ' ', added: '+', removed: '−' } as const;

export function DiffView({ lines, label }: DiffViewProps) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const parts = useMemo(() => foldedLines(lines, opened), [lines, opened]);
  return (
    <div className={styles['diff']} role="group" aria-label={label} tabIndex={0}>
      <table>
        <tbody>
          {parts.map((part) =>
            part.kind === 'fold' ? (
              <tr key={`fold-${part.from}`} className={styles['fold']}>
                <td colSpan={4}>
                  <button type="button" onClick={() => setOpened(new Set([...opened, part.from]))}>
                    {t('configuration.diff.unchanged', { count: part.count })}
                  </button>
                </td>
              </tr>
            ) : (
              <DiffRow key={part.place} line={part.line} />
            ),
          )}
        </tbody>
      </table>
    </div>
  );
}

function DiffRow({ line }: { readonly line: DiffLine }) {
  const { t } = useTranslation();
  const name = line.kind === 'same' ? undefined : t(`configuration.diff.${line.kind}`);
  return (
    <tr data-kind={line.kind}>
      <td className={styles['number']}>{line.before}</td>
      <td className={styles['number']}>{line.after}</td>
      <td className={styles['sign']}>
        <span aria-hidden>{SIGNS[line.kind]}</span>
        {name !== undefined && <span className={styles['unseen']}>{name}</span>}
      </td>
      <td className={styles['text']}>
        <SafeText text={line.text} />
      </td>
    </tr>
  );
}
