/** What is wrong with a page as it is drawn: too wide for its window, text that is cut without a way to read it, hard to use for some. */
import type { Page } from 'playwright-core';
import { axeViolations } from '../renderer/browser.ts';

/** Rounding of the browser's layout. */
const SLACK_PX = 1;

/** One line for each fault; none is good. */
export async function faultsOf(page: Page): Promise<string[]> {
  const [laidOut, axe] = [await page.evaluate(layoutFaults, SLACK_PX), await axeViolations(page)];
  return [...laidOut, ...axe];
}

/** Runs in the page. */
function layoutFaults(slackPx: number): string[] {
  const faults: string[] = [];
  const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement;
  if (scrollWidth > clientWidth + slackPx) faults.push(`the page is ${scrollWidth} wide in ${clientWidth}`);
  if (scrollHeight > clientHeight + slackPx)
    faults.push(`the page is ${scrollHeight} high in ${clientHeight}`);
  for (const element of document.querySelectorAll<HTMLElement>('body *')) {
    const text = ownText(element);
    if (text === '' || element.closest('[aria-hidden=true], .cm-editor, [hidden]') !== null) continue;
    const box = element.getBoundingClientRect();
    if (box.width <= slackPx || box.height <= slackPx) continue;
    if (/undefined|NaN|\[object|\{\{|Invalid Date/.test(text)) faults.push(`says “${text}”`);
    const isClipped = getComputedStyle(element).overflowX !== 'visible';
    if (!isClipped || element.scrollWidth <= element.clientWidth + slackPx || mayBeShort(element)) continue;
    faults.push(`cut: “${text}” (${element.tagName} ${element.className})`);
  }
  return faults;

  function ownText(element: Element): string {
    return [...element.childNodes]
      .filter((node) => node.nodeType === Node.TEXT_NODE)
      .map((node) => node.textContent ?? '')
      .join('')
      .trim();
  }

  /** Content of the site itself, as long as it likes, stands in table cells and code; whoever wants all of it opens the row or points at it. */
  function mayBeShort(element: Element): boolean {
    const isScrolled = ['auto', 'scroll'].includes(getComputedStyle(element).overflowX);
    return isScrolled || element.closest('[role=gridcell], code, [title]') !== null;
  }
}
