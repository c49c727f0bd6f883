/** Force a roll: what still collects is closed and written now, after saying what that costs. */
import { Button, Menu, Text } from '@mantine/core';
import { IconBolt, IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useIsLive, useStatus } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { Confirm } from '../../widgets/confirm.tsx';
import { toast } from '../../widgets/toast.ts';

export type LandTarget =
  | { readonly kind: 'all' }
  | { readonly kind: 'sink'; readonly sink: string }
  | { readonly kind: 'key'; readonly sink: string; readonly landingKeyId: number };

const NO_SINKS: readonly { readonly name: string }[] = [];

export function LandNowMenu() {
  const { t } = useTranslation();
  const isLive = useIsLive();
  const sinks = useStatus((status) => status.sinks) ?? NO_SINKS;
  const [target, setTarget] = useState<LandTarget>();
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconBolt size={14} aria-hidden />}
            rightSection={<IconChevronDown size={13} aria-hidden />}
            disabled={!isLive || sinks.length === 0}
          >
            {t('backlog.landNow')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {sinks.length > 1 && (
            <Menu.Item onClick={() => setTarget({ kind: 'all' })}>{t('backlog.landNowAll')}</Menu.Item>
          )}
          {sinks.map(({ name }) => (
            <Menu.Item key={name} onClick={() => setTarget({ kind: 'sink', sink: name })}>
              {t('backlog.landNowSink', { sink: name })}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {target !== undefined && <LandDialog target={target} onClose={() => setTarget(undefined)} />}
    </>
  );
}

export interface LandDialogProps {
  readonly target: LandTarget;
  readonly onClose: () => void;
}

export function LandDialog({ target, onClose }: LandDialogProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const land = useAction('landNow');
  const { kind } = target;
  const sink = kind === 'all' ? undefined : target.sink;
  const isPaused = useStatus(({ sinks }) =>
    sinks.some(({ name, paused }) => paused !== undefined && (sink === undefined || name === sink)),
  );
  const confirm = async (): Promise<void> => {
    const input =
      kind === 'all' ? {} : kind === 'sink' ? { sink: target.sink } : { landingKeyId: target.landingKeyId };
    const answer = await land.run(input);
    if (answer === undefined) return;
    toast(t('backlog.landed', { count: answer.keys, formatted: format.count(answer.keys) }));
    onClose();
  };
  return (
    <Confirm
      isOpen
      onClose={onClose}
      onConfirm={() => void confirm()}
      title={t(`backlog.landTitle.${kind}`, { sink: sink ?? '' })}
      confirmLabel={t('backlog.landNow')}
      isRunning={land.isRunning}
      error={land.error}
    >
      <div>
        <Text size="sm" fw={600}>
          {t(`backlog.landBody.${kind}`)}
        </Text>
        <Text size="sm" mt={6}>
          {t('backlog.landConsequence')}
        </Text>
        {isPaused === true && (
          <Text size="sm" mt={6} c="var(--hg-waiting)">
            {t('backlog.landPaused')}
          </Text>
        )}
      </div>
    </Confirm>
  );
}
