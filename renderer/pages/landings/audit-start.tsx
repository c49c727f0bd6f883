import { Button, Radio, Stack } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { usePreferences } from '../../app/preferences.ts';
import { useIsLive } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { ErrorState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';

const LEVELS = ['ledger', 'hdfs', 'deep'] as const;
type Level = (typeof LEVELS)[number];

export interface AuditStartProps {
  /** The engine does one at a time. */
  readonly isRunning: boolean;
  readonly onStarted: (id: string) => void;
}

/** What each level proves and costs, and the button. */
export function AuditStart({ isRunning, onStarted }: AuditStartProps) {
  const { t } = useTranslation();
  const isLive = useIsLive();
  const { operator } = usePreferences();
  const [level, setLevel] = useState<Level>('hdfs');
  const start = useAction('auditStart');
  const begin = async (): Promise<void> => {
    const answer = await start.run({ level, by: operator });
    if (answer !== undefined) onStarted(answer.id);
  };
  return (
    <Panel title={t('landings.audit.new')}>
      <Radio.Group
        aria-label={t('landings.audit.level')}
        value={level}
        onChange={(value) => setLevel(LEVELS.find((known) => known === value) ?? 'ledger')}
      >
        <Stack gap={8}>
          {LEVELS.map((one) => (
            <Radio
              key={one}
              size="xs"
              value={one}
              label={t(`landings.audit.levels.${one}.name`)}
              description={t(`landings.audit.levels.${one}.what`)}
            />
          ))}
        </Stack>
      </Radio.Group>
      <Button
        fullWidth
        mt={12}
        leftSection={<IconPlayerPlay size={14} aria-hidden />}
        loading={start.isRunning}
        disabled={!isLive || isRunning}
        onClick={() => void begin()}
      >
        {t(isRunning ? 'landings.audit.isRunning' : 'landings.audit.start')}
      </Button>
      {start.error !== undefined && <ErrorState error={start.error} isInline />}
    </Panel>
  );
}
