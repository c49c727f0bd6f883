import { GatewayError } from '../../shared/errors.ts';

/** The command line was called in a way that it does not understand: exit status 2. */
export function usageError(message: string, hint = 'see --help'): GatewayError {
  return new GatewayError({
    code: 'usage',
    operation: 'read the command line',
    place: '',
    message,
    retry: 'never',
    hint,
  });
}
