import type { Clock } from '../telemetry/clock.ts';
import type { Target } from '../landing/target.ts';
import { DirectoryTarget, type DirectorySettings } from './directory/directory-target.ts';
import type { HdfsSettings } from './hdfs/hdfs-settings.ts';
import { WebHdfsTarget } from './hdfs/webhdfs-target.ts';

/** Everything a target is made from; the engine maps an `hdfs` or `directory` sink of the configuration to it. */
export type TargetSettings = HdfsSettings | DirectorySettings;

/** Touches neither network nor disk: a target whose servers are down is made all the same, and its calls say so. */
export function createTarget(settings: TargetSettings, clock?: Clock): Target {
  switch (settings.type) {
    case 'hdfs':
      return new WebHdfsTarget(settings, clock);
    case 'directory':
      return new DirectoryTarget(settings);
  }
}
