/** A page that fails to draw takes nothing else with it. */
import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { Component, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { SafeText } from '../widgets/code-text.tsx';
import { EmptyState } from '../widgets/notices.tsx';
import { PartNotLoaded } from '../client/late-part.ts';

interface BoundaryProps {
  /** Another page begins anew. */
  readonly page: string;
  readonly children: ReactNode;
}

export class PageBoundary extends Component<
  BoundaryProps,
  { readonly error: unknown; readonly page: string }
> {
  override state = { error: undefined as unknown, page: this.props.page };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static getDerivedStateFromProps({ page }: BoundaryProps, state: { readonly page: string }) {
    return page === state.page ? null : { page, error: undefined };
  }

  override render() {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    const again = (): void =>
      error instanceof PartNotLoaded ? location.reload() : this.setState({ error: undefined });
    return <CrashNotice error={error} onAgain={again} />;
  }
}

function CrashNotice({ error, onAgain }: { readonly error: unknown; readonly onAgain: () => void }) {
  const { t } = useTranslation();
  return (
    <div role="alert">
      <EmptyState
        title={t('shell.crash.title')}
        icon={IconAlertTriangle}
        action={<Button onClick={onAgain}>{t('shell.crash.again')}</Button>}
      >
        <p>{t('shell.crash.body')}</p>
        <p>
          {t('shell.crash.details')}:{' '}
          <SafeText text={error instanceof Error ? error.message : String(error)} />
        </p>
      </EmptyState>
    </div>
  );
}
