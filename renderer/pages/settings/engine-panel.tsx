/** Which engine this console talks to, and how it is. */
import { useTranslation } from 'react-i18next';
import { CONTRACT_VERSION } from '../../../shared/contract/control.ts';
import { useEngine, useEngineNow, useStatus } from '../../client/engine-context.tsx';
import { useFormat } from '../../text/use-format.ts';
import { BytesText, DurationText, TimeText } from '../../widgets/amounts.tsx';
import { CodeText } from '../../widgets/code-text.tsx';
import { KeyValue } from '../../widgets/key-value.tsx';
import { LoadingState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';

/** Below this a difference of clocks is the way of a message, no more. */
const CLOCK_DIFFERENCE_SHOWN_MS = 2_000;

export function EnginePanel() {
  const { t } = useTranslation();
  const { client } = useEngine();
  const status = useStatus((whole) => whole);
  const nowMs = useEngineNow();
  if (status === undefined)
    return (
      <Panel title={t('settings.engine')}>
        <LoadingState />
      </Panel>
    );
  return (
    <Panel title={t('settings.engine')}>
      <KeyValue
        rows={[
          { name: t('settings.gateway'), value: <CodeText>{status.gateway}</CodeText> },
          { name: t('settings.state'), value: t(`shell.engineState.${status.state}`) },
          {
            name: t('settings.version'),
            value: `${status.version} (${t('settings.contract')} ${CONTRACT_VERSION})`,
          },
          {
            name: t('settings.address'),
            value:
              client.kind === 'desktop'
                ? t('settings.overBridge')
                : `${t('settings.overHttp')}: ${location.host}`,
          },
          { name: t('settings.started'), value: <TimeText ms={status.startedMs} /> },
          { name: t('settings.uptime'), value: <DurationText ms={Math.max(0, nowMs - status.startedMs)} /> },
          { name: t('settings.process'), value: String(status.pid) },
          { name: t('settings.memory'), value: <BytesText value={status.memoryBytes} /> },
          { name: t('settings.stateDir'), value: <CodeText as="wrap">{status.stateDir}</CodeText> },
          { name: t('settings.configFile'), value: <CodeText as="wrap">{status.configFile}</CodeText> },
          { name: t('settings.configVersion'), value: String(status.configVersion) },
          { name: t('settings.clock'), value: <ClockDifference /> },
        ]}
      />
    </Panel>
  );
}

function ClockDifference() {
  const { t } = useTranslation();
  const { store } = useEngine();
  const format = useFormat();
  const differenceMs = store.clock.differenceMs;
  if (Math.abs(differenceMs) < CLOCK_DIFFERENCE_SHOWN_MS) return t('settings.clockSame');
  return t('settings.clockOff', {
    by: format.roughDuration(Math.abs(differenceMs)),
    direction: differenceMs > 0 ? t('settings.ahead') : t('settings.behind'),
  });
}
