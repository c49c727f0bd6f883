/**
 * Goal: whenever the power goes, whatever the disk then keeps of what was not synced, nothing is missing that the engine had been told is durable:
 * puts, acceptances, landed files, the write switch, versions of the configuration. Nothing is half there, and the audit is clean.
 * Method: the engine's durable parts work under strace, through three lives of which two end in a kill. The recorded writes, renames and syncs are
 * played back (crash-disk.ts); at each promise and around each sync the disk is cut: nothing that was not synced is kept, or all but
 * one, only one, the last write torn, or a random part sector by sector. Each state is opened with the real recovery; of some all that is
 * left is landed too, and the lines are counted. The seed is printed; HEADGATE_TEST_SEED repeats it, HEADGATE_POWER_STATES asks for more.
 */
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../landing/fake-clock.ts';
import { CrashDisk } from './crash-disk.ts';
import { CUT_KINDS, cutChoice, type CutKind } from './cut-choices.ts';
import { skipsWithoutStrace } from './needs-strace.ts';
import { Promises } from './promises.ts';
import { recordRun, type Life, type RecordedRun } from './recorded-run.ts';
import { judgeState, layOut } from './state-judge.ts';

const STATES = Number(process.env['HEADGATE_POWER_STATES'] ?? 120);
/** On a busy machine fewer states are looked at, unless a number was asked for. */
const BUDGET_MS = process.env['HEADGATE_POWER_STATES'] === undefined ? 40_000 : Infinity;
const STATES_MIN = 30;
/** Of so many states, everything that is left is landed. */
const WHOLE_EVERY = 8;
/** A life with a crash point ends there, long before its rounds; how many files are landed by when is left to chance. */
const LIVES: readonly Life[] = [
  { rounds: 600, crashAt: 'land.after-rename:4' },
  { rounds: 600, crashAt: 'put.before-commit:25' },
  { rounds: 25 },
];
/** Moments at which names are not safe are looked at so many times as often: they are few. */
const NAMES_WEIGHT = 8;
const FIXED_MS = 120_000;
const MS_PER_STATE = 600;

describe.skipIf(skipsWithoutStrace('power loss'))('a power cut at any moment', () => {
  test(
    'leaves everything that was promised',
    async () => {
      const seed = Number(process.env['HEADGATE_TEST_SEED'] ?? Date.now() % 2 ** 31);
      using run = await recordRun(seed, LIVES);
      const tally = await judgeCuts(run, seed);
      console.log(`power loss, HEADGATE_TEST_SEED=${seed}: ${JSON.stringify(tally)}`);
      // A run that did none of this would prove nothing about it.
      expect(tally.landed).toBeGreaterThan(10);
      expect(tally.puts).toBeGreaterThan(60);
      expect(tally.configs).toBeGreaterThan(2);
      expect(tally.states).toBeGreaterThanOrEqual(STATES_MIN);
      expect(tally.lostChanges).toBeGreaterThan(10 * STATES_MIN);
    },
    FIXED_MS + STATES * MS_PER_STATE,
  );
});

async function judgeCuts(run: RecordedRun, seed: number) {
  const random = seededRandom(seed);
  const promises = new Promises();
  const tally = { states: 0, whole: 0, puts: 0, landed: 0, configs: 0, syncs: 0, lostChanges: 0 };
  const moments = countMoments(run);
  const syncs = moments * 0.9;
  const disk = new CrashDisk(run.root);
  const startedMs = performance.now();
  const judge = async (kind: CutKind, where: string): Promise<void> => {
    // The rest of the budget is spread over what is left of the run.
    const share = (performance.now() - startedMs) / BUDGET_MS;
    if (tally.states >= STATES_MIN && share > (tally.syncs + 1) / syncs) return;
    const { pending } = disk;
    const madeAs = layOut(run.root, disk.cut(cutChoice(kind, pending, random)));
    const isWhole = tally.states++ % WHOLE_EVERY === 0;
    if (isWhole) tally.whole++;
    tally.lostChanges += pending.length;
    await judgeState(run.root, promises, { madeAs, isWhole }).catch((error: unknown) => {
      throw new Error(
        `HEADGATE_TEST_SEED=${seed}: cut ${where}, ${kind} of ${pending.length} changes kept: ${String(error)}`,
        {
          cause: error,
        },
      );
    });
  };
  for (const [number, life] of run.lives.entries()) {
    disk.newProcess();
    for (const { call, isEnd } of steps(life.calls)) {
      const where = `in life ${number + 1}, line ${isEnd ? call.endsAt : call.beginsAt} of its trace`;
      if (isEnd && disk.isSync(call)) {
        // Just before the sync has ended, and just after it.
        const weight = disk.pending.some((change) => change.kind === 'name') ? NAMES_WEIGHT : 1;
        if (random() < (weight * STATES) / 4 / moments)
          await judge(kindOf(random), `before a sync ended ${where}`);
        disk.end(call);
        tally.syncs++;
        if (random() < STATES / 8 / moments) await judge(kindOf(random), `after a sync ${where}`);
        continue;
      }
      if (isEnd) disk.end(call);
      else disk.begin(call);
      const said = isEnd ? undefined : life.said.get(call);
      if (said === undefined) continue;
      for (const one of said) {
        promises.take(one);
        if (one.kind === 'put') tally.puts++;
        if (one.kind === 'landed') tally.landed++;
        if (one.kind === 'config') tally.configs++;
      }
      const { kind } = said[0] ?? { kind: 'put' };
      // What is rarely promised is always looked at.
      const isLookedAt = kind === 'config' || kind === 'identity' || random() < STATES / 4 / moments;
      if (isLookedAt)
        await judge(random() < 0.5 ? 'none' : kindOf(random), `after “${kind}” was said ${where}`);
    }
  }
  return tally;
}

function kindOf(random: () => number): CutKind {
  return CUT_KINDS[Math.floor(random() * CUT_KINDS.length)] ?? 'random';
}

/** Syncs, and promises: where cuts are worth most. */
function countMoments({ lives }: RecordedRun): number {
  return (
    lives.reduce(
      (sum, { calls, said }) => sum + said.size + calls.filter(({ name }) => name.endsWith('sync')).length,
      0,
    ) / 2
  );
}

/** Beginnings and ends of all calls, in the order of the trace. */
function steps(calls: RecordedRun['lives'][number]['calls']) {
  return calls
    .flatMap((call) => [
      { call, isEnd: false, at: call.beginsAt },
      { call, isEnd: true, at: call.endsAt },
    ])
    .sort((a, b) => a.at - b.at);
}
