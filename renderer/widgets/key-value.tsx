/** Names with their values in two columns, for details of one thing. A name may come from outside, as a header's does, and stand there twice. */
import { Fragment, type ReactNode } from 'react';
import { SafeText } from './code-text.tsx';
import styles from './key-value.module.css';

export interface KeyValueProps {
  /** Rows without a value are left out. */
  readonly rows: readonly { readonly name: string; readonly value: ReactNode }[];
}

export function KeyValue({ rows }: KeyValueProps) {
  return (
    <dl className={styles['list']}>
      {rows
        .filter(({ value }) => value !== undefined && value !== null && value !== '')
        .map(({ name, value }, place) => (
          <Fragment key={`${place} ${name}`}>
            <dt>
              <SafeText text={name} />
            </dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}
