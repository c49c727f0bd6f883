/**
 * The engine's structured log: one JSON object a line on stdout, with time, level, message and fields. Who handles an error logs
 * it, once. Values of keys that look like secrets never get here in the first place (the config room resolves them into marked
 * values); the redaction below is the second fence, not the first.
 */
import { pino, type Logger as PinoLogger } from 'pino';
import { toErrorReport } from '../../shared/errors.ts';

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogListener = (line: {
  atMs: number;
  level: LogLevel;
  message: string;
  fields: LogFields;
}) => void;

const SECRET_KEY = /password|secret|token|keytab|credential/i;

/** A logger on stdout (or the given file descriptor); `listener` sees every line at or above `level` too. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly nowMs: () => number;
  readonly destination?: number | undefined;
  readonly listener?: LogListener | undefined;
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
      const clean = redact(fields);
      lines[level](clean, message);
      if (lines.isLevelEnabled(level))
        options.listener?.({ atMs: options.nowMs(), level, message, fields: clean });
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Errors become reports, secret-looking keys become `…`. */
function redact(fields: LogFields): LogFields {
  const clean: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    if (SECRET_KEY.test(key)) clean[key] = '…';
    else clean[key] = value instanceof Error ? toErrorReport(value) : value;
  }
  return clean;
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
