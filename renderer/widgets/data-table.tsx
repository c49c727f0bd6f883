/**
 * A table for many rows: only those in view are drawn, and only their windows are fetched. Sorting and filtering are the engine's work.
 * Keyboard: arrows, Page Up and Down, Home, End; Enter opens the row, Space selects it.
 */
import { Checkbox } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useId, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../text/use-format.ts';
import styles from './data-table.module.css';
import { EmptyState, ErrorState, InlineLoader, LoadingState } from './notices.tsx';
import type { RowSource } from './row-pages.ts';
import { columnTemplate, tableWidth } from './table-column.ts';
import { TableHeader } from './table-header.tsx';
import { toggled, type DataTableProps } from './table-props.ts';
import { useRowKeys } from './use-row-keys.ts';

const ROW_PX = 32;
/** Chromium, which the app and most browsers are, draws no element taller than some 33 million pixels; whoever needs more rows filters. */
const ROWS_MAX = 1_000_000;

export function DataTable<T>(props: DataTableProps<T>) {
  const { source, selection, height } = props;
  if (source.total === 0) return <NoRows {...props} />;
  return (
    <div className={styles['frame']} style={height === undefined ? undefined : { height }}>
      <Grid {...props} />
      <TableFooter source={source} footer={props.footer} selected={selection?.keys.size ?? 0} />
    </div>
  );
}

function Grid<T>(props: DataTableProps<T>) {
  const { label, source, selection, rowHeight = ROW_PX } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const count = Math.min(source.total, ROWS_MAX);
  const virtual = useRowWindow({ source, count, rowHeight, scroller });
  const keys = useRowKeys({
    ...props,
    count,
    pageRows: () => pageRows(scroller.current, rowHeight),
    scrollTo: (row) => virtual.scrollToIndex(row),
  });
  return (
    <div
      ref={scroller}
      role="grid"
      aria-label={label}
      aria-rowcount={count + 1}
      aria-multiselectable={selection !== undefined || undefined}
      aria-activedescendant={keys.active === undefined ? undefined : `${id}-${keys.active}`}
      aria-busy={source.isStale || undefined}
      tabIndex={0}
      className={styles['scroller']}
      data-stale={source.isStale || undefined}
      onKeyDown={keys.onKeyDown}
      onFocus={keys.onFocus}
      onBlur={keys.onBlur}
    >
      <Sheet {...props} count={count} rowHeight={rowHeight} height={virtual.getTotalSize() + rowHeight}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <TableRow
            key={index}
            {...props}
            id={`${id}-${index}`}
            place={index}
            top={start + rowHeight}
            isActive={keys.active === index}
            onActive={() => keys.setActive(index)}
          />
        ))}
      </Sheet>
    </div>
  );
}

/** Which rows are drawn; tells the source, which fetches what of them isn't here. */
function useRowWindow<T>(options: {
  readonly source: RowSource<T>;
  readonly count: number;
  readonly rowHeight: number;
  readonly scroller: RefObject<HTMLDivElement | null>;
}) {
  const { source, count, rowHeight, scroller } = options;
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    // The sticky header covers the first row's height.
    scrollPaddingStart: rowHeight,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => source.ensure(first, last), [source, first, last]);
  return virtual;
}

/** The header and, below it, what of the rows is in view, as wide and high as the whole list. */
function Sheet<T>(
  props: DataTableProps<T> & {
    readonly count: number;
    readonly height: number;
    readonly children: ReactNode;
  },
) {
  const { columns, source, selection, rowKey, rowHeight = ROW_PX, count, height, children } = props;
  const [widths, setWidths] = useState<Readonly<Record<string, number>>>({});
  const hasSelection = selection !== undefined;
  const loaded = hasSelection ? loadedRows(source, count) : [];
  return (
    <div
      role="rowgroup"
      className={styles['sheet']}
      style={{
        height,
        minWidth: tableWidth(columns, widths, hasSelection),
        ['--columns' as string]: columnTemplate(columns, widths, hasSelection),
        ['--row-height' as string]: `${rowHeight}px`,
      }}
    >
      <TableHeader
        columns={columns}
        sort={props.sort}
        onSort={props.onSort}
        onWidth={(column, width) => setWidths((before) => ({ ...before, [column]: width }))}
        {...(hasSelection ? { selected: selectedShare(props, loaded) } : {})}
        onSelectAll={(isSelected) => selection?.onChange(new Set(isSelected ? loaded.map(rowKey) : []))}
      />
      {children}
    </div>
  );
}

interface TableRowProps<T> extends DataTableProps<T> {
  readonly id: string;
  readonly place: number;
  readonly top: number;
  readonly isActive: boolean;
  readonly onActive: () => void;
}

function TableRow<T>(props: TableRowProps<T>) {
  const { t } = useTranslation();
  const { columns, source, rowKey, selection, onOpen, openKey, place, top, isActive } = props;
  const row = source.rowAt(place);
  const key = row === undefined ? undefined : rowKey(row);
  const isSelected = key !== undefined && selection?.keys.has(key) === true;
  return (
    <div
      id={props.id}
      role="row"
      aria-rowindex={place + 2}
      aria-selected={selection === undefined ? undefined : isSelected}
      className={styles['row']}
      style={{ transform: `translateY(${top}px)` }}
      data-active={isActive || undefined}
      data-open={(key !== undefined && key === openKey) || undefined}
      data-selected={isSelected || undefined}
      data-clickable={onOpen !== undefined || undefined}
      onClick={() => {
        props.onActive();
        if (row !== undefined && !hasTextSelected()) onOpen?.(row);
      }}
    >
      {selection !== undefined && (
        <div role="gridcell" className={styles['check']} onClick={(event) => event.stopPropagation()}>
          <Checkbox
            tabIndex={-1}
            aria-label={t('widgets.selectRow', { row: place + 1 })}
            checked={isSelected}
            disabled={key === undefined}
            onChange={() => key !== undefined && selection.onChange(toggled(selection.keys, key))}
          />
        </div>
      )}
      {columns.map(({ id, cell, align = 'left' }) => (
        <div key={id} role="gridcell" className={styles['cell']} data-align={align}>
          {row === undefined ? <span className={styles['ghost']} /> : cell(row)}
        </div>
      ))}
    </div>
  );
}

function NoRows<T>({ source, empty, height }: DataTableProps<T>) {
  const { t } = useTranslation();
  return (
    <div className={styles['frame']} style={height === undefined ? undefined : { height }}>
      {source.error !== undefined ? (
        <ErrorState error={source.error} onRetry={source.reload} />
      ) : source.isLoading ? (
        <LoadingState lines={8} />
      ) : (
        (empty ?? <EmptyState title={t('widgets.noRows')} />)
      )}
    </div>
  );
}

function TableFooter<T>(props: {
  readonly source: RowSource<T>;
  readonly footer: ReactNode;
  readonly selected: number;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const { source, footer, selected } = props;
  return (
    <div className={styles['foot']}>
      <span>{t('widgets.rows', { count: source.total, formatted: format.count(source.total) })}</span>
      {selected > 0 && <strong>{t('widgets.selected', { count: selected })}</strong>}
      {footer}
      {source.isLoading && <InlineLoader />}
      {source.error !== undefined && <ErrorState error={source.error} isInline onRetry={source.reload} />}
    </div>
  );
}

function loadedRows<T>(source: RowSource<T>, count: number): T[] {
  const rows: T[] = [];
  // Only windows that are here have rows, so this is bounded by the cache and not by the list.
  for (let place = 0; place < Math.min(count, 1_000); place++) {
    const row = source.rowAt(place);
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function selectedShare<T>(
  { selection, rowKey }: DataTableProps<T>,
  loaded: readonly T[],
): 'none' | 'some' | 'all' {
  const size = selection?.keys.size ?? 0;
  if (size === 0) return 'none';
  return loaded.every((row) => selection?.keys.has(rowKey(row)) === true) ? 'all' : 'some';
}

function pageRows(scroller: HTMLElement | null, rowHeight: number): number {
  return Math.max(1, Math.floor((scroller?.clientHeight ?? 0) / rowHeight) - 2);
}

/** Who marks a path to copy it doesn't want the row opened. */
function hasTextSelected(): boolean {
  const selected = getSelection();
  return selected !== null && !selected.isCollapsed;
}
