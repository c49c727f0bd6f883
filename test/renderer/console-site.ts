/** A real engine with its console, and the built pages in a real browser: what an operator has in front of him, without Java. */
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { readConsoleToken } from '../../main/control/console-token.ts';
import { EngineProcess } from '../e2e/engine-process.ts';
import { freePort } from '../rig/free-port.ts';
import { until } from '../rig/until.ts';
import { openBrowser, openPage, type PageLook } from './browser.ts';
import { buildPages } from './built-pages.ts';

export class ConsoleSite implements AsyncDisposable {
  readonly directory: string;
  readonly stateDir: string;
  readonly input: string;
  readonly browser: Browser;
  readonly url: string;
  engine: EngineProcess;

  private constructor(parts: { directory: string; browser: Browser; port: number; engine: EngineProcess }) {
    this.directory = parts.directory;
    this.stateDir = join(parts.directory, 'state');
    this.input = join(parts.directory, 'input');
    this.browser = parts.browser;
    this.engine = parts.engine;
    this.url = `http://127.0.0.1:${parts.port}/`;
  }

  static async start(): Promise<ConsoleSite> {
    await buildPages();
    const directory = await mkdtemp(join(tmpdir(), 'headgate-pages-'));
    await mkdir(join(directory, 'input'));
    // By number: a restarted engine takes it again, and the page finds it.
    const port = await freePort();
    await writeFile(join(directory, 'headgate.yaml'), configText(directory, port));
    const engine = startEngine(directory);
    const site = new ConsoleSite({ directory, port, engine, browser: await openBrowser() });
    await engine.ready();
    await site.writeLines('www', 2_000);
    return site;
  }

  get token(): string {
    const token = readConsoleToken(this.stateDir);
    if (token === undefined) throw new Error('the engine made no token');
    return token;
  }

  /** The engine again, after it was killed. */
  async startAgain(): Promise<void> {
    this.engine = startEngine(this.directory);
    await this.engine.ready();
  }

  /** One in a hundred can't be read. */
  writeLines(topic: string, count: number): Promise<void> {
    const lines = Array.from({ length: count }, (_, id) => {
      const time =
        id % 100 === 99 ? 'no time' : `21/Nov/2026:${String(id % 24).padStart(2, '0')}:00:00 +0000`;
      return `10.0.0.1 - - [${time}] "GET /item?id=${id} HTTP/1.1" 200 0 "-" "test"\n`;
    });
    return appendFile(join(this.input, `${topic}.log`), lines.join(''));
  }

  /** A page that is signed in and shows `page`; its frame is there only when the engine’s first status is. */
  async open(page: string, look: PageLook = {}): Promise<Page> {
    const opened = await openPage(this.browser, { hasFonts: false, ...look });
    await opened.goto(`${this.url}#token=${this.token}`);
    await opened.waitForSelector('#content h1');
    if (page !== '') await opened.goto(`${this.url}#/${page}`);
    await opened.waitForSelector('#content h1');
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.engine.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

function startEngine(directory: string): EngineProcess {
  return new EngineProcess({
    configFile: join(directory, 'headgate.yaml'),
    stateDir: join(directory, 'state'),
  });
}

/** Waits for a condition of the page; for what a locator can't say. */
export function untilPage(what: string, condition: () => Promise<boolean>): Promise<boolean> {
  return until(what, condition, 60_000);
}

function configText(directory: string, port: number): string {
  return `gateway:
  id: shanghai-east-2
  stateDir: ${join(directory, 'state')}
  timeZone: Asia/Shanghai
console:
  listen: 127.0.0.1:${port}
sources:
  weblogs:
    type: files
    directory: ${join(directory, 'input')}
    pattern: '*.log'
    pollInterval: 50ms
    interceptors:
      - type: regex_extractor
        regex: '\\[([^\\]]+)\\]'
        serializers: [{ type: millis, name: timestamp, pattern: 'dd/MMM/yyyy:HH:mm:ss Z' }]
    channels: [disk, mirror]
channels:
  disk: { type: file, capacityBytes: 1GiB, minFreeDiskBytes: 1MiB }
  mirror: { type: file, capacityBytes: 1GiB, minFreeDiskBytes: 1MiB }
sinks:
  local:
    type: directory
    channel: disk
    path: ${join(directory, 'output')}/%{topic}/%Y-%m-%d/%H
    fileSuffix: .log
    idleTimeout: 200ms
  warehouse:
    type: hdfs
    channel: mirror
    hdfs.namenodes: [http://127.0.0.1:1]
    hdfs.path: /warehouse/%{topic}/dt=%Y-%m-%d/hh=%H
    hdfs.user: gateway
    hdfs.idleTimeout: 200ms
`;
}
