/** One step: what is asked and why, the questions, and the way on. Enter does what the main button does. */
import { Button } from '@mantine/core';
import { IconArrowLeft, IconArrowRight } from '@tabler/icons-react';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { STEPS, type Problems, type StepName } from './draft-problems.ts';
import styles from './setup.module.css';
import { useWizard } from './wizard-state.tsx';

export interface StepFrameProps {
  readonly step: StepName;
  /** Keeps the main button from doing anything but showing them. */
  readonly problems: Problems;
  /** Told when the main button was pressed in vain. */
  readonly onTried?: () => void;
  /** Instead of going on. */
  readonly primary?: {
    readonly label: string;
    readonly run: () => void;
    readonly isRunning?: boolean;
    readonly isDisabled?: boolean;
  };
  /** Between the buttons. */
  readonly note?: ReactNode;
  readonly children: ReactNode;
}

export function StepFrame({ step, problems, onTried, primary, note, children }: StepFrameProps) {
  const { t } = useTranslation();
  const { next, openStep } = useWizard();
  const form = useRef<HTMLFormElement>(null);
  const place = STEPS.indexOf(step);
  useFirstField(form);
  const submit = (): void => {
    if (primary?.isRunning === true || primary?.isDisabled === true) return;
    if (Object.keys(problems).length === 0) return (primary?.run ?? next)();
    onTried?.();
    // After the fields are drawn with what is wrong.
    setTimeout(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus(), 0);
  };
  return (
    <form
      ref={form}
      noValidate
      className={styles['card']}
      aria-labelledby="setup-step"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <header className={styles['cardHead']}>
        <h2 id="setup-step">{t(`setup.steps.${step}.title`)}</h2>
        <p>{t(`setup.steps.${step}.why`)}</p>
      </header>
      <div className={styles['cardBody']}>{children}</div>
      <footer className={styles['cardFoot']}>
        {place > 0 && (
          <Button
            variant="default"
            leftSection={<IconArrowLeft size={15} aria-hidden />}
            onClick={() => openStep(STEPS[place - 1] ?? step)}
          >
            {t('setup.back')}
          </Button>
        )}
        <Button
          type="submit"
          loading={primary?.isRunning === true}
          disabled={primary?.isDisabled === true}
          rightSection={primary === undefined ? <IconArrowRight size={15} aria-hidden /> : undefined}
        >
          {primary?.label ?? t('setup.next')}
        </Button>
        <div className={styles['footNote']}>{note}</div>
      </footer>
    </form>
  );
}

/** So that a step can be filled in without the mouse. */
function useFirstField(form: React.RefObject<HTMLFormElement | null>): void {
  useEffect(() => {
    form.current
      ?.querySelector<HTMLElement>('input:not([type="hidden"]):not([type="radio"])')
      ?.focus({ preventScroll: true });
  }, [form]);
}

/** What a field is to say: an empty one is no error before somebody tried to go on. */
export function useFieldErrors(problems: Problems) {
  const { t } = useTranslation();
  const [isTried, setTried] = useState(false);
  return {
    onTried: () => setTried(true),
    errorOf: (field: keyof Problems): string | undefined => {
      const problem = problems[field];
      if (problem === undefined || (problem === 'needed' && !isTried)) return undefined;
      return t(`setup.problems.${problem}`);
    },
    isTried,
  };
}
