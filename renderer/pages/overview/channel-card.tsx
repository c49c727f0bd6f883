import { memo } from 'react';
import { useTranslation } from 'react-i18next';
import type { ChannelStatusRow } from '../../../shared/contract/control-status.ts';
import { hrefOf } from '../../app/route.ts';
import { useEngineNow } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { Facts, NodeCard } from './node-card.tsx';
import styles from './pipeline.module.css';

/** From this share on the meter warns. */
const FILLING_SHARE = 0.8;

export const ChannelCard = memo(function ChannelCard({ channel }: { readonly channel: ChannelStatusRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { name, type, state, cause, hint, nextTryMs, events, storedBytes } = channel;
  const { heldEvents, quarantined, damagedChunks, oldestEventMs, claims, memory } = channel;
  return (
    <NodeCard id={`channel:${name}`} name={name} type={type} state={state}>
      <Meter channel={channel} />
      <Facts
        facts={[
          events === 0 ? (
            t('overview.pipeline.empty')
          ) : (
            // Events whose commit in Kafka is still to come are there for a moment only: a fact of their own would make the card jump.
            <a
              href={hrefOf('backlog')}
              title={t('overview.pipeline.held', { events: format.compact(heldEvents) })}
            >
              {t('overview.pipeline.events', { events: format.compact(events) })}
            </a>
          ),
          events === 0 ? undefined : format.bytes(storedBytes),
          memory === undefined ? undefined : <InMemory memory={memory} />,
          oldestEventMs === undefined ? undefined : <Oldest ms={oldestEventMs} />,
          quarantined === 0 ? undefined : (
            <a href={hrefOf('quarantine')}>
              {t('overview.pipeline.quarantined', { events: format.compact(quarantined) })}
            </a>
          ),
          claims === undefined ? undefined : <Claimed claims={claims} />,
          damagedChunks === 0 ? undefined : t('overview.pipeline.damaged', { count: damagedChunks }),
        ]}
      />
      <CauseLine
        cause={cause}
        hint={hint}
        nextTryMs={nextTryMs}
        tone={state === 'failed' ? 'failed' : 'waiting'}
      />
    </NodeCard>
  );
});

/** What a crash now would cost. */
function InMemory({ memory }: { readonly memory: NonNullable<ChannelStatusRow['memory']> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { usedBytes, capacityBytes } = memory;
  return (
    <span title={t('overview.pipeline.inMemoryWhy')}>
      {t('overview.pipeline.inMemory', {
        used: format.bytes(usedBytes),
        capacity: format.bytes(capacityBytes),
      })}
    </span>
  );
}

function Oldest({ ms }: { readonly ms: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useEngineNow();
  return t('overview.pipeline.oldest', { age: format.roughDuration(nowMs - ms) });
}

/** A few minutes are nothing; for hours it is something to look at, and the age says which. */
function Claimed({ claims }: { readonly claims: NonNullable<ChannelStatusRow['claims']> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useEngineNow();
  const { events, oldestMs } = claims;
  return (
    <strong title={t('overview.pipeline.claimedWhy', { time: format.time(oldestMs) })}>
      {t('overview.pipeline.claimed', { events: format.compact(events) })}{' '}
      {t('overview.alerts.since', { age: format.roughDuration(nowMs - oldestMs) })}
    </strong>
  );
}

function Meter({ channel }: { readonly channel: ChannelStatusRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { name, usedBytes, capacityBytes, state } = channel;
  const share = capacityBytes > 0 ? Math.min(1, usedBytes / capacityBytes) : 0;
  const tone = state !== 'open' ? 'failed' : share >= FILLING_SHARE ? 'waiting' : 'idle';
  return (
    <div className={styles['meter']}>
      <div
        className={styles['track']}
        role="meter"
        aria-label={t('overview.pipeline.usedLabel', { channel: name })}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={Math.round(share * 100)}
        data-tone={tone}
      >
        <i style={{ width: `${share * 100}%` }} />
      </div>
      <span>
        {t('overview.pipeline.used', {
          used: format.bytes(usedBytes),
          capacity: format.bytes(capacityBytes),
        })}
      </span>
    </div>
  );
}
