/**
 * A picture of a page: `node test/renderer/shoot.ts <url> <out.png> [--dark] [--zh] [--size 1280x720] [--wait <css>] [--click <css>]… [--press <key>]… [--axe]`.
 * Clicks and keys are done in the order given. Prints what the page wrote to its console, and with `--axe` what is hard to use for some.
 */
import type { Page } from 'playwright-core';
import { axeViolations, openBrowser, openPage, WINDOW } from './browser.ts';

const [url, file, ...flags] = process.argv.slice(2);
if (url === undefined || file === undefined) throw new Error('say which address, and where the picture goes');

const size = valueOf('--size')?.split('x').map(Number);
const browser = await openBrowser();
try {
  const page = await openPage(browser, {
    scheme: flags.includes('--dark') ? 'dark' : 'light',
    language: flags.includes('--zh') ? 'zh' : 'en',
    size: { width: size?.[0] ?? WINDOW.width, height: size?.[1] ?? WINDOW.height },
  });
  page.on('console', (message) => console.log(`page: ${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => console.log(`page: ${error.stack ?? error.message}`));
  await page.goto(url);
  // The picture is taken anyway: it says why nothing came.
  await page
    .waitForSelector(valueOf('--wait') ?? 'main h1', { timeout: 15_000 })
    .catch((error: Error) => console.log(error.message));
  await act(page);
  await page.waitForTimeout(Number(valueOf('--settle') ?? 1_500));
  await page.screenshot({ path: file });
  if (flags.includes('--axe')) console.log((await axeViolations(page)).join('\n') || 'axe: no violations');
} finally {
  await browser.close();
}

async function act(page: Page): Promise<void> {
  for (const [place, flag] of flags.entries()) {
    const value = flags[place + 1] ?? '';
    if (flag === '--click') await page.click(value);
    else if (flag === '--press') await page.keyboard.press(value);
    else if (flag === '--type') await page.keyboard.type(value);
  }
}

function valueOf(flag: string): string | undefined {
  const place = flags.indexOf(flag);
  return place === -1 ? undefined : flags[place + 1];
}
