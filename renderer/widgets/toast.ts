/** Short messages at the corner: for what an operator asked for and what came of it. What lasts is an alert, not a toast. */
import { notifications } from '@mantine/notifications';
import i18next from 'i18next';
import type { ReactNode } from 'react';

const SHOWN_MS = 5_000;
const FAILURE_SHOWN_MS = 12_000;

export function toast(message: ReactNode, tone: 'ok' | 'failed' | 'info' = 'ok'): void {
  notifications.show({
    message,
    color: tone === 'ok' ? 'teal' : tone === 'failed' ? 'red' : 'tide',
    autoClose: tone === 'failed' ? FAILURE_SHOWN_MS : SHOWN_MS,
    withBorder: true,
    closeButtonProps: { 'aria-label': i18next.t('widgets.close') },
  });
}
