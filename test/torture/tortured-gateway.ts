import { appendFile, cp, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { EngineProcess, type ProcessEnd } from '../e2e/engine-process.ts';
import { until } from '../rig/until.ts';
import { SmallDisk } from './small-disk.ts';
import { tortureConfig, type ConfigEdit, type GatewayPlace } from './torture-config.ts';

const CLOCK_MODULE = fileURLToPath(new URL('moved-clock.ts', import.meta.url));
const STOP_LIMIT_MS = 90_000;
const SAMPLE_MS = 700;
const RESTART_MIN_MS = 200;

/** Counters that an engine process keeps for its life only, summed over all lives. */
export interface GatewayFigures {
  lives: number;
  repulls: number;
  failedPulls: number;
}

/** One gateway: its state directory, its file, and the process that a service manager would keep alive. */
export class TorturedGateway {
  readonly id: string;
  readonly stateDir: string;
  readonly logFile: string;
  readonly #place: GatewayPlace;
  readonly #configFile: string;
  readonly #clockFile: string;
  readonly figures: GatewayFigures = { lives: 0, repulls: 0, failedPulls: 0 };
  /** Ends that nobody asked for, and ends that did not come in time: findings. */
  readonly surprises: string[] = [];
  #engine: EngineProcess | undefined;
  #crashAt: string | undefined;
  #isWanted = false;
  #expectedEnd: 'none' | 'kill' | 'stop' = 'none';
  #lastSample: { repulls: number; failedPulls: number } = { repulls: 0, failedPulls: 0 };
  #loop: Promise<void> | undefined;
  #sampler: Promise<void> | undefined;
  #disk: SmallDisk | undefined;
  #isDiskFull = false;
  #restartDelayMs = RESTART_MIN_MS;

  constructor(place: GatewayPlace) {
    this.id = place.id;
    this.#place = place;
    this.stateDir = join(place.directory, place.id, 'disk', 'state');
    this.logFile = join(place.directory, `${place.id}.log`);
    this.#configFile = join(place.directory, place.id, 'headgate.yaml');
    this.#clockFile = join(place.directory, place.id, 'clock-moved-ms');
  }

  get engine(): EngineProcess {
    if (this.#engine === undefined) throw new Error(`${this.id} was never started`);
    return this.#engine;
  }

  get isRunning(): boolean {
    return this.#engine?.isRunning === true;
  }

  /** Starts it, and again whenever it ends, until `rest`. */
  async begin(): Promise<void> {
    const disk = join(this.#place.directory, this.id, 'disk');
    await mkdir(disk, { recursive: true });
    if (SmallDisk.isPossible) this.#disk = await SmallDisk.mount(disk);
    await this.moveClock(0);
    await this.edit({});
    this.#isWanted = true;
    this.#loop = this.#keepAlive();
    this.#sampler = this.#sample();
  }

  /** Until it answers, for the beginning and for the healing. */
  async ready(): Promise<void> {
    await until(
      `${this.id} answers`,
      () => this.#engine?.isRunning === true && this.#engine.answers(),
      120_000,
    );
  }

  async rest(): Promise<void> {
    this.#isWanted = false;
    this.#expectedEnd = 'kill';
    this.#engine?.signal('SIGCONT');
    if (this.isRunning) this.#engine?.signal('SIGKILL');
    await this.#loop;
    await this.#sampler;
    if (this.#disk === undefined) return;
    // What was found is looked at afterwards; the disk's memory is given back.
    await cp(this.stateDir, join(this.#place.directory, this.id, 'state'), {
      recursive: true,
      filter: (path) => !path.endsWith('.sock'),
    });
    await this.#disk.unmount();
    this.#disk = undefined;
  }

  /** The engine is killed; the next one comes after `restartMs` and dies at `crashAt`, if that is said. */
  async kill(restartMs: number, crashAt?: string): Promise<void> {
    this.#crashAt = crashAt;
    this.#restartDelayMs = Math.max(RESTART_MIN_MS, restartMs);
    this.#expectedEnd = 'kill';
    const engine = this.#engine;
    engine?.signal('SIGKILL');
    await engine?.ended;
  }

  /** The engine is asked to stop; one that does not within the limit is a finding, and is killed. */
  async stop(restartMs: number): Promise<void> {
    const engine = this.#engine;
    if (engine?.isRunning !== true) return;
    this.#restartDelayMs = Math.max(RESTART_MIN_MS, restartMs);
    this.#expectedEnd = 'stop';
    engine.signal('SIGTERM');
    await until('it ends', () => !engine.isRunning, STOP_LIMIT_MS).catch(() => {
      if (this.#engine !== engine || !engine.isRunning) return;
      this.surprises.push(`${this.id} did not end within ${STOP_LIMIT_MS} ms of SIGTERM`);
      engine.signal('SIGKILL');
    });
  }

  /** Throws where it has no disk of its own. */
  async fillDisk(): Promise<void> {
    if (this.#disk === undefined)
      throw new Error(`${this.id} has no disk of its own: only root may mount one`);
    this.#isDiskFull = true;
    await this.#disk.fill();
  }

  async emptyDisk(): Promise<void> {
    await this.#disk?.empty();
    this.#isDiskFull = false;
  }

  freeze(): void {
    this.#engine?.signal('SIGSTOP');
  }

  thaw(): void {
    if (this.isRunning) this.#engine?.signal('SIGCONT');
  }

  /** No crash point for later lives. */
  forgetCrash(): void {
    this.#crashAt = undefined;
  }

  get hasCrashOrder(): boolean {
    return this.#crashAt !== undefined;
  }

  async moveClock(ms: number): Promise<void> {
    await replaceFile(this.#clockFile, String(ms));
  }

  /** Writes the file as an editor does. What an earlier edit set and this one does not name goes back to the default. */
  async edit(edit: ConfigEdit): Promise<void> {
    await replaceFile(this.#configFile, stringify(tortureConfig(this.#place, this.stateDir, edit)));
  }

  status(): Promise<EngineStatus> {
    return this.engine.client.call('status', {});
  }

  async #keepAlive(): Promise<void> {
    while (this.#isWanted) {
      const crashAt = this.#crashAt;
      this.#crashAt = undefined;
      this.#expectedEnd = crashAt === undefined ? 'none' : 'kill';
      const engine = new EngineProcess({
        configFile: this.#configFile,
        stateDir: this.stateDir,
        environment: {
          NODE_OPTIONS: `--import=${CLOCK_MODULE}`,
          HEADGATE_TORTURE_CLOCK: this.#clockFile,
          ...(crashAt === undefined ? {} : { HEADGATE_CRASH_AT: crashAt }),
        },
      });
      this.#engine = engine;
      this.#lastSample = { repulls: 0, failedPulls: 0 };
      this.figures.lives++;
      const end = await engine.ended;
      await this.#noteEnd(engine, end);
      if (!this.#isWanted) return;
      await new Promise((resolve) => setTimeout(resolve, this.#restartDelayMs));
      this.#restartDelayMs = RESTART_MIN_MS;
    }
  }

  async #noteEnd(engine: EngineProcess, end: ProcessEnd): Promise<void> {
    this.figures.repulls += this.#lastSample.repulls;
    this.figures.failedPulls += this.#lastSample.failedPulls;
    const expected = this.#expectedEnd;
    const text = `pid ${engine.pid} ended: ${JSON.stringify(end)}, expected ${expected}`;
    await appendFile(this.logFile, `${engine.lines.join('\n')}\n=== ${new Date().toISOString()} ${text}\n`);
    const isKilled = end.signal === 'SIGKILL';
    // One that is asked to stop before it listens for that ends by the signal; and a stop may meet a crash point.
    const isStopped = end.code === 0 || end.signal === 'SIGTERM';
    // On a full disk whose ballast is used up, too, an engine may say so and be started again.
    const hasNoRoom = this.#isDiskFull && engine.lines.at(-1)?.trim() === 'code: disk-full';
    const isExpected =
      hasNoRoom || (expected === 'kill' ? isKilled : expected === 'stop' && (isKilled || isStopped));
    if (!isExpected)
      this.surprises.push(`${this.id} ended by itself: ${text}\n${engine.lines.slice(-15).join('\n')}`);
  }

  /** Counters die with the process, so they are read often. */
  async #sample(): Promise<void> {
    while (this.#isWanted) {
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
      const engine = this.#engine;
      if (engine?.isRunning !== true) continue;
      const status = await Promise.race([
        engine.client.call('status', {}).catch(() => undefined),
        new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), SAMPLE_MS * 3)),
      ]);
      const [source] = status?.sources ?? [];
      if (source === undefined || engine !== this.#engine) continue;
      this.#lastSample = { repulls: source.repulls, failedPulls: source.failedPulls };
    }
    this.figures.repulls += this.#lastSample.repulls;
    this.figures.failedPulls += this.#lastSample.failedPulls;
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
