/** A file that landed: where, what is in it, and how it can be told to be whole. */
import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { LandingRow } from '../../../shared/contract/control-rows.ts';
import { useFormat } from '../../text/use-format.ts';
import { BytesText, CountText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import styles from './landings.module.css';

const PART_PX = 28;
const BORDERS_PX = 4;

type Part = LandingRow['parts'][number];

export function LandingDetails({ row }: { readonly row: LandingRow }) {
  const { t } = useTranslation();
  return (
    <div className={styles['drawer']}>
      <div className={styles['pathLine']}>
        <CodeText as="wrap">{row.path}</CodeText>
        <CopyPath path={row.path} />
      </div>
      <Facts row={row} />
      <h3>{t('landings.parts')}</h3>
      <div className={styles['parts']} style={{ flexBasis: PART_PX * (row.parts.length + 2) + BORDERS_PX }}>
        <Parts parts={row.parts} />
      </div>
    </div>
  );
}

function CopyPath({ path }: { readonly path: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={path}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? t('widgets.copied') : t('landings.copyPath')}>
          <ActionIcon aria-label={t('landings.copyPath')} onClick={copy}>
            {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

function Facts({ row }: { readonly row: LandingRow }) {
  const { t } = useTranslation();
  const format = useFormat();
  const share = row.rawBytes > 0 && row.bytes < row.rawBytes ? row.bytes / row.rawBytes : undefined;
  return (
    <KeyValue
      rows={[
        { name: t('landings.columns.landed'), value: <TimeText ms={row.landedMs} /> },
        { name: t('landings.columns.events'), value: <CountText value={row.events} /> },
        {
          name: t('landings.size'),
          value: (
            <>
              <BytesText value={row.bytes} />
              <span className={styles['dim']}>
                {' · '}
                {t('landings.rawSize', { size: format.bytes(row.rawBytes) })}
                {share !== undefined && ` (${format.percent(share)})`}
              </span>
            </>
          ),
        },
        { name: t('landings.columns.codec'), value: <CodeText>{row.codec}</CodeText> },
        { name: t('landings.columns.attempts'), value: <CountText value={row.attempts} /> },
        {
          name: t('landings.columns.sink'),
          value: (
            <>
              <CodeText>{row.sink}</CodeText>
              <span className={styles['dim']}>
                {' · '}
                {t('landings.ofChannel', { channel: row.channel })}
              </span>
            </>
          ),
        },
        { name: t('landings.fileId'), value: <CodeText>{row.fileId}</CodeText> },
        {
          name: t('landings.checksum'),
          value: row.checksum !== undefined && <CodeText as="wrap">{row.checksum}</CodeText>,
        },
        {
          name: t('landings.checksumNote'),
          value: row.checksumNote !== undefined && <SafeText text={row.checksumNote} />,
        },
        { name: t('landings.crc32c'), value: <CodeText>{hexOf(row.crc32c)}</CodeText> },
      ].map(({ name, value }) => ({ name, value: value === false ? undefined : value }))}
    />
  );
}

/** `0x0000002a`: as other programs print it. */
export function hexOf(crc32c: number): string {
  return `0x${crc32c.toString(16).padStart(8, '0')}`;
}

function Parts({ parts }: { readonly parts: readonly Part[] }) {
  const { t } = useTranslation();
  const columns = useMemo(
    (): readonly Column<Part>[] => [
      {
        id: 'partition',
        header: t('landings.partition'),
        width: 160,
        isGrowing: true,
        cell: ({ topic, partition }) => <CodeText as="line">{`${topic}/${partition}`}</CodeText>,
      },
      {
        id: 'offsets',
        header: t('landings.offsets'),
        width: 230,
        cell: ({ first, last }) => <CodeText as="line">{`${first}–${last}`}</CodeText>,
      },
      {
        id: 'count',
        header: t('landings.columns.events'),
        width: 96,
        align: 'right',
        cell: ({ count }) => <CountText value={count} />,
      },
      {
        id: 'incarnation',
        header: t('landings.incarnation'),
        width: 170,
        cell: ({ incarnation }) => (
          <CodeText as="line" isDim>
            {incarnation}
          </CodeText>
        ),
      },
    ],
    [t],
  );
  return (
    <DataTable
      label={t('landings.parts')}
      source={useLocalRows(parts)}
      rowKey={({ topic, partition, incarnation, first }) =>
        JSON.stringify([topic, partition, incarnation, first])
      }
      columns={columns}
      rowHeight={PART_PX}
    />
  );
}
