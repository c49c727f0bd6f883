/** The first run: a wizard from nothing to the first file that has landed. Where a gateway has its configuration already, a way to that. */
import { Button } from '@mantine/core';
import { IconSitemap } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { hrefOf } from '../../app/route.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useCall } from '../../client/use-call.ts';
import { EmptyState, ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { PageHeader } from '../../widgets/page-header.tsx';
import { Panel } from '../../widgets/panel.tsx';
import { draftOfTemplate, EMPTY_DRAFT } from './draft.ts';
import { keptSetup, type KeptSetup } from './kept-setup.ts';
import { StartingPanel } from './starting-panel.tsx';
import { Wizard } from './wizard.tsx';
import { useWizard, WizardProvider } from './wizard-state.tsx';

export function SetupPage() {
  const { t } = useTranslation();
  const stateId = useStatus((status) => status.stateId);
  const isSetup = useStatus(({ state }) => state === 'setup');
  const configFile = useStatus((status) => status.configFile) ?? '';
  return (
    <>
      <PageHeader
        title={t('setup.title')}
        summary={isSetup === true ? t('setup.summary', { file: configFile }) : ''}
      />
      {stateId === undefined || isSetup === undefined ? (
        <LoadingState />
      ) : (
        <Beginning key={stateId} stateId={stateId} isSetup={isSetup} />
      )}
    </>
  );
}

/** The answers that were kept; else what the engine says of its machine. */
function Beginning({ stateId, isSetup }: { readonly stateId: string; readonly isSetup: boolean }) {
  const [begins, setBegins] = useState<KeptSetup | undefined>(() => keptSetup(stateId));
  const isNeeded = begins === undefined && isSetup;
  const template = useCall('configText', {}, { isEnabled: isNeeded });
  useEffect(() => {
    const text = template.data?.text;
    if (text === undefined || !isNeeded) return;
    const draft = { ...EMPTY_DRAFT, ...draftOfTemplate(text) };
    setBegins({ draft, step: 'gateway', reached: 0, isStarting: false });
  }, [template.data, isNeeded]);
  if (begins === undefined && !isSetup) return <AlreadySetUp />;
  if (begins === undefined)
    return template.error === undefined ? (
      <LoadingState />
    ) : (
      <ErrorState error={template.error} onRetry={template.reload} />
    );
  return (
    <WizardProvider stateId={stateId} begins={begins}>
      <Contents isSetup={isSetup} />
    </WizardProvider>
  );
}

function Contents({ isSetup }: { readonly isSetup: boolean }) {
  const { isStarting } = useWizard();
  if (isStarting) return <StartingPanel />;
  return isSetup ? <Wizard /> : <AlreadySetUp />;
}

function AlreadySetUp() {
  const { t } = useTranslation();
  return (
    <Panel isGrowing>
      <EmptyState
        title={t('setup.already')}
        icon={IconSitemap}
        action={
          <Button component="a" href={hrefOf('configuration')}>
            {t('setup.toConfiguration')}
          </Button>
        }
      >
        {t('setup.alreadyHint')}
      </EmptyState>
    </Panel>
  );
}
