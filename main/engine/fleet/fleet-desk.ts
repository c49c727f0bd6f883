/** Answers what operators ask about the fleet; works while every other gateway is down, and says what it could not ask. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { FleetAuditReport } from '../../../shared/contract/control-fleet.ts';
import type { GatewayConfig } from '../../../shared/contract/config.ts';
import { SECOND_MS } from '../../../shared/units.ts';
import { auditFleet, type FilePiece } from '../../audit/fleet-audit.ts';
import { readFleetFiles } from '../../audit/fleet-files.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import { createTarget } from '../../sinks/create-target.ts';
import type { Clock } from '../../telemetry/clock.ts';
import type { JobDesk, JobRun } from '../desks/job-desk.ts';
import type { Flow } from '../flow.ts';
import type { FleetKeeper } from './fleet-keeper.ts';
import { fleetGateways, fleetPartitions, type PictureInput } from './fleet-picture.ts';
import { fleetAuditSummary } from './fleet-summary.ts';
import { tenuresOfFacts } from './facts-tenures.ts';
import { surveyTenures, type FleetProblem, type TenureSurvey } from './tenure-survey.ts';

/** Brokers that do not answer within it are a line in the answer. */
const STATUS_LIMIT_MS = 30 * SECOND_MS;

type Faces = Pick<EngineApi, 'fleetStatus' | 'fleetAuditStart' | 'fleetAuditResult'>;

export interface FleetDeskOptions {
  readonly keeper: FleetKeeper;
  readonly flow: Flow;
  readonly config: () => GatewayConfig;
  readonly jobs: JobDesk;
  readonly clock: Clock;
}

export class FleetDesk implements Faces {
  readonly #options: FleetDeskOptions;

  constructor(options: FleetDeskOptions) {
    this.#options = options;
  }

  readonly fleetStatus = async ({
    isFactsOnly,
    partitionsMax,
  }: ParsedInput<'fleetStatus'>): Promise<Output<'fleetStatus'>> => {
    const { config, flow, clock, keeper } = this.#options;
    const survey = isFactsOnly
      ? tenuresOfFacts(keeper.views)
      : await surveyTenures(config(), AbortSignal.timeout(STATUS_LIMIT_MS));
    const input = {
      ...this.#picture(survey),
      isOwnPaused: await this.#isPaused(),
      ...(isFactsOnly ? { untold: keeper.untold } : {}),
    };
    const partitions = fleetPartitions(input);
    return {
      ...{ gateway: config().gateway.id, stateId: flow.stateId, nowMs: clock.nowMs() },
      gateways: fleetGateways(input),
      partitions: partitions.slice(0, partitionsMax),
      partitionsLeftOut: survey.leftOut + Math.max(0, partitions.length - partitionsMax),
      problems: [...this.#problems(), ...survey.problems],
    };
  };

  readonly fleetAuditStart = async ({
    level,
    by,
  }: ParsedInput<'fleetAuditStart'>): Promise<Output<'fleetAuditStart'>> => {
    const title = level === 'files' ? 'fleet audit of tenures and files' : 'fleet audit of tenures';
    const jobId = this.#options.jobs.start({ kind: 'fleet-audit', title, by }, async (run) => {
      const report = await this.#audit(level, run);
      return { result: report, summary: report.summary };
    });
    return { jobId };
  };

  readonly fleetAuditResult = async ({
    jobId,
  }: ParsedInput<'fleetAuditResult'>): Promise<Output<'fleetAuditResult'>> =>
    this.#options.jobs.resultOf(jobId, 'fleet-audit') as FleetAuditReport;

  /**
   * The order matters: facts first, then files, then the group's metadata. So nothing that happens meanwhile looks like a fault: what
   * a file holds was accepted before it landed, and so is listed by the time the group is asked.
   */
  async #audit(level: FleetAuditReport['level'], run: JobRun): Promise<FleetAuditReport> {
    const { keeper, config } = this.#options;
    run.progress('the gateways’ facts', 0, 0);
    await keeper.look(run.signal);
    const views = keeper.views;
    const files = level === 'files' ? await this.#files(run) : undefined;
    run.progress('the group’s tenures', 0, 0);
    const survey = await surveyTenures(config(), run.signal);
    const gateways = fleetGateways({ ...this.#picture(survey), views });
    const silent = new Set(gateways.filter(({ isSilent }) => isSilent).map(({ stateId }) => stateId));
    const result = auditFleet({
      groups: survey.partitions,
      gateways: views.flatMap(({ peers }) =>
        peers.map(({ facts }) => ({ facts, isSilent: silent.has(facts.stateId) })),
      ),
      files: files?.pieces,
    });
    const problems = [...this.#problems(), ...survey.problems].map(
      ({ place, message }) => `${place}: ${message}`,
    );
    if (survey.leftOut > 0) problems.push(`${survey.leftOut} partitions were not looked at`);
    const unproven = [...problems, ...(files?.unread ?? []), ...result.unproven];
    const report: Omit<FleetAuditReport, 'summary'> = {
      level,
      verdict: result.findings.length > 0 ? 'wrong' : unproven.length > 0 ? 'unknown' : 'clean',
      ...{ partitions: [...result.partitions], gateways, files: files?.files ?? 0 },
      ...{ findings: [...result.findings], findingsLeftOut: result.findingsLeftOut, unproven },
      notes: [...result.notes, ...(files?.notes ?? [])],
    };
    return { ...report, summary: fleetAuditSummary(report) };
  }

  async #files(run: JobRun): Promise<{
    readonly files: number;
    readonly pieces: readonly FilePiece[];
    readonly unread: readonly string[];
    readonly notes: readonly string[];
  }> {
    const { flow, clock } = this.#options;
    const found = { files: 0, pieces: [] as FilePiece[], unread: [] as string[], notes: [] as string[] };
    // Sinks that share a root have their files there together.
    const roots = new Map(
      [...flow.landings.values()].map(({ settings }) => [JSON.stringify(settings.target), settings.target]),
    );
    for (const settings of roots.values()) {
      const target = createTarget(settings, clock);
      try {
        const before = found.files;
        const onFile = (files: number) => run.progress('stamps of landed files', before + files, 0);
        const one = await readFleetFiles({ root: settings.root, target, clock, signal: run.signal, onFile });
        found.files += one.files;
        found.pieces.push(...one.pieces);
        found.unread.push(...one.unread);
        if (one.foreign > 0)
          found.notes.push(`${one.foreign} files below ${settings.root} are not Headgate’s`);
        if (one.replays > 0) found.notes.push(`${one.replays} files below ${settings.root} are replays`);
      } finally {
        await target.close();
      }
    }
    return found;
  }

  /** Any of the sinks, as for the others. */
  async #isPaused(): Promise<boolean> {
    const { flow } = this.#options;
    const paused = await Promise.all([...flow.landings.keys()].map((sink) => flow.writer.isPaused(sink)));
    return paused.includes(true);
  }

  #picture(survey: TenureSurvey): PictureInput {
    const { keeper, flow, config } = this.#options;
    return {
      ...{ views: keeper.views, tenures: survey.partitions, ownStateId: flow.stateId },
      silentPeerMs: config().alerts.silentPeerMs,
    };
  }

  #problems(): FleetProblem[] {
    return this.#options.keeper.views.flatMap(({ root, fault, readMs, unreadable }) => [
      ...(fault === undefined ? [] : [{ place: root, message: fault.error.message }]),
      ...(fault === undefined && readMs === undefined ? [{ place: root, message: 'not read yet' }] : []),
      ...unreadable.map((place) => ({ place, message: 'these facts can’t be read' })),
    ]);
  }
}
