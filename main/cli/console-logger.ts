import { toErrorReport } from '../../shared/errors.ts';
import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from '../telemetry/logger.ts';
import { oneLine } from './terminal-text.ts';

/** Lists of offsets and the like belong into the JSON log; a person reads the beginning. */
const VALUE_CHARS_MAX = 120;
/** The years 2001 and 2286. */
const EPOCH_MS_MIN = 1e12;
const EPOCH_MS_MAX = 1e13;

/** The log for a person at a terminal: `08:59:59 WARN  sink-waits  sink=hadoop …`. Fields that look like secrets are left out. */
export function createConsoleLogger(options: {
  readonly level: LogLevel;
  readonly nowMs: () => number;
  readonly write: (text: string) => void;
}): Logger {
  const lowest = LOG_LEVELS.indexOf(options.level);
  const writer =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (LOG_LEVELS.indexOf(level) < lowest) return;
      const time = new Date(options.nowMs()).toISOString().slice(11, 19);
      const shown = Object.entries(fields).flatMap(([name, value]) => fieldText(name, value));
      options.write(`${[time, level.toUpperCase().padEnd(5), oneLine(message), ...shown].join(' ')}\n`);
    };
  return {
    lowest: options.level,
    debug: writer('debug'),
    info: writer('info'),
    warn: writer('warn'),
    error: writer('error'),
  };
}

function fieldText(name: string, value: unknown): string[] {
  if (value === undefined || value === '') return [];
  if (/password|secret|token|keytab|credential/i.test(name)) return [`${name}=…`];
  const text = isMoment(name, value)
    ? new Date(value).toISOString().slice(11, 19)
    : valueText(value instanceof Error ? toErrorReport(value) : value);
  const cut = text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
  return [`${name}=${oneLine(cut)}`];
}

/** Epoch ms are for machines; durations, which are much smaller, stay. */
function isMoment(name: string, value: unknown): value is number {
  return name.endsWith('Ms') && typeof value === 'number' && value > EPOCH_MS_MIN && value < EPOCH_MS_MAX;
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (isReport(value)) return `${value.code}: ${value.message}${value.hint === '' ? '' : ` (${value.hint})`}`;
  return JSON.stringify(value) ?? String(value);
}

function isReport(value: unknown): value is { code: string; message: string; hint: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['code', 'message', 'hint'].every((key) => typeof Reflect.get(value, key) === 'string')
  );
}
