/**
 * Writes all icons of the desktop into build/desktop/icons: the drawings as SVG, and what is made of them in every size as PNG, .ico
 * and .icns. Run by hand after a change of icon-drawings.ts; the results are in the repository. `--sheet FILE` also makes a picture
 * with all of them side by side, to be looked at.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import chromium from '@sparticuz/chromium';
import { chromium as browserType, type Page } from 'playwright-core';
import { icnsOf, icoOf, type SizedPng } from './icon-containers.ts';
import { PANELS, TRAY_STATES, appDrawing, smallAppDrawing, trayDrawing } from './icon-drawings.ts';

const folder = fileURLToPath(new URL('icons', import.meta.url));
const APP_SIDES = [16, 22, 24, 32, 48, 64, 96, 128, 256, 512, 1024];
/** Below, the detailed drawing turns to mud. */
const DETAILED_FROM = 48;
const TRAY_SIDES = [16, 22, 24, 32];
const ICO_SIDES = [16, 24, 32, 48, 64, 128, 256];

const browser = await browserType.launch({
  args: chromium.args,
  executablePath: await chromium.executablePath(),
});
try {
  const page = await browser.newPage();
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'tray'), { recursive: true });
  await mkdir(join(folder, 'app'), { recursive: true });
  await drawApp(page);
  await drawTray(page);
  const at = process.argv.indexOf('--sheet');
  const sheet = at < 0 ? undefined : process.argv[at + 1];
  if (sheet !== undefined) await drawSheet(page, sheet);
} finally {
  await browser.close();
}

async function drawApp(page: Page): Promise<void> {
  await writeFile(join(folder, 'headgate.svg'), appDrawing());
  await writeFile(join(folder, 'headgate-small.svg'), smallAppDrawing());
  const images: SizedPng[] = [];
  for (const side of APP_SIDES) {
    const png = await render(page, side < DETAILED_FROM ? smallAppDrawing() : appDrawing(), side);
    images.push({ side, png });
    // electron-builder reads the sizes of Linux icons from these names.
    await writeFile(join(folder, 'app', `${side}x${side}.png`), png);
  }
  await writeFile(join(folder, 'headgate.ico'), icoOf(images.filter(({ side }) => ICO_SIDES.includes(side))));
  await writeFile(join(folder, 'headgate.icns'), icnsOf(images));
}

async function drawTray(page: Page): Promise<void> {
  for (const state of TRAY_STATES) {
    for (const panel of PANELS) {
      const drawing = trayDrawing(state, panel);
      const name = join(folder, 'tray', `${state}-${panel}`);
      await writeFile(`${name}.svg`, drawing);
      for (const side of TRAY_SIDES) {
        await writeFile(`${name}-${side}.png`, await render(page, drawing, side));
        await writeFile(`${name}-${side}@2x.png`, await render(page, drawing, side * 2));
      }
    }
  }
}

async function render(page: Page, drawing: string, side: number): Promise<Buffer> {
  await page.setViewportSize({ width: side, height: side });
  await page.setContent(
    `<style>html,body{margin:0;background:transparent}svg{display:block;width:${side}px;height:${side}px}</style>${drawing}`,
  );
  return page.screenshot({ omitBackground: true, type: 'png' });
}

/** Every icon at its own pixels and enlarged, on panels of both kinds. */
async function drawSheet(page: Page, file: string): Promise<void> {
  const tray = await Promise.all(
    PANELS.map(async (panel) => {
      const rows = TRAY_STATES.map((state) => {
        const drawing = trayDrawing(state, panel);
        const sized = (side: number) => `<span style="width:${side}px;height:${side}px">${drawing}</span>`;
        return `<div>${[16, 22, 24, 32, 48, 96].map(sized).join('')}<b>${state}</b></div>`;
      });
      return `<section class="${panel}">${rows.join('')}</section>`;
    }),
  );
  const app = APP_SIDES.filter((side) => side <= 256).map((side) => {
    const drawing = side < DETAILED_FROM ? smallAppDrawing() : appDrawing();
    return `<span style="width:${side}px;height:${side}px">${drawing}</span>`;
  });
  await page.setViewportSize({ width: 900, height: 1080 });
  await page.setContent(`<style>body{margin:0;font:14px sans-serif}section{float:left;width:430px;padding:10px}
div{display:flex;align-items:center;gap:14px;padding:8px}span{display:inline-block}svg{width:100%;height:100%;display:block}
.light{background:#e9ecef}.dark{background:#22262b;color:#fff}.app{width:auto;clear:both;background:#fff}</style>
${tray.join('')}<section class="app"><div>${app.join('')}</div></section>`);
  await page.screenshot({ path: file });
}
