/** Events that wait, looked at and searched without taking them. */
import { Button, Pill } from '@mantine/core';
import { IconSearchOff } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../text/use-format.ts';
import { BytesText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { SearchBox } from '../../widgets/search-box.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import styles from './backlog.module.css';
import { EventBody } from './event-body.tsx';
import { canGoOn, PEEK_EVENTS_MAX, placed, type PlacedEvent } from './peek-pages.ts';
import { usePeek, type Peek } from './use-peek.ts';

/** Of a body, what a row can show. */
const PREVIEW_CHARACTERS = 400;

export interface PeekViewProps {
  readonly landingKeyId: number;
  readonly chunkId: number | undefined;
  readonly onAllChunks: () => void;
}

export function PeekView({ landingKeyId, chunkId, onAllChunks }: PeekViewProps) {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  const [open, setOpen] = useState<PlacedEvent>();
  const peek = usePeek({ landingKeyId, chunkId, text });
  const rows = useMemo(() => placed(peek.events), [peek.events]);
  const source = useLocalRows(rows, { isLoading: peek.isRunning, error: peek.error, reload: peek.goOn });
  return (
    <div className={styles['peek']}>
      <div className={styles['peekTools']}>
        <SearchBox value={text} onChange={setText} label={t('backlog.peek.search')} />
        {chunkId !== undefined && (
          <Pill
            withRemoveButton
            onRemove={onAllChunks}
            removeButtonProps={{
              'aria-label': t('backlog.peek.allChunks'),
              tabIndex: 0,
              'aria-hidden': false,
            }}
          >
            {t('backlog.peek.ofChunk', { id: chunkId })}
          </Pill>
        )}
        <span className={styles['dim']}>{t('backlog.peek.note')}</span>
      </div>
      <div className={styles['peekList']}>
        <DataTable
          label={t('backlog.peek.label')}
          source={source}
          rowKey={({ place }) => String(place)}
          columns={useColumns()}
          onOpen={(event) => setOpen((before) => (before?.place === event.place ? undefined : event))}
          openKey={open && String(open.place)}
          rowHeight={26}
          empty={<NoEvents peek={peek} isSearch={text !== ''} />}
          footer={<Progress peek={peek} isSearch={text !== ''} />}
        />
      </div>
      {open !== undefined && <EventBody event={open} onClose={() => setOpen(undefined)} />}
    </div>
  );
}

interface ProgressProps {
  readonly peek: Peek;
  readonly isSearch: boolean;
}

function Progress({ peek, isSearch }: ProgressProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const { events, scanned, next } = peek;
  const numbers = { shown: format.count(events.length), scanned: format.count(scanned) };
  return (
    <>
      {isSearch && (
        <span>{t(next === undefined ? 'backlog.peek.found' : 'backlog.peek.foundSoFar', numbers)}</span>
      )}
      {canGoOn(peek) && (
        <Button variant="default" size="compact-xs" onClick={peek.goOn}>
          {t(isSearch ? 'backlog.peek.goOn' : 'backlog.peek.more')}
        </Button>
      )}
      {next !== undefined && events.length >= PEEK_EVENTS_MAX && (
        <span>{t('backlog.peek.enough', numbers)}</span>
      )}
    </>
  );
}

function NoEvents({ peek, isSearch }: ProgressProps) {
  const { t } = useTranslation();
  const format = useFormat();
  if (!isSearch) return <EmptyState title={t('backlog.peek.none')} />;
  if (!canGoOn(peek)) return <EmptyState title={t('backlog.peek.noneFound')} icon={IconSearchOff} />;
  return (
    <EmptyState
      title={t('backlog.peek.noneSoFar')}
      icon={IconSearchOff}
      action={<Button onClick={peek.goOn}>{t('backlog.peek.goOn')}</Button>}
    >
      {t('backlog.peek.noneSoFarBody', { scanned: format.count(peek.scanned) })}
    </EmptyState>
  );
}

function useColumns(): readonly Column<PlacedEvent>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'partition',
        header: t('backlog.peek.partition'),
        width: 124,
        cell: ({ topic, partition }) => <CodeText as="line" isDim>{`${topic}/${partition}`}</CodeText>,
      },
      {
        id: 'offset',
        header: t('backlog.peek.offset'),
        width: 122,
        align: 'right',
        cell: ({ offset }) =>
          offset < 0 ? (
            <span className={styles['dim']} title={t('backlog.peek.unknownOffsetHint')}>
              {t('backlog.peek.unknownOffset')}
            </span>
          ) : (
            <CodeText as="line">{String(offset)}</CodeText>
          ),
      },
      {
        id: 'size',
        header: t('backlog.peek.size'),
        width: 76,
        align: 'right',
        cell: ({ bodyBytes }) => <BytesText value={bodyBytes} />,
      },
      {
        id: 'body',
        header: t('backlog.peek.body'),
        width: 300,
        isGrowing: true,
        cell: ({ body }) => <CodeText as="line">{body.slice(0, PREVIEW_CHARACTERS)}</CodeText>,
      },
    ],
    [t],
  );
}
