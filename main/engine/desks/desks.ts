/** The engine's desks: each answers a part of the control contract, over what it is given; none knows another. */
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { Random } from '../../telemetry/clock.ts';
import type { LogBook } from '../../telemetry/log-book.ts';
import type { AuditJobs } from '../audit-jobs.ts';
import type { EngineControl } from '../engine-control.ts';
import { FleetDesk } from '../fleet/fleet-desk.ts';
import type { FleetKeeper } from '../fleet/fleet-keeper.ts';
import type { Flow } from '../flow.ts';
import type { HistoryKeeper } from '../history-keeper.ts';
import { BacklogDesk } from './backlog-desk.ts';
import { BundleDesk } from './bundle-desk.ts';
import { ChannelDesk } from './channel-desk.ts';
import { ConfigDesk } from './config-desk.ts';
import { DoctorDesk } from './doctor-desk.ts';
import { HistoryDesk } from './history-desk.ts';
import { JobDesk, type JobDeskOptions } from './job-desk.ts';
import { QuarantineDesk } from './quarantine-desk.ts';
import { ReplayDesk } from './replay-desk.ts';
import { RetireDesk } from './retire-desk.ts';
import { trialConfigsOf } from './trial-config.ts';
import { WhatIfDesk } from './what-if-desk.ts';

export interface DeskOptions extends JobDeskOptions {
  readonly control: EngineControl;
  readonly flow: Flow;
  /** The configuration that runs, with its secrets. */
  readonly config: () => GatewayConfig;
  readonly keeper: HistoryKeeper;
  readonly fleet: FleetKeeper;
  readonly audits: AuditJobs;
  readonly book: LogBook;
  readonly random: Random;
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
  const { clock, random, log } = options;
  const replays = new ReplayDesk({ jobs, flow, clock, random, log });
  const retirements = new RetireDesk({
    ...{ jobs, flow, clock },
    setAlert: (isRaised, alert) => control.setAlert(isRaised, alert),
    publishFacts: async (signal) => {
      await options.fleet.look(signal);
      return options.fleet.views.every(({ fault, isOutdated }) => fault === undefined && !isOutdated);
    },
  });
  control.showRetirements(() => retirements.rows());
  await jobs.open();
  await retirements.open();
  const api: EngineApi = {
    ...control.faces(),
    ...new BacklogDesk({ jobs, flow, queries: () => control.queries, clock: options.clock }).faces(),
    ...new BundleDesk({ ...options, jobs, api: () => api }),
    ...new ChannelDesk({ jobs, flow, stateDir: options.stateDir, log: options.log }),
    ...new ConfigDesk(control.applier),
    ...new DoctorDesk({ jobs, configs, clock: options.clock, pausedSinks: () => pausedSinks(control) }),
    ...new FleetDesk({ ...options, keeper: options.fleet, jobs }),
    ...new HistoryDesk(keeper, book),
    ...new QuarantineDesk({ jobs, flow, queries: () => control.queries, log: options.log }),
    ...replays.faces(),
    ...retirements.faces(),
    ...whatIf,
    ...audits.beside(jobs, control.auditCancel),
  };
  const close = (): Promise<void> => {
    whatIf.close();
    retirements.close();
    return jobs.close();
  };
  return { api, close };
}

async function pausedSinks(control: EngineControl): Promise<ReadonlySet<string>> {
  const { sinks } = await control.status();
  return new Set(sinks.flatMap(({ name, paused }) => (paused === undefined ? [] : [name])));
}
