/** The pipeline as a picture: sources, channels and sinks as cards, and lines between them with what flows. */
import { useMemo, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { ChannelCard } from './channel-card.tsx';
import { PipelineLines } from './pipeline-lines.tsx';
import { linksOf } from './pipeline-links.ts';
import styles from './pipeline.module.css';
import { SinkCard } from './sink-card.tsx';
import { SourceCard } from './source-card.tsx';

const NOTHING: Pick<EngineStatus, 'sources' | 'channels' | 'sinks'> = {
  sources: [],
  channels: [],
  sinks: [],
};

export function Pipeline() {
  const { t } = useTranslation();
  const sources = useStatus((status) => status.sources) ?? NOTHING.sources;
  const channels = useStatus((status) => status.channels) ?? NOTHING.channels;
  const sinks = useStatus((status) => status.sinks) ?? NOTHING.sinks;
  const links = useMemo(() => linksOf({ sources, channels, sinks }), [sources, channels, sinks]);
  const picture = useRef<HTMLDivElement>(null);
  return (
    <Panel title={t('overview.pipeline.title')} isFlush>
      <div ref={picture} className={styles['picture']}>
        <PipelineLines picture={picture} links={links} />
        <ul className={styles['column']} aria-label={t('overview.pipeline.sources')}>
          {sources.map((source) => (
            <SourceCard key={source.name} source={source} />
          ))}
        </ul>
        <ul className={styles['column']} aria-label={t('overview.pipeline.channels')}>
          {channels.map((channel) => (
            <ChannelCard key={channel.name} channel={channel} />
          ))}
        </ul>
        <ul className={styles['column']} aria-label={t('overview.pipeline.sinks')}>
          {sinks.map((sink) => (
            <SinkCard key={sink.name} sink={sink} />
          ))}
        </ul>
      </div>
    </Panel>
  );
}
