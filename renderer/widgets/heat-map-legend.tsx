import { useTranslation } from 'react-i18next';
import { useFormat } from '../text/use-format.ts';
import { fillOf, STEPS, type HeatScale } from './heat-map-layout.ts';
import styles from './heat-map.module.css';

const SWATCH_PX = 12;

export interface HeatLegendProps {
  readonly scale: HeatScale;
  readonly leftOut: { readonly bytes: number; readonly events: number };
}

/** What the heights and colours mean, and what the map does not show. */
export function HeatLegend({ scale, leftOut }: HeatLegendProps) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className={styles['legend']}>
      <span>{t('backlog.heat.legend')}</span>
      {Array.from({ length: STEPS }, (_, step) => {
        const below = scale[step];
        const least = scale.at(-1) ?? 0;
        const height = Math.round(SWATCH_PX * fillOf(step));
        return (
          <span key={step} className={styles['legendStep']}>
            <svg width={SWATCH_PX} height={SWATCH_PX} aria-hidden>
              <rect
                className={styles['cells']}
                data-step={step}
                y={SWATCH_PX - height}
                width={SWATCH_PX}
                height={height}
              />
            </svg>
            {below === undefined ? `≥ ${format.bytes(least)}` : `< ${format.bytes(below)}`}
          </span>
        );
      })}
      {leftOut.bytes > 0 && (
        <span className={styles['leftOut']}>
          {t('backlog.heat.leftOut', {
            bytes: format.bytes(leftOut.bytes),
            count: leftOut.events,
            formatted: format.count(leftOut.events),
          })}
        </span>
      )}
    </div>
  );
}
