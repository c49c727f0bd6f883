import { useTranslation } from 'react-i18next';
import type { CallError } from '../client/call-error.ts';

/** What went wrong in a sentence: the engine's own words where it said any, ours where the connection failed. */
export function useErrorText(error: CallError): string {
  const { t } = useTranslation();
  switch (error.code) {
    case 'aborted':
    case 'timeout':
    case 'no-engine':
    case 'contract-mismatch':
    case 'not-signed-in':
      // Errors of this page itself carry no words worth showing; those of the engine do.
      return error.place === '' && error.hint === '' ? t(`widgets.errors.${error.code}`) : error.message;
    default:
      return error.message;
  }
}
