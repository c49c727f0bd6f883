/**
 * The gateways that share the landing root: who lives, who owns what, who holds what. A silent one that holds events is an alarm: nobody else
 * will land them. A gateway that is alone has no such card.
 */
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { StreamEvent } from '../../../shared/contract/control.ts';
import type { FleetGateway, FleetStatus } from '../../../shared/contract/control-fleet.ts';
import { SECOND_MS } from '../../../shared/units.ts';
import { useEngineNow } from '../../client/engine-context.tsx';
import { useCall } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { AgeText, TimeText } from '../../widgets/amounts.tsx';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { SafeText } from '../../widgets/code-text.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import styles from './fleet-card.module.css';
import { isAlarm, mayHold, rankedGateways, signOf } from './fleet-gateways.ts';
import { FleetPartitions } from './fleet-partitions.tsx';

/** The engine looks at the others each minute, and answers from memory. */
const REFETCH_EVERY_MS = 20 * SECOND_MS;
/** More are counted; `headgate status --fleet` lists all. */
const GATEWAYS_SHOWN_MAX = 12;
const PROBLEMS_SHOWN_MAX = 2;
const INPUT = { isFactsOnly: true, partitionsMax: 0 };

export function FleetCard() {
  const { data } = useCall('fleetStatus', INPUT, {
    refetchOn: isAboutFleet,
    refetchEveryMs: REFETCH_EVERY_MS,
  });
  return data === undefined || data.gateways.length < 2 ? null : <Fleet status={data} />;
}

function isAboutFleet(event: StreamEvent): boolean {
  return event.type === 'alert' && (event.alert.code === 'silent-peer' || event.alert.code === 'fleet-facts');
}

function Fleet({ status }: { readonly status: FleetStatus }) {
  const { t } = useTranslation();
  const { gateways, problems } = status;
  const ranked = rankedGateways(gateways);
  const hidden = ranked.length - GATEWAYS_SHOWN_MAX;
  const columns = ['gateway', 'state', 'sign', 'owns', 'holds', 'oldest'] as const;
  return (
    <Panel title={t('overview.fleet.title')} tools={<FleetSummary gateways={gateways} />} isFlush>
      <table className={styles['fleet']} aria-label={t('overview.fleet.title')}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {t(`overview.fleet.columns.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {ranked.slice(0, GATEWAYS_SHOWN_MAX).map((gateway) => (
            <GatewayRows key={gateway.stateId} gateway={gateway} columns={columns.length} />
          ))}
        </tbody>
      </table>
      {hidden > 0 && <p className={styles['note']}>{t('overview.fleet.more', { count: hidden })}</p>}
      {problems.slice(0, PROBLEMS_SHOWN_MAX).map(({ place, message }) => (
        <div key={place} className={styles['note']}>
          <CauseLine
            cause={t('overview.fleet.unread', { place })}
            hint={`${message}. ${t('overview.fleet.unreadHint')}`}
          />
        </div>
      ))}
    </Panel>
  );
}

function FleetSummary({ gateways }: { readonly gateways: readonly FleetGateway[] }) {
  const { t } = useTranslation();
  const silent = gateways.filter(({ isSilent }) => isSilent).length;
  const present = gateways.filter(({ ended }) => ended === undefined).length;
  return (
    <>
      <span className={styles['dim']}>{t('overview.fleet.count', { count: present })}</span>
      {silent > 0 && (
        <StateBadge
          state={gateways.some(isAlarm) ? 'failed' : 'waiting'}
          label={t('overview.fleet.silentCount', { count: silent })}
        />
      )}
    </>
  );
}

interface RowsProps {
  readonly gateway: FleetGateway;
  readonly columns: number;
}

/** Its line, and below it what is wrong with it and what it owns, where that is asked for. */
function GatewayRows({ gateway, columns }: RowsProps) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const { gatewayId, stateId, isOwn, oldestEventMs } = gateway;
  return (
    <>
      <tr data-gateway={gatewayId} data-sign={signOf(gateway)} data-alarm={isAlarm(gateway) || undefined}>
        <th scope="row" title={stateId}>
          <SafeText text={gatewayId} />
          {isOwn && <span className={styles['dim']}> {t('overview.fleet.own')}</span>}
        </th>
        <td>
          <GatewayState gateway={gateway} />
        </td>
        <td>
          <LastSign gateway={gateway} />
        </td>
        <td>
          <Owned gateway={gateway} isOpen={isOpen} listId={id} onToggle={() => setOpen(!isOpen)} />
        </td>
        <td>
          <Holds gateway={gateway} />
        </td>
        <td>
          <AgeText ms={oldestEventMs} as="age" />
        </td>
      </tr>
      {gateway.isSilent && (
        <tr className={styles['more']} data-alarm={isAlarm(gateway) || undefined}>
          <td colSpan={columns}>
            <SilenceCause gateway={gateway} />
          </td>
        </tr>
      )}
      {isOpen && (
        <tr className={styles['more']} id={id}>
          <td colSpan={columns}>
            <FleetPartitions stateId={stateId} />
          </td>
        </tr>
      )}
    </>
  );
}

function GatewayState({ gateway }: { readonly gateway: FleetGateway }) {
  const { t } = useTranslation();
  const sign = signOf(gateway);
  if (sign === 'silent')
    return (
      <StateBadge state={isAlarm(gateway) ? 'failed' : 'waiting'} label={t('overview.fleet.states.silent')} />
    );
  const state = { alive: 'ok', paused: 'paused', retired: 'done', recovered: 'done' } as const;
  return <StateBadge state={state[sign]} label={t(`overview.fleet.states.${sign}`)} />;
}

function LastSign({ gateway: { ended, signMs } }: { readonly gateway: FleetGateway }) {
  return ended === undefined ? <AgeText ms={signMs} /> : <TimeText ms={ended.atMs} />;
}

function Owned(props: {
  readonly gateway: FleetGateway;
  readonly isOpen: boolean;
  readonly listId: string;
  readonly onToggle: () => void;
}) {
  const { t } = useTranslation();
  const { gateway, isOpen, listId, onToggle } = props;
  const { owned } = gateway;
  if (owned === undefined) return <span className={styles['dim']}>{t('overview.fleet.ownsNone')}</span>;
  const Icon = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <button
      type="button"
      className={styles['owned']}
      aria-expanded={isOpen}
      aria-controls={isOpen ? listId : undefined}
      onClick={onToggle}
    >
      <Icon size={13} aria-hidden />
      {t('overview.pipeline.partitions', { count: owned.partitions })}
      {owned.sinceMs !== undefined && (
        <span className={styles['dim']}>
          <Lasting sinceMs={owned.sinceMs} />
        </span>
      )}
    </button>
  );
}

function Lasting({ sinceMs }: { readonly sinceMs: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useEngineNow();
  const age = format.roughDuration(nowMs - sinceMs);
  return <span title={format.exactTime(sinceMs)}>{t('overview.alerts.since', { age })}</span>;
}

function Holds({ gateway }: { readonly gateway: FleetGateway }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { waitingEvents, waitingBytes, claimedEvents, untoldEvents, isSilent } = gateway;
  if (mayHold(gateway) === 0)
    return <span className={styles['dim']}>{t('overview.fleet.holdsNothing')}</span>;
  return (
    <span className={styles['holds']}>
      {waitingEvents > 0 && (
        <span title={format.count(waitingEvents)}>
          {t('overview.pipeline.events', { events: format.compact(waitingEvents) })},{' '}
          {format.bytes(waitingBytes)}
        </span>
      )}
      {claimedEvents > 0 && (
        <span>{t('overview.pipeline.claimed', { events: format.compact(claimedEvents) })}</span>
      )}
      {isSilent && untoldEvents > 0 && (
        <span>{t('overview.fleet.untold', { events: format.compact(untoldEvents) })}</span>
      )}
    </span>
  );
}

function SilenceCause({ gateway }: { readonly gateway: FleetGateway }) {
  const { t } = useTranslation();
  if (!isAlarm(gateway)) return <CauseLine cause={t('overview.fleet.silentEmpty')} />;
  return (
    <CauseLine
      tone="failed"
      cause={t('overview.fleet.silentHolds')}
      hint={t('overview.fleet.silentHint', { gateway: gateway.gatewayId })}
    />
  );
}
