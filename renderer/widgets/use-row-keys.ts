import { useEffect, useState, type FocusEvent, type KeyboardEvent } from 'react';
import { toggled, type DataTableProps } from './table-props.ts';

export interface RowKeys {
  /** The row that the keys speak of. */
  readonly active: number | undefined;
  readonly setActive: (place: number) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
  readonly onFocus: (event: FocusEvent<HTMLElement>) => void;
  readonly onBlur: (event: FocusEvent<HTMLElement>) => void;
}

/** The keyboard of a table. */
export function useRowKeys<T>(
  options: Pick<DataTableProps<T>, 'source' | 'rowKey' | 'onOpen' | 'selection'> & {
    readonly count: number;
    readonly pageRows: () => number;
    readonly scrollTo: (place: number) => void;
  },
): RowKeys {
  const { source, rowKey, onOpen, selection, count } = options;
  const [active, setActive] = useState<number>();
  const [isFocused, setFocused] = useState(false);
  useEffect(
    () => setActive((before) => (before === undefined || before < count ? before : undefined)),
    [count],
  );
  const at = active ?? 0;
  const go = (place: number) => {
    const next = Math.min(count - 1, Math.max(0, place));
    setActive(next);
    options.scrollTo(next);
  };
  const row = source.rowAt(at);
  const actions: Readonly<Record<string, () => void>> = {
    ArrowDown: () => go(active === undefined ? 0 : at + 1),
    ArrowUp: () => go(at - 1),
    PageDown: () => go(at + options.pageRows()),
    PageUp: () => go(at - options.pageRows()),
    Home: () => go(0),
    End: () => go(count - 1),
    ...(onOpen === undefined ? {} : { Enter: () => row !== undefined && onOpen(row) }),
    ...(selection === undefined
      ? {}
      : { ' ': () => row !== undefined && selection.onChange(toggled(selection.keys, rowKey(row))) }),
  };
  return {
    active: isFocused ? active : undefined,
    setActive,
    onKeyDown: (event) => {
      // Keys pressed in a header's button or a link of a cell are theirs.
      if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return;
      const action = actions[event.key];
      if (action === undefined) return;
      event.preventDefault();
      action();
    },
    onFocus: () => setFocused(true),
    onBlur: () => setFocused(false),
  };
}
