/** Step 6: what was chosen, in words and as the file that will be written; then it begins. */
import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ConfigProblem } from '../../../shared/contract/config-problem.ts';
import { usePreferences } from '../../app/preferences.ts';
import { useStatus } from '../../client/engine-context.tsx';
import { useAction, useCall } from '../../client/use-call.ts';
import { SafeText } from '../../widgets/code-text.tsx';
import { ErrorState, LoadingState } from '../../widgets/notices.tsx';
import { StateBadge } from '../../widgets/state-badge.tsx';
import { problemsOf, STEPS } from './draft-problems.ts';
import { yamlOf } from './draft-yaml.ts';
import { ReviewSummary } from './review-summary.tsx';
import styles from './setup.module.css';
import { StepFrame } from './step-frame.tsx';
import { useWizard } from './wizard-state.tsx';
import { YamlListing } from './yaml-listing.tsx';

/** Kept with the version in the history. */
const NOTE = 'first run';

export function ReviewStep() {
  const { t } = useTranslation();
  const { draft, secrets, begin } = useWizard();
  const { operator } = usePreferences();
  const text = yamlOf(draft, secrets);
  const file = useCall('configText', {});
  // Secrets are masked by the engine: what is shown here holds none.
  const shown = useCall('configText', { of: { kind: 'text', text } });
  const apply = useAction('configApply');
  const problems = shown.isOfOtherInput ? [] : (shown.data?.problems ?? []);
  const errors = problems.filter(({ severity }) => severity === 'error');
  const open = STEPS.filter((step) => Object.keys(problemsOf(step, draft, secrets)).length > 0);
  const isReady =
    open.length === 0 && errors.length === 0 && file.data !== undefined && shown.data !== undefined;
  const start = async (): Promise<void> => {
    const baseSha256 = file.data?.sha256 ?? '';
    const done = await apply.run({ text, baseSha256, by: operator, note: NOTE });
    if (done !== undefined) begin();
    else file.reload();
  };
  return (
    <StepFrame
      step="review"
      problems={{}}
      primary={{
        label: t('setup.review.start'),
        run: () => void start(),
        isRunning: apply.isRunning,
        isDisabled: !isReady,
      }}
      note={<StartNote />}
    >
      <EngineFaults />
      {apply.error !== undefined && (
        <ErrorState error={apply.error} title={t('setup.review.failed')} isInline />
      )}
      {open.length > 0 && <OpenSteps open={open} />}
      {problems.length > 0 && <ProblemList problems={problems} />}
      <div className={styles['halves']} data-even>
        <ReviewSummary />
        <section className={styles['yaml']} aria-label={t('setup.review.file')}>
          {shown.error !== undefined && <ErrorState error={shown.error} isInline onRetry={shown.reload} />}
          {shown.data === undefined ? (
            shown.error === undefined && <LoadingState lines={12} />
          ) : (
            <YamlListing text={shown.data.text} />
          )}
        </section>
      </div>
    </StepFrame>
  );
}

function StartNote() {
  const { t } = useTranslation();
  const file = useStatus(({ configFile }) => configFile) ?? '';
  return <SafeText text={t('setup.review.startNote', { file })} />;
}

/** Why an engine with the configuration that was written could not begin. */
function EngineFaults() {
  const { t } = useTranslation();
  const faults = useStatus(({ configProblems }) => configProblems) ?? [];
  if (faults.length === 0) return null;
  return (
    <div className={styles['finding']} data-tone="failed" role="alert">
      <StateBadge state="failed" variant="plain" label={t('setup.review.notStarted')} />
      <div>
        {faults.map((fault) => (
          <div key={fault}>
            <SafeText text={fault} />
          </div>
        ))}
      </div>
    </div>
  );
}

function OpenSteps({ open }: { readonly open: readonly (typeof STEPS)[number][] }) {
  const { t } = useTranslation();
  const { openStep } = useWizard();
  return (
    <div className={styles['finding']} data-tone="waiting" role="alert">
      <StateBadge state="warning" variant="plain" label={t('setup.review.open')} />
      <div className={styles['buttonRow']}>
        {open.map((step) => (
          <Button key={step} variant="default" size="compact-xs" onClick={() => openStep(step)}>
            {t(`setup.steps.${step}.name`)}
          </Button>
        ))}
      </div>
    </div>
  );
}

function ProblemList({ problems }: { readonly problems: readonly ConfigProblem[] }) {
  const { t } = useTranslation();
  return (
    <>
      {problems.map(({ severity, message, hint, line }, place) => (
        <div
          key={place}
          className={styles['finding']}
          data-tone={severity === 'error' ? 'failed' : 'waiting'}
        >
          <StateBadge state={severity === 'error' ? 'error' : 'warning'} variant="plain" />
          <div>
            {line > 0 && <>{t('setup.review.line', { line })} </>}
            <SafeText text={message} />
            {hint !== '' && (
              <div className={styles['hint']}>
                <SafeText text={hint} />
              </div>
            )}
          </div>
        </div>
      ))}
    </>
  );
}
