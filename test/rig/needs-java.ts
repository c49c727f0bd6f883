import { javaProblem } from './jars.ts';

/**
 * For `describe.skipIf(skipsWithoutJava('…'))`: true, with a warning on the console, where the real servers can't run. With CI=true it is always
 * false, so that the suite fails there instead of passing without having looked.
 */
export function skipsWithoutJava(suite: string): boolean {
  const problem = javaProblem();
  if (problem === undefined || process.env['CI'] === 'true') return false;
  console.warn(`SKIPPED: ${suite} needs real servers: ${problem}`);
  return true;
}
