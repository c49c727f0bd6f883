import type { LandedTree } from '../../test/rig/landed-tree.ts';
import type { Traffic } from './demo-traffic.ts';

/** Where the demo's events come from and land: a real cluster, or files and a directory. */
export interface DemoSite {
  /** One line for the screen. */
  readonly title: string;
  readonly configFile: string;
  /** What the configuration's `${env:…}` stand for. */
  readonly environment: Readonly<Record<string, string>>;
  /** Sends all of the traffic; ends early when the signal aborts. */
  send(traffic: Traffic, signal: AbortSignal): Promise<void>;
  /** What landed, read past the engine. */
  landed(): LandedTree;
  stop(): Promise<void>;
}

/** Told to a person who waits. */
export type Progress = (message: string) => void;
