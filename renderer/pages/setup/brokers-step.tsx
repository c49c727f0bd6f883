/** Step 2: the brokers, how to sign in, and whether they answer. */
import { Checkbox, PasswordInput } from '@mantine/core';
import { IconPlugConnected } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { toCallError, type CallError } from '../../client/call-error.ts';
import { useEngine } from '../../client/engine-context.tsx';
import { CountText, DurationText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { EmptyState, ErrorState } from '../../widgets/notices.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import { EXAMPLES } from './examples.ts';
import { MECHANISMS } from './draft.ts';
import type { Problems } from './draft-problems.ts';
import { ChoiceField, FieldGroup, TextField } from './fields.tsx';
import styles from './setup.module.css';
import { StepFrame, useFieldErrors } from './step-frame.tsx';
import { addressKey, addressOf, useProblems, useWizard, type ClusterAnswer } from './wizard-state.tsx';

type ErrorOf = (field: keyof Problems) => string | undefined;

export function BrokersStep() {
  const { t } = useTranslation();
  const problems = useProblems('brokers');
  const { errorOf, onTried } = useFieldErrors(problems);
  const { answer, error, isRunning, connect } = useConnect();
  return (
    <StepFrame
      step="brokers"
      problems={problems}
      onTried={onTried}
      {...(answer === undefined && {
        primary: { label: t('setup.brokers.connect'), run: connect, isRunning },
      })}
    >
      <div className={styles['halves']}>
        <div className={styles['column']}>
          <TextField
            name="brokers"
            label={t('setup.brokers.brokers')}
            hint={t('setup.brokers.brokersHint')}
            placeholder={EXAMPLES.brokers}
            error={errorOf('brokers')}
            isCode
            isRequired
          />
          <SignIn errorOf={errorOf} />
          <Encryption errorOf={errorOf} />
        </div>
        <section className={styles['result']} aria-live="polite" aria-label={t('setup.brokers.answer')}>
          {error !== undefined && <ErrorState error={error} title={t('setup.brokers.failed')} isInline />}
          {error === undefined && answer !== undefined && <ClusterFacts answer={answer} />}
          {error === undefined && answer === undefined && (
            <EmptyState title={t('setup.brokers.notYet')} icon={IconPlugConnected}>
              {t('setup.brokers.notYetHint')}
            </EmptyState>
          )}
        </section>
      </div>
    </StepFrame>
  );
}

/** The answer of the address as it stands now; another one has to be asked again. */
export function useConnect() {
  const { client } = useEngine();
  const { draft, secrets, cluster, setCluster } = useWizard();
  const [failure, setFailure] = useState<{ readonly key: string; readonly error: CallError }>();
  const [isRunning, setRunning] = useState(false);
  const key = addressKey(draft, secrets);
  const connect = async (): Promise<void> => {
    setRunning(true);
    setFailure(undefined);
    const beganMs = performance.now();
    try {
      const facts = await client.call('kafkaTopics', addressOf(draft, secrets));
      setCluster({ key, facts, tookMs: performance.now() - beganMs });
    } catch (thrown) {
      setFailure({ key, error: toCallError(thrown) });
    } finally {
      setRunning(false);
    }
  };
  return {
    answer: cluster?.key === key ? cluster : undefined,
    error: failure?.key === key ? failure.error : undefined,
    isRunning,
    connect: () => void connect(),
  };
}

function ClusterFacts({ answer: { facts, tookMs } }: { readonly answer: ClusterAnswer }) {
  const { t } = useTranslation();
  const topics = facts.topics.filter(({ isInternal }) => !isInternal);
  return (
    <div className={styles['facts']}>
      <div>
        <StateBadge state="ok" label={t('setup.brokers.connected')} />
      </div>
      <KeyValue
        rows={[
          { name: t('setup.brokers.cluster'), value: <CodeText>{facts.clusterId}</CodeText> },
          {
            name: t('setup.brokers.found', { count: facts.brokers.length }),
            value: (
              <ul className={styles['plainList']}>
                {facts.brokers.map((broker) => (
                  <li key={broker}>
                    <CodeText>{broker}</CodeText>
                  </li>
                ))}
              </ul>
            ),
          },
          { name: t('setup.brokers.topics'), value: <CountText value={topics.length} /> },
          { name: t('setup.brokers.took'), value: <DurationText ms={tookMs} /> },
        ]}
      />
    </div>
  );
}

function SignIn({ errorOf }: { readonly errorOf: ErrorOf }) {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  return (
    <FieldGroup title={t('setup.brokers.signIn')}>
      <ChoiceField
        label={t('setup.brokers.mechanism')}
        value={draft.mechanism}
        options={MECHANISMS.map((value) => ({ value, label: t(`setup.mechanisms.${value}`) }))}
        onChange={(mechanism) => change({ mechanism })}
      />
      {draft.mechanism !== 'none' && (
        <>
          {draft.mechanism === 'plain' && !draft.isTls && (
            <p className={styles['warning']}>{t('setup.brokers.clearText')}</p>
          )}
          <div className={styles['pair']}>
            <TextField
              name="username"
              label={t('setup.brokers.username')}
              error={errorOf('username')}
              isCode
              isRequired
            />
            <ChoiceField
              label={t('setup.brokers.passwordFrom')}
              value={draft.passwordFrom}
              options={(['typed', 'file'] as const).map((value) => ({
                value,
                label: t(`setup.passwordFrom.${value}`),
              }))}
              onChange={(passwordFrom) => change({ passwordFrom })}
            />
          </div>
          <PasswordField errorOf={errorOf} />
        </>
      )}
    </FieldGroup>
  );
}

function PasswordField({ errorOf }: { readonly errorOf: ErrorOf }) {
  const { t } = useTranslation();
  const { draft, secrets, changeSecrets } = useWizard();
  if (draft.passwordFrom === 'file')
    return (
      <TextField
        name="passwordFile"
        label={t('setup.brokers.passwordFile')}
        hint={t('setup.brokers.passwordFileHint')}
        placeholder={EXAMPLES.passwordFile}
        error={errorOf('passwordFile')}
        isCode
        isRequired
      />
    );
  return (
    <PasswordInput
      label={t('setup.brokers.password')}
      description={t('setup.brokers.passwordHint')}
      value={secrets.password}
      error={errorOf('password')}
      withAsterisk
      autoComplete="off"
      onChange={(event) => changeSecrets({ password: event.currentTarget.value })}
    />
  );
}

function Encryption({ errorOf }: { readonly errorOf: ErrorOf }) {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  return (
    <FieldGroup title={t('setup.brokers.encryption')}>
      <Checkbox
        label={t('setup.brokers.tls')}
        checked={draft.isTls}
        onChange={(event) => change({ isTls: event.currentTarget.checked })}
      />
      {draft.isTls && (
        <>
          <div className={styles['pair']}>
            <TextField name="caFile" label={t('setup.brokers.ca')} hint={t('setup.brokers.caHint')} isCode />
            <TextField
              name="serverName"
              label={t('setup.brokers.serverName')}
              hint={t('setup.brokers.serverNameHint')}
              isCode
            />
          </div>
          <div className={styles['pair']}>
            <TextField name="certFile" label={t('setup.brokers.cert')} error={errorOf('certFile')} isCode />
            <TextField name="keyFile" label={t('setup.brokers.key')} isCode />
          </div>
        </>
      )}
    </FieldGroup>
  );
}
