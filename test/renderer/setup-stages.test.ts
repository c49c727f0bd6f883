/** Goal: the wizard says what is missing, and how far a new gateway has come. Method: tables of answers and of statuses. */
import { describe, expect, test } from 'vitest';
import type { EngineStatus } from '../../shared/contract/control-status.ts';
import { EMPTY_DRAFT, type Draft } from '../../renderer/pages/setup/draft.ts';
import { problemsOf, type StepName } from '../../renderer/pages/setup/draft-problems.ts';
import { stagesOf } from '../../renderer/pages/setup/starting-stages.ts';

const told = (step: StepName, part: Partial<Draft>, password = ''): object =>
  problemsOf(step, { ...EMPTY_DRAFT, id: 'gw', ...part }, { password });

describe('what is missing', () => {
  test('in each step', () => {
    expect(told('gateway', {})).toEqual({});
    expect(told('gateway', { id: 'Xian', timeZone: 'X/Y', capacity: '1MiB', minFree: '2 apples' })).toEqual({
      ...{ id: 'gatewayId', timeZone: 'timeZone', capacity: 'capacity', minFree: 'size' },
    });
    expect(told('brokers', { brokers: 'kafka1', mechanism: 'plain' })).toEqual({
      ...{ brokers: 'brokers', username: 'needed', password: 'needed' },
    });
    expect(told('brokers', { brokers: 'a:1，b:2', mechanism: 'plain', username: 'u' }, 'p')).toEqual({});
    expect(told('brokers', { brokers: 'a:1', isTls: true, certFile: '/c' })).toEqual({
      certFile: 'certAndKey',
    });
    expect(told('topics', {})).toEqual({ topics: 'topics' });
    expect(told('topics', { topicsBy: 'regex', topicsRegex: '(', startAt: 'time' })).toEqual({
      ...{ topicsRegex: 'regex', startTime: 'startTime' },
    });
    expect(
      told('target', { firstNamenode: 'hdfs://nn:8020', path: 'logs', filePrefix: '.a', rollSize: '' }),
    ).toEqual({
      ...{ firstNamenode: 'notWeb', path: 'absolute', filePrefix: 'hidden', rollSize: 'size' },
    });
    expect(told('target', { target: 'directory', localPath: '/a/%Q' })).toEqual({ localPath: 'escape' });
  });
});

describe('how far it has come', () => {
  const source = { state: 'flowing', events: 0 };
  const sink = { state: 'idle', files: 0 };
  const stages = (part: object): string[] => {
    const base = { state: 'running', sources: [source], channels: [{ events: 0 }], sinks: [sink] };
    return stagesOf({ ...base, ...part } as unknown as EngineStatus).map(({ state }) => state);
  };

  test('from the written file to the first one that landed', () => {
    expect(stages({ state: 'setup', sources: [], sinks: [] })).toEqual([
      'done',
      'now',
      'ahead',
      'ahead',
      'ahead',
    ]);
    expect(stages({ sources: [{ ...source, state: 'starting' }] })).toEqual([
      'done',
      'done',
      'now',
      'ahead',
      'ahead',
    ]);
    expect(stages({ sources: [{ ...source, state: 'waiting', cause: 'x' }] })[2]).toBe('waiting');
    expect(stages({})).toEqual(['done', 'done', 'done', 'now', 'ahead']);
    expect(stages({ channels: [{ events: 5 }] })).toEqual(['done', 'done', 'done', 'done', 'now']);
    expect(stages({ channels: [{ events: 5 }], sinks: [{ ...sink, state: 'waiting' }] })[4]).toBe('waiting');
    expect(stages({ sources: [{ ...source, events: 5 }], sinks: [{ ...sink, files: 1 }] })).toEqual(
      Array(5).fill('done'),
    );
  });
});
