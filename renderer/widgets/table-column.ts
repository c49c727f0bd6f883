import type { ReactNode } from 'react';

export interface Column<T> {
  readonly id: string;
  readonly header: string;
  readonly cell: (row: T) => ReactNode;
  /** Pixels to begin with. */
  readonly width: number;
  /** Takes a share of the room that is left. */
  readonly isGrowing?: boolean;
  /** Numbers stand at the right. */
  readonly align?: 'left' | 'right';
  /** The header sorts by this column's id. */
  readonly isSortable?: boolean;
}

export interface Sort {
  readonly id: string;
  readonly isDescending: boolean;
}

export const COLUMN_WIDTH_MIN = 48;

/** The widths as a CSS grid; a column whose width was dragged no longer grows. */
export function columnTemplate<T>(
  columns: readonly Column<T>[],
  widths: Readonly<Record<string, number>>,
  hasSelection: boolean,
): string {
  const tracks = columns.map(({ id, width, isGrowing }) => {
    const dragged = widths[id];
    if (dragged !== undefined) return `${dragged}px`;
    return isGrowing === true ? `minmax(${width}px, 1fr)` : `${width}px`;
  });
  return (hasSelection ? ['32px', ...tracks] : tracks).join(' ');
}

export function tableWidth<T>(
  columns: readonly Column<T>[],
  widths: Readonly<Record<string, number>>,
  hasSelection: boolean,
): number {
  return columns.reduce((sum, { id, width }) => sum + (widths[id] ?? width), hasSelection ? 32 : 0);
}
