/** Kafka, HDFS and a browser for the tests of a file; every test has a gateway of its own, whose engine serves the built console. */
import { afterAll, beforeAll } from 'vitest';
import type { Browser } from 'playwright-core';
import { consoleUrl } from '../../main/cli/console-command.ts';
import { gatewaySite } from '../e2e/gateway-site.ts';
import type { GatewayOptions, TestGateway } from '../e2e/test-gateway.ts';
import { webHdfsTree } from '../rig/landed-tree.ts';
import { buildPages } from '../renderer/built-pages.ts';
import { freePort } from '../rig/free-port.ts';
import type { Rig } from '../rig/rig.ts';
import { Operator, openBrowser, type OperatorOptions } from './console-browser.ts';

/** What the browser itself writes when an engine goes away under a page. */
export const LINE_IS_CUT =
  /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)/;
const BUILD_LIMIT_MS = 240_000;

export interface ConsoleSite {
  readonly rig: Rig;
  readonly browser: Browser;
  /** A gateway with a console, its engine not started. Its port is given by number: a restarted engine takes it again. */
  gateway(name: string, options?: GatewayOptions): Promise<TestGateway>;
  /** Somebody who opened the address that `headgate console` prints, and sees the page of this name. */
  operator(gateway: TestGateway, page?: string, options?: OperatorOptions): Promise<Operator>;
}

/** To be called in a `describe` block: both servers, the built pages and the browser are there before its tests. */
export function consoleSite(): ConsoleSite {
  const site = gatewaySite({ kafka: { isProxied: true }, hdfs: { isProxied: true } });
  let browser: Browser | undefined;
  beforeAll(async () => {
    await buildPages();
    browser = await openBrowser();
  }, BUILD_LIMIT_MS);
  afterAll(() => browser?.close());
  const running = (): Browser => {
    if (browser === undefined) throw new Error('the browser does not run');
    return browser;
  };
  return {
    get rig() {
      return site.rig;
    },
    get browser() {
      return running();
    },
    gateway: async (name, options = {}) =>
      site.gateway(name, {
        ...options,
        more: { console: { listen: `127.0.0.1:${await freePort()}` }, ...options.more },
      }),
    operator: (gateway, page = 'overview', options = {}) =>
      openConsole(running(), { stateDir: gateway.stateDir, page }, options),
  };
}

/** Signs in with the address that the engine of this state directory gives out. */
export async function openConsole(
  browser: Browser,
  { stateDir, page }: { readonly stateDir: string; readonly page: string },
  options: OperatorOptions = {},
): Promise<Operator> {
  const operator = await Operator.at(browser, await consoleUrl(stateDir), options);
  await operator.page.locator('#content h1').waitFor();
  await operator.goTo(page);
  return operator;
}

/** Every line that stands in the files of a directory of HDFS, read past the engine. */
export async function landedLines(rig: Rig, directory: string): Promise<string[]> {
  const tree = webHdfsTree(rig.hdfs.directWebhdfs, directory);
  const lines: string[] = [];
  for (const file of await tree.files()) {
    const chunks: Buffer[] = [];
    for await (const chunk of await tree.open(file)) chunks.push(chunk as Buffer);
    lines.push(...linesOf(Buffer.concat(chunks).toString()));
  }
  return lines;
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
