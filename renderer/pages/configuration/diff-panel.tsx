/** The edit beside what runs, or beside the file; and what applying it would change. */
import { SegmentedControl } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ConfigReference } from '../../../shared/contract/control-config.ts';
import { useCall } from '../../client/use-call.ts';
import { DiffView } from '../../widgets/diff-view.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { ChangeWords } from './change-words.tsx';
import type { Draft } from './draft-store.ts';
import { useStatus } from '../../client/engine-context.tsx';
import styles from './configuration.module.css';

const SIDES = ['running', 'file'] as const;

export function DiffPanel({ draft }: { readonly draft: Draft }) {
  const { t } = useTranslation();
  const [side, setSide] = useState<(typeof SIDES)[number]>('running');
  const version = useStatus((status) => status.configVersion) ?? 0;
  return (
    <Panel
      isFlush
      isGrowing
      title={t('configuration.diff.title')}
      tools={
        <SegmentedControl
          aria-label={t('configuration.diff.against')}
          value={side}
          onChange={setSide}
          data={SIDES.map((value) => ({ value, label: t(`configuration.diff.sides.${value}`, { version }) }))}
        />
      }
    >
      <DiffOf key={draft.base.sha256} from={{ kind: side }} to={{ kind: 'text', text: draft.text }} isSplit />
    </Panel>
  );
}

export interface DiffOfProps {
  readonly from: ConfigReference;
  readonly to: ConfigReference;
  /** The change in words stands at the right. */
  readonly isSplit?: boolean;
}

export function DiffOf({ from, to, isSplit = false }: DiffOfProps) {
  const { t } = useTranslation();
  const diff = useCall('configDiff', { from, to });
  if (diff.error !== undefined) return <ErrorState error={diff.error} onRetry={diff.reload} />;
  if (diff.data === undefined) return <LoadingState lines={8} />;
  const { lines, change } = diff.data;
  const isSame = lines.every(({ kind }) => kind === 'same');
  const text = isSame ? (
    <div className={styles['empty']}>
      <EmptyState title={t('configuration.diff.same')} />
    </div>
  ) : (
    <DiffView lines={lines} label={t('configuration.diff.title')} />
  );
  if (!isSplit) return text;
  return (
    <div className={styles['split']}>
      {text}
      <div
        className={styles['aside']}
        role="region"
        aria-label={t('configuration.change.title')}
        tabIndex={0}
      >
        <h2>{t('configuration.change.title')}</h2>
        <div className={styles['dialog']}>
          {change === undefined ? (
            <p>{t('configuration.change.unusable')}</p>
          ) : (
            <ChangeWords change={change} />
          )}
        </div>
      </div>
    </div>
  );
}
