/**
 * Goal: the wizard finds where the time stands in common logs, and its previews agree with the engine. Method: a table of lines with their
 * instants; the engine's own path templates beside the page's preview.
 */
import { describe, expect, test } from 'vitest';
import { compileDirectoryTemplate } from '../../main/landing/path-template.ts';
import { proposalsFor } from '../../renderer/pages/setup/time-format.ts';
import { TimeReader, type Sample } from '../../renderer/pages/setup/time-reading.ts';
import { directoryOf } from '../../renderer/pages/setup/path-preview.ts';
import { isoOf, wallText, zoneOf } from '../../renderer/pages/setup/wall-time.ts';
import { TimeZone } from '../../shared/time/time-zone.ts';

const ZONE = 'Asia/Shanghai';
const T = Date.parse('2026-11-21T08:30:05+08:00');

const samplesOf = (...bodies: string[]): Sample[] =>
  bodies.map((body, offset) => ({ topic: 'www', partition: 0, offset, body, timestampMs: T + 5_000 }));

const LINES: readonly (readonly [name: string, line: string, pattern: string, timeMs: number])[] = [
  [
    'access-log',
    '10.0.0.1 - - [21/Nov/2026:08:30:05 +0800] "GET / HTTP/1.1" 200 0',
    'dd/MMM/yyyy:HH:mm:ss Z',
    T,
  ],
  ['access-log', '10.0.0.1 - - [21/Nov/2026:08:30:05] "GET / HTTP/1.1" 200 0', 'dd/MMM/yyyy:HH:mm:ss', T],
  ['iso', '2026-11-21T08:30:05+08:00 INFO started', "yyyy-MM-dd'T'HH:mm:ssZZ", T],
  ['iso', '2026-11-21T08:30:05.123+0800 INFO', "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSZZ", T + 123],
  ['iso', '2026-11-21T00:30:05.123456Z INFO', "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSZZ", T + 123],
  ['iso', '2026-11-21 08:30:05,123 [main] INFO c.e.App', 'yyyy-MM-dd HH:mm:ss,SSSSSSSSS', T + 123],
  ['iso', '2026-11-21 08:30:05 INFO', 'yyyy-MM-dd HH:mm:ss', T],
  ['iso', '2026-11-21 08:30:05 +0800 INFO', 'yyyy-MM-dd HH:mm:ss ZZ', T],
  ['iso', '2026/11/21 08:30:05 [error] 12#0: *1 open() failed', 'yyyy/MM/dd HH:mm:ss', T],
  ['iso', '<34>1 2026-11-21T08:30:05.003+08:00 host app - - msg', "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSZZ", T + 3],
  ['iso', '{"id":1795000000000,"time":"2026-11-21T00:30:05Z","msg":"x"}', "yyyy-MM-dd'T'HH:mm:ssZZ", T],
  ['slashed', 'x;31/12/2026 08:30:05;y', 'dd/MM/yyyy HH:mm:ss', Date.parse('2026-12-31T08:30:05+08:00')],
  ['slashed', 'x;12/31/2026 08:30:05;y', 'MM/dd/yyyy HH:mm:ss', Date.parse('2026-12-31T08:30:05+08:00')],
  [
    'ctime',
    '[Sat Nov 21 08:30:05.123456 2026] [core:error] x',
    'EEE MMM dd HH:mm:ss.SSSSSSSSS yyyy',
    T + 123,
  ],
  ['chinese', '2026年11月21日 08:30:05 启动完成', 'yyyy年M月d日 HH:mm:ss', T],
  ['compact', 'A|20261121083005|B', 'yyyyMMddHHmmss', T],
  ['epoch-ms', `{"ts":${T},"level":"info"}`, '', T],
  ['epoch-ms', `{"ts": "${T}"}`, '', T],
  ['epoch-ms', `level=info ts=${T} msg=x`, '', T],
  ['epoch-us', `{"timestamp":${T}123}`, '', T],
  ['epoch-ns', `${T}123456 cpu=1`, '', T],
];

describe('where the time stands', () => {
  test.each(LINES)('%s: %s', (name, line, pattern, timeMs) => {
    const [best] = proposalsFor(samplesOf(line), ZONE);
    expect(best).toMatchObject({ name, pattern, matched: 1, problem: undefined });
    const reading = new TimeReader(best ?? { regex: '', pattern: '', timeZone: '' }, ZONE).read({
      body: line,
    });
    expect(reading).toMatchObject({ kind: 'read', timeMs });
  });

  test('a year that is not there and seconds since 1970 are found, and said to be no way', () => {
    expect(proposalsFor(samplesOf('<34>Nov  1 08:30:05 host app: msg'), ZONE)).toMatchObject([
      { name: 'syslog', problem: 'no-year', matched: 1 },
    ]);
    expect(proposalsFor(samplesOf(`{"ts":${T / 1_000}}`, `{"ts":${T / 1_000}.5}`), ZONE)).toMatchObject([
      { name: 'epoch-s', problem: 'epoch-seconds', matched: 2 },
    ]);
  });

  test('what most samples have comes first, and a plain number is no time', () => {
    const lines = samplesOf(
      '2026-11-21 08:30:05 a',
      '2026-11-21 08:30:06 b',
      'at [21/Nov/2026:08:30:05 +0800]',
    );
    expect(proposalsFor(lines, ZONE).map(({ name, matched }) => [name, matched])).toEqual([
      ['iso', 2],
      ['access-log', 1],
    ]);
    expect(proposalsFor(samplesOf('order 1795220000000 paid', ''), ZONE)).toEqual([]);
  });

  test('a rule that can’t be used says why, and a time that can’t be read is no match', () => {
    expect(new TimeReader({ regex: '(', pattern: '', timeZone: '' }, ZONE).problem).not.toBe('');
    expect(new TimeReader({ regex: 'a', pattern: '', timeZone: '' }, ZONE).lacksGroup).toBe(true);
    const reader = new TimeReader({ regex: '(.*)', pattern: 'HH:mm', timeZone: '' }, ZONE);
    expect(reader.read({ body: 'x' })).toMatchObject({ kind: 'no-time', text: 'x' });
    expect(new TimeReader({ regex: 'x(y)', pattern: '', timeZone: '' }, ZONE).read({ body: 'z' }).kind).toBe(
      'no-match',
    );
  });

  test('a zone of the rule wins over the gateway’s', () => {
    const rule = { regex: '^(.*)$', pattern: 'yyyy-MM-dd HH:mm:ss', timeZone: 'UTC' };
    expect(new TimeReader(rule, ZONE).read({ body: '2026-11-21 08:30:05' })).toMatchObject({
      timeMs: T + 8 * 3_600_000,
    });
  });
});

describe('previews', () => {
  const host = { hostName: 'h', ipAddress: '1.2.3.4', canonicalHostName: 'h.x' };
  const letters: Record<string, string> = {
    Y: '2026',
    y: '26',
    m: '11',
    d: '21',
    H: '08',
    M: '30',
    S: '05',
    j: '325',
    t: String(T),
    s: String(T / 1_000),
  };

  test('a directory is the engine’s', () => {
    for (const path of ['/logs/%{topic}/%Y-%m-%d/%H', '/a/%y%m%d/%H%M%S/%j', '/x/%t/%s/%%/y']) {
      const expected = compileDirectoryTemplate(path, host).expand({
        header: () => 'www',
        time: (letter) => letters[letter],
      });
      expect(directoryOf(path, { topic: 'www', timeMs: T, zone: TimeZone.of(ZONE) })).toBe(expected);
    }
    expect(directoryOf('/x/%{host}', { topic: 'www', timeMs: T, zone: TimeZone.of(ZONE) })).toBeUndefined();
    expect(directoryOf('/x/%b', { topic: 'www', timeMs: T, zone: TimeZone.of(ZONE) })).toBeUndefined();
  });

  test('times of a zone are written with its offset', () => {
    expect(isoOf('2026-11-21T08:00', ZONE)).toBe('2026-11-21T08:00:00+08:00');
    expect(isoOf('2026-07-01 08:00', 'Europe/Berlin')).toBe('2026-07-01T08:00:00+02:00');
    expect(isoOf('2026-01-01 08:00', 'America/St_Johns')).toBe('2026-01-01T08:00:00-03:30');
    expect(isoOf('2026-13-01 08:00', ZONE)).toBeUndefined();
    expect(wallText(T + 7, TimeZone.of(ZONE))).toBe('2026-11-21 08:30:05.007');
    expect(zoneOf('Mars/Base')).toBeUndefined();
  });
});
