/** A state as icon, word and colour: the same everywhere, and never colour alone. */
import {
  IconAlertTriangle,
  IconBan,
  IconCheck,
  IconCircleDashed,
  IconHandStop,
  IconHourglassHigh,
  IconInfoCircle,
  IconLoader,
  IconMinus,
  IconPlayerPause,
  IconPlayerTrackNext,
  IconX,
  type Icon,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { en } from '../text/en.ts';
import styles from './state-badge.module.css';

export type StateName = keyof typeof en.widgets.states;
export type Tone = 'ok' | 'idle' | 'paused' | 'waiting' | 'failed' | 'busy';

const LOOKS: Readonly<Record<StateName, readonly [Tone, Icon]>> = {
  flowing: ['ok', IconPlayerTrackNext],
  idle: ['idle', IconMinus],
  paused: ['paused', IconPlayerPause],
  waiting: ['waiting', IconHourglassHigh],
  failed: ['failed', IconAlertTriangle],
  starting: ['busy', IconLoader],
  opening: ['busy', IconLoader],
  'caught-up': ['ok', IconCheck],
  held: ['waiting', IconHandStop],
  open: ['ok', IconCheck],
  full: ['failed', IconAlertTriangle],
  'low-disk': ['failed', IconAlertTriangle],
  collecting: ['idle', IconCircleDashed],
  due: ['busy', IconHourglassHigh],
  landing: ['busy', IconPlayerTrackNext],
  running: ['busy', IconLoader],
  done: ['ok', IconCheck],
  cancelled: ['idle', IconBan],
  ok: ['ok', IconCheck],
  warning: ['waiting', IconAlertTriangle],
  skipped: ['idle', IconMinus],
  info: ['busy', IconInfoCircle],
  warn: ['waiting', IconAlertTriangle],
  error: ['failed', IconAlertTriangle],
  retried: ['ok', IconCheck],
  dropped: ['idle', IconX],
  clean: ['ok', IconCheck],
  wrong: ['failed', IconAlertTriangle],
  unknown: ['idle', IconCircleDashed],
};

export function toneOf(state: StateName): Tone {
  return LOOKS[state][0];
}

export interface StateBadgeProps {
  readonly state: StateName;
  /** Instead of the state's own word. */
  readonly label?: string;
  /** `plain`: icon and word without a background, for tables. */
  readonly variant?: 'soft' | 'plain';
}

export function StateBadge({ state, label, variant = 'soft' }: StateBadgeProps) {
  const { t } = useTranslation();
  const [tone, StateIcon] = LOOKS[state];
  return (
    <span className={styles['badge']} data-tone={tone} data-variant={variant} data-state={state}>
      <StateIcon size={13} stroke={2.2} aria-hidden />
      {label ?? t(`widgets.states.${state}`)}
    </span>
  );
}
