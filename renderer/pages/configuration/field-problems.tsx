import { SafeText } from '../../widgets/code-text.tsx';
import { isAt, isWithin, useForm } from './form-context.ts';
import type { ConfigPath } from './yaml-text.ts';
import styles from './form.module.css';

export function FieldProblems({ path, isDeep }: { readonly path: ConfigPath; readonly isDeep: boolean }) {
  const { problems } = useForm();
  const mine = problems.filter((problem) => (isDeep ? isWithin(problem, path) : isAt(problem, path)));
  return mine.map(({ severity, message, hint }, place) => (
    <div key={place} className={styles['problem']} data-severity={severity}>
      <SafeText text={hint === '' ? message : `${message}. ${hint}`} />
    </div>
  ));
}
