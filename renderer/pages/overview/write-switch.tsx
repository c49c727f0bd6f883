/** The write switch: stops and goes on with landing, of one sink or all, after saying what that means. */
import { Button, Text, TextInput } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EngineStatus, SinkStatusRow } from '../../../shared/contract/control-status.ts';
import { SECOND_MS } from '../../../shared/units.ts';
import { changePreferences, usePreferences } from '../../app/preferences.ts';
import { useIsLive, useStatus } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { Confirm } from '../../widgets/confirm.tsx';
import { toast } from '../../widgets/toast.ts';
import { least, roomOf } from './figures-of.ts';

export function WriteSwitchAll() {
  const { t } = useTranslation();
  const all = useStatus(({ sinks }) => sinks.length) ?? 0;
  const paused = useStatus(({ sinks }) => sinks.filter((sink) => sink.paused !== undefined).length) ?? 0;
  if (all === 0) return null;
  return (
    <>
      {paused < all && <SwitchButton action="pause" label={t('overview.switch.pauseAll')} />}
      {paused > 0 && <SwitchButton action="resume" label={t('overview.switch.resumeAll')} isMain />}
    </>
  );
}

export function WriteSwitchSink({ sink }: { readonly sink: SinkStatusRow }) {
  const { t } = useTranslation();
  const action = sink.paused === undefined ? 'pause' : 'resume';
  return (
    <SwitchButton
      action={action}
      sink={sink.name}
      label={t(`overview.switch.${action}`)}
      isMain={action === 'resume'}
    />
  );
}

type SwitchAction = 'pause' | 'resume';

interface SwitchProps {
  readonly action: SwitchAction;
  /** Absent: all of them. */
  readonly sink?: string;
  readonly label: string;
  readonly isMain?: boolean;
}

function SwitchButton(props: SwitchProps) {
  const { t } = useTranslation();
  const { action, sink, label, isMain = false } = props;
  const [isOpen, setOpen] = useState(false);
  const isLive = useIsLive();
  const Icon = action === 'pause' ? IconPlayerPause : IconPlayerPlay;
  return (
    <>
      <Button
        variant={isMain ? 'filled' : 'default'}
        size={sink === undefined ? 'xs' : 'compact-xs'}
        leftSection={<Icon size={13} aria-hidden />}
        disabled={!isLive}
        {...(sink === undefined
          ? {}
          : { 'aria-label': `${label}: ${t(`overview.switch.${action}Sink`, { sink })}` })}
        onClick={() => setOpen(true)}
      >
        {label}
      </Button>
      {isOpen && <SwitchDialog {...props} onClose={() => setOpen(false)} />}
    </>
  );
}

function SwitchDialog({ action, sink, onClose }: SwitchProps & { readonly onClose: () => void }) {
  const { t } = useTranslation();
  const { operator } = usePreferences();
  const [by, setBy] = useState(operator);
  const [why, setWhy] = useState('');
  const pause = useAction('pause');
  const resume = useAction('resume');
  const target = sink === undefined ? {} : { sink };
  const confirm = async () => {
    changePreferences({ operator: by.trim() });
    const done =
      action === 'pause'
        ? (await pause.run({ ...target, by: by.trim(), why: why.trim() }))?.paused
        : (await resume.run({ ...target, by: by.trim() }))?.resumed;
    if (done === undefined) return;
    toast(
      t(action === 'pause' ? 'overview.switch.paused' : 'overview.switch.resumed', {
        sinks: done.join(', '),
      }),
    );
    onClose();
  };
  return (
    <Confirm
      isOpen
      onClose={onClose}
      onConfirm={() => void confirm()}
      title={
        sink === undefined ? t(`overview.switch.${action}All`) : t(`overview.switch.${action}Sink`, { sink })
      }
      confirmLabel={t(`overview.switch.${action}`)}
      isRunning={pause.isRunning || resume.isRunning}
      isDisabled={by.trim() === ''}
      error={pause.error ?? resume.error}
    >
      {action === 'pause' ? <PauseConsequence {...target} /> : <ResumeConsequence {...target} />}
      <TextInput
        label={t('overview.switch.by')}
        description={t('overview.switch.byHint')}
        value={by}
        onChange={(event) => setBy(event.currentTarget.value)}
        maxLength={200}
        required
        {...(operator === '' ? { 'data-autofocus': true } : {})}
      />
      {action === 'pause' && (
        <TextInput
          label={t('overview.switch.why')}
          description={t('overview.switch.whyHint')}
          value={why}
          onChange={(event) => setWhy(event.currentTarget.value)}
          maxLength={1_000}
          {...(operator === '' ? {} : { 'data-autofocus': true })}
        />
      )}
    </Confirm>
  );
}

function PauseConsequence({ sink }: { readonly sink?: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const channels = useChannelsOf(sink);
  const seconds = least(channels.map(({ secondsToFullIfPaused }) => secondsToFullIfPaused));
  const bytes = format.bytes(roomOf(channels));
  return (
    <div>
      <Text size="sm">{t('overview.switch.pauseConsequence')}</Text>
      <Text size="sm" fw={600} my={4}>
        {seconds === undefined
          ? t('overview.switch.roomIdle', { bytes })
          : t('overview.switch.room', { time: format.duration(seconds * SECOND_MS), bytes })}
      </Text>
      <Text size="sm" c="dimmed">
        {t('overview.switch.afterwards')}
      </Text>
    </div>
  );
}

function ResumeConsequence({ sink }: { readonly sink?: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const channels = useChannelsOf(sink);
  const events = format.count(channels.reduce((sum, channel) => sum + channel.events, 0));
  const bytes = format.bytes(channels.reduce((sum, channel) => sum + channel.storedBytes, 0));
  return <Text size="sm">{t('overview.switch.resumeConsequence', { events, bytes })}</Text>;
}

/** Those that the sink, or any sink, empties. */
function useChannelsOf(sink: string | undefined): EngineStatus['channels'] {
  const channels = useStatus((status) => status.channels) ?? [];
  const own = useStatus(({ sinks }) => sinks.find(({ name }) => name === sink)?.channel);
  return sink === undefined ? channels : channels.filter(({ name }) => name === own);
}
