/** The frame around every page, and what stands in its place when there is nothing to frame. */
import { Modal } from '@mantine/core';
import { Suspense, useCallback, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useStatus, useView } from '../client/engine-context.tsx';
import { pageOf, preloadPages } from '../pages/registry.ts';
import { EmptyState, LoadingState } from '../widgets/notices.tsx';
import { ConnectingPage, NoEnginePage, OtherVersionPage, SignInForm, SignInPage } from './full-page.tsx';
import { Header } from './header.tsx';
import { KeysDialog } from './keys-dialog.tsx';
import { LinkBanner, SetupBanner } from './link-banner.tsx';
import { Navigation } from './navigation.tsx';
import { PageBoundary } from './page-boundary.tsx';
import { goTo, useRoute } from './route.ts';
import { useShortcuts } from './shortcuts.ts';
import styles from './shell.module.css';

const HOME = 'overview';
const PRELOAD_AFTER_MS = 500;

export function Shell() {
  const link = useView((view) => view.link);
  const hasData = useView(({ status }) => status !== undefined);
  if (link.state === 'other-version') return <OtherVersionPage engineContract={link.engineContract} />;
  if (hasData && !(link.state === 'signed-out' && !link.wasSignedIn)) return <Frame />;
  if (link.state === 'signed-out') return <SignInPage wasSignedIn={link.wasSignedIn} />;
  return link.state === 'lost' ? <NoEnginePage /> : <ConnectingPage />;
}

function Frame() {
  const { t } = useTranslation();
  const [isHelpOpen, setHelpOpen] = useState(false);
  const openHelp = useCallback(() => setHelpOpen(true), []);
  const route = useRoute();
  const page = route.page === '' ? HOME : route.page;
  useShortcuts(openHelp);
  useTabTitle(page);
  useSetupFirst(route.page);
  useEffect(() => {
    // After the page that is looked at is drawn.
    const timer = setTimeout(preloadPages, PRELOAD_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className={styles['frame']}>
      <a
        href="#content"
        className={styles['skip']}
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('content')?.focus();
        }}
      >
        {t('shell.skipToContent')}
      </a>
      <Header onHelp={openHelp} />
      <Navigation current={page} />
      <div className={styles['main']}>
        <LinkBanner />
        <SetupBanner page={page} />
        <main id="content" tabIndex={-1} className={styles['content']}>
          <PageBoundary page={page}>
            <CurrentPage id={page} />
          </PageBoundary>
        </main>
      </div>
      <KeysDialog isOpen={isHelpOpen} onClose={() => setHelpOpen(false)} />
      <ExpiredDialog />
    </div>
  );
}

function CurrentPage({ id }: { readonly id: string }) {
  const { t } = useTranslation();
  const Page = pageOf(id)?.page;
  if (Page === undefined) return <EmptyState title={t('shell.notFound')} />;
  return (
    <Suspense fallback={<LoadingState />}>
      <Page />
    </Suspense>
  );
}

/** A session that ended while a page was open: the page stays behind the sign-in as it is. */
function ExpiredDialog() {
  const { t } = useTranslation();
  const isExpired = useView(({ link }) => link.state === 'signed-out' && link.wasSignedIn);
  return (
    <Modal
      opened={isExpired}
      onClose={() => undefined}
      withCloseButton={false}
      title={t('shell.signIn.title')}
    >
      <p>{t('shell.signIn.expired')}</p>
      <SignInForm />
    </Modal>
  );
}

function useTabTitle(page: string): void {
  const { t } = useTranslation();
  const gateway = useStatus((status) => status.gateway) ?? '';
  const known = pageOf(page)?.id ?? HOME;
  useEffect(() => {
    document.title = t('shell.tabTitle', { page: t(`shell.pages.${known}`), gateway });
    // Who signs out leaves nothing of the gateway behind.
    return () => {
      document.title = t('shell.name');
    };
  }, [t, known, gateway]);
}

/** Without a configuration there is one thing to do. */
function useSetupFirst(page: string): void {
  const isSetup = useStatus(({ state }) => state === 'setup') === true;
  useEffect(() => {
    if (isSetup && page === '') goTo('setup');
  }, [isSetup, page]);
}
