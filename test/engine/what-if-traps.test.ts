/**
 * Goal: times that land in the wrong hour without a complaint are told. Method: a table of log formats as they are met, each with the rules that one would write
 * for it, through the whole what-if run, with a clock that stands still.
 */
import { describe, expect, test } from 'vitest';
import { runWhatIf } from '../../main/engine/what-if/what-if-run.ts';
import type { WhatIfResult } from '../../shared/contract/control-what-if.ts';
import { systemClock, type Clock } from '../../main/telemetry/clock.ts';
import { lineRules, type LineRules } from './what-if-rules.ts';

const NOW_MS = Date.parse('2026-11-21T12:00:00Z');
const CLOCK: Clock = { ...systemClock, nowMs: () => NOW_MS };

async function tryLines(lines: readonly string[], rules: LineRules): Promise<WhatIfResult> {
  return runWhatIf(
    {
      config: lineRules(rules),
      running: undefined,
      source: 'web',
      sample: { kind: 'lines', topic: 'www', lines: [...lines] },
      stateDir: undefined,
    },
    { clock: CLOCK, signal: new AbortController().signal, onProgress: () => undefined },
  );
}

interface Format extends LineRules {
  readonly name: string;
  readonly line: string;
  readonly traps: readonly string[];
  /** Of the directory; undefined: it goes to quarantine. */
  readonly hour: string | undefined;
}

const FORMATS: readonly Format[] = [
  {
    name: 'nginx with its offset',
    line: '10.0.0.1 - - [21/Nov/2026:10:30:00 +0800] "GET / HTTP/1.1" 200',
    regex: '\\[([^\\]]+)\\]',
    pattern: 'dd/MMM/yyyy:HH:mm:ss Z',
    traps: [],
    hour: '2026-11-21/02',
  },
  {
    name: 'ISO 8601 with Z',
    line: '2026-11-21T10:30:00.123Z ok',
    regex: '^(\\S+)',
    pattern: "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    traps: [],
    hour: '2026-11-21/10',
  },
  {
    name: 'ISO without a zone, in the gateway’s',
    line: '2026-11-21 10:30:00 ok',
    regex: '^(\\S+ \\S+)',
    pattern: 'yyyy-MM-dd HH:mm:ss',
    timeZone: 'Asia/Shanghai',
    traps: ['no-zone'],
    hour: '2026-11-21/10',
  },
  {
    name: 'syslog of RFC 3164',
    line: 'Nov 21 10:30:00 host app: ok',
    regex: '^(\\w{3}\\s+\\d+ \\S+)',
    pattern: 'MMM dd HH:mm:ss',
    traps: ['no-year', 'no-zone'],
    hour: '2000-11-21/10',
  },
  {
    name: 'a year of two digits',
    line: '21/11/26 10:30:00 ok',
    regex: '^(\\S+ \\S+)',
    pattern: 'dd/MM/yy HH:mm:ss',
    traps: ['no-zone', 'two-digit-year'],
    hour: '2026-11-21/10',
  },
  {
    name: 'a year of two digits that falls into the last century',
    line: '21/11/68 10:30:00 +0000 ok',
    regex: '^(\\S+ \\S+ \\S+)',
    pattern: 'dd/MM/yy HH:mm:ss Z',
    traps: ['long-past', 'two-digit-year'],
    hour: '1968-11-21/10',
  },
  { name: 'epoch in ms', line: '1795257000123 ok', regex: '^(\\d+)', traps: [], hour: '2026-11-21/10' },
  {
    name: 'epoch in s',
    line: '1795257000 ok',
    regex: '^(\\d+)',
    traps: ['invalid-epoch'],
    hour: '1970-01-21/18',
  },
  {
    name: 'epoch in µs',
    line: '1795257000123456 ok',
    regex: '^(\\d+)',
    traps: ['invalid-epoch'],
    hour: undefined,
  },
  {
    name: 'epoch in ns',
    line: '1795257000123456789 ok',
    regex: '^(\\d+)',
    traps: ['invalid-epoch'],
    hour: undefined,
  },
  {
    name: 'epoch in s with a fraction',
    line: '1795257000.123 ok',
    regex: '^(\\S+)',
    traps: ['invalid-epoch'],
    hour: undefined,
  },
  {
    name: 'day and month exchanged',
    line: '12/11/2026 10:30:00 +0000',
    regex: '^(\\S+ \\S+ \\S+)',
    pattern: 'MM/dd/yyyy HH:mm:ss Z',
    traps: ['future'],
    hour: '2026-12-11/10',
  },
  {
    name: 'an old log that is sent again',
    line: '2024-11-21T10:30:00.000Z ok',
    regex: '^(\\S+)',
    pattern: "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    traps: ['long-past'],
    hour: '2024-11-21/10',
  },
  {
    name: 'the hour that comes twice, without an offset',
    line: '2026-10-25 02:30:00 ok',
    regex: '^(\\S+ \\S+)',
    pattern: 'yyyy-MM-dd HH:mm:ss',
    timeZone: 'Europe/Berlin',
    traps: ['clock-change', 'no-zone'],
    hour: '2026-10-25/02',
  },
  {
    name: 'the hour that comes twice, with an offset: one directory for two hours',
    line: '2026-10-25 02:30:00 +0100 ok',
    regex: '^(\\S+ \\S+ \\S+)',
    pattern: 'yyyy-MM-dd HH:mm:ss Z',
    timeZone: 'Europe/Berlin',
    traps: ['clock-change'],
    hour: '2026-10-25/02',
  },
  {
    name: 'the hour that is skipped',
    line: '2026-03-29 02:30:00 ok',
    regex: '^(\\S+ \\S+)',
    pattern: 'yyyy-MM-dd HH:mm:ss',
    timeZone: 'Europe/Berlin',
    traps: ['clock-change'],
    hour: undefined,
  },
  {
    name: 'a line that no rule looks at',
    line: 'ok',
    regex: '^(\\d{13})',
    traps: ['record-time'],
    hour: '2026-11-21/12',
  },
];

describe('each log format', () => {
  test.each(FORMATS)('$name: traps and directory', async ({ line, traps, hour, ...rules }) => {
    const result = await tryLines([line, line], rules);
    expect([...new Set(result.traps.map(({ kind }) => kind))].sort()).toEqual(traps);
    for (const { events, message, hint, samples } of result.traps) {
      expect(events).toBe(2);
      expect(message.length * hint.length).toBeGreaterThan(0);
      expect(samples[0]?.body).toBe(line);
    }
    expect(result.directories.map(({ directory }) => directory)).toEqual(
      hour === undefined ? [] : [`/out/www/${hour}`],
    );
    expect(result.quarantined).toBe(hour === undefined ? 2 : 0);
  });
});

describe('traps', () => {
  test('are none where no path needs a time', async () => {
    const result = await tryLines(['2026-11-21 10:30:00 ok'], {
      regex: '^(\\S+ \\S+)',
      pattern: 'yyyy-MM-dd HH:mm:ss',
      path: '/out/%{topic}',
    });
    expect(result).toMatchObject({ placed: 1, traps: [] });
  });

  test('name the gateway’s clock where a sink takes it', async () => {
    const result = await tryLines(['x'], { regex: '^(y)', useLocalTimeStamp: true });
    expect(result.traps.map(({ kind, message }) => [kind, message.includes('useLocalTimeStamp')])).toEqual([
      ['record-time', true],
    ]);
  });
});

describe('failures', () => {
  test('that differ in their text only are one group, with few examples', async () => {
    const lines = Array.from({ length: 500 }, (_, at) => `2026-13-${10 + (at % 15)} 10:30:00 line ${at}`);
    const result = await tryLines(lines, { regex: '^(\\S+ \\S+)', pattern: 'yyyy-MM-dd HH:mm:ss' });
    expect(result.failures.map(({ events, samples }) => [events, samples.length])).toEqual([[500, 3]]);
    expect(result).toMatchObject({ events: 500, placed: 0, quarantined: 500 });
  });

  test('an expression that backtracks for ever is an event’s failure, and the run ends in time', async () => {
    const result = await runWhatIf(
      {
        config: lineRules({ regex: '^(a+)+$' }),
        running: undefined,
        source: 'web',
        sample: {
          kind: 'lines',
          topic: 'www',
          lines: Array.from({ length: 1_000 }, () => `${'a'.repeat(60)}b`),
        },
        stateDir: undefined,
        limitMs: 1_000,
      },
      { clock: systemClock, signal: new AbortController().signal, onProgress: () => undefined },
    );
    expect(result.failures[0]?.reason).toMatch(/took longer than/);
    expect(result.events).toBeLessThan(20);
    expect(result.note).toMatch(/It ended after 1 s/);
  });
});
