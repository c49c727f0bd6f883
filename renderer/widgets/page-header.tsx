/** The top of a page: its name, what it is about, and its tools at the right. */
import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import styles from './page-header.module.css';

export interface PageHeaderProps {
  readonly title: string;
  /** A few words or figures beside the title. */
  readonly summary?: ReactNode;
  readonly children?: ReactNode;
}

export function PageHeader({ title, summary, children }: PageHeaderProps) {
  return (
    <div className={styles['header']}>
      <Title order={1}>{title}</Title>
      {summary !== undefined && <div className={styles['summary']}>{summary}</div>}
      <div className={styles['tools']}>{children}</div>
    </div>
  );
}
