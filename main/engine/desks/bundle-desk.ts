import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { writeSupportBundle } from '../support-bundle.ts';
import type { JobDesk } from './job-desk.ts';

type Faces = Pick<EngineApi, 'supportBundleStart'>;

export interface BundleDeskOptions {
  readonly jobs: JobDesk;
  readonly stateDir: string;
  readonly clock: Clock;
  /** All that the engine answers; asked for when a bundle is made. */
  readonly api: () => EngineApi;
  readonly config: () => GatewayConfig;
}

/** Gathers the bundle that an operator hands to whoever helps. */
export class BundleDesk implements Faces {
  readonly #options: BundleDeskOptions;

  constructor(options: BundleDeskOptions) {
    this.#options = options;
  }

  readonly supportBundleStart = async ({
    by,
  }: ParsedInput<'supportBundleStart'>): Promise<Output<'supportBundleStart'>> => {
    const { jobs, stateDir, clock, api, config } = this.#options;
    const jobId = jobs.start({ kind: 'support-bundle', title: 'support bundle', by }, async (run) => {
      const nowMs = clock.nowMs();
      const time = new Date(nowMs)
        .toISOString()
        .replace(/\.\d+Z$/, 'Z')
        .replaceAll(/[-:]/g, '');
      const path = await run.filePath(`headgate-${config().gateway.id}-${time}.zip`);
      const made = await writeSupportBundle({ stateDir, api: api(), config: config(), path, nowMs, run });
      const missing = made.leftOut === 0 ? '' : `; ${made.leftOut} could not be had, the manifest says why`;
      return { file: path, summary: `${made.parts} parts${missing}` };
    });
    return { jobId };
  };
}
