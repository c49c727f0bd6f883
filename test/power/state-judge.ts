import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32c } from '@node-rs/crc32';
import { runAudit } from '../../main/audit/audit.ts';
import { openForReading, type ChannelDatabase } from '../../main/channel/channel-database.ts';
import { ChannelChunkReader } from '../../main/channel/chunk-reader.ts';
import { ChannelWriter } from '../../main/channel/channel-writer.ts';
import { coverage, knownPartitions, tenureRanges } from '../../main/channel/coverage-reader.ts';
import { openStateDirectory } from '../../main/channel/state-directory.ts';
import { ConfigStore } from '../../main/config/config-store.ts';
import { Lander } from '../../main/landing/lander.ts';
import type { LandingStore } from '../../main/landing/landing-store.ts';
import type { TargetStat } from '../../main/landing/target.ts';
import { DirectoryTarget } from '../../main/sinks/directory/directory-target.ts';
import { createTarget } from '../../main/sinks/create-target.ts';
import { systemClock } from '../../main/telemetry/clock.ts';
import { CHANNEL, SINK } from '../channel/channel-fixture.ts';
import type { CutState } from './crash-disk.ts';
import { lineOf, placesIn, sinkSettings, type Promises } from './promises.ts';

/** Nothing here waits for a server. */
const LAND_LIMIT_MS = 20_000;
const HASTE = 50;
/** Waits are cut short, and time flies, so that what is done at most so often is done all the time. */
const hasty = {
  ...systemClock,
  steadyMs: () => systemClock.steadyMs() * HASTE,
  sleep: (ms: number, signal: AbortSignal) => systemClock.sleep(Math.min(ms, 5), signal),
};

/** Each file's inode as it is here, to the path under which the recorded run made it. */
export type MadeAs = ReadonlyMap<string, string>;

/** Puts a state of the disk where the recorded run had it: the books name absolute paths. */
export function layOut(root: string, state: CutState): MadeAs {
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const laid = new Map<number, string>();
  const madeAs = new Map<string, string>();
  for (const [name, file] of state) {
    const path = join(root, name);
    const first = laid.get(file?.inode ?? -1);
    if (file === undefined) mkdirSync(path, { recursive: true });
    else if (first !== undefined) linkSync(first, path);
    else {
      writeFileSync(path, file.bytes);
      laid.set(file.inode, path);
      const { dev, ino } = statSync(path, { bigint: true });
      madeAs.set(`${dev}:${ino}`, file.madeAs);
    }
  }
  return madeAs;
}

export interface JudgeOptions {
  readonly madeAs: MadeAs;
  readonly isWhole: boolean;
  /** An emulated machine needs longer. */
  readonly landLimitMs?: number;
}

/**
 * Opens what a power cut left with the code that opens it in production, and compares it with what had been promised. Throws with what is
 * wrong. `isWhole`: it also lands everything that is left, and looks for each offset in the files.
 */
export async function judgeState(
  root: string,
  promises: Promises,
  { madeAs, isWhole, landLimitMs = LAND_LIMIT_MS }: JudgeOptions,
): Promise<void> {
  const { stateDir, landing } = placesIn(root);
  const state = openStateDirectory(stateDir, systemClock.nowMs());
  try {
    const { stateId } = state.identity;
    if (promises.stateId !== undefined) same('the identity', stateId, promises.stateId);
    const touched = new Set<() => void>();
    const writer = new ChannelWriter(
      {
        ...{ directory: stateDir, stateId, capacityBytes: 2 ** 30, minFreeDiskBytes: 0 },
        compression: {},
        ballastBytes: 0,
      },
      { touched: () => touched.forEach((tell) => tell()), room: () => undefined },
    );
    try {
      checkBooks(stateDir, promises);
      if (promises.isPaused !== undefined) await checkSwitch(writer, promises.isPaused);
      await checkConfig(root, promises);
      await checkAudit(root, 'ledger');
      if (!isWhole) return;
      await checkAudit(root, 'deep');
      await landEverything(writer, { root, stateId, touched, madeAs, landLimitMs });
      await checkAudit(root, 'deep');
      checkFiles(stateDir, landing);
    } finally {
      writer.close();
    }
  } finally {
    state.close();
  }
}

/** Positions, acceptances and landed files are there, and each offset is spoken of once. */
function checkBooks(stateDir: string, promises: Promises): void {
  const db = openForReading(join(stateDir, 'channel.sqlite'));
  try {
    const partitions = knownPartitions(db);
    for (const [number, next] of promises.positions) {
      const position = partitions.find(({ partition }) => partition === number)?.position ?? -1;
      if (position < next)
        throw new Error(`partition ${number} stands at ${position}, though ${next} was promised`);
    }
    for (const { id, partition, position } of partitions) {
      const acceptedTo = Math.max(0, ...tenureRanges(db, id).map((tenure) => tenure.acceptedTo));
      const promised = promises.accepted.get(partition) ?? 0;
      if (acceptedTo < promised)
        throw new Error(`partition ${partition} is accepted to ${acceptedTo}, not ${promised}`);
      const times = new Map<number, number>();
      for (const { from, to } of coverage(db, id, CHANNEL))
        for (let at = from; at < to; at++) times.set(at, (times.get(at) ?? 0) + 1);
      for (let at = 0; at < position; at++)
        if (times.get(at) !== 1)
          throw new Error(`offset ${at} of ${partition} is spoken of ${times.get(at) ?? 0} times`);
      same(`offsets of ${partition} that are spoken of`, times.size, position);
    }
    const row = db.prepare<[string], { events: number; finalPath: string }>(
      'SELECT events, final_path AS finalPath FROM ledger WHERE file_id = ?',
    );
    for (const { fileId, finalPath, events } of promises.landed.values())
      same(
        `the ledger's row of ${fileId}`,
        JSON.stringify(row.get(fileId)),
        JSON.stringify({ events, finalPath }),
      );
    checkLandedFiles(db);
  } finally {
    db.close();
  }
}

/** What the ledger names stands there whole. */
function checkLandedFiles(db: ChannelDatabase): void {
  const rows = db
    .prepare<[], { path: string; bytes: number; crc: number }>(
      'SELECT final_path AS path, bytes, crc32c AS crc FROM ledger',
    )
    .all();
  for (const { path, bytes, crc } of rows) {
    const content = readFileSync(path);
    same(`length of ${path}`, content.length, bytes);
    same(`checksum of ${path}`, crc32c(content), crc);
  }
}

async function checkSwitch(writer: ChannelWriter, isPaused: boolean): Promise<void> {
  same('the write switch', await writer.perform('isPaused', SINK), isPaused);
}

/**
 * Each version that came into force is whole; the file itself is that of the last one, or of one that was just being applied. The last one
 * may be newer than the last that was spoken of: a kill can come between the two.
 */
async function checkConfig(root: string, { configs }: Promises): Promise<void> {
  const { stateDir, configFile } = placesIn(root);
  const store = new ConfigStore(stateDir);
  for (const [number, text] of configs) same(`configuration ${number}`, await store.read(number), text);
  const last = (await store.list()).at(-1)?.number ?? 0;
  if (last === 0) return;
  same(`version of configuration ${last}`, versionIn(await store.read(last)), last);
  const version = versionIn(readFileSync(configFile, 'utf8'));
  if (version !== last && version !== last + 1)
    throw new Error(`the configuration file is that of version ${version}, not ${last}`);
}

function versionIn(text: string): number {
  return Number(/^# version (\d+)\nx*\n$/.exec(text)?.[1]);
}

/** The engine's own audit: books; with `deep`, files in place and their bytes, bodies in the channel. */
async function checkAudit(root: string, level: 'ledger' | 'deep'): Promise<void> {
  const { stateDir, landing } = placesIn(root);
  const target = createTarget({ type: 'directory', root: landing }, hasty);
  const report = await runAudit({
    ...{ id: 'a', level, directory: stateDir, gatewayId: 'xian-gw-1', clock: hasty },
    ...{ targets: new Map([[SINK, target]]), signal: new AbortController().signal },
  });
  await target.close();
  if (report.state === 'done' && report.verdict === 'clean') return;
  throw new Error(
    `the audit says ${report.state}, ${report.verdict}: ${report.error ?? ''} ${JSON.stringify(report.findings.slice(0, 5))}`,
  );
}

interface LandingPlace {
  readonly root: string;
  readonly stateId: string;
  readonly touched: Set<() => void>;
  readonly madeAs: MadeAs;
  readonly landLimitMs: number;
}

/** The files as the engine left them have other inodes here; to the lander they have those that its books know. */
class LaidOutTarget extends DirectoryTarget {
  readonly #inodes: ReadonlyMap<string, string>;

  constructor(root: string, { stateDir, madeAs }: { readonly stateDir: string; readonly madeAs: MadeAs }) {
    super({ type: 'directory', root });
    const db = openForReading(join(stateDir, 'channel.sqlite'));
    const known = db
      .prepare<[], { path: string; inode: string }>(
        'SELECT temp_path AS path, inode FROM attempts WHERE inode IS NOT NULL',
      )
      .all();
    db.close();
    const recorded = new Map(known.map(({ path, inode }) => [path, inode]));
    this.#inodes = new Map([...madeAs].map(([here, path]) => [here, recorded.get(path) ?? here]));
  }

  override async stat(path: string, signal: AbortSignal): Promise<TargetStat | undefined> {
    const facts = await super.stat(path, signal);
    if (facts?.inode === undefined) return facts;
    return { ...facts, inode: this.#inodes.get(facts.inode) ?? facts.inode };
  }
}

/** Accepts what is held, as its source would, and lands until nothing is left. */
async function landEverything(
  writer: ChannelWriter,
  { root, stateId, touched, madeAs, landLimitMs }: LandingPlace,
): Promise<void> {
  const { stateDir, landing } = placesIn(root);
  await acceptAll(writer, stateDir);
  await writer.perform('setSwitch', { sink: SINK, isPaused: false, who: 'judge', why: '', atMs: 1 });
  const reader = new ChannelChunkReader(stateDir);
  const target = new LaidOutTarget(landing, { stateDir, madeAs });
  const settings = sinkSettings(root, stateId);
  const lander = new Lander({
    settings: { ...settings, roll: { ...settings.roll, count: 0 }, retainAfterLandingMs: 0 },
    ...{
      store: storeOn(writer, touched),
      target,
      reader,
      clock: hasty,
      random: Math.random,
      crashPoint: () => undefined,
    },
    report: () => undefined,
  });
  const running = lander.run(new AbortController().signal);
  try {
    const giveUpMs = Date.now() + landLimitMs;
    while (
      (await writer.perform('keys', SINK)).length > 0 ||
      (await writer.perform('openPlans', SINK)).length > 0
    ) {
      if (Date.now() > giveUpMs) throw new Error(`not everything lands: ${JSON.stringify(lander.status())}`);
      lander.landNow();
      await systemClock.sleep(5, new AbortController().signal);
    }
  } finally {
    await lander.stop(0);
    await running;
    reader.close();
  }
}

async function acceptAll(writer: ChannelWriter, stateDir: string): Promise<void> {
  const db = openForReading(join(stateDir, 'channel.sqlite'));
  const tenures = knownPartitions(db).flatMap(({ id }) => tenureRanges(db, id));
  db.close();
  for (const { nonce, state, acceptedTo, putTo } of tenures) {
    if (acceptedTo >= putTo) continue;
    if (state === 'open') await writer.perform('accept', nonce, putTo);
    else await writer.perform('resolveDoubt', nonce, 'accepted');
  }
}

/** The writer as landing knows it; here it has no thread of its own. */
function storeOn(writer: ChannelWriter, touched: Set<() => void>): LandingStore {
  const onChange = (_sink: string, listener: () => void): (() => void) => {
    touched.add(listener);
    return () => touched.delete(listener);
  };
  const call =
    (name: string) =>
    (...args: unknown[]) =>
      writer.submit(name as 'keys', args);
  return new Proxy({ onChange } as LandingStore, {
    get: (_own, name: string) => (name === 'onChange' ? onChange : call(name)),
  });
}

/** Every offset that has to be in a file is in one file, once and whole, and nothing else is in any. */
function checkFiles(stateDir: string, landing: string): void {
  const wanted = wantedLines(stateDir);
  const logs = join(landing, 'logs');
  const entries = existsSync(logs) ? readdirSync(logs, { recursive: true, withFileTypes: true }) : [];
  const files = entries.filter((entry) => entry.isFile() && !/^[._]/.test(entry.name));
  for (const { parentPath, name } of files)
    for (const line of readFileSync(join(parentPath, name), 'utf8').split(/(?<=\n)/))
      if (!wanted.delete(line))
        throw new Error(
          `${name} in ${dirname(parentPath)} has a line that it should not have: ${line.slice(0, 60)}`,
        );
  if (wanted.size > 0)
    throw new Error(`${wanted.size} lines are in no file, such as ${[...wanted][0]?.slice(0, 60)}`);
}

function wantedLines(stateDir: string): Set<string> {
  const db = openForReading(join(stateDir, 'channel.sqlite'));
  const wanted = new Set<string>();
  for (const { id, partition } of knownPartitions(db))
    for (const { kind, from, to } of coverage(db, id, CHANNEL)) {
      if (kind !== 'landed' && kind !== 'in-channel') continue;
      for (let at = from; at < to; at++) wanted.add(lineOf(partition, at));
    }
  db.close();
  return wanted;
}

function same(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)} instead of ${String(wanted)}`);
}
