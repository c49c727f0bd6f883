import { Checkbox } from '@mantine/core';
import { IconArrowDown, IconArrowUp, IconSelector } from '@tabler/icons-react';
import type { KeyboardEvent, PointerEvent } from 'react';
import { useTranslation } from 'react-i18next';
import styles from './data-table.module.css';
import { COLUMN_WIDTH_MIN, type Column, type Sort } from './table-column.ts';

const KEY_STEP_PX = 16;

export interface TableHeaderProps<T> {
  readonly columns: readonly Column<T>[];
  readonly sort: Sort | undefined;
  readonly onSort: ((sort: Sort) => void) | undefined;
  readonly onWidth: (id: string, width: number) => void;
  /** Absent: rows can't be selected. */
  readonly selected?: 'none' | 'some' | 'all';
  readonly onSelectAll: (isSelected: boolean) => void;
}

export function TableHeader<T>(props: TableHeaderProps<T>) {
  const { t } = useTranslation();
  const { columns, selected } = props;
  return (
    <div role="row" aria-rowindex={1} className={styles['head']}>
      {selected !== undefined && (
        <div role="columnheader" className={styles['check']}>
          <Checkbox
            aria-label={t('widgets.selectShown')}
            checked={selected === 'all'}
            indeterminate={selected === 'some'}
            onChange={(event) => props.onSelectAll(event.currentTarget.checked)}
          />
        </div>
      )}
      {columns.map((column) => (
        <HeaderCell key={column.id} column={column} {...props} />
      ))}
    </div>
  );
}

function HeaderCell<T>({
  column,
  sort,
  onSort,
  onWidth,
}: { readonly column: Column<T> } & TableHeaderProps<T>) {
  const { t } = useTranslation();
  const { id, header, align = 'left', isSortable = false } = column;
  const isSorted = sort?.id === id;
  const direction = !isSorted ? undefined : sort.isDescending ? 'descending' : 'ascending';
  const SortIcon = !isSorted ? IconSelector : sort.isDescending ? IconArrowDown : IconArrowUp;
  return (
    <div role="columnheader" aria-sort={direction} className={styles['headCell']} data-align={align}>
      {isSortable && onSort !== undefined ? (
        <button
          type="button"
          className={styles['sort']}
          data-sorted={isSorted || undefined}
          onClick={() => onSort({ id, isDescending: isSorted ? !sort.isDescending : align === 'right' })}
        >
          <span>{header}</span>
          <SortIcon size={13} aria-hidden />
        </button>
      ) : (
        <span className={styles['headText']}>{header}</span>
      )}
      <span
        role="separator"
        aria-orientation="vertical"
        aria-label={t('widgets.resize', { column: header })}
        aria-valuenow={0}
        tabIndex={-1}
        className={styles['grip']}
        onPointerDown={(event) => dragWidth(event, (width) => onWidth(id, width))}
        onKeyDown={(event) => stepWidth(event, (width) => onWidth(id, width))}
      />
    </div>
  );
}

function cellOf(event: PointerEvent<HTMLElement> | KeyboardEvent<HTMLElement>): HTMLElement {
  return event.currentTarget.parentElement ?? event.currentTarget;
}

function dragWidth(event: PointerEvent<HTMLElement>, onWidth: (width: number) => void): void {
  const grip = event.currentTarget;
  const startX = event.clientX;
  const startWidth = cellOf(event).getBoundingClientRect().width;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  const move = (moved: globalThis.PointerEvent) =>
    onWidth(Math.max(COLUMN_WIDTH_MIN, Math.round(startWidth + moved.clientX - startX)));
  const end = () => {
    grip.removeEventListener('pointermove', move);
    grip.removeEventListener('pointerup', end);
    grip.removeEventListener('pointercancel', end);
  };
  grip.addEventListener('pointermove', move);
  grip.addEventListener('pointerup', end);
  grip.addEventListener('pointercancel', end);
}

function stepWidth(event: KeyboardEvent<HTMLElement>, onWidth: (width: number) => void): void {
  const step = event.key === 'ArrowRight' ? KEY_STEP_PX : event.key === 'ArrowLeft' ? -KEY_STEP_PX : 0;
  if (step === 0) return;
  event.preventDefault();
  onWidth(Math.max(COLUMN_WIDTH_MIN, Math.round(cellOf(event).getBoundingClientRect().width + step)));
}
