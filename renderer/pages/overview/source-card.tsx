import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { SourceStatusRow } from '../../../shared/contract/control-status.ts';
import { SECOND_MS } from '../../../shared/units.ts';
import { useFormat } from '../../text/use-format.ts';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { Facts, NodeCard } from './node-card.tsx';

export const SourceCard = memo(function SourceCard({ source }: { readonly source: SourceStatusRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { name, type, cause, hint, nextTryMs, lag, partitions, secondsToLoss, repull } = source;
  // Nothing is left in Kafka, and yet events come: whoever looks at the picture sees them flow.
  const state = source.state === 'idle' && source.eventsPerSecond > 0 ? 'flowing' : source.state;
  const topics = new Set(partitions.map(({ topic }) => topic)).size;
  const held = partitions.filter((partition) => partition.state === 'held').length;
  return (
    <NodeCard id={`source:${name}`} name={name} type={type} state={state}>
      <Facts
        facts={[
          topics === 0 ? undefined : t('overview.pipeline.topics', { count: topics }),
          partitions.length === 0
            ? undefined
            : t('overview.pipeline.partitions', { count: partitions.length }),
          lag < 0
            ? undefined
            : lag === 0
              ? t('overview.pipeline.lagNone')
              : t('overview.pipeline.lag', { events: format.compact(lag) }),
          secondsToLoss === undefined
            ? undefined
            : t('overview.pipeline.loss', { time: format.roughDuration(secondsToLoss * SECOND_MS) }),
          repull === undefined
            ? undefined
            : t('overview.pipeline.repulled', { events: format.compact(repull.redeemed) }),
          held === 0 ? undefined : t('overview.pipeline.heldPartitions', { count: held }),
        ]}
      />
      <CauseLine
        cause={cause}
        hint={hint}
        nextTryMs={nextTryMs}
        tone={state === 'failed' ? 'failed' : 'waiting'}
      />
      {repull !== undefined && (
        <CauseLine cause={repull.cause} hint={repull.hint} nextTryMs={repull.nextTryMs} />
      )}
    </NodeCard>
  );
});
