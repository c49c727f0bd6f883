import type { SinkStatusRow, UploadStatusRow } from '../../../shared/contract/control-status.ts';
import type { en } from '../../text/en.ts';

export interface FileOnItsWay {
  readonly sink: string;
  /** An operator decides; it does not go on by itself. */
  readonly isHeld: boolean;
  readonly upload: UploadStatusRow;
}

type Step = keyof typeof en.landings.files.steps;
/** What the engine calls a step, and its words here. */
const STEPS: Readonly<Record<string, Step>> = {
  queued: 'queued',
  mkdirs: 'mkdirs',
  create: 'create',
  verify: 'verify',
  stamp: 'stamp',
  rename: 'rename',
  'look-for-renamed': 'look',
  confirm: 'confirm',
  ledger: 'ledger',
};

/** Undefined for a step of an engine that knows more of them; then its own name is shown. */
export function nameOfStep(step: string): Step | undefined {
  return Object.hasOwn(STEPS, step) ? STEPS[step] : undefined;
}

/** Held ones first: they need somebody. `heldElsewhere`: those that the status counts and does not list. */
export function filesOf(sinks: readonly Pick<SinkStatusRow, 'name' | 'heldFiles' | 'uploads'>[]): {
  readonly files: readonly FileOnItsWay[];
  readonly heldElsewhere: number;
} {
  const files = sinks.flatMap(({ name, uploads }) =>
    uploads.map((upload) => ({ sink: name, isHeld: upload.step === 'held', upload })),
  );
  const held = files.filter(({ isHeld }) => isHeld);
  const counted = sinks.reduce((sum, { heldFiles }) => sum + heldFiles, 0);
  return {
    files: [...held, ...files.filter(({ isHeld }) => !isHeld)],
    heldElsewhere: Math.max(0, counted - held.length),
  };
}
