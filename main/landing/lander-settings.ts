import type { CrashPoint } from '../telemetry/crash-point.ts';
import type { Clock, Random } from '../telemetry/clock.ts';
import type { ChunkReader, LandingStore } from './landing-store.ts';
import type { LandingEvent } from './lander-status.ts';
import type { LandingMarker } from './landing-marker.ts';
import type { RollSettings } from './roll-policy.ts';
import type { Target } from './target.ts';

export const UPLOADS_DEFAULT = 2;

/** What the configuration says about one sink (or group), as far as landing needs it. */
export interface LanderSettings {
  readonly sink: string;
  readonly gatewayId: string;
  /** Identity of the state directory. */
  readonly stateId: string;
  /** Where the gateway's markers stand: `<root>/.headgate/<gateway id>`. */
  readonly markerDirectory: string;
  /** The group of sinks that it is one of: its backlog stands under the group's name. Undefined: none. */
  readonly group?: string | undefined;
  /** A target that does not answer is tried again at least this often. */
  readonly penaltyMaxMs?: number | undefined;
  /** Files that are uploaded at the same time. */
  readonly uploads: number;
  readonly roll: RollSettings;
  readonly inUsePrefix: string;
  readonly inUseSuffix: string;
  readonly hasCodecExtensionBeforeSuffix: boolean;
  /** Octal, such as `644`; undefined: the cluster's default. Likewise the next two. */
  readonly permission?: string | undefined;
  readonly replication?: number | undefined;
  readonly blockSizeBytes?: number | undefined;
  /** How long chunks stay after their file landed, where one replica is not trusted; 0: they go at once. */
  readonly retainAfterLandingMs: number;
  /** Name of the markers of complete directories; undefined: none are written. */
  readonly completenessMarker?: string | undefined;
  /** Files say that they are of this replay: events that landed before, landed again on purpose. */
  readonly replayId?: string | undefined;
}

/** What the engine gives a lander to work with. */
export interface LanderParts {
  readonly settings: LanderSettings;
  readonly store: LandingStore;
  readonly target: Target;
  readonly reader: ChunkReader;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: (event: LandingEvent) => void;
  /** The process's own crash points; a test that simulates death in one process gives its own. */
  readonly crashPoint: (name: CrashPoint) => void;
  /** The state directory's marker at the target, where others need it too; else the lander makes its own. */
  readonly marker?: Pick<LandingMarker, 'checkedNamespace' | 'advance'>;
}

/** Everything that landing a file works with. */
export interface LandingContext extends LanderParts {
  readonly marker: Pick<LandingMarker, 'checkedNamespace' | 'advance'>;
}
