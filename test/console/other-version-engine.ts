/** What a console of ours meets after an update of the other side only: the built pages, and an engine that speaks another contract. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { freshNonce, strictHeaders } from '../../main/control/console-guard.ts';
import { ConsolePages } from '../../main/control/console-pages.ts';
import { CONTRACT_VERSION } from '../../shared/contract/control.ts';
import { statusOf } from '../telemetry/status-fixture.ts';
import { Operator } from './console-browser.ts';

const OTHER_CONTRACT = 99;
const PAGES = fileURLToPath(new URL('../../dist/renderer', import.meta.url));

export class OtherVersionEngine implements AsyncDisposable {
  readonly #pages = new ConsolePages(PAGES);
  readonly #part: 'info' | 'status';
  readonly #server: Server;
  #isOurs = false;

  private constructor(part: 'info' | 'status') {
    this.#part = part;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** `part`: where it says its version: before the stream, or only in it. */
  static async start(part: 'info' | 'status'): Promise<OtherVersionEngine> {
    const engine = new OtherVersionEngine(part);
    await new Promise<void>((resolve) => engine.#server.listen(0, '127.0.0.1', resolve));
    return engine;
  }

  open(browser: Browser): Promise<Operator> {
    return Operator.at(browser, `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`, {
      // Calls that it does not know.
      expects: /404 \(Not Found\)/,
    });
  }

  /** From now on it speaks the contract of the page. */
  becomeOurs(): void {
    this.#isOurs = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '/' } = request;
    if (url === '/') return this.#sendStart(response);
    if (url === '/api/info') {
      const contract = this.#isOurs || this.#part === 'status' ? CONTRACT_VERSION : OTHER_CONTRACT;
      return void response.setHeader('content-type', 'application/json').end(JSON.stringify({ contract }));
    }
    if (url === '/api/events') return this.#sendStatus(response);
    const file = await this.#pages.file(url, '');
    if (file === undefined) return void response.writeHead(404).end('{}');
    response.writeHead(200, { ...strictHeaders(), ...file.headers }).end(file.content);
  }

  async #sendStart(response: ServerResponse): Promise<void> {
    const nonce = freshNonce();
    const headers = { ...strictHeaders(nonce), 'content-type': 'text/html; charset=utf-8' };
    response.writeHead(200, headers).end(await this.#pages.start(nonce));
  }

  /** A status that a page of ours could misread: what it knows means something else there. */
  #sendStatus(response: ServerResponse): void {
    const status = statusOf({ contract: CONTRACT_VERSION, gateway: 'gateway-of-tomorrow' });
    const other = { ...status, contract: OTHER_CONTRACT, sinks: 'in another form', nowMs: '2030' };
    response.writeHead(200, { ...strictHeaders(), 'content-type': 'application/x-ndjson' });
    response.write(`${JSON.stringify({ type: 'status', status: this.#isOurs ? status : other })}\n`);
  }
}
