/** The doctor as a job: it tries everything that a configuration names, and writes nothing but a probe file a sink, which it takes away. */
import type { Output, ParsedInput } from '../../../shared/contract/control.ts';
import type { DoctorReport } from '../../../shared/contract/control-what-if.ts';
import { GatewayError } from '../../../shared/errors.ts';
import type { EngineApi } from '../../control/engine-api.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { runDoctor } from '../doctor/doctor-run.ts';
import type { JobDesk } from './job-desk.ts';
import type { TrialConfigs } from './trial-config.ts';

type Faces = Pick<EngineApi, 'doctorStart' | 'doctorResult'>;

export interface DoctorDeskOptions {
  readonly jobs: JobDesk;
  readonly configs: TrialConfigs;
  readonly clock: Clock;
  /** Sinks whose write switch is off at present; none while nothing runs. */
  readonly pausedSinks: () => Promise<ReadonlySet<string>>;
}

export class DoctorDesk implements Faces {
  readonly #options: DoctorDeskOptions;

  constructor(options: DoctorDeskOptions) {
    this.#options = options;
  }

  /** A text that can't be used is a finding like any other, so it does not keep the job from starting. */
  readonly doctorStart = async ({ text, by }: ParsedInput<'doctorStart'>): Promise<Output<'doctorStart'>> => {
    const { jobs, configs, clock, pausedSinks } = this.#options;
    const loaded = text === undefined ? configs.running() : await configs.resolveText(text);
    if (loaded === undefined) throw nothingRuns();
    const jobId = jobs.start(
      { kind: 'doctor', title: 'try everything that is configured', by },
      async (run) => {
        const report = await runDoctor(
          { loaded, pausedSinks: await pausedSinks() },
          {
            clock,
            signal: run.signal,
            onCheck: (checks) => {
              const last = checks.at(-1);
              run.progress(last === undefined ? 'starting' : `${last.area} ${last.place}`, checks.length, 0);
            },
          },
        );
        return { result: report, summary: doctorSummary(report) };
      },
    );
    return { jobId };
  };

  readonly doctorResult = async ({ jobId }: ParsedInput<'doctorResult'>): Promise<Output<'doctorResult'>> =>
    this.#options.jobs.resultOf(jobId, 'doctor') as DoctorReport;
}

export function doctorSummary({ checks, isReady }: DoctorReport): string {
  const count = (state: string): number => checks.filter((check) => check.state === state).length;
  const warnings = count('warning');
  const tail = warnings === 0 ? '' : `, ${warnings} warning${warnings === 1 ? '' : 's'}`;
  return isReady
    ? `ready: ${checks.length} checks${tail}`
    : `not ready: ${count('failed')} of ${checks.length} checks failed${tail}`;
}

function nothingRuns(): GatewayError {
  return new GatewayError({
    code: 'setup-needed',
    operation: 'run the doctor',
    place: '',
    message: 'there is no running configuration to try',
    retry: 'never',
    hint: 'Hand over a configuration as a text.',
  });
}
