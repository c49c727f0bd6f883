/**
 * A real Chromium in an operator's hands. Whatever a page does that it must not is kept and fails the test at its end: an error on its
 * console, an exception that nobody caught, a thing that the content security policy refused, a request to anybody but its own
 * engine, and markup of an event that came alive.
 */
import { join } from 'node:path';
import chromium from '@sparticuz/chromium';
import {
  chromium as playwright,
  type Browser,
  type BrowserContext,
  type ConsoleMessage,
  type Page,
} from 'playwright-core';

/** In one process for all, a page that is closed takes the browser with it; without web security, requests lose their `Origin`. */
const UNWANTED_FLAG = /^--(headless|single-process|disable-web-security)/;
const WINDOW = { width: 1280, height: 720 } as const;
/** Machines that test are busy. */
const STEP_LIMIT_MS = 30_000;
/** A folder for a picture of each page as it was at its end, to see why a test failed. */
const PICTURES = process.env['HEADGATE_TEST_PICTURES'];
/** What hostile texts of the tests set when they are taken for markup or script. */
export const HACKED = 'headgateHacked';

/** The policy says what it refused, and what is not caught is said, on the page's console, in every frame and before its first script. */
const WATCH_SCRIPT = `
  addEventListener('securitypolicyviolation', (event) =>
    console.error('the policy refused ' + event.violatedDirective + ' ' + event.blockedURI));
`;

export function openBrowser(): Promise<Browser> {
  return chromium.executablePath().then((executablePath) =>
    playwright.launch({
      executablePath,
      args: chromium.args.filter((flag) => !UNWANTED_FLAG.test(flag)),
      headless: true,
    }),
  );
}

export interface OperatorOptions {
  /** What the browser says that it speaks; the console follows it until somebody chooses. Default en-GB. */
  readonly locale?: string;
  /** Whose name stands under what is done. Default: nobody has said yet. */
  readonly operator?: string;
  /** By how much this computer's clock is ahead of the engine's. */
  readonly clockAheadMs?: number;
  /** Lines on the page's console that belong to the test: what a browser itself writes when a line is cut. */
  readonly expects?: RegExp;
}

/** Somebody at a browser, with one window. Ending the `await using` block closes it, and throws what the page did wrong. */
export class Operator implements AsyncDisposable {
  readonly page: Page;
  readonly complaints: string[] = [];
  readonly #context: BrowserContext;
  readonly #origin: string;
  readonly #expects: RegExp | undefined;

  private constructor(parts: {
    readonly context: BrowserContext;
    readonly page: Page;
    readonly origin: string;
    readonly expects: RegExp | undefined;
  }) {
    this.#context = parts.context;
    this.page = parts.page;
    this.#origin = parts.origin;
    this.#expects = parts.expects;
    this.#watch();
  }

  /** Goes to `address`, which may carry the token that signs in. */
  static async at(browser: Browser, address: string, options: OperatorOptions = {}): Promise<Operator> {
    const { locale = 'en-GB', operator, clockAheadMs = 0, expects } = options;
    const context = await browser.newContext({
      viewport: WINDOW,
      locale,
      timezoneId: 'Asia/Shanghai',
      acceptDownloads: true,
    });
    context.setDefaultTimeout(STEP_LIMIT_MS);
    await context.addInitScript(WATCH_SCRIPT);
    if (operator !== undefined) await context.addInitScript(operatorScript(operator));
    if (clockAheadMs !== 0) await context.addInitScript(clockScript(clockAheadMs));
    const page = await context.newPage();
    const one = new Operator({ context, page, origin: new URL(address).origin, expects });
    await page.goto(address);
    return one;
  }

  /** Another page of the console, by its address, as a bookmark would. */
  async goTo(page: string): Promise<void> {
    await this.page.goto(`${this.#origin}/#/${page}`);
    await this.page.locator('#content h1').waitFor();
  }

  /** Another page by the navigation. */
  async openPage(name: string): Promise<void> {
    await this.page.getByRole('navigation').getByRole('link', { name }).click();
    await this.page.getByRole('heading', { level: 1, name }).waitFor();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (PICTURES !== undefined && !this.page.isClosed())
      await this.page.screenshot({ path: join(PICTURES, `${Date.now()}.png`) });
    const isHacked = this.page.isClosed() ? false : await this.page.evaluate(`'${HACKED}' in window`);
    await this.#context.close();
    if (isHacked === true) this.complaints.push('markup of an event came alive');
    if (this.complaints.length > 0) throw new Error(`the page did wrong:\n${this.complaints.join('\n')}`);
  }

  #watch(): void {
    const { page } = this;
    page.on('console', (message) => this.#hear(message));
    page.on('pageerror', (error) => this.complaints.push(`not caught: ${error.stack ?? error.message}`));
    page.on('crash', () => this.complaints.push('the page crashed'));
    page.on('dialog', (dialog) => {
      this.complaints.push(`a dialog of the browser: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'blob:' && protocol !== 'data:' && origin !== this.#origin)
        this.complaints.push(`asks ${request.url()}`);
    });
  }

  #hear(message: ConsoleMessage): void {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const text = `${message.type()}: ${message.text()} (${message.location().url})`;
    if (this.#expects?.test(text) !== true) this.complaints.push(text);
  }
}

function operatorScript(operator: string): string {
  return `
    if (localStorage.getItem('headgate.preferences') === null)
      localStorage.setItem('headgate.preferences', ${JSON.stringify(JSON.stringify({ operator }))});
  `;
}

/** Another time in the page, that goes on as the real one does; timers and frames are the browser's own. */
function clockScript(aheadMs: number): string {
  return `{
    const Real = Date;
    globalThis.Date = class extends Real {
      constructor(...parts) {
        if (parts.length === 0) super(Real.now() + ${aheadMs});
        else super(...parts);
      }
      static now() { return Real.now() + ${aheadMs}; }
    };
  }`;
}
