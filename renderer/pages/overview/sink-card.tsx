import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { SinkStatusRow } from '../../../shared/contract/control-status.ts';
import { hrefOf } from '../../app/route.ts';
import { AgeText } from '../../widgets/amounts.tsx';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import { Facts, NodeCard } from './node-card.tsx';
import styles from './pipeline.module.css';
import { WriteSwitchSink } from './write-switch.tsx';

export const SinkCard = memo(function SinkCard({ sink }: { readonly sink: SinkStatusRow }) {
  const { t } = useTranslation();
  const { name, type, cause, hint, nextTryMs, openKeys, uploads, heldFiles, lastLandedMs } = sink;
  // Between two files it has nothing to do, and yet events land: it would flicker.
  const state = sink.state === 'idle' && sink.eventsPerSecond > 0 ? 'flowing' : sink.state;
  return (
    <NodeCard id={`sink:${name}`} name={name} type={type} state={state}>
      <div className={styles['split']}>
        <Facts
          facts={[
            lastLandedMs === undefined ? (
              t('overview.pipeline.neverLanded')
            ) : (
              <a href={hrefOf('landings')}>
                {t('overview.pipeline.lastLanded')} <AgeText ms={lastLandedMs} />
              </a>
            ),
            uploads.length === 0 ? undefined : t('overview.pipeline.uploads', { count: uploads.length }),
            openKeys === 0 ? undefined : t('overview.pipeline.directories', { count: openKeys }),
            heldFiles === 0 ? undefined : t('overview.pipeline.heldFiles', { count: heldFiles }),
          ]}
        />
        <WriteSwitchSink sink={sink} />
      </div>
      {sink.paused !== undefined && <PausedLine paused={sink.paused} />}
      <CauseLine
        cause={cause}
        hint={hint}
        nextTryMs={nextTryMs}
        tone={state === 'failed' ? 'failed' : 'waiting'}
      />
    </NodeCard>
  );
});

function PausedLine({ paused }: { readonly paused: NonNullable<SinkStatusRow['paused']> }) {
  const { t } = useTranslation();
  const { by, why, atMs } = paused;
  return (
    <div className={styles['paused']}>
      <SafeText
        text={by === '' ? t('overview.pipeline.pausedBySomebody') : t('overview.pipeline.pausedBy', { by })}
      />{' '}
      <AgeText ms={atMs} />
      {why !== '' && (
        <>
          {': '}
          <SafeText text={why} />
        </>
      )}
    </div>
  );
}
