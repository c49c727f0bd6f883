import { displayWidth, fitted, oneLine } from './terminal-text.ts';

export interface Column<Row> {
  readonly title: string;
  /** Numbers stand right-aligned. */
  readonly of: (row: Row) => string | number;
  /** May be cut when the terminal is too narrow; which end then stays. Columns without it never are. */
  readonly keep?: 'start' | 'end';
  /** Left out when every row has 0 or nothing there. */
  readonly isOptional?: boolean;
}

const GAP = 2;
/** A column is not cut below this: less would say nothing. */
const WIDTH_MIN = 12;

/** Columns padded to their widest cell; in a narrow terminal those that may be cut are cut, widest first. Cells are escaped. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number): string {
  const shown = columns.filter(
    (column) => column.isOptional !== true || rows.some((row) => !isNothing(column.of(row))),
  );
  const cells = rows.map((row) => shown.map((column) => oneLine(cellText(column.of(row)))));
  const isRight = shown.map(
    (column) => rows.length > 0 && rows.every((row) => typeof column.of(row) === 'number'),
  );
  const widths = widthsOf(shown, cells, width);
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, index) => {
        const cut = fitted(text, widths[index] ?? 0, shown[index]?.keep);
        const room = ' '.repeat(Math.max(0, (widths[index] ?? 0) - displayWidth(cut)));
        return isRight[index] ? room + cut : cut + room;
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(shown.map((column) => column.title)), ...cells.map(line)].join('\n');
}

function widthsOf<Row>(columns: readonly Column<Row>[], cells: readonly string[][], width: number): number[] {
  const widths = columns.map((column, index) =>
    Math.max(displayWidth(column.title), ...cells.map((row) => displayWidth(row[index] ?? ''))),
  );
  let excess = widths.reduce((sum, one) => sum + one + GAP, -GAP) - width;
  while (excess > 0) {
    const widest = widths
      .map((one, index) => ({ one, index }))
      .filter(({ one, index }) => columns[index]?.keep !== undefined && one > WIDTH_MIN)
      .sort((left, right) => right.one - left.one)[0];
    if (widest === undefined) break;
    widths[widest.index] = widest.one - 1;
    excess--;
  }
  return widths;
}

function isNothing(value: string | number): boolean {
  return value === 0 || value === '' || value === '0';
}

/** Numbers with their thousands apart: an operator compares counts. */
function cellText(value: string | number): string {
  return typeof value === 'number' ? value.toLocaleString('en') : value;
}
