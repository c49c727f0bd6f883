import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import type { LandingRow } from '../../shared/contract/control-rows.ts';
import { wholeLedger } from './whole-ledger.ts';
import type { Rig } from '../rig/rig.ts';
import { describeVerdict, judge, type Verdict } from '../rig/judge.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { nginxHourDirectory, nginxIdOf, nginxLines, writePayloadFile } from '../rig/nginx-lines.ts';
import type { NginxLine, NginxOptions } from '../rig/nginx-lines.ts';
import { produceFile, produceLines, type Codec } from '../rig/produce.ts';
import { until } from '../rig/until.ts';
import { EngineProcess } from './engine-process.ts';

export const SOURCE = 'weblogs';
export const CHANNEL = 'disk';
export const SINK = 'hadoop';

const LANDED_LIMIT_MS = 90_000;
const AUDIT_LIMIT_MS = 90_000;
const LINES_MAX = 10_000_000;

type Section = Readonly<Record<string, unknown>>;

export interface GatewayOptions {
  /** Default 3. */
  readonly partitions?: number;
  readonly lines?: NginxOptions;
  /** How the producer compresses its batches. Default none. */
  readonly codec?: Codec;
  /** What is written over the defaults, by part of the configuration. A key with `undefined` is left out. */
  readonly gateway?: Section;
  readonly source?: Section;
  readonly channel?: Section;
  readonly sink?: Section;
  /** Sections of their own besides, such as `alerts`. */
  readonly more?: Section;
  /** The topic is made by the test itself. */
  readonly isTopicMissing?: boolean;
}

/** What a target is known by that has no identity of its own. */
const HTTPFS_IDENTITY = '.headgate/_namespace';

/**
 * One gateway of a test: its own topic, group, root in HDFS and state directory on servers that several tests share; the engine
 * runs as a process that may be killed and started again. It counts what was produced, so that the judge can be asked at any time.
 */
export class TestGateway implements AsyncDisposable {
  readonly name: string;
  readonly topic: string;
  readonly root: string;
  readonly directory: string;
  readonly stateDir: string;
  readonly configFile: string;
  readonly produced = new Map<number, number>();
  readonly #rig: Rig;
  readonly #options: GatewayOptions;
  readonly #lines: Generator<NginxLine, void>;
  #changes: GatewayOptions = {};
  #engine: EngineProcess | undefined;

  private constructor(rig: Rig, name: string, options: GatewayOptions & { readonly directory: string }) {
    this.name = name;
    this.topic = name;
    this.root = `/logs/${name}`;
    this.directory = options.directory;
    this.stateDir = join(options.directory, 'state');
    this.configFile = join(options.directory, 'conf', 'headgate.yaml');
    this.#rig = rig;
    this.#options = options;
    this.#lines = nginxLines(LINES_MAX, this.#lineOptions);
  }

  static async create(rig: Rig, name: string, options: GatewayOptions = {}): Promise<TestGateway> {
    const directory = await mkdtemp(join(tmpdir(), `headgate-e2e-${name}-`));
    const gateway = new TestGateway(rig, name, { ...options, directory });
    await mkdir(join(directory, 'conf'));
    await gateway.writeConfig();
    if (options.isTopicMissing !== true) await rig.kafka.createTopic(gateway.topic, gateway.partitions);
    return gateway;
  }

  get partitions(): number {
    return this.#options.partitions ?? 3;
  }

  /** Three records a second of event time by default: twenty thousand reach over about two hours and so three directories. */
  get #lineOptions(): NginxOptions {
    return { eventsPerSecond: 3, ...this.#options.lines, partitions: this.partitions };
  }

  get wasStarted(): boolean {
    return this.#engine !== undefined;
  }

  get engine(): EngineProcess {
    if (this.#engine === undefined) throw new Error('the engine was never started');
    return this.#engine;
  }

  get producedEvents(): number {
    return [...this.produced.values()].reduce((sum, count) => sum + count, 0);
  }

  /** What was produced so far, made again. */
  *producedLines(): Generator<string, void> {
    for (const { value } of nginxLines(this.producedEvents, this.#lineOptions)) yield value;
  }

  /** The configuration as it is now; `changes` stay for later calls. */
  config(changes: GatewayOptions = {}): Section {
    this.#changes = { ...this.#changes, ...changes };
    const { kafka, hdfs } = this.#rig;
    const part = (name: 'gateway' | 'source' | 'channel' | 'sink'): Section => ({
      ...this.#options[name],
      ...this.#changes[name],
    });
    return {
      gateway: { id: this.name, stateDir: this.stateDir, timeZone: 'Asia/Shanghai', ...part('gateway') },
      sources: {
        [SOURCE]: {
          type: 'kafka',
          'kafka.bootstrap.servers': [kafka.bootstrap],
          'kafka.topics': [this.topic],
          'kafka.consumer.session.timeout.ms': '3s',
          'kafka.consumer.heartbeat.interval.ms': '500ms',
          'kafka.consumer.request.timeout.ms': '5s',
          'kafka.consumer.socket.connection.setup.timeout.ms': '3s',
          batchSize: 2_000,
          interceptors: [
            {
              type: 'regex_extractor',
              regex: String.raw`\[([^\]]+)\]`,
              serializers: [{ type: 'millis', name: 'timestamp', pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }],
            },
          ],
          channels: [CHANNEL],
          ...part('source'),
        },
      },
      channels: {
        [CHANNEL]: { type: 'file', capacityBytes: '1GiB', minFreeDiskBytes: '64MiB', ...part('channel') },
      },
      sinks: {
        [SINK]: {
          type: 'hdfs',
          channel: CHANNEL,
          'hdfs.namenodes': [...hdfs.webhdfsUrls],
          'hdfs.user': 'headgate',
          'hdfs.path': `${this.root}/%Y-%m-%d/%H`,
          'hdfs.filePrefix': '%{topic}',
          'hdfs.fileSuffix': '.log',
          'hdfs.idleTimeout': '300ms',
          'hdfs.callTimeout': '3s',
          ...part('sink'),
        },
      },
      ...this.#options.more,
      ...this.#changes.more,
    };
  }

  /** Writes the file as an editor does, whole and by renaming. */
  async writeConfig(changes: GatewayOptions = {}): Promise<void> {
    await this.writeConfigText(stringify(this.config(changes)));
  }

  async writeConfigText(text: string): Promise<void> {
    await writeFile(`${this.configFile}.new`, text);
    await rename(`${this.configFile}.new`, this.configFile);
  }

  /** Starts the engine; with `crashAt` (`name` or `name:n`) it will kill itself there, or, with SIGTERM, ask itself to stop. */
  start(crashAt?: string, signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): EngineProcess {
    if (this.#engine?.isRunning === true) throw new Error('the engine runs already');
    const { configFile, stateDir } = this;
    const environment: Readonly<Record<string, string>> =
      crashAt === undefined ? {} : { HEADGATE_CRASH_AT: crashAt, HEADGATE_CRASH_SIGNAL: signal };
    this.#engine = new EngineProcess({ configFile, stateDir, environment });
    return this.#engine;
  }

  async startReady(...words: readonly string[]): Promise<EngineProcess> {
    const { configFile, stateDir } = this;
    const engine =
      words.length === 0 ? this.start() : (this.#engine = new EngineProcess({ configFile, stateDir, words }));
    await engine.ready();
    return engine;
  }

  /** Produces the next `count` lines, past all proxies. */
  async produce(count: number): Promise<void> {
    const next = this.#lines;
    const { produced } = this;
    function* take(): Generator<NginxLine, void> {
      for (let taken = 0; taken < count; taken++) {
        const { value } = next.next();
        if (value === undefined) return;
        produced.set(value.partition, value.sequence + 1);
        yield value;
      }
    }
    const { topic, partitions } = this;
    const { codec = 'none' } = this.#options;
    await produceLines({
      bootstrap: this.#rig.kafka.directBootstrap,
      topic,
      partitions,
      codec,
      lines: take(),
    });
  }

  /** Produces the first `count` lines with Kafka's own producer, which is faster from some 500,000 on. */
  async produceMany(count: number): Promise<void> {
    const { topic, partitions } = this;
    const file = join(this.directory, 'lines.txt');
    writePayloadFile(file, count, this.#lineOptions);
    const { codec = 'none' } = this.#options;
    await produceFile({ bootstrap: this.#rig.kafka.directBootstrap, topic, partitions, codec, file });
    await rm(file);
    for (let partition = 0; partition < partitions; partition++)
      this.produced.set(partition, Math.floor((count - partition + partitions - 1) / partitions));
  }

  status(): Promise<EngineStatus> {
    return this.engine.client.call('status', {});
  }

  /** Waits until the engine's status is as `condition` wants it; throws with the last one and the log when it never is. */
  async untilStatus(
    what: string,
    condition: (status: EngineStatus) => boolean,
    limitMs?: number,
  ): Promise<EngineStatus> {
    let last: EngineStatus | undefined;
    return this.#until(
      what,
      async () => {
        last = await this.#statusIfAny();
        return last !== undefined && condition(last) ? last : undefined;
      },
      { ...(limitMs === undefined ? {} : { limitMs }), explain: () => JSON.stringify(last, null, 1) },
    );
  }

  async #statusIfAny(): Promise<EngineStatus | undefined> {
    return this.status().catch((error: unknown) => {
      if (this.engine.isRunning) return undefined;
      throw error;
    });
  }

  async #until<Answer>(
    what: string,
    condition: () => Promise<Answer | undefined>,
    options: { readonly limitMs?: number; readonly explain?: () => string } = {},
  ): Promise<Answer> {
    try {
      return await until(what, condition, options.limitMs);
    } catch (error) {
      throw new Error(`${this.name}: ${String(error)}\n${options.explain?.() ?? ''}\n${this.engine.tail}`, {
        cause: error,
      });
    }
  }

  landings(): Promise<LandingRow[]> {
    return wholeLedger(this.engine.client);
  }

  async landedEvents(): Promise<number> {
    return (await this.landings()).reduce((sum, row) => sum + row.events, 0);
  }

  /** Until the ledger names as many events as were produced (or `events`). */
  async untilLanded(events = this.producedEvents, limitMs = LANDED_LIMIT_MS): Promise<void> {
    let seen = 0;
    let status: EngineStatus | undefined;
    await this.#until(
      `${events} events have landed`,
      async () => {
        status = await this.#statusIfAny();
        if (status === undefined) return undefined;
        seen = await this.landedEvents();
        return seen >= events ? true : undefined;
      },
      { limitMs, explain: () => `only ${seen} have\n${JSON.stringify(status, null, 1)}` },
    );
  }

  /** Runs an audit to its end. */
  async audit(level: AuditReport['level']): Promise<AuditReport> {
    const { id } = await this.engine.client.call('auditStart', { level });
    return this.#until(
      `the audit at level ${level} ends`,
      async () => {
        const report = await this.engine.client.call('auditReport', { id });
        return report.state === 'running' ? undefined : report;
      },
      { limitMs: AUDIT_LIMIT_MS },
    );
  }

  /** What the judge, who shares no code with the engine, reads in HDFS. */
  async judge(options: { readonly isTimed?: boolean } = {}): Promise<Verdict> {
    const tree = webHdfsTree(await this.#rig.hdfs.activeWebhdfs(), this.root);
    return judge({
      tree: {
        files: async () => (await tree.files()).filter(({ path }) => path !== HTTPFS_IDENTITY),
        open: (file) => tree.open(file),
      },
      produced: this.produced,
      identify: nginxIdOf,
      ...(options.isTimed === false ? {} : { expectedDirectory: nginxHourDirectory }),
    });
  }

  /**
   * The verdict of every test: all that was produced has landed once, in the directory of its own time and in order, no temp file is
   * left, and the engine's own audit agrees. Throws with what is wrong.
   */
  async verdict(
    options: { readonly level?: AuditReport['level']; readonly limitMs?: number } = {},
  ): Promise<Verdict> {
    const { level = 'hdfs', limitMs } = options;
    await this.untilLanded(this.producedEvents, limitMs);
    let verdict: Verdict | undefined;
    await this.#until(
      'no temp file is left',
      async () => {
        verdict = await this.judge();
        return verdict.hidden.length === 0 || !verdict.isClean ? true : undefined;
      },
      { explain: () => (verdict === undefined ? '' : describeVerdict(verdict)) },
    );
    if (verdict === undefined || !verdict.isClean || verdict.hidden.length > 0)
      throw new Error(
        `${this.name}: ${verdict === undefined ? '' : describeVerdict(verdict)}\n${this.engine.tail}`,
      );
    const report = await this.audit(level);
    if (report.state !== 'done' || report.verdict !== 'clean') {
      const { coverage: _left, ...short } = report;
      throw new Error(`${this.name}: the audit says ${JSON.stringify(short, null, 1)}\n${this.engine.tail}`);
    }
    return verdict;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#engine?.isRunning === true) await this.#engine.kill();
    if (process.env['HEADGATE_RIG_KEEP'] !== '1') await rm(this.directory, { recursive: true, force: true });
  }
}
