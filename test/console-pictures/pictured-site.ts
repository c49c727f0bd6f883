/**
 * A believable site for pictures: Kafka and HDFS of the rig, a gateway with three topics and two sinks, hours of access lines landed, an
 * outage behind it, one sink paused by an operator, events in quarantine, three versions of the configuration, and traffic that goes on.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { CHANNEL_FILE } from '../../main/channel/channel-database.ts';
import { readConsoleAddress } from '../../main/control/console-address.ts';
import { consoleUrl } from '../../main/cli/console-command.ts';
import type { Alert, EngineStatus } from '../../shared/contract/control-status.ts';
import { MINUTE_MS } from '../../shared/units.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { freePort } from '../rig/free-port.ts';
import { startRig, type Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { writePastMonth } from './past-month.ts';
import {
  CHANGES,
  configText,
  FLOWING_SINK,
  OTHER_GATEWAY,
  otherConfigText,
  PAUSED_SINK,
} from './picture-config.ts';
import { producePast, produceLate, produceLive, TOPICS } from './picture-traffic.ts';

const PAST_EVENTS = 60_000;
const LIVE_EVENTS_PER_SECOND = 16;
const PAUSED_AGO_MS = 47 * MINUTE_MS;
const LANDING_STUCK = 'landing-stuck';
const SILENT_PEER = 'silent-peer';
const STEP_LIMIT_MS = 180_000;
/** Where the site stands, as the pictures show it; made for them and removed after. Default: somewhere among temporary files. */
const HOME = process.env['HEADGATE_PICTURES_HOME'];

export class PicturedSite implements AsyncDisposable {
  readonly directory: string;
  readonly rig: Rig;
  readonly #port: number;
  #engine: EngineProcess;
  #fresh: EngineProcess | undefined;
  #other: EngineProcess | undefined;
  #traffic: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  private constructor(parts: { directory: string; rig: Rig; port: number }) {
    this.directory = parts.directory;
    this.rig = parts.rig;
    this.#port = parts.port;
    this.#engine = this.#newEngine();
  }

  static async start(): Promise<PicturedSite> {
    const rig = await startRig({ kafka: {}, hdfs: { isProxied: true } });
    const directory = HOME ?? (await mkdtemp(join(tmpdir(), 'headgate-')));
    // Whoever names a place of his own must not lose it.
    if (HOME !== undefined) await mkdir(HOME);
    const port = await freePort();
    await mkdir(join(directory, 'conf'));
    await writeFile(join(directory, 'conf/headgate.yaml'), configText({ rig, directory, port }, 1));
    for (const { name, partitions } of TOPICS) await rig.kafka.createTopic(name, partitions);
    const site = new PicturedSite({ directory, rig, port });
    try {
      await site.#bringAbout();
      await site.#goOnWithAPast();
      return site;
    } catch (error) {
      const { tail } = site.#engine;
      await site[Symbol.asyncDispose]();
      throw new Error(`${String(error)}\n${tail}`, { cause: error });
    }
  }

  get stateDir(): string {
    return join(this.directory, 'state');
  }

  get engine(): EngineProcess {
    return this.#engine;
  }

  /** The address that signs in. */
  address(): Promise<string> {
    return consoleUrl(this.stateDir);
  }

  status(): Promise<EngineStatus> {
    return this.#engine.client.call('status', {});
  }

  /** Books and files are compared, to the end. */
  async audit(): Promise<void> {
    const { client } = this.#engine;
    const { id } = await client.call('auditStart', { level: 'hdfs', by: 'li.wei' });
    const ended = async () => {
      const report = await client.call('auditReport', { id });
      return report.state === 'running' ? undefined : report;
    };
    const { verdict } = await until('the audit ends', ended, STEP_LIMIT_MS);
    if (verdict !== 'clean') throw new Error(`the audit says ${verdict}`);
  }

  /** Somebody wants to hear of a backlog sooner: what waits is over his limit. */
  async lowerLimit(): Promise<void> {
    const { client } = this.#engine;
    const { sha256: baseSha256, text } = await client.call('configText', {});
    await client.call('configApply', {
      text: text.replace('backlogBytes: 1GiB', 'backlogBytes: 4MiB'),
      baseSha256,
      by: 'zhang.min',
      note: 'hear of a backlog sooner',
    });
    await this.#until('an alert names the backlog', ({ alerts }) =>
      alerts.some(({ code }) => code === 'backlog'),
    );
  }

  /** The cluster goes away: until the engine says so. */
  async cutHdfs(): Promise<void> {
    const { proxy } = this.rig.hdfs.namenode;
    await proxy.refuse(true);
    proxy.cut();
    await this.#until('an alert names the cluster', ({ alerts }) =>
      alerts.some((alert) => isAboutLanding(alert) && alert.message.includes('does not answer')),
    );
  }

  async healHdfs(): Promise<void> {
    await this.rig.hdfs.namenode.proxy.heal();
    await this.#until('the alert is over', ({ alerts }) => !alerts.some(isAboutLanding));
  }

  /** A gateway that was never set up, on the same servers; answers the address that signs in. */
  async startFresh(): Promise<string> {
    const folder = join(this.directory, 'fresh');
    await mkdir(folder);
    const stateDir = join(folder, 'state');
    const words = ['--setup', '--state-dir', stateDir, '--console', `127.0.0.1:${await freePort()}`];
    this.#fresh = new EngineProcess({ configFile: join(folder, 'headgate.yaml'), stateDir, words });
    await this.#fresh.ready();
    await until('its console listens', () => readConsoleAddress(stateDir));
    return consoleUrl(stateDir);
  }

  /** A second gateway takes its share, and may not write: until the first sees what it owns and holds. */
  async startOther(): Promise<void> {
    const directory = join(this.directory, 'other');
    const stateDir = join(directory, 'state');
    const configFile = join(directory, 'headgate.yaml');
    await mkdir(directory);
    const place = { rig: this.rig, directory, port: await freePort() };
    await writeFile(configFile, otherConfigText(place));
    this.#other = new EngineProcess({ configFile, stateDir });
    await this.#other.ready();
    await this.#other.client.call('pause', { by: 'zhang.min', why: 'a new disk' });
    const { client } = this.#engine;
    const isThere = async () => {
      const { gateways } = await client.call('fleetStatus', { isFactsOnly: true });
      const other = gateways.find(({ gatewayId }) => gatewayId === OTHER_GATEWAY);
      return other?.owned !== undefined && other.isPaused && other.waitingEvents > 0;
    };
    await until('the other gateway owns and holds something', isThere, STEP_LIMIT_MS);
  }

  /** It dies with what it holds: until the first says so. */
  async silenceOther(): Promise<void> {
    await this.#other?.kill();
    await this.#until('the other gateway is silent', ({ alerts }) =>
      alerts.some(({ code }) => code === SILENT_PEER),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopTraffic();
    for (const engine of [this.#engine, this.#fresh, this.#other])
      if (engine?.isRunning === true) await engine.kill();
    await this.rig.stop();
    await rm(this.directory, { recursive: true, force: true });
  }

  /** The first run: all that is to be seen happens in it. */
  async #bringAbout(): Promise<void> {
    await this.#engine.ready();
    const { client } = this.#engine;
    for (const [place, change] of CHANGES.entries()) {
      const { sha256: baseSha256 } = await client.call('configText', {});
      const { rig, directory } = this;
      const text = configText({ rig, directory, port: this.#port }, place + 2);
      await client.call('configApply', { text, baseSha256, ...change });
    }
    await client.call('pause', { sink: PAUSED_SINK, by: 'li.wei', why: 'the archive moves to new racks' });
    await producePast(this.rig.kafka.directBootstrap, { nowMs: Date.now(), events: PAST_EVENTS });
    await this.#until('all has landed', isDrained);
    this.#startTraffic();
    await this.cutHdfs();
    await this.healHdfs();
    await this.#stopTraffic();
    await this.#until('what waited has landed', isDrained);
    await this.#untilLateIsMarked();
  }

  /** Hours that are over are marked, and one of them again, because an event came late. */
  async #untilLateIsMarked(): Promise<void> {
    const directories = ({ completeness }: EngineStatus) =>
      completeness?.flatMap((row) => row.directories) ?? [];
    await this.#until('hours are complete', (status) =>
      directories(status).some(({ state }) => state === 'complete'),
    );
    const latest = directories(await this.status()).find(({ state }) => state === 'complete');
    if (latest === undefined) throw new Error('no hour is complete any more');
    await produceLate(this.rig.kafka.directBootstrap, latest);
    await this.#until('an hour is marked again', (status) =>
      directories(status).some(({ revision }) => revision > 1),
    );
  }

  /** The run that is pictured: the same gateway with a month behind it. */
  async #goOnWithAPast(): Promise<void> {
    const before = await this.status();
    const { alerts } = await this.#engine.client.call('alertHistory', {});
    await this.#engine.stop();
    await this.#prepare(
      before,
      alerts.filter(({ code }) => code === LANDING_STUCK),
    );
    this.#engine = this.#newEngine();
    await this.#engine.ready();
    this.#startTraffic();
    await this.#until('it flows', ({ sources, sinks }) => {
      const landed = sinks.find(({ name }) => name === FLOWING_SINK)?.lastLandedMs;
      return landed !== undefined && sources.every(({ eventsPerSecond }) => eventsPerSecond > 0);
    });
  }

  async #prepare({ channels }: EngineStatus, alerts: readonly Alert[]): Promise<void> {
    const nowMs = Date.now();
    const fromMs = nowMs - PAUSED_AGO_MS;
    const waiting = channels.find(({ name }) => name === PAUSED_SINK);
    const db = new Database(join(this.stateDir, CHANNEL_FILE));
    db.prepare('UPDATE switches SET at_ms = ? WHERE sink = ?').run(fromMs, PAUSED_SINK);
    db.close();
    await writePastMonth({
      stateDir: this.stateDir,
      nowMs,
      eventsPerSecond: LIVE_EVENTS_PER_SECOND,
      paused: { fromMs, events: waiting?.events ?? 0, storedBytes: waiting?.storedBytes ?? 0 },
      alerts,
    });
  }

  #startTraffic(): void {
    const stop = new AbortController();
    const ended = produceLive(this.rig.kafka.directBootstrap, {
      eventsPerSecond: LIVE_EVENTS_PER_SECOND,
      signal: stop.signal,
    });
    this.#traffic = { stop, ended };
  }

  async #stopTraffic(): Promise<void> {
    this.#traffic?.stop.abort();
    await this.#traffic?.ended;
    this.#traffic = undefined;
  }

  #newEngine(): EngineProcess {
    return new EngineProcess({
      configFile: join(this.directory, 'conf/headgate.yaml'),
      stateDir: this.stateDir,
    });
  }

  #until(what: string, condition: (status: EngineStatus) => boolean): Promise<true> {
    return until(what, async () => (condition(await this.status()) ? true : undefined), STEP_LIMIT_MS);
  }
}

function isAboutLanding({ code, clearedMs }: Alert): boolean {
  return code === LANDING_STUCK && clearedMs === undefined;
}

/** Everything that was sent is here, and all of it that may land has landed. */
function isDrained({ sources, channels }: EngineStatus): boolean {
  const taken = sources.reduce((sum, { events }) => sum + events, 0);
  return (
    taken > PAST_EVENTS / 2 &&
    sources.every(({ lag }) => lag === 0) &&
    channels.every(({ name, events }) => name === PAUSED_SINK || events === 0)
  );
}
