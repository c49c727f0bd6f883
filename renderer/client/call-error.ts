/** A call that failed, as the page shows it: what happened, and what a person can do about it. */
import type { ErrorCode, ErrorReport } from '../../shared/errors.ts';

export class CallError extends Error {
  override readonly name = 'CallError';
  readonly code: ErrorCode;
  readonly place: string;
  readonly hint: string;
  /** What was behind it, nearest first. */
  readonly causes: readonly string[];

  constructor(report: Partial<ErrorReport> & Pick<ErrorReport, 'code' | 'message'>) {
    super(report.message);
    this.code = report.code;
    this.place = report.place ?? '';
    this.hint = report.hint ?? '';
    this.causes = (report.causes ?? []).map(({ message }) => message);
  }
}

/** Any thrown value as a `CallError`; a foreign one keeps its message. */
export function toCallError(error: unknown): CallError {
  if (error instanceof CallError) return error;
  return new CallError({ code: 'unknown', message: error instanceof Error ? error.message : String(error) });
}

/** True when the caller itself gave up: nothing is to be shown. */
export function isAborted(error: unknown): boolean {
  return (
    (error instanceof CallError && error.code === 'aborted') ||
    (error instanceof DOMException && error.name === 'AbortError')
  );
}
