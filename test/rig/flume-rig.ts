import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { ensureJars, jarsOf } from './jars.ts';
import { isPortOpen, JavaServer } from './java-process.ts';
import type { LandedTree } from './landed-tree.ts';
import { makeRunDirectory, removeRunDirectory } from './run-directory.ts';

const HEAP_MB = 2_048;
const AGENT = 'gw';
const TEMPORARY_SUFFIX = '.tmp';

const LOG4J = `log4j.rootLogger=WARN,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
`;

/** Flume's file channel and Hadoop's client reach into the JDK. */
const OPENS = ['java.base/sun.nio.ch', 'java.base/java.nio', 'java.base/jdk.internal.ref'];

export interface FlumeOptions {
  readonly onProgress?: (message: string) => void;
  /**
   * The agent's properties; its name is `gw`. RUN becomes the run directory, and each further key of `placeholders`
   * its value (BROKERS, NAMENODE).
   */
  readonly properties: string;
  readonly placeholders: Readonly<Record<string, string>>;
  /** `HdfsRig.configurationDirectory`, for core-site.xml and hdfs-site.xml. */
  readonly hadoopConfiguration: string;
  /** Default 2048. */
  readonly heapMb?: number;
}

/** Starts Flume 1.11 with the given properties, HTTP metrics included. It dies with this process. */
export async function startFlume(options: FlumeOptions): Promise<FlumeRig> {
  const jars = await ensureJars('flume', options);
  const directory = await makeRunDirectory('flume');
  const configuration = join(directory, 'conf');
  await mkdir(configuration);
  let text = options.properties;
  for (const [name, value] of Object.entries({ ...options.placeholders, RUN: directory })) {
    text = text.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), () => value);
  }
  const file = join(configuration, 'flume.properties');
  await writeFile(file, text);
  await writeFile(join(configuration, 'log4j.properties'), LOG4J);
  const port = await freePort();
  const server = new JavaServer({
    classPath: [configuration, options.hadoopConfiguration, jarsOf(jars)],
    mainClass: 'org.apache.flume.node.Application',
    args: ['-n', AGENT, '-f', file],
    flags: [
      ...OPENS.map((one) => `--add-opens=${one}=ALL-UNNAMED`),
      '-Dflume.monitoring.type=http',
      `-Dflume.monitoring.port=${port}`,
    ],
    heapMb: options.heapMb ?? HEAP_MB,
    tuning: 'throughput',
    environment: { HADOOP_USER_NAME: 'hdfs' },
    name: 'flume',
    logDirectory: directory,
    isReady: () => isPortOpen(port),
  });
  try {
    await server.start();
  } catch (error) {
    await removeRunDirectory(directory);
    throw error;
  }
  return new FlumeRig(server, directory, port);
}

/** Component ('CHANNEL.c', 'SINK.h', 'SOURCE.k') to its counters, all texts, as Flume's `/metrics` gives them. */
export type FlumeMetrics = Readonly<Record<string, Readonly<Record<string, string>>>>;

export interface FlumeLanded {
  /** Of files with their final names. */
  readonly files: number;
  readonly bytes: number;
  /** Of files that still end in `.tmp`; HDFS tells their length only up to the last finished block. */
  readonly temporaryFiles: number;
  readonly temporaryBytes: number;
}

export class FlumeRig {
  readonly #server: JavaServer;
  readonly #directory: string;
  readonly #port: number;

  constructor(server: JavaServer, directory: string, port: number) {
    this.#server = server;
    this.#directory = directory;
    this.#port = port;
  }

  get pid(): number | undefined {
    return this.#server.pid;
  }

  get metricsUrl(): string {
    return `http://127.0.0.1:${this.#port}/metrics`;
  }

  get logFile(): string {
    return this.#server.logFile;
  }

  logTail(): string {
    return this.#server.logTail();
  }

  async metrics(): Promise<FlumeMetrics> {
    const answer = await fetch(this.metricsUrl);
    return (await answer.json()) as FlumeMetrics;
  }

  /** Events that the sinks have drained from the channels, by Flume's own counters. */
  async drainedEvents(): Promise<number> {
    const metrics = Object.entries(await this.metrics());
    const sinks = metrics.filter(([name]) => name.startsWith('SINK.'));
    return sinks.reduce((sum, [, counters]) => sum + Number(counters['EventDrainSuccessCount'] ?? 0), 0);
  }

  /** What stands below the tree's root now; the bench calls the work done when all bytes are in final files. */
  async landed(tree: LandedTree): Promise<FlumeLanded> {
    const files = await tree.files();
    const temporary = files.filter((file) => file.name.endsWith(TEMPORARY_SUFFIX));
    const final = files.filter((file) => !file.name.endsWith(TEMPORARY_SUFFIX));
    const bytesOf = (some: typeof files): number => some.reduce((sum, file) => sum + file.length, 0);
    return {
      files: final.length,
      bytes: bytesOf(final),
      temporaryFiles: temporary.length,
      temporaryBytes: bytesOf(temporary),
    };
  }

  /** True when at least `bytes` stand in final files and no temporary one is left. */
  async hasLanded(tree: LandedTree, bytes: number): Promise<boolean> {
    const landed = await this.landed(tree);
    return landed.bytes >= bytes && landed.temporaryFiles === 0;
  }

  /** SIGKILL and `start()` again, for comparisons of what is lost. */
  kill(): Promise<void> {
    return this.#server.kill();
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  /** Orderly: Flume renames its open files when it is asked to end. */
  async stop(): Promise<void> {
    await this.#server.stop();
    await removeRunDirectory(this.#directory);
  }
}
