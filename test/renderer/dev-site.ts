/**
 * An engine with something of everything, without Java, for working on pages: `node test/renderer/dev-site.ts [directory]`. Lines flow from
 * files into a directory; a Kafka and an HDFS that don't answer make others wait; some lines can't be read. Ends with Ctrl-C.
 */
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { EngineProcess } from '../e2e/engine-process.ts';

const ROUND_MS = 250;
const LINES_A_ROUND = 120;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const given = process.argv[2];
const directory = given ?? (await mkdtemp(join(tmpdir(), 'headgate-dev-site-')));
const stateDir = join(directory, 'state');
const input = join(directory, 'input');
const configFile = join(directory, 'headgate.yaml');
await mkdir(input, { recursive: true });
await writeFile(configFile, configText());

const engine = new EngineProcess({ configFile, stateDir });
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
await engine.ready();
console.log(`HEADGATE_STATE_DIR=${stateDir}`);
try {
  for (let round = 0; !stop.signal.aborted; round++) {
    await writeRound(round);
    await wait(ROUND_MS, undefined, { signal: stop.signal });
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  await engine.stop();
  if (given === undefined) await rm(directory, { recursive: true, force: true });
}

async function writeRound(round: number): Promise<void> {
  for (const [place, topic] of ['www', 'api', 'mobile-gateway'].entries()) {
    const lines = Array.from({ length: LINES_A_ROUND / (place + 1) }, (_, line) =>
      accessLine(round, line, place),
    );
    await appendFile(join(input, `${topic}.log`), lines.join(''));
  }
}

/** Most are of this hour, some are late, one in a thousand can't be read. */
function accessLine(round: number, line: number, place: number): string {
  const id = round * LINES_A_ROUND + line;
  const lateMs = id % 17 === 0 ? (id % 40) * 3_600_000 : 0;
  const at = new Date(Date.now() - lateMs);
  const time = `${pad(at.getUTCDate())}/${MONTHS[at.getUTCMonth()] ?? ''}/${at.getUTCFullYear()}:${pad(at.getUTCHours())}:${pad(at.getUTCMinutes())}:${pad(at.getUTCSeconds())} +0000`;
  const when = id % 1_000 === 999 ? 'no time at all' : time;
  const size = 200 + ((id * 7919) % 5_000);
  return `10.${place}.${id % 256}.7 - - [${when}] "GET /item?id=${id} HTTP/1.1" 200 ${size} "-" "Mozilla/5.0 (X11; Linux x86_64) dev/${place}"\n`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

function configText(): string {
  return `gateway:
  id: shanghai-east-2
  stateDir: ${stateDir}
  timeZone: Asia/Shanghai
sources:
  weblogs:
    type: files
    directory: ${input}
    pattern: '*.log'
    pollInterval: 200ms
    interceptors:
      - type: regex_extractor
        regex: '\\[([^\\]]+)\\]'
        serializers: [{ type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }]
    channels: [disk, mirror]
  orders:
    type: kafka
    kafka.bootstrap.servers: ['127.0.0.1:1']
    kafka.topics: [orders]
    channels: [disk]
channels:
  disk: { type: file, capacityBytes: 2GiB, minFreeDiskBytes: 256MiB }
  mirror: { type: file, capacityBytes: 64MiB, minFreeDiskBytes: 256MiB }
sinks:
  local:
    type: directory
    channel: disk
    path: ${join(directory, 'output')}/%{topic}/%Y-%m-%d/%H
    filePrefix: '%{topic}'
    fileSuffix: .log
    rollSize: 8MiB
    rollInterval: 10s
    idleTimeout: 5s
  warehouse:
    type: hdfs
    channel: mirror
    hdfs.namenodes: [http://127.0.0.1:1]
    hdfs.path: /warehouse/%{topic}/dt=%Y-%m-%d/hh=%H
    hdfs.user: gateway
    hdfs.rollInterval: 10s
    hdfs.idleTimeout: 5s
`;
}
