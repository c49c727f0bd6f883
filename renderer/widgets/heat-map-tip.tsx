import { Portal } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { HOUR_MS } from '../../shared/units.ts';
import { useFormat } from '../text/use-format.ts';
import { SafeText } from './code-text.tsx';
import type { HeatCell, HeatColumn } from './heat-map-layout.ts';
import styles from './heat-map.module.css';

/** What the pointer is on. */
export interface HeatPlace {
  readonly column: number;
  readonly row: number;
  readonly topic: string;
  readonly of: HeatColumn;
  readonly cell: HeatCell | undefined;
  /** The lower right corner, in the window. */
  readonly leftPx: number;
  readonly topPx: number;
}

const WIDTH_PX = 250;

/** The numbers of a cell, beside it. */
export function HeatTip({ place }: { readonly place: HeatPlace }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { of, cell } = place;
  const isAtEdge = place.leftPx + WIDTH_PX > innerWidth;
  const time = (ms: number): string => format.time(ms).slice(0, 16);
  return (
    <Portal>
      <div
        className={styles['tip']}
        style={{
          top: place.topPx + 4,
          ...(isAtEdge ? { right: innerWidth - place.leftPx + 12 } : { left: place.leftPx + 4 }),
        }}
        aria-hidden
      >
        <div className={styles['tipTopic']}>
          <SafeText text={place.topic} />
        </div>
        {of.kind === 'hour' ? (
          <div>
            {time(of.hourMs)}–{format.hourMinute(of.hourMs + HOUR_MS)}
          </div>
        ) : (
          <div>
            {time(of.fromMs)} – {time(of.toMs)}
          </div>
        )}
        {cell === undefined ? (
          <div className={styles['tipDim']}>
            {t(of.kind === 'gap' ? 'backlog.heat.gap' : 'backlog.heat.nothing')}
          </div>
        ) : (
          <div className={styles['tipNumbers']}>
            <strong>{format.bytes(cell.bytes)}</strong>
            <span>
              {t('backlog.heat.events', { count: cell.events, formatted: format.count(cell.events) })}
            </span>
          </div>
        )}
      </div>
    </Portal>
  );
}
