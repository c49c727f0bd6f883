/** Step 4: what the events look like, where their time stands, and which directories that makes. */
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../text/use-format.ts';
import { CodeText } from '../../widgets/code-text.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { useConnect } from './brokers-step.tsx';
import { ALL_TOPICS, RECORD_TIME, ruleOf } from './draft.ts';
import styles from './setup.module.css';
import { StepFrame, useFieldErrors } from './step-frame.tsx';
import { proposalsFor, ruleOfProposal, type Proposal } from './time-format.ts';
import { TimeReader, type Sample } from './time-reading.ts';
import { RuleChoice } from './time-rule-choice.tsx';
import { SampleTable } from './time-samples.tsx';
import { TrialPanel } from './trial-panel.tsx';
import { chosenOf } from './topics-step.tsx';
import { useProblems, useWizard } from './wizard-state.tsx';

/** Topics that are looked into by themselves; others when they are opened. */
const SAMPLED_MAX = 6;
const LISTED_MAX = 200;

export function TimeStep() {
  const { t } = useTranslation();
  const problems = useProblems('time');
  const { onTried, isTried } = useFieldErrors(problems);
  const topics = useTopics();
  const [opened, setOpened] = useState<string>();
  const open = topics.find((topic) => topic === opened) ?? topics[0];
  return (
    <StepFrame
      step="time"
      problems={problems}
      onTried={onTried}
      note={
        isTried && problems.rules !== undefined && <span data-tone="failed">{t('setup.problems.rules')}</span>
      }
    >
      {topics.length > 1 && <TopicTabs topics={topics} open={open ?? ''} onOpen={setOpened} />}
      {open === undefined ? (
        <EmptyState title={t('setup.time.noTopic')}>{t('setup.time.noTopicHint')}</EmptyState>
      ) : (
        <TopicTime key={open} topic={open} />
      )}
    </StepFrame>
  );
}

/** Topics to look at: those that were chosen, or that the expression finds now. */
function useTopics(): readonly string[] {
  const { draft } = useWizard();
  const { answer, isRunning, error, connect } = useConnect();
  const isNeeded = draft.topicsBy === 'regex' && answer === undefined && !isRunning && error === undefined;
  const asked = useRef(false);
  useEffect(() => {
    if (!isNeeded || asked.current) return;
    asked.current = true;
    connect();
  });
  const { topics, samples, loadSamples } = { topics: useChosen(answer?.facts.topics ?? []), ...useWizard() };
  useEffect(() => {
    for (const topic of topics.slice(0, SAMPLED_MAX)) if (samples[topic] === undefined) loadSamples(topic);
  }, [topics, samples, loadSamples]);
  return topics;
}

function useChosen(found: Parameters<typeof chosenOf>[1]): readonly string[] {
  const { draft } = useWizard();
  return useMemo(() => [...chosenOf(draft, found)].slice(0, LISTED_MAX), [draft, found]);
}

interface TopicTabsProps {
  readonly topics: readonly string[];
  readonly open: string;
  readonly onOpen: (topic: string) => void;
}

function TopicTabs({ topics, open, onOpen }: TopicTabsProps) {
  const { t } = useTranslation();
  return (
    <div className={styles['topicTabs']} role="group" aria-label={t('setup.time.topics')}>
      {topics.map((topic) => (
        <button
          key={topic}
          type="button"
          className={styles['topicTab']}
          aria-pressed={topic === open}
          onClick={() => onOpen(topic)}
        >
          <CodeText>{topic}</CodeText>
          <ReadShare topic={topic} />
        </button>
      ))}
    </div>
  );
}

/** Of its samples, how many have a time by the rule. */
function ReadShare({ topic }: { readonly topic: string }) {
  const { t } = useTranslation();
  const { draft, samples } = useWizard();
  const format = useFormat();
  const events = samples[topic]?.events;
  const rule = ruleOf(draft, topic);
  if (rule.kind === 'record') return <span className={styles['share']}>{t('setup.time.recordShort')}</span>;
  if (events === undefined || events.length === 0) return null;
  const reader = new TimeReader(rule, draft.timeZone);
  const read = events.filter((event) => reader.read(event).kind === 'read').length;
  return (
    <span className={styles['share']} data-tone={read === events.length ? 'ok' : 'waiting'}>
      {format.percent(read / events.length)}
    </span>
  );
}

function TopicTime({ topic }: { readonly topic: string }) {
  const { t } = useTranslation();
  const { draft, samples, loadSamples } = useWizard();
  const { events, error } = samples[topic] ?? {};
  useEffect(() => {
    if (samples[topic] === undefined) loadSamples(topic);
  }, [samples, topic, loadSamples]);
  const proposals = useMemo(
    () => (events === undefined ? [] : proposalsFor(events, draft.timeZone)),
    [events, draft.timeZone],
  );
  useFirstProposal(topic, proposals, events);
  if (error !== undefined) return <ErrorState error={error} isInline onRetry={() => loadSamples(topic)} />;
  if (events === undefined) return <LoadingState lines={8} />;
  return (
    <div className={styles['timeParts']}>
      <RuleChoice topic={topic} proposals={proposals} samples={events} />
      <div className={styles['column']}>
        {events.length === 0 ? (
          <EmptyState title={t('setup.time.noEvents')}>{t('setup.time.noEventsHint')}</EmptyState>
        ) : (
          <SampleTable samples={events} rule={ruleOf(draft, topic)} onReload={() => loadSamples(topic)} />
        )}
        <TrialPanel topic={topic} />
      </div>
    </div>
  );
}

/** The best proposal is taken by itself as long as nobody chose: it has to read at least half of the samples. */
function useFirstProposal(
  topic: string,
  proposals: readonly Proposal[],
  samples: readonly Sample[] | undefined,
): void {
  const { draft, change } = useWizard();
  const name = draft.topicsBy === 'regex' ? ALL_TOPICS : topic;
  const isOpen = draft.rules[name] === undefined && samples !== undefined && samples.length > 0;
  useEffect(() => {
    if (!isOpen) return;
    const best = proposals.find(({ problem }) => problem === undefined);
    const isGood = best !== undefined && best.matched * 2 >= samples.length;
    change({ rules: { ...draft.rules, [name]: isGood ? ruleOfProposal(best) : RECORD_TIME } });
  }, [isOpen, proposals, samples, change, draft.rules, name]);
}
