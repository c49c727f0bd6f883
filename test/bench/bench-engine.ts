import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import type { LandingRow } from '../../shared/contract/control-rows.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { wholeLedger } from '../e2e/whole-ledger.ts';
import { until } from '../rig/until.ts';
import type { BenchSite } from './bench-site.ts';
import { progress } from './bench-output.ts';

export const SOURCE = 'weblogs';
export const CHANNEL = 'disk';
export const SINK = 'hadoop';

const TIME_ZONE = 'Asia/Shanghai';
const AUDIT_LIMIT_MS = 600_000;
/** No bench may end because the disk was small and intake rightly stopped; a full disk is another test's matter. */
const MIN_FREE_DISK = '1GiB';

type Section = Readonly<Record<string, unknown>>;

export interface BenchEngineOptions {
  readonly site: BenchSite;
  /** Names the gateway and its directory. */
  readonly name: string;
  /** Root of the landed files in HDFS. */
  readonly root: string;
  /** One Kafka source for each list of topics. */
  readonly topicsBySource: readonly (readonly string[])[];
  /** Written over the defaults. */
  readonly channel?: Section;
  readonly sink?: Section;
  readonly environment?: Readonly<Record<string, string>>;
}

/**
 * The engine under measurement: `headgate run` as a process of its own on a configuration as a site would write it. What is not
 * said here has the shipped default: batches, parallel uploads, compression at rest, fence.
 */
export class BenchEngine implements AsyncDisposable {
  readonly process: EngineProcess;
  readonly stateDir: string;
  readonly spawnedAtMs: number;

  private constructor(engine: EngineProcess, stateDir: string, spawnedAtMs: number) {
    this.process = engine;
    this.stateDir = stateDir;
    this.spawnedAtMs = spawnedAtMs;
  }

  static async start(options: BenchEngineOptions): Promise<BenchEngine> {
    const directory = join(options.site.directory, options.name);
    const stateDir = join(directory, 'state');
    const configFile = join(directory, 'headgate.yaml');
    await mkdir(directory, { recursive: true });
    await writeFile(configFile, stringify(configOf(options, stateDir)));
    const { environment = {} } = options;
    const spawnedAtMs = Date.now();
    const engine = new EngineProcess({ configFile, stateDir, environment });
    return new BenchEngine(engine, stateDir, spawnedAtMs);
  }

  status(): Promise<EngineStatus> {
    return this.process.client.call('status', {});
  }

  /** Fails with the engine's last words instead of leaving the caller to a time-out. */
  assertRunning(): void {
    if (!this.process.isRunning) throw new Error(`the engine has ended\n${this.process.tail}`);
  }

  ledger(): Promise<LandingRow[]> {
    return wholeLedger(this.process.client);
  }

  /** What is wrong according to the engine's own audit of ledger and HDFS; empty: nothing. */
  async auditProblems(level: AuditReport['level']): Promise<string[]> {
    progress(`auditing (${level})`);
    const { id } = await this.process.client.call('auditStart', { level });
    const report = await until(
      `the audit at level ${level} ends`,
      async () => {
        const now = await this.process.client.call('auditReport', { id });
        return now.state === 'running' ? undefined : now;
      },
      AUDIT_LIMIT_MS,
    );
    if (report.state === 'done' && report.verdict === 'clean') return [];
    const findings = report.findings.slice(0, 3).map((one) => `${one.kind} ${one.place}: ${one.what}`);
    return [
      `the audit (${level}) says ${report.state}, ${report.verdict}: ${report.error ?? findings.join('; ')}`,
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.process.isRunning) return;
    await this.process.stop().catch(async (error: unknown) => {
      progress(`the engine did not stop by itself: ${String(error)}`);
      await this.process.kill();
    });
  }
}

function configOf(options: BenchEngineOptions, stateDir: string): Section {
  const { site, name, root, topicsBySource, channel, sink } = options;
  const { kafka, hdfs } = site.rig;
  const sources = topicsBySource.map((topics, at) => [
    topicsBySource.length === 1 ? SOURCE : `${SOURCE}-${at}`,
    {
      type: 'kafka',
      'kafka.bootstrap.servers': [kafka.bootstrap],
      'kafka.topics': topics,
      ...(topicsBySource.length === 1 ? {} : { 'kafka.consumer.group.id': `headgate.${name}.${at}` }),
      interceptors: [
        {
          type: 'regex_extractor',
          regex: String.raw`\[(\d+/\w+/\d+:\d+:\d+:\d+ [+-]\d+)\]`,
          serializers: [{ type: 'millis', name: 'timestamp', pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }],
        },
      ],
      channels: [CHANNEL],
    },
  ]);
  return {
    gateway: { id: name, stateDir, timeZone: TIME_ZONE },
    sources: Object.fromEntries(sources) as Section,
    channels: {
      [CHANNEL]: { type: 'file', capacityBytes: '20GiB', minFreeDiskBytes: MIN_FREE_DISK, ...channel },
    },
    sinks: {
      [SINK]: {
        type: 'hdfs',
        channel: CHANNEL,
        'hdfs.namenodes': [...hdfs.webhdfsUrls],
        'hdfs.user': 'headgate',
        'hdfs.path': `${root}/%Y-%m-%d/%H`,
        'hdfs.filePrefix': 'logs',
        'hdfs.fileSuffix': '.log',
        ...sink,
      },
    },
  };
}
