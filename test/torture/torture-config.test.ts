/**
 * Goal: what the adversary writes into a configuration file is taken by the engine; a refused edit would be no fault at all.
 * Method: each edit goes through the engine's own reader.
 */
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readConfigText } from '../../main/config/config-file.ts';
import { EDITS, NO_ROOM, tortureConfig } from './torture-config.ts';

const PLACE = {
  id: 'gw1',
  directory: '/d',
  group: 'torture',
  topics: ['www', 'order'],
  bootstrap: ['127.0.0.1:9092'],
  namenodes: ['http://127.0.0.1:9870'],
  root: '/torture',
};

describe('the edits of the torture', () => {
  test.each([{}, NO_ROOM, ...EDITS].map((edit) => [JSON.stringify(edit), edit] as const))(
    '%s is a valid configuration',
    (_text, edit) => {
      const text = stringify(tortureConfig(PLACE, '/d/state', edit));
      const { problems } = readConfigText(text, { path: '/d/headgate.yaml' });
      expect(problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    },
  );
});
