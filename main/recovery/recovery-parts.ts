/** What a recovery is given to work with. */
import type { OffsetRun } from '../../shared/model/offset-runs.ts';
import type { Target } from '../landing/target.ts';
import type { KafkaSourceSettings } from '../sources/kafka/kafka-source-settings.ts';
import type { Clock } from '../telemetry/clock.ts';
import type { CrashPoint } from '../telemetry/crash-point.ts';

export interface RecoverySink {
  readonly name: string;
  readonly channel: string;
  readonly root: string;
  /** `<root>/.headgate/<gateway id>`. */
  readonly markerDirectory: string;
  /** Of files that do not say theirs. */
  readonly codec: string;
  readonly target: Target;
}

export interface RecoverySource {
  readonly name: string;
  /** Undefined: it reads files of its own machine, which nobody else can have accepted. */
  readonly kafka: KafkaSourceSettings | undefined;
  readonly channels: readonly string[];
}

/** What an operator said of a range that no fact decides. */
export interface RangeWord extends OffsetRun {
  readonly topic: string;
  readonly partition: number;
  readonly isOurs: boolean;
}

export interface RecoveryOptions {
  readonly gatewayId: string;
  readonly stateDir: string;
  readonly sinks: readonly RecoverySink[];
  readonly sources: readonly RecoverySource[];
  readonly lostStates: readonly string[];
  readonly isDeclaredDead: boolean;
  readonly isDryRun: boolean;
  /** Look once more after a recovery that was done: the lost engine ran on, and accepted more. */
  readonly isAgain: boolean;
  /** Temp files of the lost state are removed at the end. */
  readonly removesTemps: boolean;
  readonly words: readonly RangeWord[];
  /** What becomes of offsets that the lost state called landed and that stand in no file; undefined: it was not said. */
  readonly missingFiles: 'landed' | 'again' | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly crashPoint: (name: CrashPoint) => void;
  /** What is being done, for people. */
  readonly onProgress: (text: string) => void;
}
