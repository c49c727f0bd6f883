/**
 * The order of the test files in a whole run: the longest first, so that none of them runs alone at the end while a core has nothing to do.
 * A clean clone knows no durations yet, so they stand here, as a whole run on two cores had them. A file that is not listed is short; where
 * it stands does no harm.
 */
import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** From about six minutes down to twenty seconds. */
const LONGEST: readonly string[] = [
  'console-pictures/pictures',
  'crash/fleet-crash-points',
  'crash/random-kills',
  'crash/crash-points',
  'e2e/network',
  'e2e/completeness',
  'torture/torture',
  'e2e/fleet',
  'renderer/shell',
  'e2e/servers',
  'e2e/replay',
  'console/rules-flow',
  'rig-selftest/hdfs-rig',
  'e2e/recover',
  'rig-selftest/kafka-rig',
  'e2e/claims',
  'console/bad-days',
  'console/backlog-flow',
  'e2e/retire',
  'e2e/state-copies',
  'property/channel-model',
  'engine/doctor',
  'sources/kafka-wire/pull-link.kafka',
  'e2e/write-switch',
  'e2e/moved-offset',
  'engine/engine',
  'landing/hdfs-landing',
  'audit/hdfs-audit',
  'crash/claims-crash',
  'e2e/sink-groups',
  'sinks/hdfs-faults',
  'crash/quarantine-crash',
  'e2e/hadoop-reads',
  'desktop/engine-host',
  'engine/config-crash',
  'power/power-loss',
  'sources/kafka/log-changes',
  'renderer/setup-run',
  'e2e/hot-reload',
  'engine/what-if',
  'bad-days/stop-signal',
  'crash/completeness-crash',
  'sinks/target-contract',
  'cli/demo',
  'sources/kafka/ownership',
  'engine/config-apply',
  'desktop/desktop',
  'sources/kafka/bad-links',
  'sources/kafka/plain-path',
  'engine/reload',
  'bad-days/bad-start',
  'sinks/hdfs-pair',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const usual = await super.sort(files);
    return usual
      .map((file, at) => ({ file, place: placeOf(file.moduleId) ?? LONGEST.length + at }))
      .sort((a, b) => a.place - b.place)
      .map(({ file }) => file);
  }
}

function placeOf(moduleId: string): number | undefined {
  const name = relative(import.meta.dirname, moduleId)
    .replaceAll('\\', '/')
    .replace(/\.test\.ts$/, '');
  const place = LONGEST.indexOf(name);
  return place < 0 ? undefined : place;
}
