/** Step 3: which of the topics that are there, and where to begin in them. */
import { Button } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { compileJavaRegex } from '../../../shared/regex/java-regex.ts';
import { isGatewayError } from '../../../shared/errors.ts';
import { useFormat } from '../../text/use-format.ts';
import { CountText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState, ErrorState } from '../../widgets/notices.tsx';
import { SearchBox } from '../../widgets/search-box.tsx';
import { useLocalRows } from '../../widgets/use-rows.ts';
import { toggled } from '../../widgets/table-props.ts';
import { EXAMPLES } from './examples.ts';
import { useConnect } from './brokers-step.tsx';
import type { Draft } from './draft.ts';
import type { Problems } from './draft-problems.ts';
import { ChoiceField, TextField } from './fields.tsx';
import styles from './setup.module.css';
import { StepFrame, useFieldErrors } from './step-frame.tsx';
import { useProblems, useWizard, type ClusterAnswer } from './wizard-state.tsx';

type Topic = ClusterAnswer['facts']['topics'][number];
const ROW_PX = 30;

export function TopicsStep() {
  const { draft } = useWizard();
  const problems = useProblems('topics');
  const { errorOf, onTried, isTried } = useFieldErrors(problems);
  const { answer, error, isRunning, connect } = useConnect();
  useEffect(() => {
    if (answer === undefined && error === undefined && !isRunning) connect();
    // Asked once when the step is opened; after that, the button asks.
  }, []);
  const found = useMemo(() => answer?.facts.topics.filter(({ isInternal }) => !isInternal) ?? [], [answer]);
  const chosen = useMemo(() => chosenOf(draft, found), [draft, found]);
  return (
    <StepFrame
      step="topics"
      problems={problems}
      onTried={onTried}
      note={<Chosen draft={draft} found={found} chosen={chosen} isTried={isTried} />}
    >
      {error !== undefined && <ErrorState error={error} isInline onRetry={connect} />}
      <div className={styles['topics']}>
        <TopicList {...{ found, chosen, isLoading: isRunning, errorOf, onReload: connect }} />
        <StartFields errorOf={errorOf} />
      </div>
    </StepFrame>
  );
}

/** Names that the draft takes, of those that are there. */
export function chosenOf(draft: Draft, found: readonly Topic[]): ReadonlySet<string> {
  if (draft.topicsBy === 'names') return new Set(draft.topics);
  const matches = wholeMatcher(draft.topicsRegex.trim());
  return new Set(found.filter(({ name }) => matches(name)).map(({ name }) => name));
}

function wholeMatcher(regex: string): (name: string) => boolean {
  if (regex === '') return () => false;
  try {
    const { regexp } = compileJavaRegex(regex, { isWhole: true, highestGroupRead: 0 });
    return (name) => regexp.test(name);
  } catch (error) {
    if (isGatewayError(error)) return () => false;
    throw error;
  }
}

function Chosen(props: {
  readonly draft: Draft;
  readonly found: readonly Topic[];
  readonly chosen: ReadonlySet<string>;
  readonly isTried: boolean;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const { draft, found, chosen, isTried } = props;
  const records = found.reduce((sum, topic) => sum + (chosen.has(topic.name) ? topic.records : 0), 0);
  if (chosen.size === 0)
    return (
      <span data-tone={isTried ? 'failed' : undefined}>
        {t(draft.topicsBy === 'names' ? 'setup.topics.chooseOne' : 'setup.topics.noMatch')}
      </span>
    );
  return t('setup.topics.chosen', { count: chosen.size, records: format.count(records) });
}

interface TopicListProps {
  readonly found: readonly Topic[];
  readonly chosen: ReadonlySet<string>;
  readonly isLoading: boolean;
  readonly errorOf: (field: keyof Problems) => string | undefined;
  readonly onReload: () => void;
}

function TopicList({ found, chosen, isLoading, errorOf, onReload }: TopicListProps) {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  const [text, setText] = useState('');
  const isByName = draft.topicsBy === 'names';
  const shown = useMemo(() => {
    const words = text.trim().toLowerCase();
    const all = [...found].sort((left, right) => left.name.localeCompare(right.name));
    return isByName
      ? all.filter(({ name }) => name.toLowerCase().includes(words))
      : all.filter(({ name }) => chosen.has(name));
  }, [found, text, isByName, chosen]);
  return (
    <div className={styles['topicList']}>
      <div className={styles['topicTools']}>
        <ChoiceField
          label={t('setup.topics.by')}
          value={draft.topicsBy}
          options={(['names', 'regex'] as const).map((value) => ({
            value,
            label: t(`setup.topicsBy.${value}`),
          }))}
          onChange={(topicsBy) => change({ topicsBy })}
        />
        {isByName ? (
          <SearchBox value={text} onChange={setText} label={t('setup.topics.search')} />
        ) : (
          <TextField
            name="topicsRegex"
            label={t('setup.topics.regex')}
            placeholder={EXAMPLES.topicsRegex}
            error={errorOf('topicsRegex')}
            isCode
          />
        )}
        <Button
          variant="default"
          leftSection={<IconRefresh size={14} aria-hidden />}
          loading={isLoading}
          onClick={onReload}
        >
          {t('setup.topics.reload')}
        </Button>
      </div>
      <TopicTable
        {...{ shown, isLoading, onChange: (topics) => change({ topics: [...topics] }) }}
        {...(isByName ? { chosen } : {})}
      />
    </div>
  );
}

function TopicTable(props: {
  readonly shown: readonly Topic[];
  readonly isLoading: boolean;
  /** Absent: nothing is chosen by hand. */
  readonly chosen?: ReadonlySet<string>;
  readonly onChange: (topics: ReadonlySet<string>) => void;
}) {
  const { t } = useTranslation();
  const { shown, isLoading, chosen, onChange } = props;
  const source = useLocalRows(shown, { isLoading: isLoading && shown.length === 0 });
  return (
    <div className={styles['tableBox']}>
      <DataTable
        label={t('setup.topics.found')}
        source={source}
        rowKey={({ name }) => name}
        rowHeight={ROW_PX}
        {...(chosen === undefined
          ? {}
          : {
              selection: { keys: chosen, onChange },
              onOpen: ({ name }: Topic) => onChange(toggled(chosen, name)),
            })}
        empty={<EmptyState title={t('setup.topics.none')}>{t('setup.topics.noneHint')}</EmptyState>}
        columns={[
          {
            id: 'name',
            header: t('setup.topics.name'),
            width: 260,
            isGrowing: true,
            cell: ({ name }) => <CodeText as="line">{name}</CodeText>,
          },
          {
            id: 'partitions',
            header: t('setup.topics.partitions'),
            width: 100,
            align: 'right',
            cell: ({ partitions }) => <CountText value={partitions} />,
          },
          {
            id: 'records',
            header: t('setup.topics.records'),
            width: 130,
            align: 'right',
            cell: ({ records }) => <CountText value={records} />,
          },
        ]}
      />
    </div>
  );
}

function StartFields({ errorOf }: { readonly errorOf: (field: keyof Problems) => string | undefined }) {
  const { t } = useTranslation();
  const { draft, change } = useWizard();
  return (
    <div className={styles['column']}>
      <ChoiceField
        label={t('setup.topics.startAt')}
        hint={t('setup.topics.startAtHint')}
        value={draft.startAt}
        options={(['earliest', 'latest', 'time'] as const).map((value) => ({
          value,
          label: t(`setup.startAt.${value}`),
        }))}
        onChange={(startAt) => change({ startAt })}
      />
      <p className={styles['note']}>{t(`setup.startAtMeans.${draft.startAt}`)}</p>
      {draft.startAt === 'time' && (
        <TextField
          name="startTime"
          type="datetime-local"
          label={t('setup.topics.startTime', { zone: draft.timeZone })}
          error={errorOf('startTime')}
          isRequired
        />
      )}
      <TextField
        name="groupId"
        label={t('setup.topics.group')}
        hint={t('setup.topics.groupHint')}
        placeholder={`headgate.${draft.id}`}
        error={errorOf('groupId')}
        isCode
      />
    </div>
  );
}
