/** A landing key from inside: its facts, its chunks, and its events without taking them. */
import { ActionIcon, Button, CopyButton, Tabs, Tooltip } from '@mantine/core';
import { IconBolt, IconCheck, IconCopy } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { BacklogChunk, BacklogRow } from '../../../shared/contract/control-rows.ts';
import { useIsLive } from '../../client/engine-context.tsx';
import { BytesText, CountText } from '../../widgets/amounts.tsx';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { Drawer } from '../../widgets/drawer.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import styles from './backlog.module.css';
import { ChunkTable } from './chunk-table.tsx';
import { ExportButton } from './export-keys.tsx';
import { MinuteText } from './key-columns.tsx';
import { LandDialog } from './land-now.tsx';
import { PeekView } from './peek-view.tsx';

export interface KeyDrawerProps {
  readonly row: BacklogRow | undefined;
  readonly onClose: () => void;
  readonly onExportBegun: (jobId: string) => void;
}

export function KeyDrawer({ row, onClose, onExportBegun }: KeyDrawerProps) {
  const { t } = useTranslation();
  return (
    <Drawer
      title={t('backlog.key.title')}
      isOpen={row !== undefined}
      onClose={onClose}
      width="min(960px, 94vw)"
    >
      {row !== undefined && (
        <div className={styles['drawer']}>
          <Head row={row} onBegun={onExportBegun} onClose={onClose} />
          <Facts row={row} />
          <Contents key={row.id} row={row} />
        </div>
      )}
    </Drawer>
  );
}

function Head(props: {
  readonly row: BacklogRow;
  readonly onBegun: (jobId: string) => void;
  readonly onClose: () => void;
}) {
  const { t } = useTranslation();
  const { row } = props;
  const isLive = useIsLive();
  const [asks, setAsks] = useState(false);
  return (
    <div className={styles['drawerHead']}>
      <div className={styles['path']}>
        <CodeText as="wrap">{row.directory}</CodeText>
      </div>
      <CopyText text={row.directory} />
      <span className={styles['spread']} />
      <ExportButton
        rows={[row]}
        isOfThis
        onBegun={(jobId) => {
          props.onBegun(jobId);
          props.onClose();
        }}
      />
      <Button
        variant="default"
        leftSection={<IconBolt size={14} aria-hidden />}
        disabled={!isLive}
        onClick={() => setAsks(true)}
      >
        {t('backlog.landNow')}
      </Button>
      {asks && (
        <LandDialog
          target={{ kind: 'key', sink: row.sink, landingKeyId: row.id }}
          onClose={() => setAsks(false)}
        />
      )}
    </div>
  );
}

function CopyText({ text }: { readonly text: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('widgets.copied') : t('backlog.key.copyPath')}>
          <ActionIcon aria-label={t('backlog.key.copyPath')} onClick={copy}>
            {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

function Facts({ row }: { readonly row: BacklogRow }) {
  const { t } = useTranslation();
  const range = (from: number, to: number) => (
    <>
      <MinuteText ms={from} /> – <MinuteText ms={to} />
    </>
  );
  return (
    <div>
      <div className={styles['facts']}>
        <KeyValue
          rows={[
            { name: t('backlog.columns.state'), value: row.state && <StateBadge state={row.state} /> },
            { name: t('backlog.columns.sink'), value: <CodeText>{row.sink}</CodeText> },
            { name: t('backlog.key.channel'), value: <CodeText>{row.channel}</CodeText> },
            { name: t('backlog.key.prefix'), value: <CodeText>{row.prefix}</CodeText> },
          ]}
        />
        <KeyValue
          rows={[
            { name: t('backlog.columns.events'), value: <CountText value={row.events} /> },
            {
              name: t('backlog.columns.bytes'),
              value: (
                <>
                  <BytesText value={row.storedBytes} />
                  <span className={styles['dim']}>
                    {' · '}
                    {t('backlog.key.raw')} <BytesText value={row.rawBytes} />
                  </span>
                </>
              ),
            },
            { name: t('backlog.key.eventTimes'), value: range(row.oldestEventMs, row.newestEventMs) },
            { name: t('backlog.key.putTimes'), value: range(row.oldestPutMs, row.newestPutMs) },
          ]}
        />
      </div>
      <CauseLine cause={row.cause} />
    </div>
  );
}

function Contents({ row }: { readonly row: BacklogRow }) {
  const { t } = useTranslation();
  const [tab, setTab] = useState<string | null>('events');
  const [chunk, setChunk] = useState<BacklogChunk>();
  return (
    <Tabs value={tab} onChange={setTab} className={styles['tabs'] ?? ''}>
      <Tabs.List>
        <Tabs.Tab value="events">{t('backlog.key.eventsTab')}</Tabs.Tab>
        <Tabs.Tab value="chunks">{t('backlog.key.chunksTab')}</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="events" className={styles['tabPanel'] ?? ''}>
        <PeekView landingKeyId={row.id} chunkId={chunk?.id} onAllChunks={() => setChunk(undefined)} />
      </Tabs.Panel>
      <Tabs.Panel value="chunks" className={styles['tabPanel'] ?? ''}>
        <ChunkTable
          landingKeyId={row.id}
          onOpen={(one) => {
            setChunk(one);
            setTab('events');
          }}
        />
      </Tabs.Panel>
    </Tabs>
  );
}
