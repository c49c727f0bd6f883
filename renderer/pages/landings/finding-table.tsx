import { Select } from '@mantine/core';
import { IconShieldCheck } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AuditFinding, AuditReport } from '../../../shared/contract/control-audit.ts';
import { useFormat } from '../../text/use-format.ts';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { DataTable } from '../../widgets/data-table.tsx';
import { EmptyState } from '../../widgets/notices.tsx';
import { SearchBox } from '../../widgets/search-box.tsx';
import type { Column } from '../../widgets/table-column.ts';
import { useLocalRows } from '../../widgets/use-rows.ts';
import styles from './landings.module.css';

type Kind = AuditFinding['kind'];

interface FindingRow extends AuditFinding {
  readonly number: number;
}

/** What an audit found, by kind and place. */
export function FindingTable({ report }: { readonly report: AuditReport }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [text, setText] = useState('');
  const [kind, setKind] = useState<Kind>();
  const [open, setOpen] = useState<FindingRow>();
  const { findings, findingsLeftOut } = report;
  const rows = useMemo(() => matching(findings, { text, kind }), [findings, text, kind]);
  const source = useLocalRows(rows);
  const kinds = [...new Set(findings.map((finding) => finding.kind))];
  if (findings.length === 0)
    return (
      <EmptyState title={t('landings.audit.noFindings')} icon={IconShieldCheck}>
        {t('landings.audit.noFindingsBody')}
      </EmptyState>
    );
  return (
    <>
      <div className={styles['findingTools']}>
        <SearchBox value={text} onChange={setText} label={t('landings.audit.searchFindings')} />
        <Select
          aria-label={t('landings.audit.kind')}
          placeholder={t('landings.audit.allKinds')}
          data={kinds.map((value) => ({ value, label: t(`landings.audit.kinds.${value}`) }))}
          value={kind ?? null}
          onChange={(value) => setKind(kinds.find((known) => known === value))}
          clearable
          w={230}
        />
      </div>
      <DataTable
        label={t('landings.audit.findingsLabel')}
        source={source}
        rowKey={({ number }) => String(number)}
        columns={useColumns()}
        onOpen={(row) => setOpen((before) => (before?.number === row.number ? undefined : row))}
        openKey={open && String(open.number)}
        rowHeight={28}
        footer={
          findingsLeftOut > 0 && (
            <span>
              {t('landings.audit.leftOut', {
                count: findingsLeftOut,
                formatted: format.count(findingsLeftOut),
              })}
            </span>
          )
        }
      />
      {open !== undefined && (
        <div className={styles['finding']}>
          <strong>{t(`landings.audit.kinds.${open.kind}`)}</strong>
          <CodeText as="wrap">{open.place}</CodeText>
          <SafeText text={open.what} keepsLines />
        </div>
      )}
    </>
  );
}

export function matching(
  findings: readonly AuditFinding[],
  { text, kind }: { readonly text: string; readonly kind: Kind | undefined },
): readonly FindingRow[] {
  const wanted = text.toLowerCase();
  return findings
    .map((finding, number) => ({ ...finding, number }))
    .filter(
      (finding) =>
        (kind === undefined || finding.kind === kind) &&
        [finding.place, finding.what].some((part) => part.toLowerCase().includes(wanted)),
    );
}

function useColumns(): readonly Column<FindingRow>[] {
  const { t } = useTranslation();
  return useMemo(
    () => [
      {
        id: 'kind',
        header: t('landings.audit.kind'),
        width: 190,
        cell: ({ kind }) => t(`landings.audit.kinds.${kind}`),
      },
      {
        id: 'place',
        header: t('landings.audit.place'),
        width: 240,
        isGrowing: true,
        cell: ({ place }) => <CodeText as="line">{place}</CodeText>,
      },
      {
        id: 'what',
        header: t('landings.audit.what'),
        width: 240,
        isGrowing: true,
        cell: ({ what }) => <SafeText text={what} />,
      },
    ],
    [t],
  );
}
