/** `headgate doctor`: everything that a configuration names is tried from here, also before there is an engine. */
import type { Command } from 'commander';
import type { DoctorCheck, DoctorReport } from '../../shared/contract/control-what-if.ts';
import { GatewayError, isGatewayError } from '../../shared/errors.ts';
import { readConfigFile, usableConfig } from '../config/config-file.ts';
import { ControlClient } from '../control/control-client.ts';
import { controlSocketPath } from '../control/socket-path.ts';
import { doctorSummary } from '../engine/desks/doctor-desk.ts';
import { withTrial } from '../engine/config-review.ts';
import { runDoctor } from '../engine/doctor/doctor-run.ts';
import { systemClock } from '../telemetry/clock.ts';
import { connectToEngine, operatorName } from './engine-connection.ts';
import { EXIT } from './exit-status.ts';
import { note, print, printJson } from './output.ts';
import { table, type Column } from './table.ts';
import { oneLine, outputWidth, wrapped } from './terminal-text.ts';

const POLL_MS = 250;

interface DoctorOptions {
  readonly config?: string;
  readonly stateDir?: string;
  readonly json?: boolean;
}

export function addDoctorCommand(program: Command): void {
  program
    .command('doctor')
    .summary('try brokers, NameNodes, every DataNode, rights, quota, clocks, disk, a probe file')
    .description(
      'Tries everything that a configuration names, from this machine and as this user: each broker and topic, rights on the group, each NameNode, every DataNode by name, quota, clocks, the state directory’s disk, and a small file on its whole way into each sink, which is removed again. Without --config the running engine tries its own configuration.',
    )
    .option('-c, --config <file>', 'try this configuration; no engine is needed')
    .option('-d, --state-dir <directory>', 'ask the engine of this state directory')
    .option('--json', 'print the checks as JSON')
    .addHelpText(
      'after',
      `
Examples:
  headgate doctor -c headgate.yaml       before the first start
  headgate doctor                        the running engine, as its own user
  headgate doctor -c headgate.yaml --json

Exit status: 0 ready (warnings may be printed), 1 a check failed,
2 the configuration can't be used, 3 no engine answers.`,
    )
    .action((options: DoctorOptions) => tryAll(options));
}

async function tryAll(options: DoctorOptions): Promise<void> {
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(interrupted()));
  const isQuiet = options.json === true || !process.stderr.isTTY;
  const watch = { signal: stop.signal, isQuiet };
  const report =
    options.config === undefined ? await askEngine(options, watch) : await tryHere(options.config, watch);
  if (!isQuiet) process.stderr.write('\r\u001b[K');
  if (options.json) printJson(report);
  else print(doctorText(report, outputWidth()));
  process.exitCode = report.isReady ? EXIT.done : EXIT.failed;
}

interface Watch {
  readonly signal: AbortSignal;
  readonly isQuiet: boolean;
}

async function tryHere(path: string, { signal, isQuiet }: Watch): Promise<DoctorReport> {
  const loaded = withTrial(await readConfigFile(path));
  const { gateway, sinks } = usableConfig(loaded);
  const pausedSinks = await pausedAt(gateway.stateDir, sinks);
  const onCheck = (checks: readonly DoctorCheck[]): void => {
    const last = checks.at(-1);
    if (!isQuiet && last !== undefined)
      process.stderr.write(
        `\r\u001b[Kdoctor: ${checks.length} checks, ${oneLine(last.area)} ${oneLine(last.place)}`,
      );
  };
  return runDoctor({ loaded, pausedSinks }, { clock: systemClock, signal, onCheck });
}

/** What a running engine says of its switches; without one, what the file says for the start. */
async function pausedAt(
  stateDir: string,
  sinks: Readonly<Record<string, { readonly isPausedAtStart: boolean }>>,
): Promise<ReadonlySet<string>> {
  try {
    const status = await new ControlClient(controlSocketPath(stateDir)).call('status', {});
    return new Set(status.sinks.flatMap(({ name, paused }) => (paused === undefined ? [] : [name])));
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    return new Set(Object.keys(sinks).filter((name) => sinks[name]?.isPausedAtStart === true));
  }
}

async function askEngine(options: DoctorOptions, { signal, isQuiet }: Watch): Promise<DoctorReport> {
  const client = await connectToEngine(options);
  const { jobId } = await client.call('doctorStart', { by: operatorName() });
  for (;;) {
    const { jobs } = await client.call('jobs', {});
    const job = jobs.find(({ id }) => id === jobId);
    if (job === undefined || job.state !== 'running') return client.call('doctorResult', { jobId });
    if (!isQuiet)
      process.stderr.write(`\r\u001b[Kdoctor: ${job.progress.done} checks, ${oneLine(job.progress.step)}`);
    try {
      await systemClock.sleep(POLL_MS, signal);
    } catch (reason) {
      await client.call('jobCancel', { id: jobId });
      throw reason;
    }
  }
}

const COLUMNS: readonly Column<DoctorCheck>[] = [
  { title: 'STATE', of: ({ state }) => STATES[state] },
  { title: 'AREA', of: ({ area }) => area },
  { title: 'PLACE', of: ({ place }) => place, keep: 'end' },
  { title: 'TOOK', of: ({ tookMs }) => `${Math.round(tookMs)} ms` },
  { title: 'FOUND', of: ({ message }) => message, keep: 'start' },
];
const STATES: Readonly<Record<DoctorCheck['state'], string>> = {
  ok: 'ok',
  warning: 'WARNING',
  failed: 'FAILED',
  skipped: 'skipped',
};

/** All checks as a table; what is not well again in full, with what to do. */
export function doctorText(report: DoctorReport, width: number): string {
  const bad = report.checks.filter(({ state }) => state === 'failed' || state === 'warning');
  return [
    table(COLUMNS, report.checks, width),
    ...(bad.length === 0 ? [] : ['']),
    ...bad.flatMap(({ state, area, place, message, hint }) => [
      ...wrapped(`${STATES[state]} ${oneLine(area)} ${oneLine(place)}: ${oneLine(message)}`, width),
      ...(hint === undefined ? [] : wrapped(`  hint: ${oneLine(hint)}`, width)),
    ]),
    '',
    doctorSummary(report),
  ].join('\n');
}

function interrupted(): GatewayError {
  note('taking away what was written');
  return new GatewayError({
    code: 'aborted',
    operation: 'run the doctor',
    place: '',
    message: 'interrupted; there is no verdict',
    retry: 'never',
    hint: 'the probe files were taken away',
  });
}
