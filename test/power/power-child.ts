/**
 * The engine's durable parts at work, for a recording: it opens a state directory, takes tenures, puts, accepts, lands into a directory
 * while it goes on, has the write switch set and the configuration changed, and is closed and opened again. Everything that it was told is
 * durable it says on its standard output, one JSON line each, at once. Started again after a kill it goes on from what it finds.
 * Arguments: root, seed, rounds.
 */
import { mkdirSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { ChannelChunkReader } from '../../main/channel/chunk-reader.ts';
import { openStateDirectory } from '../../main/channel/state-directory.ts';
import { startChannelWriter, type WriterClient } from '../../main/channel/writer-client.ts';
import { ConfigStore } from '../../main/config/config-store.ts';
import { stageFile } from '../../main/config/config-writer.ts';
import { Lander } from '../../main/landing/lander.ts';
import { createTarget } from '../../main/sinks/create-target.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { crashPoint } from '../../main/telemetry/crash-point.ts';
import { offset } from '../../shared/model/brand.ts';
import {
  CHANNEL,
  disposition,
  partition,
  putOf,
  quarantined,
  range,
  SINK,
  tenureStart,
} from '../channel/channel-fixture.ts';
import { seededRandom } from '../landing/fake-clock.ts';
import { lineOf, placesIn, sinkSettings, type Said } from './promises.ts';

const [root = '', seedText = '1', roundsText = '0'] = process.argv.slice(2);
const PARTITIONS = [0, 1];
/** Small, so that the log is emptied and the pages are given back while it runs. */
const CAPACITY_BYTES = 3 * 1024 * 1024;
const DRAIN_MS = 10_000;
const random = seededRandom(Number(seedText));
const places = placesIn(root);

function say(said: Said): void {
  writeSync(1, `${JSON.stringify(said)}\n`);
}

/** Where an hour's files land: nothing but them is ever made in the directory above. */
function directoryOf(hour: string): string {
  return `${places.landing}/logs/${hour}/www`;
}

function below(limit: number): number {
  return Math.floor(random() * limit);
}

/** One opening of the channel, from lock to last checkpoint. */
class Opening {
  readonly #state = openStateDirectory(places.stateDir, systemClock.nowMs());
  readonly #tenures = new Map<number, { readonly nonce: string; accepted: number; position: number }>();
  #writer: WriterClient | undefined;
  #lander: Lander | undefined;
  #landing: Promise<void> | undefined;
  #reader: ChannelChunkReader | undefined;

  get writer(): WriterClient {
    if (this.#writer === undefined) throw new Error('not open');
    return this.#writer;
  }

  async open(): Promise<void> {
    const { stateId } = this.#state.identity;
    say({ kind: 'identity', stateId });
    const settings = {
      ...{ directory: places.stateDir, stateId, capacityBytes: CAPACITY_BYTES, minFreeDiskBytes: 0 },
      ...{ compression: { [CHANNEL]: 'zstd' as const }, ballastBytes: 256 * 1024 },
    };
    this.#writer = await startChannelWriter(settings, 'xian-gw-1');
    for (const number of PARTITIONS) await this.#openTenure(number);
    const target = createTarget({ type: 'directory', root: places.landing }, systemClock);
    this.#reader = new ChannelChunkReader(places.stateDir);
    this.#lander = new Lander({
      settings: sinkSettings(root, stateId),
      ...{ store: this.#writer, target, reader: this.#reader, clock: systemClock, random, crashPoint },
      report: (event) => {
        if (event.kind !== 'landed') return;
        say({ kind: 'landed', fileId: event.fileId, finalPath: event.finalPath, events: event.events });
      },
    });
    this.#landing = this.#lander.run(new AbortController().signal);
  }

  async close(): Promise<void> {
    await this.#lander?.stop(DRAIN_MS);
    await this.#landing;
    this.#reader?.close();
    await this.#writer?.close();
    this.#state.close();
  }

  landNow(): void {
    this.#lander?.landNow();
  }

  async put(number: number): Promise<void> {
    const tenure = this.#tenure(number);
    const first = tenure.position;
    const next = first + 1 + below(below(8) === 0 ? 250 : 30);
    const isFiltered = (at: number): boolean => at % 41 === 7;
    const isBad = (at: number): boolean => at % 53 === 11;
    const offsets = range(first, next);
    const kept = offsets.filter((at) => !isFiltered(at) && !isBad(at));
    const chunks = ['08', '09']
      .map((hour, at) => ({
        offsets: kept.filter((one) => one % 2 === at),
        directory: directoryOf(hour),
      }))
      .filter((chunk) => chunk.offsets.length > 0);
    await this.writer.put(
      putOf({
        ...{ tenure: tenure.nonce, first, next, chunks, partition: partition(number), line: lineOf },
        dispositions: offsets.filter(isFiltered).map((at) => disposition('filtered', at, at + 1)),
        quarantined: offsets.filter((at) => isBad(at) && !isFiltered(at)).map((at) => quarantined(at)),
      }),
    );
    tenure.position = next;
    say({ kind: 'put', partition: number, next });
  }

  async accept(number: number): Promise<void> {
    const tenure = this.#tenure(number);
    if (tenure.accepted === tenure.position) return;
    await this.writer.accept(tenure.nonce, offset(tenure.position));
    tenure.accepted = tenure.position;
    say({ kind: 'accepted', partition: number, to: tenure.position });
  }

  async setSwitch(isPaused: boolean): Promise<void> {
    say({ kind: 'switch-asked' });
    await this.writer.perform('setSwitch', {
      sink: SINK,
      isPaused,
      who: 'li',
      why: 'a test',
      atMs: systemClock.nowMs(),
    });
    say({ kind: 'switch', isPaused });
    this.#lander?.wake();
  }

  /** Moves the log's pages into the database, as the writer does by itself once the log is 64 MiB long; the next put begins the log anew. */
  checkpoint(): void {
    const db = new Database(`${places.stateDir}/channel.sqlite`);
    db.pragma('synchronous = FULL');
    db.pragma('wal_checkpoint(PASSIVE)');
    db.close();
  }

  /** Until nothing is left to land. */
  async landAll(): Promise<void> {
    for (const number of PARTITIONS) await this.accept(number);
    while ((await this.writer.keys(SINK)).length > 0 || (await this.writer.openPlans(SINK)).length > 0) {
      this.landNow();
      await systemClock.sleep(20, new AbortController().signal);
    }
  }

  #tenure(number: number) {
    const tenure = this.#tenures.get(number);
    if (tenure === undefined) throw new Error(`no tenure of ${number}`);
    return tenure;
  }

  async #openTenure(number: number): Promise<void> {
    const ref = partition(number);
    const known = await this.writer.partitionState({
      source: ref.source,
      topic: ref.topic,
      partition: number,
    });
    const last = known?.tenures.at(-1);
    const sequence = (last?.sequence ?? 0) + 1;
    const nonce = `p${number}t${sequence}`;
    const ended = last === undefined ? undefined : await this.writer.endTenure(last.nonce);
    const start = ended?.acceptedTo ?? 0;
    const adopt = ended?.state === 'doubt' ? ended.nonce : undefined;
    await this.writer.beginTenure(tenureStart(nonce, start, { ref, adopt, sequence }));
    const position = known?.position ?? 0;
    this.#tenures.set(number, { nonce, accepted: start, position });
  }
}

async function changeConfig(store: ConfigStore, version: number): Promise<void> {
  const text = `# version ${version}\n${'x'.repeat(below(9_000))}\n`;
  const staged = await store.stage({ text, by: 'li', nowMs: systemClock.nowMs() });
  const base = version === 1 ? undefined : readFileSync(places.configFile);
  const file = await stageFile({ path: places.configFile, base, bytes: Buffer.from(text) });
  await file.commit();
  await staged.commit();
  say({ kind: 'config', number: staged.version.number, text });
}

mkdirSync(dirname(places.configFile), { recursive: true });
// An engine that was killed just then leaves a directory that nobody has synced.
mkdirSync(directoryOf('08'), { recursive: true });
const store = new ConfigStore(places.stateDir);
let opening = new Opening();
await opening.open();
let versions = (await store.list()).length;
for (let round = 0; round < Number(roundsText); round++) {
  const number = below(PARTITIONS.length);
  await opening.put(number);
  if (below(3) > 0) await opening.accept(number);
  if (below(3) === 0) opening.landNow();
  if (below(9) === 0) opening.checkpoint();
  if (below(12) === 0) await opening.setSwitch(below(3) === 0);
  // Some in each life, whatever the dice say: what is promised of them is asked for by the test.
  if (round % 8 === 7 || below(14) === 0) await changeConfig(store, ++versions);
  if (below(30) === 0) {
    await opening.close();
    opening = new Opening();
    await opening.open();
  }
}
await opening.setSwitch(false);
await opening.landAll();
// Retained chunks go, and the pages that they leave.
await systemClock.sleep(1_500, new AbortController().signal);
await opening.close();
