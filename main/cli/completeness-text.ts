/** Which directories are complete, as `headgate status` prints it. */
import type { CompletenessRow, DirectoryRow } from '../../shared/contract/control-completeness.ts';
import { formatCount } from '../../shared/units.ts';
import { formatTime } from './output.ts';
import { oneLine } from './terminal-text.ts';

const SHOWN_MAX = 6;
const INDENT = '    ';

/** Empty where no sink marks its directories. What waits comes first, the oldest of it on top. */
export function completenessText(rows: readonly CompletenessRow[] = []): string[] {
  return rows.flatMap((row) => {
    const waiting = row.directories
      .filter(({ state }) => state === 'waiting' || state === 'marking')
      .toReversed();
    const [last] = row.directories.filter(({ state }) => state === 'complete');
    return [
      '',
      `directories of ${row.sink}: ${formatCount(row.complete)} complete, ${formatCount(row.waiting)} not yet`,
      ...(last === undefined ? [] : [`${INDENT}complete, the last: ${directoryText(last)}`]),
      ...waiting
        .slice(0, SHOWN_MAX)
        .flatMap((one) => [
          `${INDENT}${one.state === 'marking' ? 'its marker is being written' : 'waits'}: ${directoryText(one)}`,
          ...one.why.map((why) => `${INDENT}${INDENT}${oneLine(why)}`),
        ]),
      ...(waiting.length > SHOWN_MAX
        ? [`${INDENT}and ${formatCount(waiting.length - SHOWN_MAX)} more that wait`]
        : []),
    ];
  });
}

function directoryText({ directory, endMs, revision }: DirectoryRow): string {
  const marker = revision > 1 ? `, marker ${revision}` : '';
  return `${oneLine(directory)} (until ${formatTime(endMs)}${marker})`;
}
