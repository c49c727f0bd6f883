/** The engine's desks: each answers a part of the control contract, over what it is given; none knows another. */
import type { EngineApi } from '../../control/engine-api.ts';
import type { EngineControl } from '../engine-control.ts';
import { BacklogDesk } from './backlog-desk.ts';
import { BundleDesk } from './bundle-desk.ts';
import { ConfigDesk } from './config-desk.ts';
import { DoctorDesk } from './doctor-desk.ts';
import { HistoryDesk } from './history-desk.ts';
import { JobDesk, type JobDeskOptions } from './job-desk.ts';
import { QuarantineDesk } from './quarantine-desk.ts';
import { WhatIfDesk } from './what-if-desk.ts';

export interface DeskOptions extends JobDeskOptions {
  readonly control: EngineControl;
}

/** Everything that a client may ask, and how to close what it needs. */
export interface OpenDesks {
  readonly api: EngineApi;
  close(): Promise<void>;
}

export async function openDesks(options: DeskOptions): Promise<OpenDesks> {
  const { control } = options;
  const jobs = new JobDesk(options);
  await jobs.open();
  const api: EngineApi = {
    ...control.faces(),
    ...new BacklogDesk(),
    ...new BundleDesk(),
    ...new ConfigDesk(),
    ...new DoctorDesk(),
    ...new HistoryDesk(),
    ...new QuarantineDesk(),
    ...new WhatIfDesk(),
    jobs: jobs.jobs,
    jobCancel: jobs.jobCancel,
    jobFile: jobs.jobFile,
  };
  return { api, close: () => jobs.close() };
}
