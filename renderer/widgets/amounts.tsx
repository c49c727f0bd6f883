/** Times and amounts as text: in the reader's language, with units, digits of one width; the exact value is in the title. */
import { useTranslation } from 'react-i18next';
import { useEngineNow } from '../client/engine-context.tsx';
import { useFormat } from '../text/use-format.ts';

interface Amount {
  /** Nothing is shown as a dash. */
  readonly value: number | undefined;
}

/** `2026-11-21 18:05:12` */
export function TimeText({ ms }: { readonly ms: number | undefined }) {
  const format = useFormat();
  if (ms === undefined) return <None />;
  return (
    <time dateTime={isoOf(ms)} title={format.exactTime(ms)}>
      {format.time(ms)}
    </time>
  );
}

export interface AgeTextProps {
  /** Epoch ms of the engine's clock. */
  readonly ms: number | undefined;
  /** `age`: `3 min`; `ago`: `3 min ago`, `in 5 s`. */
  readonly as?: 'age' | 'ago';
}

/** How long ago something was, by the engine's clock; goes on by itself. */
export function AgeText({ ms, as = 'ago' }: AgeTextProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const nowMs = useEngineNow();
  if (ms === undefined) return <None />;
  const ageMs = nowMs - ms;
  const age = format.roughDuration(Math.abs(ageMs));
  const isNow = Math.abs(ageMs) < 1_000;
  const words = ageMs < 0 ? t('widgets.inFuture', { age }) : t('widgets.ago', { age });
  return (
    <time dateTime={isoOf(ms)} title={format.exactTime(ms)}>
      {as === 'age' ? age : isNow ? t('widgets.justNow') : words}
    </time>
  );
}

export function DurationText({ ms }: { readonly ms: number | undefined }) {
  const format = useFormat();
  return ms === undefined ? <None /> : <span>{format.duration(ms)}</span>;
}

export function BytesText({ value }: Amount) {
  const format = useFormat();
  if (value === undefined) return <None />;
  return <span title={`${format.count(value)} B`}>{format.bytes(value)}</span>;
}

/** Whole by default; `isCompact` where room is short. */
export function CountText({ value, isCompact = false }: Amount & { readonly isCompact?: boolean }) {
  const format = useFormat();
  if (value === undefined) return <None />;
  return <span title={format.count(value)}>{isCompact ? format.compact(value) : format.count(value)}</span>;
}

export function RateText({ value, of = 'events' }: Amount & { readonly of?: 'events' | 'bytes' }) {
  const format = useFormat();
  if (value === undefined) return <None />;
  return <span>{of === 'bytes' ? format.bytesRate(value) : format.eventsRate(value)}</span>;
}

export function None() {
  const { t } = useTranslation();
  return <span aria-hidden>{t('widgets.none')}</span>;
}

function isoOf(ms: number): string | undefined {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : undefined;
}
