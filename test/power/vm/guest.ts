/**
 * What runs in the virtual machine: first the judge looks at what the last power cut left on the disk, then the engine's durable parts work on
 * until the next one. What was promised before comes on a second disk, as JSON; seed and round stand there as well.
 */
import { existsSync, mkdirSync, readFileSync, writeSync } from 'node:fs';
import { Promises, type Said } from '../promises.ts';
import { judgeState } from '../state-judge.ts';

const ROOT = '/disk/root';
const LAND_LIMIT_MS = 600_000;
const orders = JSON.parse(readFileSync('/dev/vdb', 'utf8').replace(/\0+$/, '')) as {
  readonly seed: number;
  readonly said: readonly Said[];
  readonly isLast: boolean;
};

function tell(fact: Readonly<Record<string, unknown>>): void {
  writeSync(1, `${JSON.stringify({ kind: 'vm', ...fact })}\n`);
}

tell({ started: true });
try {
  const promises = new Promises();
  for (const one of orders.said) promises.take(one);
  if (existsSync(ROOT))
    await judgeState(ROOT, promises, {
      madeAs: new Map(),
      isWhole: orders.isLast,
      landLimitMs: LAND_LIMIT_MS,
    });
  else if (orders.said.length > 0)
    throw new Error(`${orders.said.length} promises were made, and there is nothing`);
  tell({ verdict: 'kept', promises: orders.said.length });
} catch (error) {
  tell({ verdict: 'broken', why: String(error), stack: error instanceof Error ? error.stack : undefined });
  throw error;
}
if (!orders.isLast) {
  mkdirSync(ROOT, { recursive: true });
  process.argv = [process.argv[0] ?? 'node', 'power-child', ROOT, String(orders.seed), '1000000'];
  await import('../power-child.ts');
}
