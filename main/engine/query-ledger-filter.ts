/** Which rows of the ledger a question is about. A path is looked at in two parts: its directory, of which there are few, and its name. */
import type { ParsedInput } from '../../shared/contract/control.ts';
import type { LedgerRows } from './query-ledger-rows.ts';

export type LedgerFilter = Pick<ParsedInput<'landings'>, 'sinceMs' | 'untilMs' | 'path' | 'text' | 'topic'>;

/** What a directory says of the paths in it: all of them match, none, or those whose name does. */
const NONE = 0;
const ALL = 1;
const BY_NAME = 2;

/** One byte a row: 1 where it matches. Undefined: every row does. */
export function matchingRows(rows: LedgerRows, filter: LedgerFilter): Uint8Array | undefined {
  const { sinceMs, untilMs, path = '', text = '', topic } = filter;
  const steps: ((marks: Uint8Array) => void)[] = [];
  if (sinceMs !== undefined || untilMs !== undefined)
    steps.push((marks) => byTime(rows, marks, { sinceMs, untilMs }));
  if (topic !== undefined) steps.push((marks) => byTopic(rows, marks, topic));
  if (path !== '') steps.push((marks) => byBeginning(rows, marks, path));
  if (text !== '') steps.push((marks) => byText(rows, marks, text));
  if (steps.length === 0) return undefined;
  const marks = new Uint8Array(rows.count).fill(1);
  for (const step of steps) step(marks);
  return marks;
}

function byTime(
  rows: LedgerRows,
  marks: Uint8Array,
  { sinceMs = -Infinity, untilMs = Infinity }: Pick<LedgerFilter, 'sinceMs' | 'untilMs'>,
): void {
  const { landedMs } = rows.columns;
  for (let row = 0; row < marks.length; row++) {
    const at = landedMs[row] ?? 0;
    if (at < sinceMs || at >= untilMs) marks[row] = 0;
  }
}

function byTopic(rows: LedgerRows, marks: Uint8Array, topic: string): void {
  const { topics } = rows.columns;
  const isWanted = Uint8Array.from(rows.topicSets, (set) => (set.includes(topic) ? 1 : 0));
  for (let row = 0; row < marks.length; row++) if (isWanted[topics[row] ?? 0] === 0) marks[row] = 0;
}

function byBeginning(rows: LedgerRows, marks: Uint8Array, path: string): void {
  const kinds = Uint8Array.from(rows.directories, (directory) => {
    if (`${directory}/`.startsWith(path)) return ALL;
    const isInside = path.startsWith(`${directory}/`) && path.lastIndexOf('/') === directory.length;
    return isInside ? BY_NAME : NONE;
  });
  keep(rows, marks, { kinds, isNamed: beginsWith(rows, path.slice(path.lastIndexOf('/') + 1)) });
}

/** A text without a slash stands in the directory or in the name; one with a slash may also begin in the one and end in the other. */
function byText(rows: LedgerRows, marks: Uint8Array, text: string): void {
  const slash = text.lastIndexOf('/');
  const head = text.slice(0, Math.max(0, slash));
  const kinds = Uint8Array.from(rows.directories, (directory) => {
    if (`${directory}/`.includes(text)) return ALL;
    return slash < 0 || directory.endsWith(head) ? BY_NAME : NONE;
  });
  if (slash >= 0) return keep(rows, marks, { kinds, isNamed: beginsWith(rows, text.slice(slash + 1)) });
  // Only when some directory leaves it to the names are all of them searched, which is what takes time.
  if (!kinds.includes(BY_NAME)) return;
  const found = new Uint8Array(marks.length);
  rows.names.search(Buffer.from(text), (row) => (found[row] = 1));
  keep(rows, marks, { kinds, isNamed: (row) => found[row] === 1 });
}

function beginsWith(rows: LedgerRows, text: string): (row: number) => boolean {
  const bytes = Buffer.from(text);
  return (row) => rows.names.startsWith(row, bytes);
}

interface PathTest {
  /** By directory. */
  readonly kinds: Uint8Array;
  readonly isNamed: (row: number) => boolean;
}

function keep(rows: LedgerRows, marks: Uint8Array, { kinds, isNamed }: PathTest): void {
  const { directory } = rows.columns;
  for (let row = 0; row < marks.length; row++) {
    if (marks[row] === 0) continue;
    const kind = kinds[directory[row] ?? 0];
    if (kind === NONE || (kind === BY_NAME && !isNamed(row))) marks[row] = 0;
  }
}
