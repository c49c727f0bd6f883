/** Times as a `datetime-local` field has them, in the zone that times are shown in, which need not be the browser's. */

/** `2026-11-21T18:05`; undefined for what is no time. Where clocks are set back, the first of the two times. */
export function msOfWallTime(text: string, timeZone: string): number | undefined {
  const utcMs = Date.parse(`${text}Z`);
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/.test(text) || Number.isNaN(utcMs)) return undefined;
  // The zone's distance from UTC is that at the time itself, which is only known nearly at first.
  const nearly = utcMs - offsetMs(utcMs, timeZone);
  return utcMs - offsetMs(nearly, timeZone);
}

/** @param ms epoch ms */
export function wallTimeOf(ms: number | undefined, timeZone: string): string {
  if (ms === undefined) return '';
  return new Date(ms + offsetMs(ms, timeZone)).toISOString().slice(0, 16);
}

function offsetMs(ms: number, timeZone: string): number {
  const parts = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  }).format(ms);
  return Date.parse(`${parts.replace(' ', 'T')}Z`) - Math.floor(ms / 1_000) * 1_000;
}
