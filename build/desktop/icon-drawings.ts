/**
 * The drawings: a headgate is the gate at the head of a channel that lets water in or holds it back. Tray icons stand on a grid of
 * 16 units and keep to whole units, so that they are sharp at 16 pixels; the app's icon has room for a wheel and waves.
 */
export const TRAY_STATES = ['ok', 'paused', 'warning', 'link-down', 'engine-gone'] as const;
export type TrayState = (typeof TRAY_STATES)[number];
export const PANELS = ['light', 'dark'] as const;
export type Panel = (typeof PANELS)[number];

interface Inks {
  readonly frame: string;
  readonly water: string;
  readonly faint: string;
  readonly warning: string;
  readonly bad: string;
  readonly onBadge: string;
}

const INKS: Readonly<Record<Panel, Inks>> = {
  light: {
    frame: '#2b333c',
    water: '#0b78d0',
    faint: '#8b949e',
    warning: '#e08a00',
    bad: '#d1242f',
    onBadge: '#ffffff',
  },
  dark: {
    frame: '#f1f4f7',
    water: '#4cb4ff',
    faint: '#8b949e',
    warning: '#ffb224',
    bad: '#ff5f57',
    onBadge: '#16191d',
  },
};

export function trayDrawing(state: TrayState, panel: Panel): string {
  const inks = INKS[panel];
  const frame = state === 'engine-gone' ? inks.faint : inks.frame;
  const badge = badgeOf(state, inks);
  const scene = [
    // Beam, posts, stem.
    rect({ x: 0, y: 1, width: 16, height: 2, fill: frame }),
    rect({ x: 1, y: 3, width: 2, height: 12, fill: frame }),
    rect({ x: 13, y: 3, width: 2, height: 12, fill: frame }),
    ...gateAndWater(state, { ...inks, frame }),
  ].join('');
  if (badge === undefined) return svg(16, scene);
  // Around a badge the scene is cut away, so that it stands clear on any panel.
  const mask = `<mask id="${state}"><rect width="16" height="16" fill="#fff"/>${badge.clearing}</mask>`;
  return svg(16, `<defs>${mask}</defs><g mask="url(#${state})">${scene}</g>${badge.mark}`);
}

function gateAndWater(state: TrayState, { frame, water }: Inks): string[] {
  // Down and shut: with the two bars that everybody reads as a pause.
  if (state === 'paused')
    return [`<path fill="${frame}" fill-rule="evenodd" d="M4 4h8v11H4zM5 6v7h2V6zM9 6v7h2V6z"/>`];
  const stem = rect({ x: 7, y: 3, width: 2, height: 2, fill: frame });
  const plate = rect({ x: 4, y: 5, width: 8, height: 4, fill: frame });
  if (state === 'engine-gone') return [stem, plate];
  const wave = 'M3 11.5q1.25-1.5 2.5 0t2.5 0t2.5 0t2.5 0V15H3z';
  return [stem, plate, `<path fill="${water}" d="${wave}"/>`];
}

interface Badge {
  readonly clearing: string;
  readonly mark: string;
}

function badgeOf(state: TrayState, inks: Inks): Badge | undefined {
  if (state === 'warning')
    return {
      clearing:
        '<path d="M11 5.2L16.9 16.4H5.1z" fill="#000" stroke="#000" stroke-width="1.4" stroke-linejoin="round"/>',
      mark:
        `<path d="M11 7L15.4 15.4H6.6z" fill="${inks.warning}" stroke="${inks.warning}" stroke-width="1.2" stroke-linejoin="round"/>` +
        rect({ x: 10, y: 9, width: 2, height: 3, fill: inks.onBadge }) +
        rect({ x: 10, y: 13, width: 2, height: 2, fill: inks.onBadge }),
    };
  if (state === 'link-down')
    return {
      clearing: '<circle cx="11" cy="11" r="5.8" fill="#000"/>',
      mark:
        `<circle cx="11" cy="11" r="4.8" fill="${inks.bad}"/>` +
        `<path d="M9.2 9.2l3.6 3.6M12.8 9.2l-3.6 3.6" stroke="${inks.onBadge}" stroke-width="1.6" stroke-linecap="round"/>`,
    };
  if (state === 'engine-gone')
    return {
      clearing: '<path d="M1 15L15 1" stroke="#000" stroke-width="4.6" stroke-linecap="round"/>',
      mark: `<path d="M1.4 14.6L14.6 1.4" stroke="${inks.bad}" stroke-width="2" stroke-linecap="round"/>`,
    };
  return undefined;
}

/** The app's icon from 48 pixels upwards. */
export function appDrawing(): string {
  const plank = (y: number) => rect({ x: 162, y, width: 188, height: 5, fill: '#9fb2c2' });
  return svg(
    512,
    `<defs>
<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#1d4e79"/><stop offset="1" stop-color="#0b2740"/></linearGradient>
<linearGradient id="water" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#48b9ff"/><stop offset="1" stop-color="#0f77d4"/></linearGradient>
<clipPath id="tile"><rect x="24" y="24" width="464" height="464" rx="104"/></clipPath>
</defs>
<g clip-path="url(#tile)">
<rect width="512" height="512" fill="url(#sky)"/>
<path fill="url(#water)" d="M0 352q32-30 64 0t64 0t64 0t64 0t64 0t64 0t64 0t64 0V512H0z"/>
<path fill="#0b4f96" fill-opacity=".35" d="M0 398q32-30 64 0t64 0t64 0t64 0t64 0t64 0t64 0t64 0V512H0z"/>
</g>
<g fill="#f3f7fa">
<rect x="84" y="146" width="344" height="42" rx="8"/>
<rect x="108" y="180" width="48" height="262" rx="4"/>
<rect x="356" y="180" width="48" height="262" rx="4"/>
<rect x="245" y="86" width="22" height="130"/>
</g>
<rect x="162" y="208" width="188" height="112" rx="6" fill="#d3dfe8"/>
${plank(243)}${plank(281)}
<rect x="192" y="76" width="128" height="26" rx="13" fill="#ffb224"/>
<circle cx="256" cy="89" r="20" fill="#ffb224"/>
<g clip-path="url(#tile)"><path fill="url(#water)" d="M0 416q32-30 64 0t64 0t64 0t64 0t64 0t64 0t64 0t64 0V512H0z"/></g>
`,
  );
}

/** The app's icon below 48 pixels: the tray's drawing on the tile. */
export function smallAppDrawing(): string {
  return svg(
    16,
    `<rect width="16" height="16" rx="3.5" fill="#123a5e"/>` +
      rect({ x: 2, y: 3, width: 12, height: 2, fill: '#ffffff' }) +
      rect({ x: 3, y: 5, width: 2, height: 8, fill: '#ffffff' }) +
      rect({ x: 11, y: 5, width: 2, height: 8, fill: '#ffffff' }) +
      rect({ x: 7, y: 2, width: 2, height: 4, fill: '#ffb224' }) +
      rect({ x: 6, y: 6, width: 4, height: 3, fill: '#dbe5ec' }) +
      `<path fill="#48b9ff" d="M1 11.5q1.17-1.4 2.33 0t2.33 0t2.34 0t2.33 0t2.33 0t2.34 0V12.5a2.5 2.5 0 0 1-2.5 2.5h-9a2.5 2.5 0 0 1-2.5-2.5z"/>`,
  );
}

interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly fill: string;
}

function rect({ x, y, width, height, fill }: Rect): string {
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"/>`;
}

function svg(side: number, content: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}">${content}</svg>\n`;
}
