/** The answers in words, each group with the way back to its step. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { CodeText } from '../../widgets/code-text.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { groupIdOf, listOf, pathOf, suffixOf, type Draft } from './draft.ts';
import type { StepName } from './draft-problems.ts';
import { sourcesOf, type SourceGroup } from './draft-yaml.ts';
import styles from './setup.module.css';
import { useWizard } from './wizard-state.tsx';

export function ReviewSummary() {
  return (
    <div className={styles['summary']}>
      <GatewayPart />
      <ReadingPart />
      <TimePart />
      <LandingPart />
    </div>
  );
}

function Part({ step, children }: { readonly step: StepName; readonly children: ReactNode }) {
  const { t } = useTranslation();
  const { openStep } = useWizard();
  return (
    <section className={styles['summaryPart']}>
      <header>
        <h3>{t(`setup.steps.${step}.name`)}</h3>
        <Button
          variant="subtle"
          size="compact-xs"
          aria-label={t('setup.review.changeStep', { step: t(`setup.steps.${step}.name`) })}
          onClick={() => openStep(step)}
        >
          {t('setup.review.change')}
        </Button>
      </header>
      {children}
    </section>
  );
}

function GatewayPart() {
  const { t } = useTranslation();
  const { draft } = useWizard();
  return (
    <Part step="gateway">
      <KeyValue
        rows={[
          { name: t('setup.gateway.id'), value: <CodeText>{draft.id}</CodeText> },
          { name: t('setup.gateway.timeZone'), value: draft.timeZone },
          {
            name: t('setup.gateway.stateDir'),
            value:
              draft.stateDir.trim() === '' ? (
                t('setup.gateway.stateDirDefault')
              ) : (
                <CodeText>{draft.stateDir}</CodeText>
              ),
          },
          {
            name: t('setup.review.room'),
            value: t('setup.review.roomText', { capacity: draft.capacity, minFree: draft.minFree }),
          },
        ]}
      />
    </Part>
  );
}

function ReadingPart() {
  const { t } = useTranslation();
  const { draft } = useWizard();
  const security = [
    t(`setup.mechanisms.${draft.mechanism}`),
    ...(draft.isTls ? [t('setup.review.encrypted')] : []),
  ];
  return (
    <Part step="topics">
      <KeyValue
        rows={[
          {
            name: t('setup.brokers.brokers'),
            value: <CodeText>{listOf(draft.brokers).join(', ')}</CodeText>,
          },
          { name: t('setup.brokers.signIn'), value: security.join(' · ') },
          { name: t('setup.brokers.topics'), value: <CodeText>{topicsText(draft)}</CodeText> },
          {
            name: t('setup.topics.startAt'),
            value:
              draft.startAt === 'time'
                ? `${draft.startTime.replace('T', ' ')} (${draft.timeZone})`
                : t(`setup.startAt.${draft.startAt}`),
          },
          { name: t('setup.topics.group'), value: <CodeText>{groupIdOf(draft)}</CodeText> },
        ]}
      />
    </Part>
  );
}

const TOPICS_SHOWN = 12;

function topicsText({ topicsBy, topics, topicsRegex }: Draft): string {
  if (topicsBy === 'regex') return topicsRegex;
  const more = topics.length > TOPICS_SHOWN ? ` … (${topics.length})` : '';
  return `${topics.slice(0, TOPICS_SHOWN).join(', ')}${more}`;
}

function TimePart() {
  const { t } = useTranslation();
  const { draft } = useWizard();
  const nameOf = ({ topics }: SourceGroup): string =>
    topics.length === 0 ? draft.topicsRegex : topicsText({ ...draft, topicsBy: 'names', topics });
  return (
    <Part step="time">
      <KeyValue
        rows={sourcesOf(draft).map((group) => ({
          name: nameOf(group),
          value:
            group.rule.kind === 'record' ? (
              t('setup.time.record')
            ) : (
              <CodeText>{group.rule.pattern === '' ? group.rule.regex : group.rule.pattern}</CodeText>
            ),
        }))}
      />
    </Part>
  );
}

function LandingPart() {
  const { t } = useTranslation();
  const { draft } = useWizard();
  const isHdfs = draft.target !== 'directory';
  const address =
    draft.target === 'httpfs'
      ? draft.httpfs
      : [draft.firstNamenode, draft.secondNamenode].filter(Boolean).join(', ');
  return (
    <Part step="target">
      <KeyValue
        rows={[
          { name: t('setup.target.kind'), value: t(`setup.targets.${draft.target}`) },
          { name: t('setup.review.address'), value: isHdfs && <CodeText>{address}</CodeText> },
          { name: t('setup.target.user'), value: isHdfs && <CodeText>{draft.user}</CodeText> },
          { name: t('setup.target.path'), value: <CodeText>{pathOf(draft)}</CodeText> },
          {
            name: t('setup.target.files'),
            value: t('setup.review.filesText', {
              size: draft.rollSize,
              interval: draft.rollInterval,
              suffix: suffixOf(draft) === '' ? '–' : suffixOf(draft),
            }),
          },
        ]}
      />
    </Part>
  );
}
