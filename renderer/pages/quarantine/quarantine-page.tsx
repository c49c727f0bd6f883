/** Events that no rule could place: by reason, one by one, tried again or given up. */
import { IconShieldCheck } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { StreamEvent } from '../../../shared/contract/control.ts';
import type { QuarantineGroup } from '../../../shared/contract/control-rows.ts';
import { changeParams, useRoute } from '../../app/route.ts';
import { useCall } from '../../client/use-call.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { EmptyState } from '../../widgets/notices.tsx';
import { PageHeader } from '../../widgets/page-header.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { SearchBox } from '../../widgets/search-box.tsx';
import { EventList } from './event-list.tsx';
import { GroupTable, groupKey } from './group-table.tsx';
import { QuarantineTools } from './quarantine-tools.tsx';

export function QuarantinePage() {
  const { t } = useTranslation();
  const format = useFormat();
  const text = useRoute().params.get('text') ?? '';
  const inQuarantine = useStatus((status) => status.channels.reduce((sum, one) => sum + one.quarantined, 0));
  const groups = useCall('quarantineGroups', {}, { refetchOn: useNewEvents(inQuarantine) });
  const all = groups.data?.groups;
  const rows = useMemo(() => matching(all ?? [], text), [all, text]);
  const [chosenKey, setChosenKey] = useState<string>();
  const chosen = rows.find((group) => groupKey(group) === chosenKey);
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  const choose = (group: QuarantineGroup): void => {
    setChosenKey((was) => (was === groupKey(group) ? undefined : groupKey(group)));
    setIds(new Set());
  };
  const waiting = (all ?? []).reduce((sum, group) => sum + group.waiting, 0);
  if (all?.length === 0)
    return (
      <>
        <PageHeader title={t('quarantine.title')} />
        <Panel isGrowing>
          <EmptyState title={t('quarantine.none')} icon={IconShieldCheck}>
            {t('quarantine.noneBody')}
          </EmptyState>
        </Panel>
      </>
    );
  return (
    <>
      <PageHeader
        title={t('quarantine.title')}
        summary={all && t('quarantine.summary', { count: waiting, formatted: format.count(waiting) })}
      >
        <SearchBox
          value={text}
          onChange={(value) => changeParams({ text: value })}
          label={t('quarantine.search')}
        />
        <QuarantineTools
          group={chosen}
          ids={ids}
          waiting={chosen?.waiting ?? waiting}
          onDone={() => setIds(new Set())}
        />
      </PageHeader>
      <Panel title={t('quarantine.groups')} isFlush>
        <GroupTable rows={rows} state={groups} chosenKey={chosenKey} onChoose={choose} />
      </Panel>
      {groups.data !== undefined && groups.data.leftOut > 0 && (
        <p>{t('quarantine.leftOut', { count: groups.data.leftOut })}</p>
      )}
      <EventList group={chosen} ids={ids} onSelect={setIds} />
    </>
  );
}

/** The groups are asked for again when the number of events in quarantine changes, and when a retry moves on. */
function useNewEvents(known: number | undefined): (event: StreamEvent) => boolean {
  return (event) => {
    if (event.type === 'job') return event.job.kind === 'quarantine-retry';
    if (event.type !== 'status') return false;
    return event.status.channels.reduce((sum, one) => sum + one.quarantined, 0) !== known;
  };
}

function matching(groups: readonly QuarantineGroup[], text: string): readonly QuarantineGroup[] {
  const wanted = text.toLowerCase();
  return groups.filter(({ reason, topic, source }) =>
    [reason, topic, source].some((part) => part.toLowerCase().includes(wanted)),
  );
}
