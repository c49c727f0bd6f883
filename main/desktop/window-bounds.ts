/** Where the window stands: remembered, and brought back onto a screen when the one it stood on is gone. */
import { z } from 'zod';

export const WINDOW_DEFAULT = { width: 1280, height: 800 } as const;
/** The console is readable from here upwards. */
export const WINDOW_LEAST = { width: 1024, height: 640 } as const;
/** So much of the title bar must be on a screen to be caught with the mouse. */
const GRIP = { width: 120, height: 32 } as const;

const side = z.number().int().min(-100_000).max(100_000);
export const windowPlace = z.object({
  bounds: z.object({ x: side, y: side, width: side, height: side }).optional(),
  isMaximized: z.boolean().default(false),
});
export type WindowPlace = z.output<typeof windowPlace>;

export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Bounds for a new window: the remembered ones if they can be reached on one of the screens, else the default size, centred by the system. */
export function startBounds(
  remembered: Rectangle | undefined,
  workAreas: readonly Rectangle[],
): Rectangle | { readonly width: number; readonly height: number } {
  const area = remembered === undefined ? undefined : workAreas.find((one) => canBeCaught(remembered, one));
  const most = area ?? workAreas[0] ?? { x: 0, y: 0, ...WINDOW_DEFAULT };
  const size = {
    width: Math.min(Math.max(remembered?.width ?? WINDOW_DEFAULT.width, WINDOW_LEAST.width), most.width),
    height: Math.min(Math.max(remembered?.height ?? WINDOW_DEFAULT.height, WINDOW_LEAST.height), most.height),
  };
  return remembered === undefined || area === undefined
    ? size
    : { x: remembered.x, y: remembered.y, ...size };
}

function canBeCaught(window: Rectangle, area: Rectangle): boolean {
  const across = Math.min(window.x + window.width, area.x + area.width) - Math.max(window.x, area.x);
  const isBarInside = window.y >= area.y && window.y + GRIP.height <= area.y + area.height;
  return across >= GRIP.width && isBarInside;
}
