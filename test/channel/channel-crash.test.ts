import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openForReading } from '../../main/channel/channel-database.ts';
import { coverage, knownPartitions, tenureRanges } from '../../main/channel/coverage-reader.ts';
import { CHANNEL, TestDirectory } from './channel-fixture.ts';

/**
 * Goal: wherever the process is killed, the books speak of each offset once, nothing that was told durable is missing, and the
 * next start finishes the work.
 * Method: crash-child.ts runs a real writer thread and dies by SIGKILL at a named point, the first or the third time it comes by.
 */
const END = 60;
const POINTS = [
  'put.before-transaction',
  'put.before-commit',
  'put.after-commit',
  'accept.after-durable',
  'plan.before-commit',
  'plan.after-commit',
  'land.before-ledger-commit',
  'land.after-ledger-commit',
];

interface Ending {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly facts: string[];
}

function runChild(directory: string, crashAt: string | undefined): Promise<Ending> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'crash-child.ts'), directory, String(END)],
    {
      env: { ...process.env, ...(crashAt === undefined ? {} : { HEADGATE_CRASH_AT: crashAt }) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.on('data', (data: Buffer) => (text += data.toString()));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, facts: text.split('\n').filter((line) => line !== '') }),
    );
  });
}

/** How often each offset is spoken of, and how many of them are in files. */
function books(directory: string) {
  const db = openForReading(join(directory, 'channel.sqlite'));
  const times = new Map<number, number>();
  let landed = 0;
  const partition = knownPartitions(db)[0];
  if (partition !== undefined) {
    for (const { from, to, kind } of coverage(db, partition.id, CHANNEL)) {
      for (let at = from; at < to; at++) times.set(at, (times.get(at) ?? 0) + 1);
      if (kind === 'landed') landed += to - from;
    }
  }
  const tenures = partition === undefined ? [] : tenureRanges(db, partition.id);
  db.close();
  return {
    offsets: [...times.keys()].toSorted((a, b) => a - b),
    times,
    landed,
    tenures,
    position: partition?.position ?? 0,
  };
}

test.each(POINTS.flatMap((point) => [point, `${point}:3`]))(
  'a kill at %s loses nothing and doubles nothing',
  async (point) => {
    using directory = new TestDirectory();
    const killed = await runChild(directory.path, point);
    expect(killed.signal).toBe('SIGKILL');
    const after = books(directory.path);
    expect(new Set(after.times.values()).size).toBeLessThanOrEqual(1);
    expect(after.offsets).toEqual(Array.from({ length: after.position }, (_, at) => at));
    const told = killed.facts.filter((fact) => fact.startsWith('put ')).map((fact) => Number(fact.slice(4)));
    expect(after.position).toBeGreaterThanOrEqual(Math.max(0, ...told));
    const landedTold = killed.facts
      .filter((fact) => fact.startsWith('landed '))
      .reduce((sum, fact) => sum + Number(fact.slice(7)), 0);
    expect(after.landed).toBeGreaterThanOrEqual(landedTold);

    const finished = await runChild(directory.path, undefined);
    expect(finished).toMatchObject({ code: 0, signal: null });
    const end = books(directory.path);
    expect(end).toMatchObject({ position: END, landed: END });
    expect([...end.times.values()].every((times) => times === 1)).toBe(true);
    const accepted = end.tenures.reduce((sum, tenure) => sum + tenure.acceptedTo - tenure.startOffset, 0);
    expect(accepted).toBe(END);
  },
);
