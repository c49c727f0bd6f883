// Goal: the generator gives the same lines for the same seed, and what it says of a line stands in the line.
// Method: generate, and parse with the judge's own functions.
import { readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  nginxHourDirectory,
  nginxIdOf,
  nginxLines,
  nginxTimeOf,
  writePayloadFile,
} from '../rig/nginx-lines.ts';

const options = { seed: 7, lateShare: 0.1, poisonShare: 0.05, eventsPerSecond: 2 };

test('the same seed gives the same lines, another seed others', () => {
  const first = [...nginxLines(500, options)];
  expect([...nginxLines(500, options)]).toEqual(first);
  expect([...nginxLines(500, { ...options, seed: 8 })]).not.toEqual(first);
});

test('id and time of each line are those that were announced', () => {
  let poison = 0;
  let late = 0;
  for (const [index, line] of [...nginxLines(3_000, options)].entries()) {
    expect(nginxIdOf(line.value)).toEqual({ stream: index % 3, sequence: Math.floor(index / 3) });
    expect(nginxTimeOf(line.value)).toBe(line.eventTimeMs);
    if (line.eventTimeMs === undefined) poison++;
    else if (line.eventTimeMs < Date.UTC(2026, 10, 21, 0, 30) + index * 500 - 1_000) late++;
  }
  expect(poison).toBeGreaterThan(80);
  expect(late).toBeGreaterThan(200);
});

test('a negative zone is written and read back', () => {
  const startMs = Date.UTC(2026, 2, 1, 2, 15, 30);
  const [line] = [...nginxLines(1, { startMs, zoneMinutes: -210 })];
  expect(line?.value).toContain('[28/Feb/2026:22:45:30 -0330]');
  expect(nginxTimeOf(line?.value ?? '')).toBe(startMs);
  expect(nginxHourDirectory(line?.value ?? '', 480)).toBe('2026-03-01/10');
});

test('a payload file holds the generated lines and nothing else', () => {
  const path = join(tmpdir(), `headgate-payload-${process.pid}.txt`);
  try {
    const bytes = writePayloadFile(path, 40_000, options);
    expect(statSync(path).size).toBe(bytes);
    const expected = [...nginxLines(40_000, options)].map((line) => `${line.value}\n`).join('');
    expect(readFileSync(path, 'latin1') === expected).toBe(true);
    expect(bytes / 40_000).toBeGreaterThan(155);
    expect(bytes / 40_000).toBeLessThan(190);
  } finally {
    rmSync(path, { force: true });
  }
});
