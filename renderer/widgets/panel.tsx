/** A titled box on a page: what a page is made of. */
import type { ReactNode } from 'react';
import styles from './panel.module.css';

export interface PanelProps {
  readonly title?: string;
  /** At the right of the title. */
  readonly tools?: ReactNode;
  readonly children: ReactNode;
  /** Without padding: for tables and charts that reach the edge. */
  readonly isFlush?: boolean;
  /** Takes the height that is left in a column. */
  readonly isGrowing?: boolean;
}

export function Panel({ title, tools, children, isFlush = false, isGrowing = false }: PanelProps) {
  return (
    <section
      className={styles['panel']}
      data-flush={isFlush || undefined}
      data-growing={isGrowing || undefined}
    >
      {(title !== undefined || tools !== undefined) && (
        <header className={styles['head']}>
          {title !== undefined && <h2>{title}</h2>}
          <div className={styles['tools']}>{tools}</div>
        </header>
      )}
      <div className={styles['body']}>{children}</div>
    </section>
  );
}
