/**
 * Goal: what an operator can meet, the handbook explains: error codes, alerts, verbs, metrics, configuration keys; and nothing in the
 * documents points to a file that is not there. Method: the names are taken from the code itself and looked for in the documents.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../main/cli/program.ts';
import { fileSchema } from '../../shared/contract/config-schema.ts';
import { shapeOf, type KeyTable } from '../../shared/contract/config-table.ts';
import { ERROR_CODES } from '../../shared/errors.ts';

const read = (path: string): string => readFileSync(path, 'utf8');
const OPERATIONS = read('docs/operations.md');
const DOCUMENTS = ['README.md', ...readdirSync('docs').map((name) => join('docs', name))].filter((path) =>
  path.endsWith('.md'),
);

/** First cells of the handbook's tables. */
const ROWS = new Set([...OPERATIONS.matchAll(/^\| `([^`|]+)`/gm)].map(([, name]) => name));

describe('the handbook', () => {
  test('has a line for every error code, and none for a code that is gone', () => {
    expect(Object.keys(ERROR_CODES).filter((code) => !ROWS.has(code))).toEqual([]);
    const section = OPERATIONS.slice(
      OPERATIONS.indexOf('## Error codes'),
      OPERATIONS.indexOf('## Configuration'),
    );
    const listed = [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, code]) => code ?? '');
    expect(listed.filter((code) => !Object.hasOwn(ERROR_CODES, code))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });

  test('names every alert and every fact that a source reports', () => {
    const raised = [
      'main/engine/engine-alerts.ts',
      'main/engine/flow-reporter.ts',
      'main/engine/engine-control.ts',
      'main/engine/engine-figures.ts',
      'main/engine/engine-console.ts',
      'main/engine/config-applier.ts',
    ]
      .flatMap((path) => [...read(path).matchAll(/\bcode: '([a-z-]+)'/g)].map(([, code]) => code ?? ''))
      .filter((code) => code !== 'usage');
    const union =
      /readonly code:\s*((?:\|\s*'[a-z-]+'\s*)+);/.exec(read('main/sources/source.ts'))?.[1] ?? '';
    const reported = [...union.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code ?? '');
    expect(raised.length).toBeGreaterThan(8);
    expect(reported.length).toBeGreaterThan(10);
    const missing = [...raised, ...reported].filter(
      (code) =>
        !ROWS.has(code) && !OPERATIONS.includes(`\`${code}\` (`) && !OPERATIONS.includes(`, \`${code}\``),
    );
    expect(missing).toEqual([]);
  });

  test('names every verb', () => {
    const verbsOf = (command: Command, path: readonly string[]): string[] =>
      command.commands.length === 0
        ? [['headgate', ...path].join(' ')]
        : command.commands.flatMap((one) => verbsOf(one, [...path, one.name()]));
    const verbs = verbsOf(createProgram(), []);
    expect(verbs.length).toBeGreaterThan(12);
    expect(
      verbs.filter((verb) => ![...ROWS].some((row) => row === verb || row?.startsWith(`${verb} `))),
    ).toEqual([]);
  });

  test('names every metric', () => {
    const names = [...read('main/telemetry/metrics.ts').matchAll(/'(headgate_[a-z_]*[a-z])'/g)].map(
      ([, name]) => name ?? '',
    );
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => !OPERATIONS.includes(name))).toEqual([]);
  });

  test('and the examples show every configuration key', () => {
    const known = `${OPERATIONS}\n${read('examples/full.yaml')}\n${read('examples/demo-embedded.yaml')}`;
    const keys = keysOf(fileSchema);
    expect(keys.length).toBeGreaterThan(100);
    const missing = keys.filter((key) => !new RegExp(`(?<![\\w.-])${escaped(key)}(?![\\w-])`).test(known));
    expect(missing).toEqual([]);
  });
});

/** Keys that a configuration may have, by the tables that its reader works with; those it ignores or refuses explain themselves. */
function keysOf(schema: Parameters<typeof shapeOf>[0], seen = new Set<unknown>()): string[] {
  const shape = shapeOf(schema);
  if (shape === undefined || seen.has(schema)) return [];
  seen.add(schema);
  if (shape.kind === 'map' || shape.kind === 'list') return keysOf(shape.of, seen);
  const tables: readonly KeyTable[] = shape.kind === 'table' ? [shape.table] : Object.values(shape.tables);
  return tables.flatMap((table) =>
    Object.entries(table).flatMap(([key, entry]) =>
      entry.kind === 'ignored' || entry.kind === 'refused'
        ? []
        : [key.endsWith('.*') ? key.slice(0, -1) : key, ...keysOf(entry.schema, seen)],
    ),
  );
}

function escaped(text: string): string {
  // A family such as `header.` is followed by a name of the operator's.
  return text.endsWith('.') ? `${text.slice(0, -1)}\\.[\\w]+` : text.replaceAll('.', String.raw`\.`);
}

describe('every document', () => {
  test.each(DOCUMENTS)('%s points to files and headings that exist', (path) => {
    const text = read(path);
    const broken = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target]) => target ?? '')
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [file = '', heading] = target.split('#');
        const named = file === '' ? path : join(dirname(path), file);
        return !existsSync(named) || (heading !== undefined && !headingsOf(read(named)).has(heading));
      });
    expect(broken).toEqual([]);
  });

  test.each(DOCUMENTS)('%s names only files of the tree', (path) => {
    const named = [
      ...read(path).matchAll(/`((?:main|shared|test|bin|examples|docs)\/[\w./-]*\w\.(?:ts|md|yaml|cjs))`/g),
    ].map(([, file]) => file ?? '');
    expect(named.filter((file) => !existsSync(file))).toEqual([]);
  });
});

/** Anchors as the usual renderers make them. */
function headingsOf(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      (heading ?? '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}
