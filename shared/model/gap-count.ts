/** Offsets whose events are in no file, each counted once: what every channel of a partition misses is one loss, not several. */
export function gapOffsets(
  coverage: readonly {
    readonly topic: string;
    readonly partition: number;
    readonly incarnation: string;
    readonly gap: number;
  }[],
): number {
  const most = new Map<string, number>();
  for (const { topic, partition, incarnation, gap } of coverage) {
    const place = JSON.stringify([topic, partition, incarnation]);
    most.set(place, Math.max(gap, most.get(place) ?? 0));
  }
  return [...most.values()].reduce((sum, gap) => sum + gap, 0);
}
