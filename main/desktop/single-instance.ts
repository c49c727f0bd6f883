/** One desktop for a user: a second start shows the window of the first and ends. */

export interface InstanceLock {
  /** False: another instance has it, and was told of this start. */
  request(): boolean;
  onSecond(listener: () => void): void;
}

/** Runs `start` in the first instance; calls `show` for each later start. Otherwise ends the program by `quit`. */
export function runOnce(
  lock: InstanceLock,
  actions: { readonly start: () => void; readonly show: () => void; readonly quit: () => void },
): void {
  if (!lock.request()) return actions.quit();
  lock.onSecond(actions.show);
  actions.start();
}
