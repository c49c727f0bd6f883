/** What the engine remembers for charts and for looking back: series, bands, past alerts, its log. */
import { z } from 'zod';
import { count, ms } from './control-rows.ts';

/** Rates are averages over a step; amounts are the last value in it. */
export const historySeriesName = z.enum([
  'intake.events',
  'intake.bytes',
  'landed.events',
  'landed.bytes',
  'backlog.events',
  'backlog.bytes',
  'lag',
  'disk.free',
]);

export const historyBand = z.object({
  kind: z.enum(['paused', 'alert', 'down']),
  level: z.enum(['info', 'warn', 'error']),
  place: z.string(),
  text: z.string(),
  fromMs: ms,
  /** Absent: it lasts. */
  toMs: ms.optional(),
});

export const historyAnswer = z.object({
  stepMs: ms,
  /** The beginning of each step; ascending, without holes. */
  timesMs: z.array(ms),
  /** Null where nothing was measured: the engine did not run. */
  series: z.record(historySeriesName, z.array(z.number().nullable())),
  bands: z.array(historyBand),
});

export const logLevel = z.enum(['debug', 'info', 'warn', 'error']);

export const logLine = z.object({
  id: count,
  atMs: ms,
  level: logLevel,
  message: z.string(),
  fields: z.record(z.string(), z.unknown()),
});

export type HistorySeriesName = z.output<typeof historySeriesName>;
export type HistoryBand = z.output<typeof historyBand>;
export type HistoryAnswer = z.output<typeof historyAnswer>;
export type LogLine = z.output<typeof logLine>;
