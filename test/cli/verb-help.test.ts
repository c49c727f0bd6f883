/**
 * Goal: a person who knows nothing finds the verb and its options from the program alone.
 * Method: walk the program's own tree of verbs and ask each for its help; call it wrongly in the ways people do.
 */
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../main/cli/program.ts';
import { headgate } from './command-line.ts';

interface Verb {
  readonly path: readonly string[];
  readonly command: Command;
}

function verbsOf(command: Command, path: readonly string[] = []): Verb[] {
  return command.commands.flatMap((one) => {
    const here = [...path, one.name()];
    return [{ path: here, command: one }, ...verbsOf(one, here)];
  });
}
const VERBS = verbsOf(createProgram());
const COLUMNS = 100;

describe('help', () => {
  test.each(VERBS.map((verb) => [verb.path.join(' '), verb] as const))(
    '`headgate %s --help` says what it does',
    async (_name, { path, command }) => {
      const { status, stdout, stderr } = await headgate(...path, '--help');
      expect(status).toBe(0);
      expect(stderr).toBe('');
      expect(stdout).toContain(`Usage: headgate ${path.join(' ')}`);
      expect(command.description().length).toBeGreaterThan(20);
      for (const { long, description } of command.options) {
        expect(stdout, `${long}`).toContain(long);
        expect(description, `${long}`).not.toBe('');
      }
      expect(stdout.split('\n').filter((line) => line.length > COLUMNS)).toEqual([]);
    },
  );

  test('every verb shows an example that it would accept', () => {
    for (const { path, command } of VERBS.filter((verb) => verb.path.length === 1)) {
      let text = '';
      command.configureOutput({ writeOut: (written) => (text += written) });
      command.outputHelp();
      expect(text, path.join(' ')).toMatch(/\n(Example|Examples):\n/);
    }
  });

  test('the first page names every verb and the exit statuses', async () => {
    const { status, stdout } = await headgate('--help');
    expect(status).toBe(0);
    for (const { path } of VERBS) if (path.length === 1) expect(stdout).toContain(`  ${path[0]}`);
    expect(stdout.replace(/\s+/g, ' ')).toContain(
      '0 done, 1 failed, 2 usage or configuration error, 3 no engine answers',
    );
    expect((await headgate('help', 'backlog')).stdout).toContain('Usage: headgate backlog');
  });
});

describe('a command line that is not understood', () => {
  test('ends with 2 and names what was meant', async () => {
    const verb = await headgate('statsu');
    expect(verb).toMatchObject({ status: 2, stdout: '' });
    expect(verb.stderr).toContain('Did you mean status?');
    const option = await headgate('status', '--wach');
    expect(option).toMatchObject({ status: 2, stdout: '' });
    expect(option.stderr).toContain('Did you mean --watch?');
  });

  test.each([
    ['no verb', []],
    ['a verb without what it needs', ['run']],
    ['a verb with too much', ['status', 'now']],
    ['a row that is no number', ['backlog', 'peek', 'www']],
    ['a page of nothing', ['landings', '--limit', '0']],
    ['a time that is none', ['landings', '--since', 'yesterday']],
    ['a demo without an end', ['demo', '--exit']],
    ['a demo of nothing', ['demo', '--events', '0', '--exit']],
    ['a drain limit without end', ['run', '-c', 'examples/minimal.yaml', '--drain-limit', '2d']],
  ])('%s: 2, with a hint', async (_name, argv) => {
    const { status, stdout, stderr } = await headgate(...argv);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).not.toBe('');
  });

  test('with --json the complaint is JSON as well', async () => {
    const { status, stderr } = await headgate('landings', '--since', 'yesterday', '--json');
    expect(status).toBe(2);
    const { error } = JSON.parse(stderr) as { error: { code: string; hint: string } };
    expect(error.code).toBe('usage');
    expect(error.hint).not.toBe('');
  });
});

test('the version is that of the package', async () => {
  const { status, stdout } = await headgate('--version');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
