/** What stands where there is nothing to show: because there is nothing, because it failed, or not yet. */
import { Button, Loader, Skeleton } from '@mantine/core';
import { IconAlertTriangle, IconInbox, type Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { CallError } from '../client/call-error.ts';
import { SafeText } from './code-text.tsx';
import { useErrorText } from './error-text.ts';
import styles from './notices.module.css';

export interface EmptyStateProps {
  readonly title: string;
  /** What this place will show, or what to do so that it does. */
  readonly children?: ReactNode;
  readonly icon?: Icon;
  readonly action?: ReactNode;
}

export function EmptyState({ title, children, icon: EmptyIcon = IconInbox, action }: EmptyStateProps) {
  return (
    <div className={styles['notice']}>
      <EmptyIcon size={28} stroke={1.4} aria-hidden className={styles['icon']} />
      <div className={styles['title']}>{title}</div>
      {children !== undefined && <div className={styles['body']}>{children}</div>}
      {action}
    </div>
  );
}

export interface ErrorStateProps {
  readonly error: CallError;
  readonly title?: string;
  readonly onRetry?: () => void;
  /** In a line of its own instead of in the middle of an empty place. */
  readonly isInline?: boolean;
}

export function ErrorState({ error, title, onRetry, isInline = false }: ErrorStateProps) {
  const { t } = useTranslation();
  const text = useErrorText(error);
  return (
    <div className={styles['notice']} data-tone="failed" data-inline={isInline || undefined} role="alert">
      <IconAlertTriangle size={isInline ? 16 : 28} stroke={1.6} aria-hidden className={styles['icon']} />
      <div>
        <div className={styles['title']}>{title ?? t('widgets.failed')}</div>
        <div className={styles['body']}>
          <SafeText text={text} />
          {error.place !== '' && (
            <span className={styles['place']}>
              <SafeText text={error.place} />
            </span>
          )}
        </div>
        {error.hint !== '' && (
          <div className={styles['body']}>
            <SafeText text={error.hint} />
          </div>
        )}
      </div>
      {onRetry !== undefined && (
        <Button variant="default" onClick={onRetry}>
          {t('widgets.retry')}
        </Button>
      )}
    </div>
  );
}

/** Lines of grey in place of what is on its way. */
export function LoadingState({ lines = 4 }: { readonly lines?: number }) {
  const { t } = useTranslation();
  return (
    <div role="status" aria-label={t('widgets.loading')} className={styles['skeletons']}>
      {Array.from({ length: lines }, (_, line) => (
        <Skeleton key={line} height={12} width={`${92 - ((line * 37) % 45)}%`} radius="sm" />
      ))}
    </div>
  );
}

export function InlineLoader() {
  const { t } = useTranslation();
  return <Loader size={14} aria-label={t('widgets.loading')} role="status" />;
}
