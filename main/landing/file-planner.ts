import type { FilePlan } from '../../shared/model/file-plan.ts';
import { GIB } from '../../shared/units.ts';
import { FileIdMaker } from './file-id.ts';
import { finalName, pathIn } from './file-name.ts';
import type { DueKey } from './key-schedule.ts';
import type { LandingContext } from './lander-settings.ts';

/** Without a size limit a file still ends somewhere: an upload that breaks begins anew. */
export const FILE_BYTES_MAX = 2 * GIB;

/** Step 1 of exactly-once.md §3: a due key becomes the durable plan of one file, under a name that was never used. */
export class FilePlanner {
  readonly #context: LandingContext;
  readonly #fileIds: FileIdMaker;

  constructor(context: LandingContext) {
    this.#context = context;
    this.#fileIds = new FileIdMaker(context.settings.stateId, context.clock, context.random);
  }

  /** Undefined: nothing of the key may land now. */
  async plan(
    { summary }: DueKey,
    namespace: string,
  ): Promise<{ readonly plan: FilePlan; readonly more: boolean } | undefined> {
    const { settings, store, clock, crashPoint } = this.#context;
    const fileId = this.#fileIds.next();
    const finalPath = pathIn(summary.key.directory, finalName(summary.key, fileId, settings));
    const lateName = finalName(summary.key, fileId, { ...settings, isLate: true });
    crashPoint('plan.before-commit');
    const made = await store.plan({
      sink: settings.sink,
      landingKeyId: summary.id,
      fileId,
      finalPath,
      lateFinalPath: pathIn(summary.key.directory, lateName),
      namespace,
      maxBytes: settings.roll.sizeBytes > 0 ? settings.roll.sizeBytes : FILE_BYTES_MAX,
      maxEvents: settings.roll.count,
      nowMs: clock.nowMs(),
    });
    crashPoint('plan.after-commit');
    return made;
  }
}
