/** The engine's desks: each answers a part of the control contract, over what it is given; none knows another. */
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { LogBook } from '../../telemetry/log-book.ts';
import type { AuditJobs } from '../audit-jobs.ts';
import type { EngineControl } from '../engine-control.ts';
import type { Flow } from '../flow.ts';
import type { HistoryKeeper } from '../history-keeper.ts';
import { BacklogDesk } from './backlog-desk.ts';
import { BundleDesk } from './bundle-desk.ts';
import { ConfigDesk } from './config-desk.ts';
import { DoctorDesk } from './doctor-desk.ts';
import { HistoryDesk } from './history-desk.ts';
import { JobDesk, type JobDeskOptions } from './job-desk.ts';
import { QuarantineDesk } from './quarantine-desk.ts';
import { trialConfigsOf } from './trial-config.ts';
import { WhatIfDesk } from './what-if-desk.ts';

export interface DeskOptions extends JobDeskOptions {
  readonly control: EngineControl;
  readonly flow: Flow;
  /** The configuration that runs, with its secrets. */
  readonly config: () => GatewayConfig;
  readonly keeper: HistoryKeeper;
  readonly audits: AuditJobs;
  readonly book: LogBook;
}

/** Everything that a client may ask, and how to close what it needs. */
export interface OpenDesks {
  readonly api: EngineApi;
  close(): Promise<void>;
}

export async function openDesks(options: DeskOptions): Promise<OpenDesks> {
  const { control, flow, keeper, audits, book } = options;
  const jobs = new JobDesk(options);
  const { applier } = control;
  const configs = trialConfigsOf(
    () => applier.loaded.path,
    () => applier.loaded,
  );
  const whatIf = new WhatIfDesk({ jobs, configs, stateDir: options.stateDir });
  await jobs.open();
  const api: EngineApi = {
    ...control.faces(),
    ...new BacklogDesk({ jobs, flow, queries: () => control.queries, clock: options.clock }).faces(),
    ...new BundleDesk({ ...options, jobs, api: () => api }),
    ...new ConfigDesk(control.applier),
    ...new DoctorDesk({ jobs, configs, clock: options.clock, pausedSinks: () => pausedSinks(control) }),
    ...new HistoryDesk(keeper, book),
    ...new QuarantineDesk({ jobs, flow, queries: () => control.queries, log: options.log }),
    ...whatIf,
    ...audits.beside(jobs, control.auditCancel),
  };
  const close = (): Promise<void> => {
    whatIf.close();
    return jobs.close();
  };
  return { api, close };
}

async function pausedSinks(control: EngineControl): Promise<ReadonlySet<string>> {
  const { sinks } = await control.status();
  return new Set(sinks.flatMap(({ name, paused }) => (paused === undefined ? [] : [name])));
}
