/** Which events: of a topic, of the backlog, of the quarantine, or pasted. */
import { NativeSelect, SegmentedControl, Textarea, TextInput } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useCall } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { hostileParts } from '../../widgets/hostile-text.ts';
import { changeTryInput, SAMPLE_KINDS, useTryState } from './try-store.ts';
import { isTree, parseText, valueAt } from './yaml-text.ts';
import styles from './try.module.css';

const KEYS_OFFERED = 200;
const OPTION_CHARS_MAX = 90;

export interface SampleFormProps {
  readonly sources: readonly string[];
  readonly source: string;
  readonly text: string;
}

export function SampleForm({ sources, source, text }: SampleFormProps) {
  const { t } = useTranslation();
  const { input } = useTryState();
  const { kind } = input;
  return (
    <div className={styles['sample']}>
      <SegmentedControl
        fullWidth
        aria-label={t('configuration.try.sample')}
        value={kind}
        onChange={(value) => changeTryInput({ kind: value })}
        data={SAMPLE_KINDS.map((value) => ({ value, label: t(`configuration.try.kinds.${value}`) }))}
      />
      <div className={styles['inputs']}>
        <NativeSelect
          label={t('configuration.try.source')}
          value={source}
          data={[...sources]}
          onChange={(event) => changeTryInput({ source: event.currentTarget.value })}
        />
        {kind === 'topic' && <TopicInput source={source} text={text} />}
        {kind === 'backlog' && <KeyInput />}
        {kind === 'quarantine' && <ReasonInput source={source} />}
        {kind === 'lines' && (
          <TextInput
            label={t('configuration.try.linesTopic')}
            value={input.linesTopic}
            placeholder={t('configuration.try.linesTopicHint')}
            onChange={(event) => changeTryInput({ linesTopic: event.currentTarget.value.trim() })}
          />
        )}
        {kind !== 'lines' && (
          <TextInput
            label={t('configuration.try.last')}
            value={Number.isFinite(input.last) ? String(input.last) : ''}
            inputMode="numeric"
            onChange={(event) =>
              changeTryInput({
                last: event.currentTarget.value === '' ? Number.NaN : Number(event.currentTarget.value),
              })
            }
          />
        )}
      </div>
      {kind === 'lines' && (
        <Textarea
          label={t('configuration.try.lines')}
          description={t('configuration.try.linesHint')}
          value={input.lines}
          minRows={4}
          maxRows={8}
          autosize
          spellCheck={false}
          classNames={{ input: styles['mono'] ?? '' }}
          onChange={(event) => changeTryInput({ lines: event.currentTarget.value })}
        />
      )}
    </div>
  );
}

function TopicInput({ source, text }: Pick<SampleFormProps, 'source' | 'text'>) {
  const { t } = useTranslation();
  const { input } = useTryState();
  const topics = useMemo(() => topicsOf(text, source), [text, source]);
  const common = { label: t('configuration.try.topic'), value: input.topic };
  if (topics.length === 0)
    return (
      <TextInput
        {...common}
        placeholder={t('configuration.try.allTopics')}
        onChange={(event) => changeTryInput({ topic: event.currentTarget.value.trim() })}
      />
    );
  return (
    <NativeSelect
      {...common}
      value={topics.includes(input.topic) ? input.topic : ''}
      data={[{ value: '', label: t('configuration.try.allTopics') }, ...topics]}
      onChange={(event) => changeTryInput({ topic: event.currentTarget.value })}
    />
  );
}

function KeyInput() {
  const { t } = useTranslation();
  const format = useFormat();
  const { input } = useTryState();
  const keys = useCall('backlogList', { sort: 'bytes', descending: true, limit: KEYS_OFFERED });
  const rows = keys.data?.rows ?? [];
  const { landingKeyId } = input;
  const isKnown = landingKeyId === undefined || rows.some(({ id }) => id === landingKeyId);
  return (
    <NativeSelect
      label={t('configuration.try.key')}
      value={landingKeyId === undefined ? '' : String(landingKeyId)}
      data={[
        {
          value: '',
          label: t(
            rows.length === 0 && keys.data !== undefined
              ? 'configuration.try.noBacklog'
              : 'configuration.try.chooseKey',
          ),
        },
        ...(isKnown
          ? []
          : [{ value: String(landingKeyId), label: t('configuration.try.keyNumber', { id: landingKeyId }) }]),
        ...rows.map(({ id, directory, sink, events }) => ({
          value: String(id),
          label: plain(`${directory} · ${sink} · ${format.compact(events)}`),
        })),
      ]}
      onChange={(event) =>
        changeTryInput({
          landingKeyId: event.currentTarget.value === '' ? undefined : Number(event.currentTarget.value),
        })
      }
    />
  );
}

function ReasonInput({ source }: { readonly source: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { input } = useTryState();
  const groups = useCall('quarantineGroups', {});
  const waiting = new Map<string, number>();
  for (const group of groups.data?.groups ?? [])
    if (group.source === source && group.waiting > 0)
      waiting.set(group.reason, (waiting.get(group.reason) ?? 0) + group.waiting);
  const { reason } = input;
  return (
    <NativeSelect
      label={t('configuration.try.reason')}
      value={reason}
      data={[
        { value: '', label: t('configuration.try.allReasons') },
        ...(reason === '' || waiting.has(reason) ? [] : [{ value: reason, label: plain(reason) }]),
        ...[...waiting].map(([value, events]) => ({
          value,
          label: plain(`${value} · ${format.count(events)}`),
        })),
      ]}
      onChange={(event) => changeTryInput({ reason: event.currentTarget.value })}
    />
  );
}

/** An option can hold nothing but text: what would hide in it is shown by its code. */
function plain(text: string): string {
  const shown = hostileParts(text, false)
    .map((part) => part.text)
    .join('');
  return shown.length > OPTION_CHARS_MAX ? `${shown.slice(0, OPTION_CHARS_MAX)}…` : shown;
}

function topicsOf(text: string, source: string): readonly string[] {
  const settings = valueAt(parseText(text).tree, ['sources', source]);
  const topics = isTree(settings) ? settings['kafka.topics'] : undefined;
  if (Array.isArray(topics)) return topics.map(String);
  return typeof topics === 'string' ? topics.split(/[\s,]+/).filter((topic) => topic !== '') : [];
}
