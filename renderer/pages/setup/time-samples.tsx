/** The sample events with the time that the rule reads from each, and the directory that it makes. */
import { Button } from '@mantine/core';
import { IconCornerDownRight, IconRefresh } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import type { TimeZone } from '../../../shared/time/time-zone.ts';
import { useFormat } from '../../text/use-format.ts';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { pathOf, type TimeRule } from './draft.ts';
import { directoryOf } from './path-preview.ts';
import styles from './setup.module.css';
import { TimeReader, type Reading, type Sample } from './time-reading.ts';
import { wallText, zoneOf } from './wall-time.ts';
import { useWizard } from './wizard-state.tsx';

export interface SampleTableProps {
  readonly samples: readonly Sample[];
  readonly rule: TimeRule;
  readonly onReload: () => void;
}

interface Row {
  readonly sample: Sample;
  /** Undefined: the record's own time is meant. */
  readonly reading: Reading | undefined;
  readonly timeMs: number | undefined;
}

/** Characters before the time that are shown when it stands far behind. */
const LEAD_CHARS = 24;
const SHOWN_CHARS = 220;

export function SampleTable({ samples, rule, onReload }: SampleTableProps) {
  const { t } = useTranslation();
  const { draft } = useWizard();
  const zone = zoneOf(draft.timeZone);
  const rows = useMemo(() => rowsOf(samples, rule, draft.timeZone), [samples, rule, draft.timeZone]);
  return (
    <section aria-label={t('setup.time.samples')}>
      <div className={styles['sampleHead']}>
        <Counts rows={rows} isByRule={rule.kind === 'text'} />
        <Button
          variant="default"
          leftSection={<IconRefresh size={14} aria-hidden />}
          onClick={onReload}
          className={styles['push'] ?? ''}
        >
          {t('setup.time.reload')}
        </Button>
      </div>
      <div className={styles['sampleBox']} tabIndex={0} role="group" aria-label={t('setup.time.samples')}>
        <ul className={styles['samples']}>
          {[...rows].reverse().map((row) => (
            <li key={`${row.sample.partition}/${row.sample.offset}`}>
              <EventText row={row} />
              <div className={styles['timeCell']}>
                <ReadTime row={row} zone={zone} path={pathOf(draft)} />
              </div>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}

function rowsOf(samples: readonly Sample[], rule: TimeRule, zone: string): readonly Row[] {
  if (rule.kind === 'record')
    return samples.map((sample) => ({ sample, reading: undefined, timeMs: sample.timestampMs }));
  const reader = new TimeReader(rule, zone);
  return samples.map((sample) => {
    const reading = reader.read(sample);
    // No match leaves the time that the source set: the record's.
    const timeMs =
      reading.kind === 'read' ? reading.timeMs : reading.kind === 'no-match' ? sample.timestampMs : undefined;
    return { sample, reading, timeMs };
  });
}

function Counts({ rows, isByRule }: { readonly rows: readonly Row[]; readonly isByRule: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (!isByRule) return <span>{t('setup.time.byRecord', { count: rows.length })}</span>;
  const count = (kind: Reading['kind']): number =>
    rows.filter(({ reading }) => reading?.kind === kind).length;
  const read = count('read');
  return (
    <span className={styles['counts']}>
      <span data-tone={read === rows.length ? 'ok' : 'waiting'}>
        {t('setup.time.readCount', {
          read,
          count: rows.length,
          share: format.percent(read / Math.max(1, rows.length)),
        })}
      </span>
      {count('no-match') > 0 && (
        <span data-tone="waiting">{t('setup.time.noMatchCount', { count: count('no-match') })}</span>
      )}
      {count('no-time') > 0 && (
        <span data-tone="failed">{t('setup.time.noTimeCount', { count: count('no-time') })}</span>
      )}
    </span>
  );
}

function EventText({ row: { sample, reading } }: { readonly row: Row }) {
  const { t } = useTranslation();
  const { body } = sample;
  if (body === '') return <span className={styles['hint']}>{t('setup.time.empty')}</span>;
  if (reading === undefined || reading.kind === 'no-match')
    return <CodeText as="line">{body.slice(0, SHOWN_CHARS)}</CodeText>;
  const from = reading.start > LEAD_CHARS * 2 ? reading.start - LEAD_CHARS : 0;
  return (
    <span className={styles['eventLine']} dir="ltr" title={body.slice(0, SHOWN_CHARS)}>
      {from > 0 && '…'}
      <SafeText text={body.slice(from, reading.start)} />
      <mark data-tone={reading.kind === 'read' ? 'ok' : 'failed'}>
        <SafeText text={body.slice(reading.start, reading.end)} />
      </mark>
      <SafeText text={body.slice(reading.end, reading.end + SHOWN_CHARS)} />
    </span>
  );
}

function ReadTime({
  row,
  zone,
  path,
}: {
  readonly row: Row;
  readonly zone: TimeZone | undefined;
  readonly path: string;
}) {
  const { t } = useTranslation();
  const { sample, reading, timeMs } = row;
  if (timeMs === undefined || zone === undefined)
    return <span data-tone="failed">{t('setup.time.toQuarantine')}</span>;
  const directory = directoryOf(path, { topic: sample.topic, timeMs, zone });
  return (
    <>
      <IconCornerDownRight size={13} aria-hidden />
      <span className={styles['wall']}>{wallText(timeMs, zone)}</span>
      {reading?.kind === 'no-match' && <span data-tone="waiting">{t('setup.time.recordUsed')}</span>}
      {directory !== undefined && (
        <CodeText as="line" isDim>
          {directory}
        </CodeText>
      )}
    </>
  );
}
