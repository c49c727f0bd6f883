/**
 * Goal: paths expand as Flume's, and no header value can leave its directory or break a name.
 * Method: a table computed by Flume 1.11 itself (`flume-escapes.tsv`: zone, timestamp, round unit and value, expansion; made once by a
 * Java program that calls `BucketPath.escapeString` of flume-ng-core 1.11.0 with all escapes, on JDK 17, November 2026); hostile
 * values by hand and at random (fast-check prints its seed).
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimeBuckets } from '../../main/landing/path-template-buckets.ts';
import type { RoundUnit } from '../../main/landing/path-template-buckets.ts';
import { compileDirectoryTemplate, compilePrefixTemplate } from '../../main/landing/path-template.ts';
import { isGatewayError } from '../../shared/errors.ts';
import { TimeZone } from '../../shared/time/time-zone.ts';

const HOST = { hostName: 'gw1', ipAddress: 'fe80::1', canonicalHostName: 'gw1.site.example' };
const FLUME_TEMPLATE = '%Y %y %m %n %b %B %d %e %j %a %A %H %k %I %l %M %S %p %z %c %s %t %%';
const LETTERS = [...'YynmbBdejaAHkIlMSpzcst'];

const flumeRows = readFileSync(new URL('./flume-escapes.tsv', import.meta.url), 'utf8')
  .trim()
  .split('\n');

describe('every escape under every rounding', () => {
  it('expands as Flume expands it', () => {
    expect(flumeRows.length).toBeGreaterThan(250);
    for (const row of flumeRows) {
      const [zone = '', ms = '', unit = '', value = '', expected] = row.split('\t');
      const rounding = unit === '-' ? undefined : { unit: unit as RoundUnit, value: Number(value) };
      const bucket = new TimeBuckets(LETTERS, { zone: TimeZone.of(zone), rounding }).bucketAt(Number(ms));
      const text = FLUME_TEMPLATE.replace(/%(.)/g, (_, letter: string) =>
        letter === '%' ? '%' : (bucket?.texts.get(letter) ?? '?'),
      );
      expect(text, `${zone} ${ms} ${unit} ${value}`).toBe(expected);
    }
  });
});

function directory(template: string, headers: Readonly<Record<string, string>> = {}): string {
  const compiled = compileDirectoryTemplate(template, HOST);
  const buckets = new TimeBuckets(compiled.timeLetters, {
    zone: TimeZone.of('Asia/Shanghai'),
    rounding: undefined,
  });
  const bucket = buckets.bucketAt(Date.UTC(2026, 10, 21, 0, 59, 59, 999));
  return compiled.expand({
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
    time: (letter) => bucket?.texts.get(letter),
  });
}

const prefix = (template: string, value?: string): string =>
  compilePrefixTemplate(template, HOST).expand({ header: () => value, time: () => '08' });

describe('a directory', () => {
  it('holds time, headers and names of the machine', () => {
    expect(directory('/logs/%{topic}/%Y-%m-%d/%H', { topic: 'www' })).toBe('/logs/www/2026-11-21/08');
    expect(directory('/logs/%D/%[LocalHost]/%[FQDN]')).toBe('/logs/11/21/26/gw1/gw1.site.example');
    expect(directory('/%c')).toBe('/Sat Nov 21 08%3A59%3A59 2026');
    expect(directory('/100%%/x')).toBe('/100%/x');
  });

  it('is normal: no doubled, no trailing slash', () => {
    expect(directory('//a///b/')).toBe('/a/b');
    expect(directory('/')).toBe('/');
  });

  it('leaves the authority of a URI apart', () => {
    expect(compileDirectoryTemplate('hdfs://nn1:8020/a', HOST).authority).toBe('nn1:8020');
    expect(directory('hdfs://nn1:8020/a/%H')).toBe('/a/08');
    expect(compileDirectoryTemplate('hdfs:///a', HOST).authority).toBeUndefined();
    expect(compileDirectoryTemplate('/a', HOST).authority).toBeUndefined();
  });

  it('knows what it needs', () => {
    const compiled = compileDirectoryTemplate('/%{a}/%H/%{b}-%{a}%H%%', HOST);
    expect(compiled.headerNames).toEqual(['a', 'b']);
    expect(compiled.timeLetters).toEqual(['H']);
  });
});

describe('a header value', () => {
  it.each([
    ['..', '%2E%2E'],
    ['.', '%2E'],
    ['...', '%2E.%2E'],
    ['../../etc/passwd', '%2E.%2F..%2Fetc%2Fpasswd'],
    ['a/b', 'a%2Fb'],
    ['.\u0301', '%2E%CC%81'],
    ['a\\b', 'a%5Cb'],
    ['.hidden', '%2Ehidden'],
    ['_temporary', '%5Ftemporary'],
    ['host:8020', 'host%3A8020'],
    ['100%2F', '100%252F'],
    ['a\u0000\n\u007f\u0085b', 'a%00%0A%7F%C2%85b'],
    ['a\u202eb', 'a%E2%80%AEb'],
    ['\ud800x', '%ED%A0%80x'],
    ['x\udc00', 'x%ED%B0%80'],
    ['日志', '日志'],
    ['caf\u00e9', 'caf\u00e9'],
    ['cafe\u0301', 'cafe%CC%81'],
    ['*?"<>|', '%2A%3F%22%3C%3E%7C'],
    ['trailing.', 'trailing%2E'],
    ['trailing ', 'trailing%20'],
    ['', 'none'],
    ['plain-Word_1.2', 'plain-Word_1.2'],
  ])('%j becomes the name %s', (value, name) => {
    expect(directory('/root/%{h}/x', { h: value })).toBe(`/root/${name}/x`);
  });

  it('that is missing leaves the component in place', () => {
    expect(directory('/root/%{h}/x')).toBe('/root/none/x');
    expect(directory('/root/a-%{h}/x')).toBe('/root/a-/x');
    expect(prefix('%{h}')).toBe('none');
  });

  it('cannot complete a hidden name or a way upwards with what stands beside it', () => {
    expect(directory('/a/.%{h}', { h: '.' })).toBe('/a/%2E%2E');
    expect(directory('/a/.%{h}', { h: '' })).toBe('/a/%2E');
    expect(prefix('%{h}.log', '')).toBe('%2Elog');
    expect(directory('/a/e%{h}', { h: '\u0301' })).toBe('/a/e%CC%81');
  });

  it('over the limit is cut and told apart by its hash', () => {
    const [one, other] = ['a', 'b'].map((end) =>
      directory('/r/%{h}', { h: '志'.repeat(300) + end }).slice(3),
    );
    expect(one).toMatch(/^志{79}~[0-9a-f]{16}$/);
    expect(other).toMatch(/^志{79}~[0-9a-f]{16}$/);
    expect(one).not.toBe(other);
    expect(Buffer.byteLength(prefix('%{h}', 'x'.repeat(300)))).toBe(100);
    expect(directory('/r/%{h}', { h: 'x'.repeat(255) })).toBe(`/r/${'x'.repeat(255)}`);
  });

  it('of any kind gives a legal name, and another value another name', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 400 });
    const hostile = fc.string({
      unit: fc.constantFrom('.', '/', '\\', '_', '%', ' ', ':', '\u0301', 'e', '\ud800', '\udc00', '\n'),
      maxLength: 12,
    });
    const value = fc.oneof(anyText, hostile, fc.string({ unit: 'grapheme-composite' }));
    fc.assert(
      fc.property(value, value, (one, other) => {
        const names = [one, other].map((h) => directory('/root/%{h}/end', { h }).split('/'));
        for (const parts of names) {
          expect(parts).toHaveLength(4);
          const name = parts[2] ?? '';
          expect(name).toMatch(/^[^._\p{Cc}\p{Cs}:\\]+[^\p{Cc}\p{Cs}:\\]*$/u);
          expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
          expect(name.normalize('NFC')).toBe(name);
        }
        const isNone = [one, other].every((h) => h === '' || h === 'none');
        if (one !== other && !isNone) expect(names[0]).not.toEqual(names[1]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a template without meaning', () => {
  it.each([
    ['logs/%H', 1, 'not absolute'],
    ['/logs/../etc', 7, '. or ..'],
    ['/logs/./a', 7, '. or ..'],
    ['/a:b', 3, ': is not allowed'],
    ['/a/%q', 4, '%q has no meaning'],
    ['/a/%', 4, 'write %% for a percent sign'],
    ['/a/%{b c}', 4, 'write %% for a percent sign'],
    ['/a/%[host]', 4, '%[localhost], %[IP], %[FQDN]'],
    ['s3a://bucket/a', 1, 'paths of s3a: are not HDFS'],
    ['/a\u0007', 3, 'control character'],
    [`/${'x'.repeat(256)}`, 2, 'more than 255 bytes'],
    [`/${'x/'.repeat(33)}`, 1, 'more than 32 directories'],
  ])('%j is refused at position %i', (template, at, reason) => {
    expectRefused(() => compileDirectoryTemplate(template, HOST), at, reason);
  });

  it.each([
    ['', 1, 'empty'],
    ['a/b', 2, 'no slash'],
    ['%D', 1, 'no slash'],
    ['_x', 1, 'hidden'],
    ['.x', 1, 'hidden'],
  ])('prefix %j is refused at position %i', (template, at, reason) => {
    expectRefused(() => compilePrefixTemplate(template, HOST), at, reason);
  });
});

function expectRefused(compile: () => unknown, at: number, reason: string): void {
  let thrown: unknown;
  try {
    compile();
  } catch (error) {
    thrown = error;
  }
  if (!isGatewayError(thrown)) throw new Error('the template was accepted');
  expect(thrown.code).toBe('pattern-invalid');
  expect(thrown.message).toContain(`at position ${at}, `);
  expect(thrown.message).toContain(reason);
}
