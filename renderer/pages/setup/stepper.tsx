/** The way through the wizard, with what is done, open and still wrong. What was reached can be opened again, in any order. */
import { IconAlertTriangle, IconCheck } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { problemsOf, STEPS, type StepName } from './draft-problems.ts';
import styles from './setup.module.css';
import { useWizard } from './wizard-state.tsx';

type StepState = 'current' | 'done' | 'wrong' | 'ahead';

export function Stepper() {
  const { t } = useTranslation();
  const { step, reached, draft, secrets, openStep } = useWizard();
  const stateOf = (name: StepName, place: number): StepState => {
    if (name === step) return 'current';
    if (place > reached) return 'ahead';
    if (Object.keys(problemsOf(name, draft, secrets)).length > 0) return 'wrong';
    return name === 'review' ? 'ahead' : 'done';
  };
  return (
    <nav aria-label={t('setup.stepsLabel')} className={styles['steps']}>
      <ol>
        {STEPS.map((name, place) => {
          const state = stateOf(name, place);
          return (
            <li key={name}>
              <button
                type="button"
                className={styles['step']}
                data-state={state}
                aria-current={state === 'current' ? 'step' : undefined}
                disabled={place > reached}
                onClick={() => openStep(name)}
              >
                <StepSign state={state} number={place + 1} />
                <span className={styles['stepText']}>
                  <span className={styles['stepName']}>{t(`setup.steps.${name}.name`)}</span>
                  <span className={styles['stepState']}>{t(`setup.stepStates.${state}`)}</span>
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

function StepSign({ state, number }: { readonly state: StepState; readonly number: number }) {
  return (
    <span className={styles['sign']} aria-hidden>
      {state === 'done' ? (
        <IconCheck size={14} stroke={2.4} />
      ) : state === 'wrong' ? (
        <IconAlertTriangle size={14} stroke={2.2} />
      ) : (
        number
      )}
    </span>
  );
}
