import type { Change, CutChoice, DataChange } from './crash-disk.ts';

/** What disks write in one piece; a power cut may tear a write between any two of them. */
const SECTORS = [512, 4096] as const;

export type CutKind = 'none' | 'all' | 'all-but-one' | 'only-one' | 'torn-last' | 'random';
export const CUT_KINDS: readonly CutKind[] = [
  'none',
  'all',
  'all-but-one',
  'only-one',
  'torn-last',
  'random',
  'random',
];

/** One way of losing what was not synced. */
export function cutChoice(kind: CutKind, pending: readonly Change[], random: () => number): CutChoice {
  const sectorBytes = SECTORS[Math.floor(random() * SECTORS.length)] ?? 4096;
  // Names are few, and each is a whole file.
  const names = pending.filter((change) => change.kind === 'name');
  const eligible = names.length > 0 && random() < 0.5 ? names : pending;
  const one = eligible[Math.floor(random() * eligible.length)];
  if (kind === 'none') return whole(sectorBytes, () => false);
  if (kind === 'all') return whole(sectorBytes, () => true);
  if (kind === 'all-but-one') return whole(sectorBytes, (change) => change !== one);
  if (kind === 'only-one') return whole(sectorBytes, (change) => change === one);
  if (kind === 'torn-last')
    return torn(
      sectorBytes,
      pending.findLast((change) => change.kind === 'write'),
    );
  // Rarely, by halves, mostly: each loses other combinations.
  const share = [0.1, 0.5, 0.9][Math.floor(random() * 3)] ?? 0.5;
  return { sectorBytes, keeps: () => random() < share, keepsSector: () => random() < share };
}

function whole(sectorBytes: number, isKept: (change: Change) => boolean): CutChoice {
  return { sectorBytes, keeps: isKept, keepsSector: (change: DataChange) => isKept(change) };
}

/** Everything is there but the second half of the last write, though the file is as long as if it were. */
function torn(sectorBytes: number, last: Change | undefined): CutChoice {
  const keepsSector = (change: DataChange, sector: number): boolean =>
    change !== last || sector * sectorBytes < change.at + change.bytes.length / 2;
  return { sectorBytes, keeps: () => true, keepsSector };
}
