/** Why something waits, what to do, and when it is tried next. */
import { IconCornerDownRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useEngineNow } from '../client/engine-context.tsx';
import { useFormat } from '../text/use-format.ts';
import { SafeText } from './code-text.tsx';
import styles from './cause-line.module.css';

export interface CauseLineProps {
  readonly cause: string | undefined;
  readonly hint?: string | undefined;
  /** Epoch ms of the engine's clock. */
  readonly nextTryMs?: number | undefined;
  readonly tone?: 'waiting' | 'failed';
}

/** Nothing when there is no cause. */
export function CauseLine({ cause, hint, nextTryMs, tone = 'waiting' }: CauseLineProps) {
  if (cause === undefined || cause === '') return null;
  return (
    <div className={styles['cause']} data-tone={tone}>
      <div className={styles['what']}>
        <SafeText text={cause} />
        {nextTryMs !== undefined && <NextTry ms={nextTryMs} />}
      </div>
      {hint !== undefined && hint !== '' && (
        <div className={styles['hint']}>
          <IconCornerDownRight size={13} aria-hidden />
          <SafeText text={hint} />
        </div>
      )}
    </div>
  );
}

/** Counts down to the next try, by the engine's clock. */
export function NextTry({ ms }: { readonly ms: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const leftMs = ms - useEngineNow();
  return (
    <span className={styles['next']}>
      {leftMs < 1_000 ? t('widgets.tryingNow') : t('widgets.nextTry', { in: format.roughDuration(leftMs) })}
    </span>
  );
}
