/**
 * What the recorded engine says aloud once it has been told that it is durable. The judge holds every state of the disk to what was said before
 * the power went.
 */
export type Said =
  | { readonly kind: 'identity'; readonly stateId: string }
  | { readonly kind: 'put'; readonly partition: number; readonly next: number }
  | { readonly kind: 'accepted'; readonly partition: number; readonly to: number }
  | { readonly kind: 'landed'; readonly fileId: string; readonly finalPath: string; readonly events: number }
  | { readonly kind: 'switch-asked' }
  | { readonly kind: 'switch'; readonly isPaused: boolean }
  | { readonly kind: 'config'; readonly number: number; readonly text: string };

/** All of it up to a moment. */
export class Promises {
  stateId: string | undefined;
  readonly positions = new Map<number, number>();
  readonly accepted = new Map<number, number>();
  readonly landed = new Map<string, Said & { kind: 'landed' }>();
  readonly configs = new Map<number, string>();
  /** Undefined: not said, or just being changed. */
  isPaused: boolean | undefined;

  take(said: Said): void {
    if (said.kind === 'identity') this.stateId = said.stateId;
    else if (said.kind === 'put') this.positions.set(said.partition, said.next);
    else if (said.kind === 'accepted') this.accepted.set(said.partition, said.to);
    else if (said.kind === 'landed') this.landed.set(said.fileId, said);
    else if (said.kind === 'config') this.configs.set(said.number, said.text);
    else this.isPaused = said.kind === 'switch' ? said.isPaused : undefined;
  }
}

/** Where everything stands below the root of a run. */
export function placesIn(root: string) {
  return {
    // Several new directories deep: the name of each must be made durable.
    stateDir: `${root}/var/lib/headgate/state`,
    landing: `${root}/landing`,
    configFile: `${root}/etc/headgate.yaml`,
  };
}

/** The line of an offset: some are long, so that they do not fit into a page; none is like another. */
export function lineOf(partition: number, at: number): string {
  const length = at % 97 === 0 ? 20_000 : (at * 7) % 60;
  return `${partition}:${at}:${padding(partition * 1_000_003 + at, length)}\n`;
}

export function sinkSettings(root: string, stateId: string) {
  const { landing } = placesIn(root);
  return {
    ...{ sink: 'hdfs', gatewayId: 'xian-gw-1', stateId, markerDirectory: `${landing}/.headgate/xian-gw-1` },
    uploads: 2,
    roll: { sizeBytes: 0, intervalMs: 0, count: 60, idleMs: 0, bucketGraceMs: 60_000, bucketQuietMs: 10_000 },
    ...{ inUsePrefix: '', inUseSuffix: '.tmp', hasCodecExtensionBeforeSuffix: false },
    retainAfterLandingMs: 300,
  };
}

/** Text that does not compress. */
function padding(seed: number, length: number): string {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += (state >>> 4).toString(36);
  }
  return text.slice(0, length);
}
