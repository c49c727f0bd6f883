/** The fields of the wizard, bound to an answer. */
import { SegmentedControl, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Draft } from './draft.ts';
import styles from './setup.module.css';
import { useWizard } from './wizard-state.tsx';

/** Answers that are text. */
export type TextName = {
  [K in keyof Draft]: string extends Draft[K] ? K : never;
}[keyof Draft];

export interface TextFieldProps {
  readonly name: TextName;
  readonly label: string;
  readonly hint?: string;
  readonly placeholder?: string;
  readonly error?: string | undefined;
  readonly isCode?: boolean;
  readonly isRequired?: boolean;
  readonly type?: string;
  readonly suggestions?: readonly string[];
}

export function TextField({
  name,
  label,
  hint,
  placeholder,
  error,
  isCode = false,
  isRequired = false,
  type,
}: TextFieldProps) {
  const { draft, change } = useWizard();
  return (
    <TextInput
      label={label}
      description={hint}
      placeholder={placeholder}
      value={draft[name]}
      error={error}
      type={type ?? 'text'}
      withAsterisk={isRequired}
      spellCheck={false}
      autoComplete="off"
      {...(isCode ? { classNames: { input: styles['code'] ?? '' } } : {})}
      onChange={(event) => change({ [name]: event.currentTarget.value })}
    />
  );
}

export interface ChoiceFieldProps<T extends string> {
  readonly label: string;
  readonly hint?: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string }[];
  readonly onChange: (value: T) => void;
}

export function ChoiceField<T extends string>({
  label,
  hint,
  value,
  options,
  onChange,
}: ChoiceFieldProps<T>) {
  return (
    <div className={styles['choice']}>
      <span className={styles['label']}>{label}</span>
      {hint !== undefined && <span className={styles['hint']}>{hint}</span>}
      <SegmentedControl
        aria-label={label}
        value={value}
        data={options.map((option) => ({ ...option }))}
        onChange={onChange}
      />
    </div>
  );
}

/** Fields that belong together, under a small title. */
export function FieldGroup({ title, children }: { readonly title?: string; readonly children: ReactNode }) {
  return (
    <section className={styles['group']}>
      {title !== undefined && <h3>{title}</h3>}
      {children}
    </section>
  );
}
