/**
 * Goal: the house style holds, where a linter can't see it. Method: read the source tree and look at every file.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path';
import { describe, expect, test } from 'vitest';

const LINES_MAX = 500;
/** A promise with its invariants takes a few sentences. */
const PROMISE_CHARS_MIN = 400;
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(path));
const sources = files.filter((path) => /\.(ts|tsx|js|cjs|mjs)$/.test(path));
const texts = files.filter((path) => !/\.(png|ico|icns|gz|zst|jks|p12|woff2?)$/.test(path));

/** Calls that may not stand in production code, each with what to use. The file that may is named. */
const BANNED: readonly { readonly call: RegExp; readonly instead: string; readonly but: RegExp }[] = [
  {
    call: /(?<![.\w#] ?)(?<!async )fetch\(/,
    instead: 'node:http: the global fetch dies on an unsolicited 100 Continue',
    but: /^$/,
  },
  {
    call: /\bDate\.now\(\)/,
    instead: 'the injected Clock',
    // kafkajs stamps its throttling with Date.now, and only the same clock can be held against it.
    but: /telemetry\/clock\.ts$|main\/cli\/|wire\/broker-lane\.ts$/,
  },
  { call: /\bMath\.random\(\)/, instead: 'the injected Random', but: /main\/cli\// },
  {
    call: /\.catch\(\(\) => (\{\}|undefined|null)\)/,
    instead: 'an error that is handled or passed on',
    // Promises that others wait for as well and whose error is handled there; each place says so.
    but: /writer-client\.ts$|kafka-run\.ts$|pull-link\.ts$/,
  },
  { call: /\bcatch \{\s*\}/, instead: 'an error that is handled or passed on', but: /^$/ },
  { call: /synchronous\s*=\s*(NORMAL|OFF)/i, instead: 'synchronous=FULL', but: /^$/ },
];

/** Rooms that stand between a source and a committed file: their modules open with what they guard. */
const GUARDED = [
  'main/channel/channel.ts',
  'main/channel/channel-writer.ts',
  'main/landing/landing-protocol.ts',
  'main/sources/kafka/opening.ts',
  'main/sources/kafka/committer.ts',
];

describe('tidy', () => {
  test('no source file is longer than a reader can hold', () => {
    const long = sources.filter((path) => readFileSync(path, 'utf8').split('\n').length > LINES_MAX);
    expect(long).toEqual([]);
  });

  test('file names are kebab-case and name a noun', () => {
    const odd = sources.filter(
      (path) => !/^[a-z0-9.]+(-[a-z0-9.]+)*$/.test(basename(path, extname(path)).replace(/^\./, '')),
    );
    expect(odd).toEqual([]);
    expect(
      sources.filter((path) => /(^|\/|-)(utils?|helpers?|managers?|misc|index)\.tsx?$/.test(path)),
    ).toEqual([]);
  });

  test('production code makes no banned call', () => {
    const found = sources
      .filter((path) => /^(main|shared)\//.test(path))
      .flatMap((path) => {
        const code = withoutComments(readFileSync(path, 'utf8'));
        return BANNED.filter(({ call, but }) => !but.test(path) && call.test(code)).map(
          ({ call, instead }) => `${path}: ${call.source}: use ${instead}`,
        );
      });
    expect(found).toEqual([]);
  });

  test('nothing is left for later, and no test is switched off', () => {
    const marks = new RegExp(
      ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'not ' + 'implemented', '\\.on' + 'ly\\('].join('|'),
    );
    const found = sources.filter((path) => marks.test(readFileSync(path, 'utf8')));
    expect(found).toEqual([]);
  });

  test('modules that guard data say what they promise, and why a crash can’t break it', () => {
    const bare = GUARDED.filter((path) => {
      const comments = readFileSync(path, 'utf8').match(/\/\*\*[\s\S]*?\*\//g) ?? [];
      return !comments.some((comment) => comment.length >= PROMISE_CHARS_MIN);
    });
    expect(bare).toEqual([]);
  });

  test('no machine path, registry host or secret stands in the repository', () => {
    const marks = [
      new RegExp('/(ho' + 'me|Users)/[a-z]'),
      new RegExp('/wo' + 'rk/'),
      new RegExp('registry\\.npm' + 'js'),
      new RegExp('repo1?\\.maven'),
      new RegExp('BEGIN (RSA |EC )?PRIVATE' + ' KEY'),
    ];
    const found = texts.flatMap((path) => {
      const text = readFileSync(path, 'utf8');
      return marks.filter((mark) => mark.test(text)).map((mark) => `${path}: ${mark.source}`);
    });
    expect(found).toEqual([]);
  });

  test('every production file is reached from an entry point', () => {
    const entries = [
      'main/cli/headgate.ts',
      'main/desktop/desktop.ts',
      'main/desktop/preload.ts',
      'renderer/main.tsx',
      'renderer/vite.config.ts',
      ...sources.filter((path) => /-worker\.ts$/.test(path)),
    ];
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path) || !existsSync(path)) return;
      reached.add(path);
      for (const [, target] of readFileSync(path, 'utf8').matchAll(
        /(?:from|import|import\()\s*'(\.[^']+)'/g,
      )) {
        visit(new URL(target ?? '', `file:///${path}`).pathname.slice(1));
      }
    };
    entries.forEach(visit);
    const dead = sources.filter((path) => /^(main|shared|renderer)\//.test(path) && !reached.has(path));
    expect(dead).toEqual([]);
  });
});

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '');
}
