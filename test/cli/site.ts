import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineProcess } from '../e2e/engine-process.ts';

/** Written literally into the configuration, so that `config show` has something to hide. */
export const LITERAL_SECRET = 'fish-7-literal';
/** Reached through a file. */
export const FILE_SECRET = 'fish-7-from-a-file';
/** What a hostile client sends: clear the screen, set the title, turn the text round. */
export const HOSTILE = '\u001b[2J\u001b]0;owned\u0007\u202eevil\r';

/** An engine of its own on files and a directory: every verb has something to answer, and nothing needs a cluster. */
export interface Site {
  readonly directory: string;
  readonly configFile: string;
  readonly stateDir: string;
  readonly input: string;
  readonly output: string;
}

export async function makeSite(): Promise<Site> {
  const directory = await mkdtemp(join(tmpdir(), 'headgate-cli-'));
  const site: Site = {
    directory,
    configFile: join(directory, 'headgate.yaml'),
    stateDir: join(directory, 'state'),
    input: join(directory, 'input'),
    output: join(directory, 'output'),
  };
  await mkdir(site.input);
  await writeFile(join(directory, 'kafka.pw'), `${FILE_SECRET}\n`);
  await writeFile(site.configFile, configText(site));
  return site;
}

export function removeSite({ directory }: Site): Promise<void> {
  return rm(directory, { recursive: true, force: true });
}

export async function startEngineOf({ configFile, stateDir }: Site): Promise<EngineProcess> {
  const engine = new EngineProcess({ configFile, stateDir });
  await engine.ready();
  return engine;
}

/** An access line of the given hour; `hour` of 99 can be read by nobody. */
export function accessLine(id: number, hour: number, agent = 'test'): string {
  const time = `21/Nov/2026:${String(hour).padStart(2, '0')}:00:00 +0000`;
  return `10.0.0.1 - - [${time}] "GET /item?id=${id} HTTP/1.1" 200 0 "-" "${agent}"\n`;
}

export function appendLines(site: Site, topic: string, lines: readonly string[]): Promise<void> {
  return appendFile(join(site.input, `${topic}.log`), lines.join(''));
}

/** The Kafka source never reaches a broker: it waits, and says why. Its sink is paused from the start. */
function configText({ directory, stateDir, input, output }: Site): string {
  return `gateway:
  id: cli-test
  stateDir: ${stateDir}
  timeZone: UTC
sources:
  lines:
    type: files
    directory: ${input}
    pattern: '*.log'
    pollInterval: 50ms
    interceptors:
      - type: regex_extractor
        regex: '"([^"]*)"\\s*$'
        serializers: [{ name: agent }]
      - type: regex_extractor
        regex: '\\[([^\\]]+)\\]'
        serializers: [{ type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }]
    channels: [disk]
  remote:
    type: kafka
    kafka.bootstrap.servers: ['127.0.0.1:1']
    kafka.topics: [www]
    kafka.consumer.socket.connection.setup.timeout.ms: 200ms
    security:
      sasl: { mechanism: plain, username: gw, password: ${LITERAL_SECRET} }
      tls: { passphrase: '\${file:${join(directory, 'kafka.pw')}}' }
    channels: [disk]
channels:
  disk: { type: file, capacityBytes: 1GiB, minFreeDiskBytes: 1MiB }
sinks:
  local:
    type: directory
    channel: disk
    path: ${output}/%{topic}/%Y-%m-%d/%H
    filePrefix: '%{topic}'
    fileSuffix: .log
    idleTimeout: 200ms
    paused: true
`;
}
