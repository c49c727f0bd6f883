/** After the file was written: how the engine begins, until the first file has landed. Told by the stream of status; a reload comes back here. */
import { Button } from '@mantine/core';
import { IconArrowRight, IconFileExport } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { EngineStatus } from '../../../shared/contract/control-status.ts';
import { hrefOf } from '../../app/route.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useAction } from '../../client/use-call.ts';
import { useFormat } from '../../text/use-format.ts';
import { CauseLine } from '../../widgets/cause-line.tsx';
import { CodeText, SafeText } from '../../widgets/code-text.tsx';
import { ErrorState } from '../../widgets/notices.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { StateBadge, type StateName } from '../../widgets/state-badge.tsx';
import { stagesOf, type Stage } from './starting-stages.ts';
import styles from './setup.module.css';
import { useWizard } from './wizard-state.tsx';

const LATE_MS = 10_000;

export function StartingPanel() {
  const { t } = useTranslation();
  const status = useStatus((whole) => whole);
  const { forget } = useWizard();
  if (status === undefined) return null;
  const faults = status.state === 'setup' ? status.configProblems : [];
  const stages = stagesOf(status);
  const isLanded = stages.every(({ state }) => state === 'done');
  return (
    <Panel isGrowing>
      <div className={styles['starting']}>
        <h2>
          {t(
            isLanded
              ? 'setup.starting.landed'
              : faults.length > 0
                ? 'setup.review.notStarted'
                : 'setup.starting.title',
          )}
        </h2>
        <p className={styles['startingWhy']}>
          {t(isLanded ? 'setup.starting.landedHint' : 'setup.starting.hint')}
        </p>
        {faults.length > 0 ? (
          <Faults faults={faults} />
        ) : (
          <ol className={styles['stages']} aria-live="polite">
            {stages.map((stage) => (
              <StageRow key={stage.name} stage={stage} status={status} />
            ))}
          </ol>
        )}
        {status.state !== 'setup' && (
          <div className={styles['buttonRow']}>
            <Button
              component="a"
              href={hrefOf('overview')}
              variant={isLanded ? 'filled' : 'default'}
              rightSection={<IconArrowRight size={15} aria-hidden />}
              onClick={forget}
            >
              {t('setup.starting.overview')}
            </Button>
            {!isLanded && <LandNow status={status} />}
          </div>
        )}
        {status.state === 'setup' && faults.length === 0 && <LateBack />}
      </div>
    </Panel>
  );
}

const STATE_OF: Readonly<Record<Stage['state'], StateName>> = {
  done: 'done',
  now: 'running',
  waiting: 'waiting',
  ahead: 'unknown',
};

function StageRow({ stage, status }: { readonly stage: Stage; readonly status: EngineStatus }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { name, state, cause, hint, nextTryMs, events, path } = stage;
  return (
    <li data-state={state}>
      <StateBadge state={STATE_OF[state]} variant="plain" label={t(`setup.stageStates.${state}`)} />
      <div>
        <div className={styles['stageName']}>{t(`setup.stages.${name}`)}</div>
        {name === 'written' && <CodeText isDim>{status.configFile}</CodeText>}
        {events !== undefined && events > 0 && (
          <div className={styles['hint']}>
            {t('setup.trial.events', { count: events, events: format.count(events) })}
          </div>
        )}
        {path !== undefined && <CodeText as="wrap">{path}</CodeText>}
        <CauseLine cause={cause} hint={hint} nextTryMs={nextTryMs} />
        {state === 'now' && name === 'landed' && (
          <div className={styles['hint']}>{t('setup.starting.landHint')}</div>
        )}
        {state === 'now' && name === 'events' && (
          <div className={styles['hint']}>{t('setup.starting.eventsHint')}</div>
        )}
      </div>
    </li>
  );
}

/** Files end by size, age or silence; who watches need not wait for that. */
function LandNow({ status }: { readonly status: EngineStatus }) {
  const { t } = useTranslation();
  const land = useAction('landNow');
  const isHeld = status.channels.some(({ events }) => events > 0);
  return (
    <>
      <Button
        leftSection={<IconFileExport size={15} aria-hidden />}
        disabled={!isHeld}
        loading={land.isRunning}
        onClick={() => void land.run({})}
      >
        {t('setup.starting.landNow')}
      </Button>
      {land.error !== undefined && <ErrorState error={land.error} isInline />}
    </>
  );
}

function Faults({ faults }: { readonly faults: readonly string[] }) {
  return (
    <>
      <div className={styles['finding']} data-tone="failed" role="alert">
        <div>
          {faults.map((fault) => (
            <div key={fault}>
              <SafeText text={fault} />
            </div>
          ))}
        </div>
      </div>
      <BackToReview />
    </>
  );
}

/** The engine takes a moment; when it does not come at all, the way back is offered. */
function LateBack() {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), LATE_MS);
    return () => clearTimeout(timer);
  }, []);
  return isLate ? <BackToReview /> : null;
}

function BackToReview() {
  const { t } = useTranslation();
  const { backToReview } = useWizard();
  return (
    <div>
      <Button variant="default" onClick={backToReview}>
        {t('setup.starting.back')}
      </Button>
    </div>
  );
}
