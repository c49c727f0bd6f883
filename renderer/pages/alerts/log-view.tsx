/** The engine's log as it grows, newest first. */
import { Button, Select, Switch } from '@mantine/core';
import { IconFileText } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { LogLine } from '../../../shared/contract/control-history.ts';
import { changeParams, useRoute } from '../../app/route.ts';
import { TimeText } from '../../widgets/amounts.tsx';
import type { Format } from '../../text/format.ts';
import { useFormat } from '../../text/use-format.ts';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { Drawer } from '../../widgets/drawer.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { SearchBox } from '../../widgets/search-box.tsx';
import { StateBadge, type StateName } from '../../widgets/state-badge.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import styles from './alerts.module.css';
import { LOG_LEVELS, useLogLines, type LogLevel } from './log-lines.ts';

/** What a field in milliseconds must be to be a moment, in this century, and not how long something took. */
const FIRST_MOMENT_MS = Date.UTC(2001, 0);

export function LogView() {
  const { t } = useTranslation();
  const { params } = useRoute();
  const text = params.get('text') ?? '';
  const level = LOG_LEVELS.find((one) => one === params.get('level')) ?? 'info';
  const [isFollowing, setFollowing] = useState(true);
  const [open, setOpen] = useState<LogLine>();
  const log = useLogLines({ level, text, isFollowing });
  const source = useLocalRows(log.lines, log);
  return (
    <Panel
      isFlush
      isGrowing
      tools={
        <LogTools
          level={level}
          text={text}
          isFollowing={isFollowing}
          onFollow={setFollowing}
          newCount={log.newCount}
        />
      }
    >
      <DataTable
        label={t('alerts.log')}
        source={source}
        rowKey={(line) => String(line.id)}
        rowHeight={26}
        columns={useColumns()}
        onOpen={setOpen}
        empty={
          <EmptyState title={t('alerts.noLines')} icon={IconFileText}>
            {t('alerts.noLinesBody')}
          </EmptyState>
        }
        footer={
          log.hasOlder && (
            <Button variant="subtle" size="compact-xs" onClick={log.loadOlder}>
              {t('alerts.older')}
            </Button>
          )
        }
      />
      <Drawer title={t('alerts.line')} isOpen={open !== undefined} onClose={() => setOpen(undefined)}>
        {open !== undefined && <LineDetails line={open} />}
      </Drawer>
    </Panel>
  );
}

function LogTools(props: {
  readonly level: LogLevel;
  readonly text: string;
  readonly isFollowing: boolean;
  readonly newCount: number;
  readonly onFollow: (isOn: boolean) => void;
}) {
  const { t } = useTranslation();
  return (
    <>
      <Switch
        label={props.newCount > 0 ? t('alerts.newLines', { count: props.newCount }) : t('alerts.follow')}
        title={t('alerts.followHint')}
        checked={props.isFollowing}
        onChange={(event) => props.onFollow(event.currentTarget.checked)}
      />
      <Select
        aria-label={t('alerts.level')}
        value={props.level}
        onChange={(value) => changeParams({ level: value === 'info' ? '' : (value ?? '') })}
        data={LOG_LEVELS.map((value) => ({ value, label: t(`alerts.levels.${value}`) }))}
        allowDeselect={false}
        w={170}
      />
      <SearchBox
        value={props.text}
        onChange={(value) => changeParams({ text: value })}
        label={t('alerts.searchLog')}
      />
    </>
  );
}

function LineDetails({ line }: { readonly line: LogLine }) {
  const { t } = useTranslation();
  return (
    <div className={styles['details']}>
      <div className={styles['head']}>
        <LevelBadge level={line.level} />
        <TimeText ms={line.atMs} />
      </div>
      <CodeText as="wrap">{line.message}</CodeText>
      <KeyValue
        rows={Object.entries(line.fields).map(([name, value]) => ({
          name,
          value: (
            <CodeText as="wrap">
              {typeof value === 'string' ? value : JSON.stringify(value, null, 2)}
            </CodeText>
          ),
        }))}
      />
      {Object.keys(line.fields).length === 0 && <p className={styles['hint']}>{t('widgets.none')}</p>}
    </div>
  );
}

function useColumns(): readonly Column<LogLine>[] {
  const { t } = useTranslation();
  const format = useFormat();
  return useMemo(
    () => [
      {
        id: 'time',
        header: t('alerts.columns.time'),
        width: 150,
        cell: ({ atMs }) => <TimeText ms={atMs} />,
      },
      {
        id: 'level',
        header: t('alerts.columns.level'),
        width: 96,
        cell: ({ level }) => <LevelBadge level={level} />,
      },
      {
        id: 'message',
        header: t('alerts.columns.message'),
        width: 260,
        cell: ({ message }) => <SafeText text={message} />,
      },
      {
        id: 'fields',
        header: t('alerts.columns.fields'),
        width: 300,
        isGrowing: true,
        cell: ({ fields }) => (
          <CodeText as="line" isDim>
            {fieldsText(fields, format)}
          </CodeText>
        ),
      },
    ],
    [t, format],
  );
}

function LevelBadge({ level }: { readonly level: LogLevel }) {
  const state: StateName = level === 'debug' ? 'unknown' : level;
  return level === 'debug' ? (
    <StateBadge state={state} variant="plain" label={level} />
  ) : (
    <StateBadge state={state} variant="plain" />
  );
}

/** `sink=hadoop  nextTryMs=19:05:12`: moments as people read them, the rest as it is. */
function fieldsText(fields: LogLine['fields'], format: Format): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${isMoment(name, value) ? format.clock(value) : textOf(value)}`)
    .join('  ');
}

function isMoment(name: string, value: unknown): value is number {
  return name.endsWith('Ms') && typeof value === 'number' && value > FIRST_MOMENT_MS;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
