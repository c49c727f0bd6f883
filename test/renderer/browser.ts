/**
 * A real Chromium for looking at pages. Its fonts come from packages, so that a page looks the same on every machine: the machine that
 * tests has no Chinese ones. They are laid into the page before its own styles.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser, type BrowserContext, type Page } from 'playwright-core';

export const WINDOW = { width: 1280, height: 720 } as const;

export interface PageLook {
  /** `auto`: as the computer says, which is light until the test emulates something else. */
  readonly scheme?: 'light' | 'dark' | 'auto';
  readonly language?: 'en' | 'zh';
  readonly size?: { readonly width: number; readonly height: number };
  /** Lays packaged fonts into the page; that needs the page's content security policy switched off, so tests of it say false. */
  readonly hasFonts?: boolean;
}

/** Flags of the package that don't fit: its own mode, and OpenGL in software, which draws a page at several times the cost. */
const NOT_OURS =
  /^--(headless|single-process|use-gl|use-angle|enable-unsafe-swiftshader|ignore-gpu-blocklist|in-process-gpu)/;

export async function openBrowser(): Promise<Browser> {
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    // In one process for all, a page that is closed takes the browser with it.
    args: [...chromium.args.filter((flag) => !NOT_OURS.test(flag)), '--disable-gpu'],
    headless: true,
  });
}

/** A page that has not gone anywhere yet. */
export async function openPage(browser: Browser, look: PageLook = {}): Promise<Page> {
  const { scheme = 'light', language = 'en', size = WINDOW, hasFonts = true } = look;
  const context = await browser.newContext({
    viewport: size,
    colorScheme: scheme === 'auto' ? 'light' : scheme,
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    timezoneId: 'Asia/Shanghai',
    bypassCSP: hasFonts,
  });
  await context.addInitScript(
    (preferences) => {
      if (localStorage.getItem('headgate.preferences') === null)
        localStorage.setItem('headgate.preferences', preferences);
    },
    JSON.stringify({ language, scheme, operator: 'li.wei' }),
  );
  if (hasFonts) await layFonts(context);
  return context.newPage();
}

const USE_PAGE_FONT = `:root {
  --mantine-font-family: 'Page Font', sans-serif !important;
  --mantine-font-family-headings: 'Page Font', sans-serif !important;
}`;
const FONT_ROUTE = 'http://fonts.invalid/';

async function layFonts(context: BrowserContext): Promise<void> {
  const folder = dirname(createRequire(import.meta.url).resolve('@fontsource/noto-sans-sc/package.json'));
  await context.route(`${FONT_ROUTE}**`, async (route) => {
    const file = new URL(route.request().url()).pathname.split('/').at(-1) ?? '';
    await route.fulfill({
      body: await readFile(join(folder, 'files', file)),
      contentType: 'font/woff2',
      headers: { 'access-control-allow-origin': '*' },
    });
  });
  const sheets = await Promise.all(
    ['400', '500', '600', '700'].map((weight) => readFile(join(folder, `${weight}.css`), 'utf8')),
  );
  const css = sheets
    .join('\n')
    .replaceAll(/url\(\.\/files\/([^)]+)\)/g, `url(${FONT_ROUTE}$1)`)
    .replaceAll("'Noto Sans SC'", "'Page Font'")
    // Its quotation marks are as wide as a Chinese character, which is wrong in English.
    .concat(
      `@font-face { font-family: 'Page Font'; src: local('DejaVu Sans'), local('Arial'); unicode-range: U+2018-201D; }`,
    );
  await context.addInitScript(`addEventListener('DOMContentLoaded', () => {
    const style = document.createElement('style');
    style.textContent = ${JSON.stringify(`${css}\n${USE_PAGE_FONT}`)};
    document.head.append(style);
  });`);
}

/** The page's violations of the rules of axe, one line each. */
export async function axeViolations(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
  return page.evaluate(async () => {
    interface Axe {
      run(): Promise<{
        violations: {
          id: string;
          help: string;
          nodes: { target: string[]; failureSummary?: string }[];
        }[];
      }>;
    }
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run();
    return violations.flatMap(({ id, help, nodes }) =>
      nodes.map(
        ({ target, failureSummary = '' }) => `${id}: ${help} at ${target.join(' ')} — ${failureSummary}`,
      ),
    );
  });
}
