/**
 * Goal: a landing root of many gateways is read in time that grows with its files, and in memory that does not: of a lost state directory's files
 * each is entered once, and of the others' nothing more than the listing is asked.
 * Method: a root of 20,000 files in 200 directories, of four gateways, that exists only as answers; `recover` makes the books of one of them.
 */
import { basename, dirname } from 'node:path/posix';
import { expect, it } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import { fileStamp } from '../../main/landing/file-stamp.ts';
import { statePart } from '../../main/landing/file-id.ts';
import type { Target, TargetEntry, TargetStat } from '../../main/landing/target.ts';
import { recover } from '../../main/recovery/recovery.ts';
import { fileId } from '../../shared/model/brand.ts';
import type { FilePlan } from '../../shared/model/file-plan.ts';
import { singleRun } from '../../shared/model/offset-runs.ts';
import { GATEWAY, hasty } from '../audit/audited-site.ts';
import { CHANNEL, SINK, STATE_ID, TestDirectory } from '../channel/channel-fixture.ts';
import { MemoryTarget } from '../landing/memory-target.ts';

const DIRECTORIES = 200;
const FILES_A_DIRECTORY = 100;
const FILE_EVENTS = 50;
const FILE_BYTES = 1_000;
const PARTITIONS = 8;
const STATES = [STATE_ID, ...[1, 2, 3].map((one) => `${one}`.repeat(8) + STATE_ID.slice(8))];
const ROOT = '/logs';

/** The answers of a tree that nobody wrote; markers and everything that is written stand in memory. */
class WideTree extends MemoryTarget {
  asked = 0;

  override list(directory: string): Promise<readonly TargetEntry[] | undefined> {
    if (directory === ROOT)
      return Promise.resolve(
        Array.from({ length: DIRECTORIES }, (_, at) => ({
          name: `d${at}`,
          type: 'directory' as const,
          lengthBytes: 0,
        })),
      );
    const number = directoryNumber(directory);
    if (number === undefined) return this.#listInMemory(directory);
    const files = Array.from({ length: FILES_A_DIRECTORY }, (_, at) => number * FILES_A_DIRECTORY + at);
    return Promise.resolve(
      files.map((at) => ({ name: nameOf(at), type: 'file' as const, lengthBytes: FILE_BYTES })),
    );
  }

  async #listInMemory(directory: string): Promise<readonly TargetEntry[] | undefined> {
    const below = [...this.directories].filter((path) => dirname(path) === directory && path !== '/');
    const files = await super.list(directory);
    return (
      files && [
        ...below.map((path) => ({ name: basename(path), type: 'directory' as const, lengthBytes: 0 })),
        ...files,
      ]
    );
  }

  override attributes(path: string): Promise<Readonly<Record<string, string>> | undefined> {
    const at = fileNumber(path);
    if (at === undefined) return super.attributes(path);
    this.asked++;
    const facts = { gatewayId: GATEWAY, stateId: STATES[at % STATES.length] ?? '', crc32c: 1, checksum: 'x' };
    return Promise.resolve(fileStamp(planOf(at), facts).attributes);
  }

  override stat(path: string): Promise<TargetStat | undefined> {
    const at = fileNumber(path);
    if (at === undefined) return super.stat(path);
    const stat = { path, type: 'file' as const, lengthBytes: FILE_BYTES, inode: String(at), modifiedAtMs: 1 };
    return Promise.resolve(stat as TargetStat);
  }
}

function nameOf(at: number): string {
  const state = statePart(STATES[at % STATES.length] ?? '');
  return `www.${GATEWAY}.20261121-115830123-${state}-${at.toString(36).padStart(8, '0')}.log`;
}

function directoryNumber(path: string): number | undefined {
  const found = /^\/logs\/d(\d+)$/.exec(path)?.[1];
  return found === undefined ? undefined : Number(found);
}

function fileNumber(path: string): number | undefined {
  const found = /^\/logs\/d\d+\/www\..*-([0-9a-z]{8})\.log$/.exec(path)?.[1];
  return found === undefined ? undefined : parseInt(found, 36);
}

function planOf(at: number): FilePlan {
  const number = Math.floor(at / STATES.length);
  const first = Math.floor(number / PARTITIONS) * FILE_EVENTS;
  const name = nameOf(at);
  const key = { codec: 'none', serializer: 'text', version: 1 };
  const plan = {
    ...{ fileId: fileId(name.slice(`www.${GATEWAY}.`.length, -'.log'.length)), sink: SINK, channel: CHANNEL },
    ...{ landingKey: key, finalPath: `${ROOT}/d0/${name}`, events: FILE_EVENTS, lines: FILE_EVENTS },
    ...{ expectedBytes: FILE_BYTES, rawBytes: FILE_BYTES },
    parts: [
      {
        ...{ source: 'weblogs', topic: 'www', partition: number % PARTITIONS, incarnation: 'a' },
        runs: singleRun(first, first + FILE_EVENTS),
      },
    ],
  };
  // The stamp reads no more of a plan than this.
  return plan as unknown as FilePlan;
}

it('a root of 20,000 files of four gateways: each of ours once, of the others only the listing', async () => {
  const target: Target & WideTree = new WideTree();
  const markerDirectory = `${ROOT}/.headgate/${GATEWAY}`;
  await target.mkdirs(markerDirectory);
  await target.mkdirs(`${markerDirectory}/${STATE_ID}.${SINK}`);
  using fresh = new TestDirectory();
  const startedMs = performance.now();
  const report = await recover({
    ...{
      gatewayId: GATEWAY,
      stateDir: fresh.path,
      lostStates: [STATE_ID],
      words: [],
      missingFiles: undefined,
    },
    sinks: [{ name: SINK, channel: CHANNEL, root: ROOT, codec: 'none', target, markerDirectory }],
    sources: [{ name: 'weblogs', kafka: undefined, channels: [CHANNEL] }],
    ...{ isDeclaredDead: false, isDryRun: false, isAgain: false, removesTemps: false },
    ...{ clock: hasty, signal: new AbortController().signal, crashPoint: () => undefined },
    onProgress: () => undefined,
  });
  const tookMs = Math.round(performance.now() - startedMs);
  console.log(
    `recover: 20000 files in ${tookMs} ms, ${Math.round(process.memoryUsage().rss / 1024 ** 2)} MiB resident`,
  );
  const ours = (DIRECTORIES * FILES_A_DIRECTORY) / STATES.length;
  expect(report).toMatchObject({ outcome: 'recovered', files: ours, events: ours * FILE_EVENTS });
  expect(target.asked, 'attributes asked for').toBe(ours);
  const db = openForReading(`${fresh.path}/channel.sqlite`);
  const rows = db.prepare('SELECT count(*) FROM ledger').pluck().get();
  db.close();
  expect(rows).toBe(ours);
}, 120_000);
