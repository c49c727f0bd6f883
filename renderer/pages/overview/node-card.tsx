/** A card of the picture: name, kind and state at the top, a few facts below. */
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { SafeText } from '../../widgets/code-text.tsx';
import { StateBadge, type StateName } from '../../widgets/state-badge.tsx';
import styles from './pipeline.module.css';

export interface NodeCardProps {
  /** `source:www`: what the lines hold on to. */
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly state: StateName;
  readonly children: ReactNode;
}

const TYPES = ['kafka', 'files', 'file', 'memory', 'spillable', 'hdfs', 'directory'] as const;

export function NodeCard({ id, name, type, state, children }: NodeCardProps) {
  const { t } = useTranslation();
  const known = TYPES.find((one) => one === type);
  return (
    <li className={styles['card']} data-node={id} data-state={state}>
      <div className={styles['top']}>
        <span className={styles['name']} title={name}>
          <SafeText text={name} />
        </span>
        <span className={styles['type']}>
          {known === undefined ? type : t(`overview.pipeline.types.${known}`)}
        </span>
        <StateBadge state={state} />
      </div>
      {children}
    </li>
  );
}

/** A line of short facts with dots between them; nothing where there is none. */
export function Facts({ facts }: { readonly facts: readonly (ReactNode | undefined)[] }) {
  const shown = facts.filter((fact) => fact !== undefined);
  if (shown.length === 0) return null;
  return (
    <div className={styles['facts']}>
      {shown.map((fact, place) => (
        <span key={place}>{fact}</span>
      ))}
    </div>
  );
}
