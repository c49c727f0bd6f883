import type { ReactNode } from 'react';
import type { RowSource } from './row-pages.ts';
import type { Column, Sort } from './table-column.ts';

export interface Selection {
  readonly keys: ReadonlySet<string>;
  readonly onChange: (keys: ReadonlySet<string>) => void;
}

export interface DataTableProps<T> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly source: RowSource<T>;
  readonly rowKey: (row: T) => string;
  readonly sort?: Sort;
  readonly onSort?: (sort: Sort) => void;
  /** Enter or a click on the row. */
  readonly onOpen?: (row: T) => void;
  /** The key of the row whose details are open. */
  readonly openKey?: string | undefined;
  readonly selection?: Selection;
  /** What stands there when there are no rows. */
  readonly empty?: ReactNode;
  /** Fixed height in pixels; otherwise it fills its (flex) parent. */
  readonly height?: number;
  readonly rowHeight?: number;
  /** At the bottom, beside the number of rows. */
  readonly footer?: ReactNode;
}

export function toggled(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(keys);
  if (!next.delete(key)) next.add(key);
  return next;
}
