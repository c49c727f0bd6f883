/**
 * How long the audit of a long past takes, and how much memory: by hand, `npx node test/bench/audit-bench.ts [--files N] [--offsets N]
 * [--partitions N] [--run N]`. The books are filled behind the writer's back; each file has a part of every partition, and two files at a time share
 * a range of offsets, taking turns of `--run` events, as two directories do that are filled at once. `--run 0`: one run a part.
 * The audit runs in a process of its own, in the engine's own worker; its peak of memory is the whole process's.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { AuditWorkerData, FromAudit } from '../../main/engine/query-messages.ts';
import type { AuditReport } from '../../shared/contract/control-audit.ts';
import { OffsetRunsBuilder } from '../../shared/model/offset-runs.ts';
import { AuditedSite, GATEWAY } from '../audit/audited-site.ts';
import { CHANNEL, partition, putOf, SINK, tenureStart } from '../channel/channel-fixture.ts';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '100000' },
    offsets: { type: 'string', default: '100000000' },
    partitions: { type: 'string', default: '10' },
    run: { type: 'string', default: '10' },
    'audit-of': { type: 'string' },
  },
});
const PARTITIONS = Number(values.partitions);
const RUN = Number(values.run);
/** Two files at a time share their offsets. */
const PAIRS = Math.floor(Number(values.files) / 2);
/** Of one partition in one file. */
const PART = Math.floor(Number(values.offsets) / (2 * PAIRS) / PARTITIONS);

interface Row {
  readonly id: number;
  readonly file_id: string;
}

/** One event of each partition goes the ordinary way, so that the books have a row of everything to copy. */
async function begin(site: AuditedSite): Promise<void> {
  for (let number = 0; number < PARTITIONS; number++) {
    const nonce = `t${number}`;
    const directory = `${site.root}/logs`;
    await site.writer.perform('beginTenure', tenureStart(nonce, 0, { ref: partition(number) }));
    const put = putOf({
      ...{ tenure: nonce, first: 0, next: 1 },
      partition: partition(number),
      chunks: [{ offsets: [0], directory }],
    });
    await site.writer.perform('put', put);
    await site.writer.perform('accept', nonce, 1);
  }
  await site.landAll();
}

/** Which offsets of a shared range one of the two files has. */
function runsOf(half: 0 | 1) {
  const builder = new OffsetRunsBuilder();
  if (RUN === 0) for (let at = 0; at < PART; at++) builder.add(half * PART + at);
  else for (let at = 0; at < PART; at++) builder.add((Math.floor(at / RUN) * 2 + half) * RUN + (at % RUN));
  return builder.finish();
}

function fill(site: AuditedSite): void {
  const db = new Database(`${site.directory}/channel.sqlite`);
  db.pragma('synchronous = OFF');
  const model = db.prepare<[], Row>('SELECT * FROM ledger LIMIT 1').get();
  if (model === undefined) throw new Error('nothing landed');
  const columns = Object.keys(model).filter((name) => name !== 'id');
  const addFile = db.prepare(
    `INSERT INTO ledger (${columns.join(', ')}) VALUES (${columns.map((name) => `@${name}`).join(', ')})`,
  );
  const addPart = db.prepare(
    'INSERT INTO ledger_parts (file_id, partition_id, channel, first, next, events, runs) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const halves = [runsOf(0), runsOf(1)];
  db.transaction(() => {
    for (let pair = 0; pair < PAIRS; pair++) {
      const base = 1 + pair * 2 * PART;
      for (const [half, runs] of halves.entries()) {
        const number = pair * 2 + half;
        const fileId = `file-${String(number).padStart(8, '0')}`;
        addFile.run({ ...model, file_id: fileId, final_path: `/logs/${fileId}`, events: PART * PARTITIONS });
        for (let id = 1; id <= PARTITIONS; id++)
          addPart.run(fileId, id, CHANNEL, base + runs.first, base + runs.next, PART, runs.bytes);
      }
    }
    const end = 1 + PAIRS * 2 * PART;
    db.prepare('UPDATE tenures SET put_to = ?, accepted_to = ?').run(end, end);
    db.prepare('UPDATE tenure_channels SET next = ?').run(end);
    db.prepare('UPDATE partitions SET position = ?').run(end);
  })();
  db.close();
}

async function audited(directory: string): Promise<AuditReport> {
  const data: AuditWorkerData = {
    stateDir: directory,
    gatewayId: GATEWAY,
    id: 'a1',
    level: 'ledger',
    sinks: { [SINK]: { type: 'directory', root: '/' } },
  };
  const worker = new Worker(new URL('../../main/engine/query-audit-worker.ts', import.meta.url), {
    workerData: data,
  });
  let last: AuditReport | undefined;
  worker.on('message', (message: FromAudit) => {
    if (message.kind === 'report') last = message.report;
  });
  await once(worker, 'exit');
  if (last === undefined) throw new Error('no report');
  return last;
}

const ofDirectory = values['audit-of'];
if (ofDirectory === undefined) {
  await using site = new AuditedSite();
  await begin(site);
  const started = performance.now();
  fill(site);
  console.log(`filled in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), '--audit-of', site.directory], {
    stdio: 'inherit',
  });
  await once(child, 'close');
} else {
  const started = performance.now();
  const report = await audited(ofDirectory);
  const seconds = (performance.now() - started) / 1_000;
  console.log(
    `${report.state}, ${report.verdict}: ${report.offsets} offsets, ${report.files} files in ${seconds.toFixed(1)} s`,
  );
  console.log(`peak memory of the process: ${Math.round(process.resourceUsage().maxRSS / 1_024)} MiB`);
  for (const finding of report.findings.slice(0, 5)) console.log(JSON.stringify(finding));
}
