/** The gateway in six figures. */
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { SECOND_MS } from '../../../shared/units.ts';
import { useEngineNow } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { Sparkline } from '../../widgets/sparkline.tsx';
import styles from './figure-strip.module.css';
import type { Figures } from './figures-of.ts';

const TREND_VALUES_MAX = 60;
/** From here on the room is shown as something to look at. */
const ROOM_TIGHT_SHARE = 0.8;
const ROOM_TIGHT_SECONDS = 6 * 3_600;

export function FigureStrip({ figures }: { readonly figures: Figures }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { intakeEvents, intakeBytes, landedEvents, landedBytes, backlogEvents, backlogBytes } = figures;
  const intake = useTrend(intakeEvents);
  const landed = useTrend(landedEvents);
  return (
    <section className={styles['strip']} aria-label={t('overview.figures.label')}>
      <Figure
        name={t('overview.figures.intake')}
        value={format.eventsRate(intakeEvents)}
        note={format.bytesRate(intakeBytes)}
        trend={<Sparkline values={intake} format={format.eventsRate} width={56} />}
      />
      <Figure
        name={t('overview.figures.landing')}
        value={format.eventsRate(landedEvents)}
        note={format.bytesRate(landedBytes)}
        trend={<Sparkline values={landed} format={format.eventsRate} width={56} color={2} />}
      />
      <Figure
        name={t('overview.figures.backlog')}
        value={format.bytes(backlogBytes)}
        note={
          backlogEvents === 0
            ? t('overview.figures.backlogNone')
            : t('overview.figures.backlogEvents', { events: format.compact(backlogEvents) })
        }
      />
      <OldestFigure oldestMs={figures.oldestEventMs} />
      <RoomFigure figures={figures} />
      <DrainFigure figures={figures} />
    </section>
  );
}

function OldestFigure({ oldestMs }: { readonly oldestMs: number | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useEngineNow();
  const name = t('overview.figures.oldest');
  if (oldestMs === undefined) return <Figure name={name} value={t('overview.figures.oldestNone')} note="" />;
  return <Figure name={name} value={format.roughDuration(nowMs - oldestMs)} note={format.time(oldestMs)} />;
}

function RoomFigure({ figures }: { readonly figures: Figures }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { roomBytes, isFull, usedShare, secondsToFull } = figures;
  const isTight = usedShare > ROOM_TIGHT_SHARE || (secondsToFull ?? Infinity) < ROOM_TIGHT_SECONDS;
  const note = isFull
    ? t('overview.figures.roomIsFull')
    : secondsToFull === undefined
      ? t('overview.figures.roomSteady')
      : t('overview.figures.roomFull', { time: format.roughDuration(secondsToFull * SECOND_MS) });
  return (
    <Figure
      name={t('overview.figures.room')}
      value={format.bytes(roomBytes)}
      note={note}
      {...(isFull ? { tone: 'failed' } : isTight ? { tone: 'waiting' } : {})}
    />
  );
}

function DrainFigure({ figures: { backlogEvents, drainSeconds } }: { readonly figures: Figures }) {
  const { t } = useTranslation();
  const format = useFormat();
  const name = t('overview.figures.drain');
  if (backlogEvents === 0)
    return (
      <Figure
        name={name}
        value={t('overview.figures.drainStuckShort')}
        note={t('overview.figures.drainNone')}
      />
    );
  if (drainSeconds === undefined)
    return (
      <Figure
        name={name}
        value={t('overview.figures.drainStuckShort')}
        note={t('overview.figures.drainStuck')}
      />
    );
  return (
    <Figure
      name={name}
      value={format.roughDuration(drainSeconds * SECOND_MS)}
      note={t('overview.figures.drainAt')}
    />
  );
}

function Figure(props: {
  readonly name: string;
  readonly value: string;
  readonly note: string;
  readonly trend?: ReactNode;
  readonly tone?: 'waiting' | 'failed';
}) {
  return (
    <div className={styles['figure']} data-tone={props.tone}>
      <div className={styles['name']}>{props.name}</div>
      <div className={styles['value']}>
        {props.value}
        {props.trend}
      </div>
      <div className={styles['note']} title={props.note}>
        {props.note}
      </div>
    </div>
  );
}

/** The last minute of a figure, as the statuses told it while this page was open. */
function useTrend(value: number): readonly number[] {
  const nowMs = useEngineNow();
  const latest = useRef(value);
  latest.current = value;
  const [values, setValues] = useState<readonly number[]>([]);
  useEffect(() => setValues((before) => [...before, latest.current].slice(-TREND_VALUES_MAX)), [nowMs]);
  return values;
}
