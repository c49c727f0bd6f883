import type { WhatIfResult } from '../../shared/contract/control-what-if.ts';
import { formatBytes, formatCount, formatDuration } from '../../shared/units.ts';
import { formatTime } from './output.ts';
import { table, type Column } from './table.ts';
import { fitted, oneLine, wrapped } from './terminal-text.ts';

type Directory = WhatIfResult['directories'][number];
type Sample = WhatIfResult['failures'][number]['samples'][number];

const DIRECTORIES_SHOWN = 50;
const COLUMNS: readonly Column<Directory>[] = [
  { title: 'SINK', of: (row) => row.sink, keep: 'start' },
  { title: 'DIRECTORY', of: (row) => row.directory, keep: 'end' },
  { title: 'EVENTS', of: (row) => row.events },
  { title: 'BYTES', of: (row) => formatBytes(row.bytes) },
  { title: 'OLDEST', of: (row) => timeText(row.oldestEventMs) },
  { title: 'NEWEST', of: (row) => timeText(row.newestEventMs) },
];

/** A what-if run as an operator reads it. */
export function tryText(result: WhatIfResult, width: number): string {
  return [
    countsText(result),
    ...directoriesText(result, width),
    ...failuresText(result, width),
    ...trapsText(result, width),
    ...differenceText(result, width),
  ].join('\n');
}

function countsText({
  source,
  events,
  placed,
  filtered,
  quarantined,
  notRouted,
  tookMs,
  note,
}: WhatIfResult): string {
  const share = (count: number): string => (events === 0 ? '' : `  ${((100 * count) / events).toFixed(1)} %`);
  const line = (title: string, count: number): string =>
    `  ${title.padEnd(12)}${formatCount(count).padStart(9)}${share(count)}`;
  return [
    `source ${oneLine(source)}: ${formatCount(events)} events in ${formatDuration(tookMs)}`,
    line('placed', placed),
    line('filtered', filtered),
    line('quarantined', quarantined),
    line('not routed', notRouted),
    ...(note === undefined ? [] : [oneLine(note)]),
  ].join('\n');
}

function directoriesText({ directories, directoriesLeftOut }: WhatIfResult, width: number): string[] {
  if (directories.length === 0) return [];
  const left = directories.length - DIRECTORIES_SHOWN + directoriesLeftOut;
  return [
    '',
    table(COLUMNS, directories.slice(0, DIRECTORIES_SHOWN), width),
    ...(left > 0 ? [`and ${formatCount(left)} more directories`] : []),
  ];
}

function failuresText({ failures }: WhatIfResult, width: number): string[] {
  if (failures.length === 0) return [];
  return [
    '',
    'FAILURES: these would go to quarantine',
    ...failures.flatMap(({ reason, events, samples }) => [
      ...wrapped(`  ${formatCount(events)} × ${oneLine(reason)}`, width),
      ...samplesText(samples, width),
    ]),
  ];
}

function trapsText({ traps }: WhatIfResult, width: number): string[] {
  if (traps.length === 0) return [];
  return [
    '',
    'CLOCK TRAPS: times that may be read wrongly',
    ...traps.flatMap(({ kind, events, message, hint, samples }) => [
      ...wrapped(`  ${formatCount(events)} × ${kind}: ${oneLine(message)}`, width),
      ...wrapped(`    hint: ${oneLine(hint)}`, width),
      ...samplesText(samples.slice(0, 1), width),
    ]),
  ];
}

function differenceText({ difference }: WhatIfResult, width: number): string[] {
  if (difference === undefined) return [];
  const { same, moved, nowPlaced, nowNotPlaced, samples } = difference;
  const counts = `same ${formatCount(same)}, moved ${formatCount(moved)}, now placed ${formatCount(nowPlaced)}, now not placed ${formatCount(nowNotPlaced)}`;
  return [
    '',
    `AGAINST THE RUNNING RULES: ${counts}`,
    ...samples.flatMap(({ event, before, after }) => [
      ...samplesText([event], width),
      `      was ${fitted(oneLine(before), width - 10, 'end')}`,
      `      now ${fitted(oneLine(after), width - 10, 'end')}`,
    ]),
  ];
}

function samplesText(samples: readonly Sample[], width: number): string[] {
  return samples.map(({ topic, partition, offset, body }) =>
    fitted(`    ${oneLine(`${topic}/${partition}@${offset}`)}: ${oneLine(body)}`, Math.min(width, 160)),
  );
}

function timeText(ms: number | undefined): string {
  return ms === undefined ? '-' : formatTime(ms);
}
