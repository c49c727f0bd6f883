import { isGatewayError } from '../../shared/errors.ts';

/** Exit statuses of every verb (docs/operations.md). */
export const EXIT = { done: 0, failed: 1, usage: 2, noEngine: 3 } as const;

/** The exit status that an error calls for. */
export function exitStatusOf(error: unknown): number {
  if (!isGatewayError(error)) return EXIT.failed;
  switch (error.code) {
    case 'no-engine':
    case 'contract-mismatch':
      return EXIT.noEngine;
    case 'usage':
    case 'config-invalid':
    case 'config-unreadable':
    case 'regex-untranslatable':
    case 'pattern-invalid':
      return EXIT.usage;
    default:
      return EXIT.failed;
  }
}
