/** What takes the whole window: no engine yet, another version, the sign-in. */
import { Alert, Button, Loader, PasswordInput, Stack } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { CONTRACT_VERSION } from '../../shared/contract/control.ts';
import { toCallError, type CallError } from '../client/call-error.ts';
import { useEngine, useView } from '../client/engine-context.tsx';
import { useFormat } from '../text/use-format.ts';
import { useErrorText } from '../widgets/error-text.ts';
import { useBrowserNow } from './link-banner.tsx';
import { Logo } from './logo.tsx';
import styles from './full-page.module.css';

function FullPage(props: { readonly title: string; readonly children: ReactNode }) {
  return (
    <main className={styles['page']}>
      <div className={styles['card']}>
        <Logo size={36} />
        <h1>{props.title}</h1>
        {props.children}
      </div>
    </main>
  );
}

export function ConnectingPage() {
  const { t } = useTranslation();
  return (
    <FullPage title={t('shell.connecting.title')}>
      <Loader size="sm" aria-label={t('widgets.loading')} />
    </FullPage>
  );
}

export function NoEnginePage() {
  const { t } = useTranslation();
  const { client } = useEngine();
  const format = useFormat();
  const link = useView((view) => view.link);
  const nowMs = useBrowserNow(true);
  const leftMs = link.state === 'lost' ? (link.nextTryMs ?? nowMs) - nowMs : 0;
  return (
    <FullPage title={t('shell.gone.title')}>
      <p>{t('shell.gone.body')}</p>
      <p className={styles['dim']}>{t('shell.gone.hint')}</p>
      {link.state === 'lost' && <Reason error={link.error} />}
      <Button onClick={() => client.retryNow()}>{t('shell.lost.retry')}</Button>
      <p className={styles['dim']}>
        {leftMs > 1_000
          ? t('shell.lost.nextTry', { in: format.roughDuration(leftMs) })
          : t('shell.lost.trying')}
      </p>
    </FullPage>
  );
}

function Reason({ error }: { readonly error: CallError }) {
  const text = useErrorText(error);
  return text === '' ? null : <p className={styles['dim']}>{text}</p>;
}

export function OtherVersionPage({ engineContract }: { readonly engineContract: number }) {
  const { t } = useTranslation();
  return (
    <FullPage title={t('shell.version.title')}>
      <p>{t('shell.version.body', { page: CONTRACT_VERSION, engine: engineContract })}</p>
      <p className={styles['dim']}>{t('shell.version.hint')}</p>
      <Button onClick={() => location.reload()}>{t('shell.version.reload')}</Button>
    </FullPage>
  );
}

export function SignInPage({ wasSignedIn }: { readonly wasSignedIn: boolean }) {
  const { t } = useTranslation();
  return (
    <FullPage title={t('shell.signIn.title')}>
      <p>{wasSignedIn ? t('shell.signIn.expired') : t('shell.signIn.body')}</p>
      <SignInForm />
    </FullPage>
  );
}

export function SignInForm() {
  const { t } = useTranslation();
  const { client } = useEngine();
  const [token, setToken] = useState('');
  const [error, setError] = useState<CallError>();
  const [isRunning, setRunning] = useState(false);
  const submit = async () => {
    setRunning(true);
    setError(undefined);
    try {
      await client.signIn(token.trim());
    } catch (thrown) {
      setError(toCallError(thrown));
    } finally {
      setRunning(false);
    }
  };
  return (
    <form
      className={styles['form']}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack>
        {error !== undefined && <SignInError error={error} />}
        <PasswordInput
          label={t('shell.signIn.token')}
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          autoComplete="current-password"
          size="sm"
          data-autofocus
          required
        />
        <Button type="submit" size="sm" loading={isRunning} disabled={token.trim() === ''}>
          {t('shell.signIn.submit')}
        </Button>
      </Stack>
    </form>
  );
}

function SignInError({ error }: { readonly error: CallError }) {
  const { t } = useTranslation();
  const text = useErrorText(error);
  return (
    <Alert color="red" role="alert">
      {error.code === 'not-signed-in' ? t('shell.signIn.refused') : text}
    </Alert>
  );
}
