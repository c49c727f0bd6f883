/**
 * The engine's structured log: one JSON object a line on stdout, with time, level, message and fields. Who handles an error logs
 * it, once. Values of keys that look like secrets never get here in the first place (the config room resolves them into marked
 * values); the redaction below is the second fence, not the first.
 */
import { pino, type Logger as PinoLogger } from 'pino';
import { toErrorReport, withoutSecrets } from '../../shared/errors.ts';

export interface Logger {
  /** The least important level that it writes; absent: it writes all. */
  readonly lowest?: LogLevel;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
/** Least important first. */
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** A line without secrets in it. */
export interface HeardLine {
  readonly atMs: number;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const SECRET_KEY = /password|passwd|passphrase|secret|token|keytab|credential|authorization|private.?key/i;
/** Bounds of one field: what lies deeper or further is said to be left out. */
const FIELD_DEPTH_MAX = 6;
const FIELD_ENTRIES_MAX = 200;

/** A logger on stdout (or the given file descriptor). */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly nowMs: () => number;
  readonly destination?: number | undefined;
}): Logger {
  const lines: PinoLogger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.nowMs()).toISOString()}"`,
      formatters: { level: (level) => ({ level }) },
    },
    pino.destination({ dest: options.destination ?? 1, sync: true }),
  );
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (lines.isLevelEnabled(level)) lines[level](redact(fields), withoutSecrets(message));
    };
  return { lowest: options.level, ...methods(write) };
}

/** The same logger, whatever its form, with somebody who hears each line that it writes, without secrets. */
export function listenedLogger(
  log: Logger,
  nowMs: () => number,
  listener: (line: HeardLine) => void,
): Logger {
  const lowest = LOG_LEVELS.indexOf(log.lowest ?? 'debug');
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      log[level](message, fields);
      if (LOG_LEVELS.indexOf(level) < lowest) return;
      listener({ atMs: nowMs(), level, message: withoutSecrets(message), fields: redact(fields) });
    };
  return { ...(log.lowest === undefined ? {} : { lowest: log.lowest }), ...methods(write) };
}

type Write = (message: string, fields?: LogFields) => void;

function methods(write: (level: LogLevel) => Write): Record<LogLevel, Write> {
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Errors become reports, values of secret-looking keys become `…`, and well-known shapes of secrets in texts are blanked. */
export function redact(fields: LogFields): LogFields {
  return redactEntries(fields, 0);
}

function redactEntries(entries: object, depth: number): LogFields {
  const clean: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(entries).slice(0, FIELD_ENTRIES_MAX)) {
    const isSecret = SECRET_KEY.test(key) && value !== undefined;
    Object.defineProperty(clean, key, {
      value: isSecret ? '…' : redactValue(value, depth),
      enumerable: true,
    });
  }
  return clean;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutSecrets(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
  if (value instanceof Error) return toErrorReport(value);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (depth >= FIELD_DEPTH_MAX) return '…';
  if (Array.isArray(value))
    return value.slice(0, FIELD_ENTRIES_MAX).map((one: unknown) => redactValue(one, depth + 1));
  return redactEntries(value, depth + 1);
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
